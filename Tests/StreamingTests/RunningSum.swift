import Foundation
import Streaming
import TestSupport

/// Count and sum of a key's numbers so far.
struct SumState: KeyedStateValue, Equatable {
  var count = 0
  var sum = 0

  init() {}

  init(serialized: [UInt8]) throws {
    let numbers = String(decoding: serialized, as: UTF8.self).split(separator: ":").compactMap { Int($0) }
    guard numbers.count == 2 else { throw StreamingError(.stateInvalid, "not a sum") }
    count = numbers[0]
    sum = numbers[1]
  }

  func serialized() -> [UInt8] { Array("\(count):\(sum)".utf8) }
}

/// Adds up the numbers of each key; every message gives "count:sum", "end" gives "end:count:sum" and deletes the state.
/// A lost, doubled or disordered message, or a state that does not fit the offsets, shows in the outputs.
struct RunningSum: StreamProcessor {
  /// Called with every message before it counts; may throw, or kill the process.
  var onMessage: @Sendable (ConsumedMessage) throws -> Void = { _ in }
  var onPrepareCommit: @Sendable () throws -> Void = {}
  var onAbort: @Sendable () -> Void = {}
  /// A key with at least this many messages ends itself when it is punctuated.
  var endsWhenIdleAfter: Int?

  func stateKey(of message: ConsumedMessage) -> String? { message.keyText }

  mutating func process(_ message: ConsumedMessage, state: inout SumState?) throws -> [OutgoingMessage] {
    let text = String(decoding: message.value, as: UTF8.self)
    var now = state ?? SumState()
    if text == "end" {
      state = nil
      return [Self.output(message.key, "end:\(now.count):\(now.sum)")]
    }
    now.count += 1
    now.sum += Int(text) ?? 0
    state = now
    // After the state has changed, so that a failure leaves something to undo.
    try onMessage(message)
    return [Self.output(message.key, "\(now.count):\(now.sum)")]
  }

  mutating func punctuate(key: String, state: inout SumState?, nowMilliseconds: Int64) -> [OutgoingMessage] {
    guard let limit = endsWhenIdleAfter, let now = state, now.count >= limit else { return [] }
    state = nil
    return [Self.output(Array(key.utf8), "idle:\(now.count):\(now.sum)")]
  }

  mutating func prepareCommit() throws { try onPrepareCommit() }
  mutating func transactionAborted() { onAbort() }

  private static func output(_ key: [UInt8]?, _ text: String) -> OutgoingMessage {
    OutgoingMessage(topic: "output", key: key, value: Array(text.utf8))
  }

  /// Numbers for several keys, round robin, and what must come out.
  static func workload(
    keys: Int, numbersPerKey: Int, end: Bool = false
  ) -> (messages: [OutgoingMessage], expected: [String: [String]]) {
    var messages: [OutgoingMessage] = []
    var expected: [String: [String]] = [:]
    var sums = [Int](repeating: 0, count: keys)
    for number in 1...numbersPerKey {
      for key in 0..<keys {
        let value = number * 7 + key
        sums[key] += value
        messages.append(message("key\(key)", "\(value)"))
        expected["key\(key)", default: []].append("\(number):\(sums[key])")
      }
    }
    if end {
      for key in 0..<keys {
        messages.append(message("key\(key)", "end"))
        expected["key\(key)", default: []].append("end:\(numbersPerKey):\(sums[key])")
      }
    }
    return (messages, expected)
  }

  static func message(_ key: String, _ value: String) -> OutgoingMessage {
    OutgoingMessage(topic: "input", key: Array(key.utf8), value: Array(value.utf8))
  }
}

struct TemporaryTrouble: RetriableError {
  var isRetriable = true
}

/// A running pipeline of running sums, on a thread of its own.
struct RunningPipeline: Sendable {
  let pipeline: TransactionalPipeline<RunningSum>
  let thread: DedicatedThread
  /// What ended the pipeline, once its thread has finished.
  let error: Shared<(any Error)?>
  let observer: CountingObserver

  static func configuration(instance: String) -> TransformConfiguration {
    TransformConfiguration(
      group: "stage", instance: instance, inputTopic: "input", changelogTopic: "state", isStaticMember: false,
      commitIntervalMilliseconds: 20,
      maximumMessagesPerTransaction: 25, sessionTimeoutMilliseconds: 6000, transactionTimeoutMilliseconds: 6000,
      maximumPollIntervalMilliseconds: 8000,
      punctuationIntervalMilliseconds: 200)
  }

  static func start(
    _ kafka: KafkaConfiguration, instance: String = "one", _ processor: sending RunningSum = RunningSum(),
    _ adjust: (inout TransformConfiguration) -> Void = { _ in }
  ) -> RunningPipeline {
    var configuration = configuration(instance: instance)
    adjust(&configuration)
    let observer = CountingObserver()
    let pipeline = TransactionalPipeline(
      kafka: kafka, configuration: configuration, processor: processor, logger: testLogger, observer: observer)
    let failure = Shared<(any Error)?>(nil)
    let thread = startDedicatedThread(name: instance) {
      do { try pipeline.run() } catch { failure.change { $0 = error } }
    }
    return RunningPipeline(pipeline: pipeline, thread: thread, error: failure, observer: observer)
  }

  /// Blocks until the pipeline's thread has ended.
  func stop() throws {
    pipeline.stop()
    try waitUntil("the pipeline has stopped") { thread.isFinished }
  }

  func abandon() throws {
    pipeline.abandon()
    try waitUntil("the pipeline is abandoned") { thread.isFinished }
  }
}

extension TestTopics {
  /// Waits until so many outputs are committed.
  func waitForOutputs(_ count: Int, seconds: Double = 90) throws {
    try waitUntil("there are \(count) outputs", seconds: seconds) { try readAll("output").count >= count }
  }
}
