import Foundation
import Logging
import Streaming

/// The broker for the suites that need a real one.
package let testBrokers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"]

/// False for noida-db, an embedded stand-in for Kafka that lacks some of its guarantees; it has one cluster id for all.
///
/// Seen of its version 0.2.3: transactions that a vanished producer leaves open are never aborted; silent members of a
/// group are never dropped; offsets are taken of any generation; and a reader that starts behind an aborted transaction
/// is told of it all the same, whereupon it drops everything the same producer wrote later.
@Sendable package func brokerKeepsAllGuarantees() async throws -> Bool {
  guard let testBrokers else { return false }
  return try await blocking {
    let admin = try Admin(
      kafka: KafkaConfiguration(bootstrapServers: testBrokers),
      logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    return try admin.clusterID() != "MkU3OEVBNTctOEUyRi00"
  }
}
