import Foundation
import Synchronization

/// A thread of its own for work that blocks, which must not run on Swift's cooperative pool.
public final class DedicatedThread: Sendable {
  private enum State {
    case running(waiting: [CheckedContinuation<Void, any Error>])
    case finished(Result<Void, any Error>)
  }

  private let state = Mutex(State.running(waiting: []))

  fileprivate init() {}

  /// Waits for the body's end without blocking a thread; throws what the body threw.
  public func completion() async throws {
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      let result: Result<Void, any Error>? = state.withLock { state in
        switch state {
        case .finished(let result): return result
        case .running(let waiting):
          state = .running(waiting: waiting + [continuation])
          return nil
        }
      }
      if let result { continuation.resume(with: result) }
    }
  }

  public var isFinished: Bool {
    state.withLock {
      if case .finished = $0 { true } else { false }
    }
  }

  fileprivate func finish(_ result: Result<Void, any Error>) {
    let waiting = state.withLock { state -> [CheckedContinuation<Void, any Error>] in
      guard case .running(let waiting) = state else { return [] }
      state = .finished(result)
      return waiting
    }
    for continuation in waiting { continuation.resume(with: result) }
  }
}

/// Runs `body` on a new thread of 8 MB stack.
/// - Parameter name: for `top` and debuggers, which show at most 15 bytes of it.
@discardableResult
public func startDedicatedThread(
  name: String, body: @escaping @Sendable () throws -> Void
) -> DedicatedThread {
  let handle = DedicatedThread()
  let thread = Thread {
    // Foundation loses a name when the thread begins before `start()` has returned, so the kernel is told directly.
    try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
    handle.finish(Result { try body() })
  }
  // The default of secondary threads differs between systems; deep recursion of a decoder must not decide on it.
  thread.stackSize = 8 << 20
  thread.start()
  return handle
}
