import Foundation
import Logging
import ResyncCore
import ServiceKit
import Store
import Streaming

/// Kafka and PostgreSQL.
package enum OperatorKeys: ConfigurationKeySet {
  package static let keys: [any AnyConfigurationKey] =
    [CommonKeys.kafkaBootstrapServers, CommonKeys.topicPrefix, CommonKeys.kafkaProperties] + DatabaseKeys.keys
    + SchemaKeys.keys
}

/// Kafka, and the key that names patients.
enum FeedKeys: ConfigurationKeySet {
  static let keys: [any AnyConfigurationKey] =
    [CommonKeys.kafkaBootstrapServers, CommonKeys.topicPrefix, CommonKeys.kafkaProperties] + PseudonymKeys.keys
}

/// PostgreSQL, and the key that names patients.
enum CohortKeys: ConfigurationKeySet {
  static let keys: [any AnyConfigurationKey] = DatabaseKeys.keys + PseudonymKeys.keys
}

extension ConfigurationArguments {
  /// The settings, or an exit that says which key is wrong.
  func checkedSettings() throws -> Settings { try configurationOrExit { try settings() } }
}

extension Settings {
  var kafka: KafkaConfiguration {
    KafkaConfiguration(
      bootstrapServers: self[CommonKeys.kafkaBootstrapServers].joined(separator: ","),
      topicPrefix: self[CommonKeys.topicPrefix], properties: self[CommonKeys.kafkaProperties], clientID: "resync")
  }

  /// For commands that only send: asked first, Kafka says why it cannot be reached; a producer would only wait.
  func producer() throws -> Producer {
    _ = try Admin(kafka: kafka, logger: quietLogger, timeout: .seconds(5)).topicNames()
    return try Producer(kafka: kafka, logger: quietLogger)
  }

  func connection() throws -> Connection {
    try Connection(
      DatabaseConfiguration(
        url: self[DatabaseKeys.url].reveal(), schema: self[DatabaseKeys.schema], applicationName: "resync"))
  }
}

/// Warnings of the libraries on standard error; the commands' own words go to standard output.
let quietLogger: Logger = {
  var logger = Logger(label: "resync") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = .error
  return logger
}()

func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
