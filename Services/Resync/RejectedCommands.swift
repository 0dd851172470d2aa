import ArgumentParser
import Foundation
import Messages
import ServiceKit
import Store
import Streaming

struct RejectedCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rejected",
    abstract: "Lists refused messages that have not been replayed.",
    discussion: "EXAMPLES\n  resync rejected\n  resync rejected --code UNKNOWN_LEAD")

  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: "Only this error code.") var code: String?

  func run() throws {
    let connection = try arguments.checkedSettings().connection()
    for row in try Rejections(connection).waiting(code: code) {
      print(
        "\(row.origin.topic):\(row.origin.partition):\(row.origin.offset)  \(row.service)  \(row.code)  \(row.text)")
    }
  }
}

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Sends refused messages back to where they came from, each once.",
    discussion: """
      Use it after the cause is mended: what is still wrong is refused again. Origins are those `resync rejected` prints; \
      only those on ecg.ingest can be replayed, for what was refused further on belongs to a recording that has ended.

      EXAMPLES
        resync replay ecg.ingest:3:1042
        resync replay --code UNKNOWN_LEAD
      """)

  @Argument(help: ArgumentHelp("Messages to replay.", valueName: "topic:partition:offset")) var origins: [String] = []
  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: "Replay all with this error code.") var code: String?

  func validate() throws {
    guard !origins.isEmpty || code != nil else { throw ValidationError("name origins, or --code") }
  }

  func run() throws {
    let settings = try arguments.checkedSettings()
    let connection = try settings.connection()
    let chosen = try Set(origins.map(Self.origin))
    if let inner = chosen.first(where: { $0.topic != Topic.ingest }) {
      throw CommandFailure(
        "messages of \(inner.topic) cannot be replayed: their recordings have ended; publish these under another uid")
    }
    var wanted = Set(
      try Rejections(connection).waiting(code: code, limit: 100_000).map(\.origin)
        .filter { $0.topic == Topic.ingest && (chosen.isEmpty || chosen.contains($0)) })
    let asked = wanted.count
    try replay(&wanted, settings, connection)
    print("replayed \(asked - wanted.count) messages")
    if !wanted.isEmpty {
      throw CommandFailure(
        "\(wanted.count) messages are no longer on \(Topic.rejected): its retention removed them, or they were too large to keep whole"
      )
    }
  }

  /// Marked before it is sent: a replay that dies in between sends a message not at all rather than twice.
  private func replay(_ wanted: inout Set<Origin>, _ settings: Settings, _ connection: Connection) throws {
    guard !wanted.isEmpty else { return }
    let producer = try settings.producer()
    let admin = try Admin(kafka: settings.kafka, logger: quietLogger)
    let partitions = try admin.describe([Topic.rejected]).first?.partitions ?? 0
    let reader = try Consumer(kafka: settings.kafka, membership: nil, logger: quietLogger)
    defer { reader.close() }
    let all = (0..<Int32(partitions)).map { TopicPartition(Topic.rejected, $0) }
    try reader.assign(Dictionary(uniqueKeysWithValues: all.map { ($0, .beginning) }))
    var open = Set(all)
    while !open.isEmpty, !wanted.isEmpty {
      for event in try reader.pollBatch(maximum: 500, timeoutMilliseconds: 500) {
        switch event {
        case .endOfPartition(let partition, _): open.remove(partition)
        case .message(let message):
          guard let origin = Origin(ofRejected: message), wanted.contains(origin),
            message.header(HeaderName.cutFrom) == nil,
            try Rejections(connection).markReplayed(origin)
          else { continue }
          wanted.remove(origin)
          let kept = [HeaderName.contentType, HeaderName.feedID, HeaderName.patientID]
          try producer.send(
            OutgoingMessage(
              topic: origin.topic, key: message.key, value: message.value,
              headers: message.headers.filter { kept.contains($0.name) } + [MessageHeader(HeaderName.replayed, "1")]))
        default: break
        }
      }
    }
    try producer.flush()
  }

  private static func origin(_ text: String) throws -> Origin {
    let parts = text.split(separator: ":")
    guard parts.count == 3, let partition = Int32(parts[1]), let offset = Int64(parts[2]) else {
      throw CommandFailure("'\(text)' is not topic:partition:offset, as `resync rejected` prints it")
    }
    return Origin(topic: String(parts[0]), partition: partition, offset: offset)
  }
}
