import Foundation
import Synchronization

/// Work that blocks, on a thread of its own, for as long as the service runs.
public protocol DedicatedPipeline: Sendable {
  /// For logs and the thread's name.
  var name: String { get }
  /// Works until `stop()`; an error ends the service.
  func run() throws
  /// Asks `run()` to return soon. Called from any thread, maybe before `run()`; must not block.
  func stop()
}

/// A pipeline made of closures.
/// ```swift
/// BlockingPipeline(name: "main", onStop: { transform.stop() }) { stop in
///   guard try waitUntilReachable("PostgreSQL", stop: stop, logger: logger, attempt: check) != nil else { return }
///   try transform.run()
/// }
/// ```
public final class BlockingPipeline: DedicatedPipeline {
  public let name: String
  private let signal = StopSignal()
  private let body: @Sendable (StopSignal) throws -> Void
  private let onStop: @Sendable () -> Void

  public init(
    name: String, onStop: @escaping @Sendable () -> Void = {}, body: @escaping @Sendable (StopSignal) throws -> Void
  ) {
    self.name = name
    self.onStop = onStop
    self.body = body
  }

  public func run() throws { try body(signal) }

  public func stop() {
    signal.stop()
    onStop()
  }
}

/// Runs the body on a new thread and reports its end there. The thread is not one of Swift's cooperative pool.
func startThread(
  name: String, _ body: @escaping @Sendable () throws -> Void, ended: @escaping @Sendable ((any Error)?) -> Void
) {
  let thread = Thread {
    // Foundation loses a name when the thread begins before `start()` has returned, so the kernel is told directly (it
    // keeps 15 bytes). The name serves `top` and debuggers; without it the service works as well.
    try? Data(name.utf8).write(to: URL(fileURLWithPath: "/proc/thread-self/comm"))
    do {
      try body()
      ended(nil)
    } catch {
      ended(error)
    }
  }
  // The default of secondary threads differs between systems; deep recursion of a decoder must not decide on it.
  thread.stackSize = 8 << 20
  thread.start()
}
