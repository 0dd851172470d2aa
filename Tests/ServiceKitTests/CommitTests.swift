import Logging
import ServiceKit
import Streaming
import TestSupport
import Testing

@Suite("Commits of repeatable work", .timeLimit(.minutes(3)))
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
}
