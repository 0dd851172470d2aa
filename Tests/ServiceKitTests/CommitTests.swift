import Logging
import ServiceKit
import Streaming
import TestSupport
import Testing

@Suite("Commits of repeatable work", .timeLimit(.minutes(5)))
struct CommitTests {
  @Test("offsets of a lost generation come again; those that the broker refuses for good end the reader")
  func refusedCommits() async throws {
    try await blocking {
      let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
      let mock = try MockCluster()
      try mock.createTopic("input", partitions: 1)
      let consumer = try Consumer(
        kafka: KafkaConfiguration(bootstrapServers: mock.bootstrapServers), membership: nil, logger: logger)
      defer { consumer.close() }
      let partition = TopicPartition("input", 0)
      try consumer.assign([partition: .beginning])

      mock.answer(.commitOffsets, with: [.illegalGeneration])
      try consumer.commitRepeatable([partition: 0], logger: logger)
      mock.answer(.commitOffsets, with: [.groupAuthorizationFailed])
      let error = #expect(throws: StreamingError.self) {
        try consumer.commitRepeatable([partition: 0], logger: logger)
      }
      #expect(error?.code == .notAuthorized)
    }
  }

  @Test(
    "a consumer whose name another took over says so whatever it is asked, so that a new one is made",
    .enabled(if: FaultBroker.isAvailable))
  func fencedInstance() async throws {
    try await FaultBroker.use { broker in
      let logger = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
      let kafka = KafkaConfiguration(
        bootstrapServers: broker.bootstrapServers, topicPrefix: "fenced.", clientID: "fenced")
      try Admin(kafka: kafka, logger: logger).create([TopicSpecification(name: "input", partitions: 1)])
      let consumer = try Consumer(
        kafka: kafka, membership: GroupMembership(group: "reader", instance: "one"), logger: logger)
      defer { consumer.close() }
      try consumer.subscribe(["input"])
      try waitUntil("the consumer has its partition") {
        if case .assigned = try consumer.poll(timeoutMilliseconds: 100) { true } else { false }
      }
      // A poll would be told first.
      try broker.arm(BrokerFault(.heartbeat, .error(.fencedInstanceID)), client: "fenced")
      var refusal: StreamingError?
      try waitUntil("a commit is refused") {
        do {
          try consumer.commitRepeatable([TopicPartition("input", 0): 0], logger: logger)
        } catch let error as StreamingError {
          refusal = error
        }
        return refusal != nil
      }
      #expect(refusal?.code == .fenced && refusal?.isFatal == true && refusal?.isRetriable == true)
    }
  }
}
