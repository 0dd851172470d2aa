import Foundation
import Synchronization

/// Tells a thread to stop, and wakes it when it waits.
public final class StopSignal: Sendable {
  private let condition = NSCondition()
  private let stopped = Atomic<Bool>(false)

  public init() {}

  public var isStopped: Bool { stopped.load(ordering: .acquiring) }

  /// May be called from any thread, any number of times.
  public func stop() {
    condition.lock()
    stopped.store(true, ordering: .releasing)
    condition.broadcast()
    condition.unlock()
  }

  /// Waits until `stop()` or for so many seconds; true if stopped. Blocks: for dedicated threads only.
  @discardableResult
  public func wait(seconds: Double) -> Bool {
    let deadline = Date(timeIntervalSinceNow: seconds)
    condition.lock()
    defer { condition.unlock() }
    while !isStopped && condition.wait(until: deadline) {}
    return isStopped
  }
}
