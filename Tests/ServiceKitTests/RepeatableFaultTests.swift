import Foundation
import Logging
import ServiceKit
import Streaming
import Synchronization
import TestSupport
import Testing

/// Predictor and evaluator have no transactions: they write rows that a repetition does not change, send, flush, commit.
@Suite(
  "A reader of repeatable work under wrong answers", .enabled(if: FaultBroker.isAvailable), .timeLimit(.minutes(5)))
struct RepeatableFaultTests {
  @Test(
    "each wrong answer is met as the table says, every row is written, every output sent and every offset committed",
    arguments: RepeatableFault.table)
  func wrongAnswer(_ row: RepeatableFault) async throws {
    try await FaultBroker.use { try Bench($0, row).run() }
  }
}

/// One row: its topics, its names, its work.
private struct Bench {
  let broker: FaultBroker
  let row: RepeatableFault
  let client: String
  /// The same cluster as a client that has no trouble sees it.
  let kafka: KafkaConfiguration
  let context: ServiceContext
  let partitions: [Int32] = [0, 1]

  init(_ broker: FaultBroker, _ row: RepeatableFault) throws {
    self.broker = broker
    self.row = row
    let settings = try sampleSettings(
      ["instance": ["r\(row.number)"], "topic-prefix": ["r\(row.number)."]],
      ["KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers])
    context = ServiceContext(
      common: CommonConfiguration(serviceName: "reader", settings: settings), settings: settings,
      logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    client = context.kafka.clientID
    var untroubled = context.kafka
    untroubled.clientID = "untroubled"
    kafka = untroubled
  }

  func run() throws {
    try Admin(kafka: kafka, logger: context.logger).create(
      ["input", "output"].map { TopicSpecification(name: $0, partitions: partitions.count) })
    try send(["a", "b"])
    if row.comesAtStart { try broker.arm(row.fault, client: client) }
    var reader = Reader(context)
    if !row.comesAtStart {
      try waitUntil("the first rows are written") { reader.rows.count == 2 * partitions.count }
      try broker.arm(row.fault, client: client)
    }
    if row.comesByItself {
      try waitUntil("the wrong answer is met") { try broker.count(row.fault.request, client: client) > 0 }
    }
    try send(["c", "d"])

    if case .ends(let code) = row.outcome {
      try waitUntil("the reader has ended") { reader.hasEnded }
      let error = reader.error as? StreamingError
      #expect(error?.code == code, "\(String(describing: error))")
      try disarm()
      reader = Reader(context, rows: reader.rows)
    }
    try waitUntil("all rows are written") { reader.rows.count == 4 * partitions.count }
    // Offsets that were refused go with the next ones.
    try send(["e"])
    try waitUntil("all offsets are committed") { try committed() == partitions.map { _ in 5 } }
    try reader.stop()
    #expect(reader.error == nil)
    #expect(try outputs() == reader.rows)
    switch row.outcome {
    case .goesOn: #expect(reader.starts == 1)
    case .startsAnew: #expect(reader.starts > 1)
    case .ends: return
    }
    try disarm()
  }

  private func disarm() throws {
    #expect(try broker.disarm(row.fault.request, client: client) > 0, "\(row.fault) never came")
  }

  private func send(_ values: [String]) throws {
    let producer = try Producer(kafka: kafka, logger: context.logger)
    for value in values {
      for partition in partitions {
        try producer.send(.init(topic: "input", partition: partition, key: [1], value: Array(value.utf8)))
      }
    }
    try producer.flush()
  }

  private func committed() throws -> [Int64] {
    let consumer = try Consumer(kafka: kafka, membership: GroupMembership(group: "reader"), logger: context.logger)
    defer { consumer.close() }
    let offsets = try consumer.committed(partitions.map { TopicPartition("input", $0) })
    return partitions.map { offsets[TopicPartition("input", $0)] ?? -1 }
  }

  /// What was sent, repeats left out.
  private func outputs() throws -> Set<String> {
    let consumer = try Consumer(kafka: kafka, membership: nil, logger: context.logger)
    defer { consumer.close() }
    try consumer.assign(
      Dictionary(uniqueKeysWithValues: partitions.map { (TopicPartition("output", $0), StartOffset.beginning) }))
    var (outputs, open): (Set<String>, Set<Int32>) = ([], Set(partitions))
    try waitUntil("the outputs are read") {
      for event in try consumer.pollBatch(maximum: 100, timeoutMilliseconds: 100) {
        switch event {
        case .message(let message): outputs.insert(String(decoding: message.value, as: UTF8.self))
        case .endOfPartition(let partition, _): open.remove(partition.partition)
        default: continue
        }
      }
      return open.isEmpty
    }
    return outputs
  }
}

/// The loop of predictor and evaluator, with a set in place of PostgreSQL.
private final class Reader: Sendable {
  private struct State {
    var rows: Set<String>
    var starts = 0
    var error: (any Error)?
    var hasEnded = false
  }

  private let state: Mutex<State>
  private let signal = StopSignal()

  init(_ context: ServiceContext, rows: Set<String> = []) {
    state = Mutex(State(rows: rows))
    startDedicatedThread(name: "reader") { [self] in
      do {
        try context.retrying(signal) { progressed in try consume(context, progressed) }
      } catch { state.withLock { $0.error = error } }
      state.withLock { $0.hasEnded = true }
    }
  }

  var rows: Set<String> { state.withLock { $0.rows } }
  var starts: Int { state.withLock { $0.starts } }
  var error: (any Error)? { state.withLock { $0.error } }
  var hasEnded: Bool { state.withLock { $0.hasEnded } }

  func stop() throws {
    signal.stop()
    try waitUntil("the reader has stopped") { hasEnded }
  }

  private func consume(_ context: ServiceContext, _ progressed: () -> Void) throws {
    state.withLock { $0.starts += 1 }
    let producer = try Producer(kafka: context.kafka, logger: context.logger)
    let membership = GroupMembership(group: "reader", instance: context.common.instance)
    let consumer = try Consumer(kafka: context.kafka, membership: membership, logger: context.logger)
    defer { consumer.close() }
    try consumer.subscribe(["input"])
    while !signal.isStopped {
      var offsets: [TopicPartition: Int64] = [:]
      var values: [String] = []
      for event in try consumer.pollBatch(maximum: 100, timeoutMilliseconds: 50) {
        switch event {
        case .message(let message):
          values.append("\(message.partition):\(String(decoding: message.value, as: UTF8.self))")
          offsets[TopicPartition(message.topic, message.partition)] = message.offset + 1
        case .failure(let error) where error.endsSession: throw error
        default: continue
        }
      }
      guard !values.isEmpty else { continue }
      state.withLock { $0.rows.formUnion(values) }
      for value in values { try producer.send(OutgoingMessage(topic: "output", key: [1], value: Array(value.utf8))) }
      try producer.flush()
      try consumer.commitRepeatable(offsets, logger: context.logger)
      progressed()
    }
  }
}
