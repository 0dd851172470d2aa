import ArgumentParser
import Foundation
import ServiceKit
import Store
import Streaming
import Yams

/// `schemas/topics.yaml`.
package struct TopicsFile: Codable {
  package var topics: [TopicSpecification]
  /// Properties that replace those of `topics` on the embedded broker.
  package var embedded: [Override]

  package struct Override: Codable {
    package var name: String
    package var configuration: [String: String]
  }

  package func specifications(embedded isEmbedded: Bool) -> [TopicSpecification] {
    guard isEmbedded else { return topics }
    return topics.map { topic in
      var topic = topic
      for override in embedded where override.name == topic.name {
        topic.configuration.merge(override.configuration) { $1 }
      }
      return topic
    }
  }
}

struct SetupCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "setup",
    abstract: "Creates topics, tables and roles; safe to run again.",
    discussion: """
      Topics come from schemas/topics.yaml, tables from schemas/sql, under an advisory lock. Services only verify.

      EXAMPLES
        resync setup --kafka-bootstrap-servers broker:9092 --database-url postgresql://postgres@db/resync
        resync setup --embedded
      """)

  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>

  @Flag(help: "Short retention, for the embedded broker that keeps everything in memory.")
  var embedded = false

  func run() throws {
    let settings = try arguments.checkedSettings()
    let applied = try SchemaKeys.migrations(settings).migrate(try settings.connection())
    print(applied.isEmpty ? "database: up to date" : "database: applied \(applied.joined(separator: ", "))")

    let file = SchemaKeys.topicsFile(settings)
    let topics = try YAMLDecoder().decode(TopicsFile.self, from: Data(contentsOf: file))
      .specifications(embedded: embedded)
    let admin = try Admin(kafka: settings.kafka, logger: quietLogger)
    try admin.create(topics)
    let differences = try admin.verify(topics)
    for difference in differences { print("warning: \(difference)") }
    print("topics: \(topics.count) are there")
  }
}
