import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit

/// A message that must be refused, and how.
struct BadMessage: Sendable {
  var name: String
  var messages: [OutgoingMessage]
  var code: RejectionCode
  /// Known when the payload says which recording it belongs to.
  var recordingID: String?
  /// The service that refuses, and the topic it read.
  var service = "ingest"
  var originTopic = Topic.ingest

  var message: OutgoingMessage { messages[0] }

  static let junk = BadMessage(
    name: "junk", messages: [raw("junk", [UInt8](repeating: 0xFF, count: 64))], code: .malformedPayload)

  /// Everything that a broken or hostile feed sends; the base is a good recording of twelve leads.
  static func all(_ base: FeedRecording) throws -> [BadMessage] {
    let json = ContentType.json.rawValue
    let good = base.single.encoded()
    let oversized = [UInt8](repeating: 7, count: maximumMessageBytes + 50_000)
    return [
      junk,
      BadMessage(
        name: "truncated", messages: [raw("truncated", Array(good.prefix(good.count / 2)))], code: .malformedPayload),
      BadMessage(name: "empty", messages: [raw("empty", [])], code: .keyMismatch),
      BadMessage(
        name: "no content type", messages: [raw("untyped", good, contentType: nil)], code: .unsupportedContentType),
      BadMessage(
        name: "other content type", messages: [raw("typed", good, contentType: "text/plain")],
        code: .unsupportedContentType),
      BadMessage(
        name: "hostile nesting",
        messages: [raw("nested", Array(String(repeating: "{\"patient\":", count: 20_000).utf8), contentType: json)],
        code: .malformedPayload),
      BadMessage(
        name: "JSON of something else", messages: [raw("other", Array("[1, 2]".utf8), contentType: json)],
        code: .malformedPayload),
      BadMessage(name: "another key", messages: [raw("not-the-uid", good)], code: .keyMismatch),
      BadMessage(
        name: "no tar", messages: [raw("no-tar", Array(good.prefix(2048)), contentType: ContentType.wfdb.rawValue)],
        code: .malformedPayload),
      BadMessage(name: "oversized", messages: [raw("oversized", oversized)], code: .payloadTooLarge),
      changed(base, "no feed", .missingField, known: false) { $0.feedID = "" },
      changed(base, "rate", .rateOutOfRange) { $0.sampleRateHz = 5 },
      changed(base, "lead", .unknownLead) { $0.channels[3].lead = "X9" },
      changed(base, "two of a lead", .duplicateLead) { $0.channels[3].lead = "V1" },
      changed(base, "unit", .unknownUnit) { $0.channels[0].unit = "mmHg" },
      changed(base, "cut short", .sampleCountMismatch) { $0.samples.removeLast() },
      changed(base, "gain", .amplitudeOutOfRange) { $0.channels[0].gain = 0.001 },
      changed(base, "not a number", .nonFiniteSample) {
        $0.sampleType = .float32
        $0.samples = floats(channels: $0.channels.count, count: 5000) { $0 == 4321 ? .nan : 0.1 }
      },
      changed(base, "not from the start", .chunkOutOfOrder) { $0.sequence = 1 },
      changed(base, "stray reference", .invalidReference) {
        $0.referenceBeats = [
          .with {
            $0.sample = 99_999
            $0.symbol = "N"
          }
        ]
      },
      late(base, "gap", .chunkOutOfOrder) { $0.sequence = 2 },
      late(base, "changed rate", .headerChanged) { $0.sampleRateHz = 250 },
      {
        var flat = changed(base, "flat line", .noBeats) { $0.samples = Data(count: $0.samples.count) }
        flat.service = "preprocess"
        flat.originTopic = Topic.recordings
        return flat
      }(),
    ]
  }

  private static func raw(
    _ key: String, _ value: [UInt8], contentType: String? = ContentType.protobuf.rawValue
  ) -> OutgoingMessage {
    OutgoingMessage(
      topic: Topic.ingest, key: Array(key.utf8), value: value,
      headers: contentType.map { [MessageHeader(HeaderName.contentType, $0)] } ?? [])
  }

  /// A whole recording in one message, spoilt.
  private static func changed(
    _ base: FeedRecording, _ name: String, _ code: RejectionCode, known: Bool = true,
    _ change: (inout ProtoEcgChunk) -> Void
  ) -> BadMessage {
    var recording = base
    recording.uid = "bad \(name)"
    var chunk = recording.single
    change(&chunk)
    return BadMessage(
      name: name, messages: [OutgoingMessage(chunk)], code: code, recordingID: known ? recording.recordingID : nil)
  }

  /// A good first half and a spoilt second one.
  private static func late(
    _ base: FeedRecording, _ name: String, _ code: RejectionCode, _ change: (inout ProtoEcgChunk) -> Void
  ) -> BadMessage {
    var recording = base
    recording.uid = "bad \(name)"
    var chunks = recording.chunks(seconds: 5)
    change(&chunks[1])
    return BadMessage(
      name: name, messages: chunks.map(OutgoingMessage.init), code: code, recordingID: recording.recordingID)
  }

  private static func floats(channels: Int, count: Int, _ value: (Int) -> Float) -> Data {
    var data = Data()
    for _ in 0..<channels {
      for sample in 0..<count {
        let bits = value(sample).bitPattern
        data.append(contentsOf: [0, 8, 16, 24].map { UInt8(truncatingIfNeeded: bits >> $0) })
      }
    }
    return data
  }
}
