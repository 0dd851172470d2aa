import Foundation
import Messages
import ResyncCore
import Streaming

/// A recording as a hospital's feed sends it.
package struct FeedRecording: Sendable {
  package static let feed = "test-feed"

  package var uid: String
  package var patient: String
  package var record: WFDBRecord
  package var annotations: [WFDBAnnotation] = []

  package init(uid: String, patient: String, record: WFDBRecord, annotations: [WFDBAnnotation] = []) {
    self.uid = uid
    self.patient = patient
    self.record = record
    self.annotations = annotations
  }

  package var recordingID: String {
    guard let pseudonymiser = Pseudonymiser(key: Array(RunningSuite.pseudonymKey.utf8)) else {
      preconditionFailure("the key is long enough")
    }
    return Messages.recordingID(
      patient: pseudonymiser.pseudonym(patientID: patient), feedID: Self.feed, recordingUID: uid)
  }

  /// - Parameter seconds: length of a chunk; nil for the whole recording in one.
  package func chunks(seconds: Double?) -> [ProtoEcgChunk] {
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

  package func messages(chunkSeconds: Double) -> [OutgoingMessage] {
    chunks(seconds: chunkSeconds).map(OutgoingMessage.init)
  }

  /// The whole recording in one message.
  package var single: ProtoEcgChunk { chunks(seconds: nil)[0] }

  /// The first chunks of all recordings, then the second ones, …: all are open at once.
  package static func rounds(_ recordings: [FeedRecording], chunkSeconds: Double) -> [[OutgoingMessage]] {
    let messages = recordings.map { $0.messages(chunkSeconds: chunkSeconds) }
    return (0..<(messages.map(\.count).max() ?? 0)).map { round in
      messages.compactMap { round < $0.count ? $0[round] : nil }
    }
  }
}

extension OutgoingMessage {
  package init(_ chunk: ProtoEcgChunk) {
    self.init(
      topic: Topic.ingest, key: Array(chunk.recordingUid.utf8), value: chunk.encoded(),
      headers: [MessageHeader(HeaderName.contentType, ContentType.protobuf.rawValue)])
  }
}

/// The records that come with the project.
package enum BundledRecord {
  package static let training = ["118", "119", "208", "209", "223"]
  package static let heldOut = ["200", "213", "222"]
  package static let twelveLeads = ["1", "24", "34", "44", "145"]

  private static let folder = repositoryRoot.appendingPathComponent("ops/dev/records")
  package static var ludb: URL { folder.appendingPathComponent("ludb") }
  private static var mitdb: URL { folder.appendingPathComponent("mitdb") }

  /// Twelve leads, 10 s, no reference beats.
  package static func twelveLead(_ name: String, uid: String? = nil) throws -> FeedRecording {
    FeedRecording(
      uid: uid ?? "ludb-\(name)", patient: "ludb-\(name)", record: try WFDBRecord.read(folder: ludb, name: name))
  }

  /// Two leads with reference beats, cut to `seconds` from `start` on.
  package static func excerpt(_ name: String, start: Int = 300, seconds: Int = 60) throws -> FeedRecording {
    try excerpts(name, starts: [start], seconds: seconds)[0]
  }

  /// Several excerpts of one record, which is read once.
  package static func excerpts(_ name: String, starts: [Int], seconds: Int) throws -> [FeedRecording] {
    let whole = try WFDBRecord.read(folder: mitdb, name: name)
    let file = mitdb.appendingPathComponent("\(name).atr")
    let annotations = try WFDBAnnotations.parse(Array(Data(contentsOf: file)), file: "\(name).atr")
    let rate = Int(whole.header.sampleRateHz)
    return starts.map { start in
      let range = start * rate..<(start + seconds) * rate
      var record = whole
      record.digital = whole.digital.map { Array($0[range]) }
      let moved = annotations.filter { range.contains(Int($0.sample)) }.map { annotation in
        var moved = annotation
        moved.sample -= Int64(range.lowerBound)
        return moved
      }
      return FeedRecording(
        uid: "mitdb-\(name)-\(start)", patient: "mitdb-\(name)", record: record, annotations: moved)
    }
  }

  /// What most tests stream: 16 excerpts and the five twelve-lead records.
  package static func stream() throws -> [FeedRecording] {
    try (training + heldOut).flatMap { [try excerpt($0), try excerpt($0, start: 900)] }
      + twelveLeads.map { try twelveLead($0) }
  }
}

extension FeedRecording {
  /// Writes the recording as WFDB files of format 16, for commands that read files.
  package func write(to folder: URL, as name: String) throws {
    try record.write(to: folder, as: name, annotations: annotations)
  }
}
