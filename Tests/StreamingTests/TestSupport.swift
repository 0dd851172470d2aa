import Foundation
import Logging
import Streaming
import Synchronization
import TestSupport
import Testing

/// Silent unless STREAMING_TESTS_LOG is set.
let testLogger: Logger = {
  var logger = Logger(label: "tests") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = ProcessInfo.processInfo.environment["STREAMING_TESTS_LOG"] == nil ? .critical : .info
  return logger
}()

/// A value that threads share.
final class Shared<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>

  init(_ value: Value) { mutex = Mutex(value) }

  var value: Value { mutex.withLock { $0 } }

  func change<Result: Sendable>(_ body: @Sendable (inout Value) throws -> Result) rethrows -> Result {
    try mutex.withLock { value in try body(&value) }
  }
}

extension Shared where Value == Int {
  /// Counts up and gives the new count.
  func increment() -> Int {
    change {
      $0 += 1
      return $0
    }
  }
}

/// Topics of one test, under a prefix of its own, on the real broker.
struct TestTopics: Sendable {
  let kafka: KafkaConfiguration
  static let partitions: Int32 = 4

  /// Runs a test on a dedicated thread with fresh topics, and deletes them and its groups afterwards.
  static func with(
    _ topics: [String] = ["input", "output", "state"], groups: [String] = ["stage"],
    _ body: @escaping @Sendable (TestTopics) throws -> Void
  ) async throws {
    let servers = try #require(testBrokers)
    let prefix = "t\(UInt32.random(in: 0 ... .max))."
    let test = TestTopics(kafka: KafkaConfiguration(bootstrapServers: servers, topicPrefix: prefix, clientID: "test"))
    try await blocking {
      let admin = try Admin(kafka: test.kafka, logger: testLogger)
      try admin.create(
        topics.map { name in
          TopicSpecification(
            name: name, partitions: Int(partitions),
            configuration: name == "state" ? ["cleanup.policy": "compact"] : [:])
        })
      defer {
        do {
          try admin.deleteAllTopics()
          for group in groups { try? admin.deleteGroup(group) }
        } catch { Issue.record(error) }
      }
      try body(test)
    }
  }

  func send(_ messages: [OutgoingMessage]) throws {
    let producer = try Producer(kafka: kafka, logger: testLogger)
    for message in messages { try producer.send(message) }
    try producer.flush()
  }

  /// Everything a reader of the topic sees now: reads until each partition's present end is passed.
  func readAll(
    _ topic: String, _ isolation: IsolationLevel = .readCommitted, seconds: Double = 60
  ) throws -> [ConsumedMessage] {
    let admin = try Admin(kafka: kafka, logger: testLogger)
    let consumer = try Consumer(kafka: kafka, membership: nil, isolation: isolation, logger: testLogger)
    defer { consumer.close() }
    var ends: [TopicPartition: Int64] = [:]
    for partition in 0..<Self.partitions {
      ends[TopicPartition(topic, partition)] = try admin.watermarks(TopicPartition(topic, partition)).high
    }
    try consumer.assign(ends.mapValues { _ in .beginning })
    var messages: [ConsumedMessage] = []
    let deadline = ContinuousClock.now + .seconds(seconds)
    while !ends.isEmpty {
      guard ContinuousClock.now < deadline else {
        throw WaitedInVain(description: "\(topic) was not read to its end; open: \(ends)")
      }
      switch try consumer.poll(timeoutMilliseconds: 100) {
      case .message(let message): messages.append(message)
      case .endOfPartition(let partition, let offset):
        if let end = ends[partition], offset >= end { ends[partition] = nil }
      case .failure(let error): throw error
      case nil, .assigned, .revoked: continue
      }
    }
    return messages
  }

  /// Values of the messages of a topic by key, in order.
  func values(_ topic: String) throws -> [String: [String]] {
    Dictionary(grouping: try readAll(topic)) { $0.keyText ?? "" }
      .mapValues { $0.map { String(decoding: $0.value, as: UTF8.self) } }
  }
}

/// Counts what a pipeline tells.
final class CountingObserver: PipelineObserver {
  struct Counts: Sendable {
    var committed = 0
    var messagesIn = 0
    var aborted: [String] = []
    var restarted: [String] = []
    var assignments: [[Int32]] = []
    var keys = 0
    var positions: [Int32: Int64] = [:]
  }

  let counts = Shared(Counts())

  func transactionCommitted(messagesIn: Int, messagesOut: Int, processing: Duration, duration: Duration) {
    counts.change {
      $0.committed += 1
      $0.messagesIn += messagesIn
    }
  }

  func transactionAborted(code: String) { counts.change { $0.aborted.append(code) } }
  func sessionRestarted(code: String) { counts.change { $0.restarted.append(code) } }
  func assignmentChanged(partitions: [Int32]) { counts.change { $0.assignments.append(partitions) } }
  func stateSizeChanged(keys: Int) { counts.change { $0.keys = keys } }
  func positionObserved(partition: Int32, next: Int64) { counts.change { $0.positions[partition] = next } }
}
