import Foundation
import Streaming
import TestSupport
import Testing

/// Errors on demand, from librdkafka's broker inside this process.
@Suite("Against a mock broker", .timeLimit(.minutes(5)))
struct MockClusterTests {
  /// Runs the body on a dedicated thread with a mock broker of its own, topics of four partitions.
  private func withMock(
    _ properties: [String: String] = [:],
    _ body: @escaping @Sendable (MockCluster, KafkaConfiguration) throws -> Void
  ) async throws {
    try await blocking {
      let mock = try MockCluster()
      for topic in ["input", "output", "state"] { try mock.createTopic("m.\(topic)", partitions: 4) }
      try body(
        mock,
        KafkaConfiguration(
          bootstrapServers: mock.bootstrapServers, topicPrefix: "m.", properties: properties, clientID: "test"))
    }
  }

  @Test("key, value, headers and partition of a message survive the way, nil and empty told apart")
  func roundTrip() async throws {
    try await withMock { _, kafka in
      let producer = try Producer(kafka: kafka, logger: testLogger)
      let headers = [MessageHeader("a", "1"), MessageHeader("a", "2"), MessageHeader("empty", [])]
      try producer.send(.init(topic: "input", partition: 2, key: [1, 2], value: [], headers: headers))
      try producer.send(.init(topic: "input", partition: 2, key: nil, value: nil))
      try producer.send(.init(topic: "input", partition: 2, key: [], value: [0, 255]))
      try producer.flush()
      let consumer = try Consumer(kafka: kafka, membership: nil, logger: testLogger)
      try consumer.assign([TopicPartition("input", 2): .beginning])
      var messages: [ConsumedMessage] = []
      var end: Int64?
      while end == nil {
        switch try consumer.poll(timeoutMilliseconds: 100) {
        case .message(let message): messages.append(message)
        case .endOfPartition(_, let offset): end = offset
        default: continue
        }
      }
      consumer.close()
      #expect(end == 3)
      #expect(messages.map(\.offset) == [0, 1, 2])
      #expect(messages.allSatisfy { $0.topic == "input" && $0.partition == 2 && $0.timestampMilliseconds > 0 })
      #expect(messages.map(\.key) == [[1, 2], nil, []])
      #expect(messages.map(\.value) == [[], [], [0, 255]])
      #expect(messages.map(\.isTombstone) == [false, true, false])
      #expect(messages[0].headers == headers)
      #expect(messages[0].header("a") == "1" && messages[0].header("b") == nil)
    }
  }

