import Foundation
import Messages
import ServiceKit
import Streaming
import Synchronization

/// Says that a promotion may have happened; the truth is asked of PostgreSQL.
package final class PromotionSignal: Sendable {
  private let raised = Mutex(false)

  package init() {}

  func raise() { raised.withLock { $0 = true } }

  /// Whether it was raised since the last call.
  func take() -> Bool {
    raised.withLock { flag in
      defer { flag = false }
      return flag
    }
  }

  /// Waits until it is raised, the time is over or the service stops.
  func wait(seconds: Double, stop: StopSignal) {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while !take(), Date() < deadline, !stop.wait(seconds: 0.05) {}
  }
}

/// Follows `model.events` by assignment: every replica hears of every promotion.
package struct PromotionListener: Sendable {
  private let context: ServiceContext
  private let signal: PromotionSignal

  package init(context: ServiceContext, signal: PromotionSignal) {
    self.context = context
    self.signal = signal
  }

  package func run(_ stop: StopSignal) throws {
    guard try context.waitForKafka(topics: [Topic.modelEvents], stop: stop) else { return }
    try context.retrying(stop, condition: nil) { _ in try follow(stop) }
  }

  private func follow(_ stop: StopSignal) throws {
    let consumer = try Consumer(kafka: context.kafka, membership: nil, logger: context.logger)
    defer { consumer.close() }
    try consumer.assign([TopicPartition(Topic.modelEvents, 0): .end])
    while !stop.isStopped {
      for event in try consumer.pollBatch(maximum: 100, timeoutMilliseconds: 200) {
        if case .message = event { signal.raise() }
      }
    }
  }
}
