import Foundation
import Logging
import Synchronization

/// Calls that end a client of librdkafka and now and then never return: a partition may hold a reference to itself, for
/// which the client's threads then wait (confluentinc/librdkafka#4674, since 2.0). Such a call is left behind.
package enum BoundedCall {
  /// Far more than an answering broker needs, and two of them within a service's time to stop.
  package static let limitSeconds = 4.0

  private static let underWay = Atomic<Int>(0)

  /// Whether some have not returned: a normal exit would run destructors under their threads.
  package static var areUnderWay: Bool { underWay.load(ordering: .acquiring) > 0 }

  /// Runs `body` on a thread of its own and waits for it; blocks.
  /// - Returns: whether it has returned within the time. If not, it goes on, and maybe never ends.
  package static func run(
    _ what: String, seconds: Double = limitSeconds, logger: Logger, body: @escaping @Sendable () -> Void
  ) -> Bool {
    let returned = DispatchSemaphore(value: 0)
    underWay.add(1, ordering: .acquiringAndReleasing)
    startDedicatedThread(name: "kafka-end") {
      body()
      underWay.subtract(1, ordering: .acquiringAndReleasing)
      returned.signal()
    }
    guard returned.wait(timeout: .now() + seconds) == .timedOut else { return true }
    logger.warning(
      "librdkafka could not \(what) within \(seconds) s; its threads are left behind until the process ends")
    return false
  }
}
