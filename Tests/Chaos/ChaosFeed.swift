import Foundation
import ResyncCore
import Streaming
import SuiteKit
import Synchronization

/// A feed that publishes at a steady rate on a thread of its own, keeps what the broker did not acknowledge, and now
/// and then sends a chunk twice.
final class ChaosFeed: Sendable {
  private struct Item: Sendable {
    var dueSeconds: Double
    var message: OutgoingMessage
    /// Set for a recording's first chunk.
    var opens: String?
  }

  private struct Progress {
    var publishedAt: [String: Date] = [:]
    var failures = 0
    var hasEnded = false
  }

  private let kafka: KafkaConfiguration
  private let items: [Item]
  private let state = Mutex(Progress())

  /// Recordings stay open for some 5 to 20 s, so that states outlive their processes.
  /// - Parameter seconds: from the first chunk to about the last.
  init(_ source: ChaosRecordings, seed: UInt64, seconds: Double, kafka: KafkaConfiguration) {
    self.kafka = kafka
    var generator = SeededGenerator(seed: seed ^ 0xFEED)
    var items: [Item] = []
    let beginnings = max(1, seconds - 15)
    for (index, recording) in source.recordings.enumerated() {
      let begin = beginnings * Double(index) / Double(source.recordings.count)
      let pause = 1.5 + 3.5 * generator.uniform()
      for (number, message) in recording.messages(chunkSeconds: 2).enumerated() {
        let due = begin + Double(number) * pause
        items.append(Item(dueSeconds: due, message: message, opens: number == 0 ? recording.recordingID : nil))
        guard generator.uniform() < 0.02 else { continue }
        items.append(Item(dueSeconds: due + pause / 2, message: message))
      }
    }
    for key in source.junkKeys {
      items.append(Item(dueSeconds: beginnings * generator.uniform(), message: ChaosRecordings.junk(key)))
    }
    self.items = items.sorted { $0.dueSeconds < $1.dueSeconds }
  }

  /// When each recording's first chunk was about to be sent, by this machine's clock.
  var publishedAt: [String: Date] { state.withLock { $0.publishedAt } }
  var hasEnded: Bool { state.withLock { $0.hasEnded } }
  /// How often something had to be sent again.
  var failures: Int { state.withLock { $0.failures } }

  func start() {
    let began = ContinuousClock.now
    startDedicatedThread(name: "feed") { self.run(began) }
  }

  private func run(_ began: ContinuousClock.Instant) {
    var producer: Producer?
    var position = 0
    while position < items.count {
      let now = began.duration(to: .now) / .seconds(1)
      let due = items[position...].prefix { $0.dueSeconds <= now }
      guard !due.isEmpty else {
        Thread.sleep(forTimeInterval: 0.02)
        continue
      }
      let date = Date()
      state.withLock { state in
        for item in due { if let id = item.opens, state.publishedAt[id] == nil { state.publishedAt[id] = date } }
      }
      do {
        let current = try producer ?? Producer(kafka: kafka, logger: quietLogger)
        producer = current
        for item in due { try current.send(item.message) }
        try current.flush()
        position += due.count
      } catch {
        // Whatever was acknowledged of these comes twice then.
        producer = nil
        state.withLock { $0.failures += 1 }
        Thread.sleep(forTimeInterval: 0.5)
      }
    }
    state.withLock { $0.hasEnded = true }
  }
}
