import Foundation
import Messages
import ResyncCore
import Streaming

/// A recording as a hospital's feed sends it.
struct FeedRecording {
  static let feed = "test-feed"

  var uid: String
  var patient: String
  var record: WFDBRecord
  var annotations: [WFDBAnnotation] = []

  var recordingID: String {
    guard let pseudonymiser = Pseudonymiser(key: Array(RunningSuite.pseudonymKey.utf8)) else {
      preconditionFailure("the key is long enough")
    }
    return Messages.recordingID(
      patient: pseudonymiser.pseudonym(patientID: patient), feedID: Self.feed, recordingUID: uid)
  }

  /// - Parameter seconds: length of a chunk; nil for the whole recording in one.
  func chunks(seconds: Double?) -> [ProtoEcgChunk] {
    let count = record.digital[0].count
    let step = seconds.map { max(1, Int($0 * record.header.sampleRateHz)) } ?? count
    let starts = Array(stride(from: 0, to: count, by: step))
    return starts.enumerated().map { index, start in
      var chunk = ProtoEcgChunk(record: record, annotations: annotations, range: start..<min(count, start + step))
      chunk.feedID = Self.feed
      chunk.recordingUid = uid
      chunk.patientID = patient
      chunk.sequence = UInt32(index)
      chunk.last = index == starts.count - 1
      return chunk
    }
  }

  func messages(chunkSeconds: Double) -> [OutgoingMessage] { chunks(seconds: chunkSeconds).map(OutgoingMessage.init) }

  /// The whole recording in one message.
  var single: ProtoEcgChunk { chunks(seconds: nil)[0] }

  /// The first chunks of all recordings, then the second ones, …: all are open at once.
  static func rounds(_ recordings: [FeedRecording], chunkSeconds: Double) -> [[OutgoingMessage]] {
    let messages = recordings.map { $0.messages(chunkSeconds: chunkSeconds) }
    return (0..<(messages.map(\.count).max() ?? 0)).map { round in
      messages.compactMap { round < $0.count ? $0[round] : nil }
    }
  }
}

extension OutgoingMessage {
  init(_ chunk: ProtoEcgChunk) {
    self.init(
      topic: Topic.ingest, key: Array(chunk.recordingUid.utf8), value: chunk.encoded(),
      headers: [MessageHeader(HeaderName.contentType, ContentType.protobuf.rawValue)])
  }
}

/// The records that come with the project.
enum BundledRecord {
  static let training = ["118", "119", "208", "209", "223"]
  static let heldOut = ["200", "213", "222"]
  static let twelveLeads = ["1", "24", "34", "44", "145"]

  private static let folder = repositoryRoot.appendingPathComponent("ops/dev/records")
  static var ludb: URL { folder.appendingPathComponent("ludb") }
  private static var mitdb: URL { folder.appendingPathComponent("mitdb") }

  /// Twelve leads, 10 s, no reference beats.
  static func twelveLead(_ name: String, uid: String? = nil) throws -> FeedRecording {
    FeedRecording(
      uid: uid ?? "ludb-\(name)", patient: "ludb-\(name)", record: try WFDBRecord.read(folder: ludb, name: name))
  }

  /// Two leads with reference beats, cut to `seconds` from `start` on.
  static func excerpt(_ name: String, start: Int = 300, seconds: Int = 60) throws -> FeedRecording {
    var record = try WFDBRecord.read(folder: mitdb, name: name)
    let rate = Int(record.header.sampleRateHz)
    let range = start * rate..<(start + seconds) * rate
    record.digital = record.digital.map { Array($0[range]) }
    let file = mitdb.appendingPathComponent("\(name).atr")
    let annotations = try WFDBAnnotations.parse(Array(Data(contentsOf: file)), file: "\(name).atr")
      .filter { range.contains(Int($0.sample)) }
      .map { annotation in
        var moved = annotation
        moved.sample -= Int64(range.lowerBound)
        return moved
      }
    return FeedRecording(
      uid: "mitdb-\(name)-\(start)", patient: "mitdb-\(name)", record: record, annotations: annotations)
  }

  /// What most tests stream: 16 excerpts and the five twelve-lead records.
  static func stream() throws -> [FeedRecording] {
    try (training + heldOut).flatMap { [try excerpt($0), try excerpt($0, start: 900)] }
      + twelveLeads.map { try twelveLead($0) }
  }
}

extension FeedRecording {
  /// Writes the recording as WFDB files of format 16, for commands that read files.
  func write(to folder: URL, as name: String) throws {
    try record.write(to: folder, as: name, annotations: annotations)
  }
}

/// One line of what `resync publish --manifest` writes.
struct ManifestLine: Decodable {
  var recordingID: String
  var record: String

  static func read(_ file: URL) throws -> [ManifestLine] {
    try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map {
      try JSONDecoder().decode(ManifestLine.self, from: Data($0.utf8))
    }
  }
}
