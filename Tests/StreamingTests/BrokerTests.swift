import Foundation
import Streaming
import TestSupport
import Testing

/// What a real broker must do for the rest to hold.
@Suite(
  "Against a real broker", .enabled(if: testBrokers != nil, "set KAFKA_BOOTSTRAP_SERVERS"), .serialized,
  .timeLimit(.minutes(5)))
struct BrokerTests {
  @Test("topics are created once, verified by name and property, and deleted by prefix")
  func topics() async throws {
    try await TestTopics.with([]) { test in
      let admin = try Admin(kafka: test.kafka, logger: testLogger)
      let wanted = [
        TopicSpecification(name: "a", partitions: 3, configuration: ["retention.ms": "60000"]),
        TopicSpecification(name: "b", partitions: 1, configuration: ["cleanup.policy": "compact"]),
      ]
      #expect(try admin.verify(wanted) == ["a does not exist", "b does not exist"])
      try admin.create(wanted)
      try admin.create(wanted)
      #expect(try admin.topicNames() == ["a", "b"])
      #expect(try admin.verify(wanted) == [])
      let other = TopicSpecification(name: "a", partitions: 4, configuration: ["retention.ms": "1"])
      #expect(
        try admin.verify([other]) == ["a has 3 partitions; expected 4", "a has retention.ms=60000; expected 1"])
      try admin.delete(["a", "never-there"])
      #expect(try admin.topicNames() == ["b"])
      try admin.deleteAllTopics()
      #expect(try admin.topicNames() == [])
    }
  }

  @Test("an empty prefix never deletes topics")
  func emptyPrefix() async throws {
    let servers = try #require(testBrokers)
    try await blocking {
      let admin = try Admin(kafka: KafkaConfiguration(bootstrapServers: servers), logger: testLogger)
      let error = #expect(throws: StreamingError.self) { try admin.deleteAllTopics() }
      #expect(error?.code == .configurationInvalid)
    }
  }

  @Test("a group goes on where it committed, and its lag is what lies behind")
  func groupOffsets() async throws {
    try await TestTopics.with(["input"], groups: ["readers"]) { test in
      try test.send((0..<10).map { OutgoingMessage(topic: "input", partition: 0, key: nil, value: [UInt8($0)]) })
      let zero = TopicPartition("input", 0)
      func read(_ count: Int, commit: Bool) throws -> [Int64] {
        let membership = GroupMembership(group: "readers", sessionTimeoutMilliseconds: 6000)
        let consumer = try Consumer(kafka: test.kafka, membership: membership, logger: testLogger)
        defer { consumer.close() }
        try consumer.subscribe(["input"])
        var offsets: [Int64] = []
        try waitUntil("\(count) messages came") {
          for event in try consumer.pollBatch(maximum: count - offsets.count, timeoutMilliseconds: 100) {
            if case .message(let message) = event { offsets.append(message.offset) }
          }
          return offsets.count == count
        }
        if commit { try consumer.commit([zero: offsets.last! + 1]) }
        #expect(try consumer.committed([zero]) == (commit ? [zero: offsets.last! + 1] : [zero: 4]))
        return offsets
      }
      #expect(try read(4, commit: true) == [0, 1, 2, 3])
      #expect(try read(3, commit: false) == [4, 5, 6])
      #expect(try read(6, commit: true) == [4, 5, 6, 7, 8, 9])
      try test.send([OutgoingMessage(topic: "input", partition: 0, key: nil, value: [1])])
      let admin = try Admin(kafka: test.kafka, logger: testLogger)
      #expect(try admin.lag(group: "readers", topic: "input") == [0: 1, 1: 0, 2: 0, 3: 0])
      #expect(try admin.watermarks(zero) == Watermarks(low: 0, high: 11))
    }
  }

  @Test("pause holds a partition back, resume and seek go on where they say")
  func pauseAndSeek() async throws {
    try await TestTopics.with(["input"], groups: []) { test in
      try test.send((0..<5).map { OutgoingMessage(topic: "input", partition: 1, key: nil, value: [UInt8($0)]) })
      let one = TopicPartition("input", 1)
      let consumer = try Consumer(kafka: test.kafka, membership: nil, logger: testLogger)
      defer { consumer.close() }
      func next(_ timeout: Int = 5000) throws -> Int64? {
        let deadline = ContinuousClock.now + .milliseconds(timeout)
        while ContinuousClock.now < deadline {
          if case .message(let message) = try consumer.poll(timeoutMilliseconds: 50) { return message.offset }
        }
        return nil
      }
      try consumer.assign([one: .offset(2)])
      #expect(try next() == 2)
      try consumer.pause([one])
      #expect(try next(500) == nil)
      try consumer.resume([one])
      #expect(try next() == 3)
      try consumer.seek(one, to: .offset(0))
      #expect(try next() == 0)
      #expect(try consumer.positions([one]) == [one: 1])
    }
  }

  @Test("messages of 900 KB pass in numbers")
  func largeMessages() async throws {
    try await TestTopics.with(["input"], groups: []) { test in
      let value = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
      try test.send((0..<30).map { OutgoingMessage(topic: "input", partition: Int32($0 % 4), key: nil, value: value) })
      let read = try test.readAll("input")
      #expect(read.count == 30)
      #expect(read.allSatisfy { $0.value == value })
    }
  }

  // MARK: Transactions

  private func producer(
    _ test: TestTopics, _ id: String = "writer", timeout: Int = 6000
  ) throws -> TransactionalProducer {
    let producer = try TransactionalProducer(
      kafka: test.kafka, transactionalID: test.kafka.topicPrefix + id, transactionTimeoutMilliseconds: timeout,
      logger: testLogger)
    try producer.initialize()
    return producer
  }

  private func message(_ text: String, _ topic: String = "output") -> OutgoingMessage {
    OutgoingMessage(topic: topic, partition: 0, key: Array("k".utf8), value: Array(text.utf8))
  }

  @Test("readers of committed messages see no aborted one, and no open one")
  func isolation() async throws {
    try await TestTopics.with(["output"], groups: []) { test in
      let producer = try producer(test)
      try producer.begin()
      try producer.send(message("aborted"))
      try producer.flush()
      try producer.abort()
      try producer.begin()
      try producer.send(message("committed"))
      try producer.commit()
      #expect(try test.values("output") == ["k": ["committed"]])
      #expect(try test.readAll("output", .readUncommitted).count == 2)
      try producer.begin()
      try producer.send(message("open"))
      try producer.flush()
      #expect(throws: WaitedInVain.self) { try test.readAll("output", seconds: 1) }
      try producer.commit()
      #expect(try test.values("output") == ["k": ["committed", "open"]])
    }
  }

  @Test("a producer that took over a transactional id fences the older one for good")
  func fencing() async throws {
    try await TestTopics.with(["output"], groups: []) { test in
      let old = try producer(test)
      try old.begin()
      try old.send(message("old"))
      try old.flush()
      let new = try producer(test)
      let error = #expect(throws: StreamingError.self) {
        try old.send(message("old again"))
        try old.commit()
      }
      #expect(error?.isFatal == true || error?.requiresAbort == true, "\(String(describing: error))")
      #expect(error.map { Recovery($0) } != .stop)
      try new.begin()
      try new.send(message("new"))
      try new.commit()
      #expect(try test.values("output") == ["k": ["new"]])
    }
  }

  @Test("the broker aborts what a vanished producer left open, once its timeout is over")
  func orphanedTransaction() async throws {
    try await TestTopics.with(["output"], groups: []) { test in
      var orphan: TransactionalProducer? = try producer(test, timeout: 2000)
      try orphan?.begin()
      try orphan?.send(message("orphaned"))
      try orphan?.flush()
      orphan = nil
      try test.send([message("plain")])
      #expect(try test.values("output") == ["k": ["plain"]])
    }
  }

  @Test("offsets of a member that was replaced are refused, with its messages")
  func staleGeneration() async throws {
    try await TestTopics.with(["input", "output"], groups: ["stage"]) { test in
      let membership = GroupMembership(group: "stage", sessionTimeoutMilliseconds: 6000)
      func join() throws -> (Consumer, GroupMetadata) {
        let consumer = try Consumer(kafka: test.kafka, membership: membership, logger: testLogger)
        try consumer.subscribe(["input"])
        var metadata: GroupMetadata?
        try waitUntil("partitions are assigned") {
          if case .assigned = try consumer.poll(timeoutMilliseconds: 100) { metadata = try consumer.groupMetadata() }
          return metadata != nil
        }
        return (consumer, try #require(metadata))
      }
      let (first, old) = try join()
      first.close()
      let (second, new) = try join()
      defer { second.close() }
      #expect(try new.generation() > old.generation())
      let producer = try producer(test)
      let offsets = [TopicPartition("input", 0): Int64(0)]
      try producer.begin()
      try producer.send(message("stale"))
      let error = #expect(throws: StreamingError.self) { try producer.sendOffsets(offsets, of: old) }
      #expect(error?.requiresAbort == true)
      try producer.abort()
      try producer.begin()
      try producer.send(message("fresh"))
      try producer.sendOffsets(offsets, of: new)
      try producer.commit()
      #expect(try test.values("output") == ["k": ["fresh"]])
    }
  }
}
