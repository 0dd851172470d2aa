import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit
import SwiftProtobuf

/// Valid recordings as they lie on each topic, made by the services themselves.
struct Specimens: Sendable {
  /// By topic: recordings, each the messages of one key in order.
  let recordings: [String: [[OutgoingMessage]]]

  static let shared = Result { try Specimens() }

  init() throws {
    let excerpt = try BundledRecord.excerpt("223", seconds: 10)
    let twelve = try BundledRecord.twelveLead("24")
    let ingest = try [
      excerpt.messages(chunkSeconds: 4), twelve.messages(chunkSeconds: 6), Self.json(excerpt), Self.bundle(excerpt),
    ]
    let pipeline = PipelineConfiguration()
    var bench = try PoisonBench(pipeline: pipeline, transform: try SpectrogramTransform(pipeline: pipeline))
    var recordings = [Topic.ingest: ingest]
    for messages in ingest.prefix(2) {
      let written = try messages.flatMap { try bench.send($0).written }
      for (topic, messages) in Dictionary(grouping: written, by: \.topic) {
        recordings[topic, default: []].append(messages)
      }
    }
    self.recordings = recordings
  }

  private static func json(_ recording: FeedRecording) throws -> [OutgoingMessage] {
    try recording.chunks(seconds: 4).map { chunk in
      var message = OutgoingMessage(chunk)
      message.value = try chunk.jsonUTF8Bytes()
      message.headers = [MessageHeader(HeaderName.contentType, ContentType.json.rawValue)]
      return message
    }
  }

  private static func bundle(_ recording: FeedRecording) throws -> [OutgoingMessage] {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("poison-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try recording.write(to: folder, as: "r")
    let entries = try ["r.hea", "r.dat", "r.atr"].map { name in
      TarArchive.Entry(name: name, bytes: [UInt8](try Data(contentsOf: folder.appendingPathComponent(name))))
    }
    return [
      OutgoingMessage(
        topic: Topic.ingest, key: nil, value: TarArchive.archive(entries),
        headers: [
          MessageHeader(HeaderName.contentType, ContentType.wfdb.rawValue), MessageHeader(HeaderName.feedID, "feed"),
          MessageHeader(HeaderName.patientID, "patient"),
        ])
    ]
  }
}
