import Foundation
import Logging
import Synchronization

/// Calls that end a client of librdkafka and now and then never return: a partition may hold a reference to itself, for
/// which the client's threads then wait (confluentinc/librdkafka#4674, since 2.0). Such a call is left behind.
package final class BoundedCalls: Sendable {
  package static let ofThisProcess = BoundedCalls()

  /// More than librdkafka itself waits for an answer when it leaves a group, 5 s.
  package static let limitSeconds = 6.0

  private enum Phase {
    case awaited, returned, leftBehind
  }

  /// Decides, once, whether the call returned in time.
  private final class Call: Sendable {
    private let phase = Mutex(Phase.awaited)

    /// - Returns: whether it is this that ended the wait.
    func end(as end: Phase) -> Bool {
      phase.withLock { phase in
        guard phase == .awaited else { return false }
        phase = end
        return true
      }
    }
  }

  private let underWay = Atomic<Int>(0)

  package init() {}

  /// Whether some have not returned: a normal exit would run destructors under their threads.
  package var areUnderWay: Bool { underWay.load(ordering: .acquiring) > 0 }

  /// Runs `body` on a thread of its own and waits for it; blocks.
  /// - Parameters:
  ///   - what: after "librdkafka could not".
  ///   - late: done on that thread when `body` returns after all, with nobody waiting any more.
  /// - Returns: whether `body` has returned within the time. If not, it goes on, and maybe never ends.
  package func run(
    _ what: String, seconds: Double = limitSeconds, logger: Logger, late: @escaping @Sendable () -> Void = {},
    body: @escaping @Sendable () -> Void
  ) -> Bool {
    let (call, returned) = (Call(), DispatchSemaphore(value: 0))
    underWay.add(1, ordering: .acquiringAndReleasing)
    startDedicatedThread(name: "kafka-end") { [self] in
      body()
      if !call.end(as: .returned) { late() }
      underWay.subtract(1, ordering: .acquiringAndReleasing)
      returned.signal()
    }
    guard returned.wait(timeout: .now() + seconds) == .timedOut, call.end(as: .leftBehind) else { return true }
    logger.warning("librdkafka could not \(what) within \(seconds) s; its threads are left behind")
    return false
  }
}