  @Test("a full queue makes send wait, then gives QUEUE_FULL, and empties once the broker is back")
  func backPressure() async throws {
    try await withMock(["queue.buffering.max.messages": "10"]) { mock, kafka in
      let producer = try Producer(kafka: kafka, logger: testLogger, queueLimit: .milliseconds(300))
      mock.setDown(true)
      var sent = 0
      let began = ContinuousClock.now
      let error = #expect(throws: StreamingError.self) {
        while sent < 100 {
          try producer.send(.init(topic: "input", key: nil, value: [1]))
          sent += 1
        }
      }
      #expect(error?.code == .queueFull && error?.isRetriable == true)
      #expect(sent == 10)
      #expect(began.duration(to: .now) >= .milliseconds(300))
      mock.setDown(false)
      try producer.flush()
      try producer.send(.init(topic: "input", key: nil, value: [1]))
      try producer.flush()
    }
  }

  @Test("what the broker refuses for good is named by flush, with topic and cause, once")
  func refusedDelivery() async throws {
    try await withMock { mock, kafka in
      let producer = try Producer(kafka: kafka, logger: testLogger)
      mock.answer(.produce, with: [.topicAuthorizationFailed])
      try producer.send(.init(topic: "input", partition: 1, key: nil, value: [1]))
      let error = #expect(throws: StreamingError.self) { try producer.flush() }
      #expect(error?.code == .notAuthorized && error?.isRetriable == false)
      #expect(error?.text.contains("m.input[1]: TOPIC_AUTHORIZATION_FAILED ×1") == true, "\(String(describing: error))")
      try producer.flush()
    }
  }

  @Test("a message over 1 MB is refused before it is queued")
  func tooLarge() async throws {
    try await withMock { _, kafka in
      let producer = try Producer(kafka: kafka, logger: testLogger)
      try producer.send(.init(topic: "input", key: nil, value: [UInt8](repeating: 7, count: 999_000)))
      try producer.flush()
      let error = #expect(throws: StreamingError.self) {
        try producer.send(.init(topic: "input", key: nil, value: [UInt8](repeating: 7, count: 1_000_001)))
      }
      #expect(error?.code == .messageTooLarge)
    }
  }

  @Test("an unreachable broker shows as a flush that times out")
  func unreachable() async throws {
    try await blocking {
      let kafka = KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
      let producer = try Producer(kafka: kafka, logger: testLogger)
      try producer.send(.init(topic: "input", key: nil, value: [1]))
      let error = #expect(throws: StreamingError.self) { try producer.flush(timeout: .milliseconds(200)) }
      #expect(error?.code == .timedOut && error?.isRetriable == true)
    }
  }

  /// Runs a pipeline until it has committed after trouble of the given kind.
  private func pipelineSurvives(
    _ request: MockCluster.Request, _ answers: [MockCluster.Answer]
  ) async throws -> CountingObserver.Counts {
    let counts = Shared(CountingObserver.Counts())
    try await withMock { mock, kafka in
      let running = RunningPipeline.start(kafka)
      try waitUntil("the pipeline is ready") { running.pipeline.isReady }
      mock.answer(request, with: answers)
      let producer = try Producer(kafka: kafka, logger: testLogger)
      try producer.send(RunningSum.message("a", "1"))
      try producer.flush()
      try waitUntil("a transaction is committed") { running.observer.counts.value.committed > 0 }
      try running.stop()
      counts.change { $0 = running.observer.counts.value }
    }
    return counts.value
  }

  @Test("retriable errors of a commit are waited out without an abort")
  func retriableCommit() async throws {
    let counts = try await pipelineSurvives(.endTransaction, [.coordinatorLoading, .notCoordinator])
    #expect(counts.aborted.isEmpty && counts.restarted.isEmpty && counts.committed == 1)
  }

  @Test("offsets refused for a stale generation abort the transaction, and the message is worked on again")
  func staleGeneration() async throws {
    let counts = try await pipelineSurvives(.commitOffsetsInTransaction, [.illegalGeneration])
    #expect(counts.aborted == ["FENCED"] && counts.restarted.isEmpty && counts.messagesIn == 1)
  }

  @Test("a fenced producer is replaced, and the message is worked on again")
  func fencedProducer() async throws {
    let counts = try await pipelineSurvives(.endTransaction, [.producerFenced])
    #expect(counts.restarted == ["FENCED"] && counts.messagesIn == 1)
  }

  @Test("an output that the broker refuses to take from this user ends the pipeline, and the error says so")
  func refusedOutput() async throws {
    try await withMock { mock, kafka in
      let running = RunningPipeline.start(kafka)
      try waitUntil("the pipeline is ready") { running.pipeline.isReady }
      mock.answer(.addPartitionsToTransaction, with: [.topicAuthorizationFailed])
      let producer = try Producer(kafka: kafka, logger: testLogger)
      try producer.send(RunningSum.message("a", "1"))
      try producer.flush()
      try waitUntil("the pipeline has ended") { running.thread.isFinished }
      let error = running.error.value as? StreamingError
      #expect(error?.code == .notAuthorized && error?.name == "TOPIC_AUTHORIZATION_FAILED")
      #expect(running.observer.counts.value.committed == 0)
    }
  }
}
