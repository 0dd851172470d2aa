import ArgumentParser
import Foundation
import Messages
import ResyncCore
import ServiceKit
import Streaming

struct PublishCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "publish",
    abstract: "Publishes WFDB records to ecg.ingest in chunks: the feed for files.",
    discussion: """
      A path is a record (with or without .hea) or a folder of records. The patient identifier is the record's name \
      unless --same-patient says that several records are one person. Reference beats of NAME.atr go along. Publishing \
      a record again changes nothing.

      EXAMPLES
        resync publish records/mitdb --feed holter --manifest manifest.jsonl
        resync publish mitdb --same-patient 201,202
        resync publish records/ludb/1 --real-time
        resync publish records/mitdb --plan --manifest manifest.jsonl
      """)

  @Argument(help: "Records or folders of records.") var paths: [String]
  @OptionGroup var arguments: ConfigurationArguments<FeedKeys>
  @Option(help: "Name of the feed.") var feed = "files"
  @Option(help: ArgumentHelp("Publish only these records.", valueName: "name,…")) var only: String?
  @Option(help: ArgumentHelp("Leave these records out.", valueName: "name,…")) var except: String?
  @Option(help: ArgumentHelp("Records of one person; repeatable.", valueName: "name,name")) var samePatient: [String] =
    []
  @Option(help: "Length of a chunk, seconds; less where a message could not hold it.") var chunkSeconds = 10.0
  @Flag(help: "At the speed at which the recording was made, all records side by side.") var realTime = false
  @Flag(help: "Publish nothing: only write the manifest.") var plan = false
  @Option(help: ArgumentHelp("Write what is published, one JSON line a recording.", valueName: "file")) var manifest:
    String?

  func validate() throws {
    guard (0.01...600).contains(chunkSeconds) else {
      throw ValidationError("--chunk-seconds is \(chunkSeconds); 0.01 to 600 is allowed")
    }
  }

  func run() throws {
    let settings = try arguments.checkedSettings()
    let pseudonymiser = try PseudonymKeys.pseudonymiser(settings)
    let records = try RecordFile.find(paths).filter(isChosen)
    let producer = plan ? nil : try settings.producer()
    var entries: [ManifestEntry] = []
    var chunkCount = 0
    var scheduled: [(dueSeconds: Double, chunks: RecordChunks, index: Int)] = []
    for file in records {
      let (record, annotations, uid) = try file.load()
      let chunks = RecordChunks(
        record: record, annotations: annotations, feed: feed, uid: uid, patient: patient(of: file.name),
        chunkSeconds: chunkSeconds)
      let pseudonym = pseudonymiser.pseudonym(patientID: chunks.patient)
      entries.append(
        ManifestEntry(
          recordingID: recordingID(patient: pseudonym, feedID: feed, recordingUID: uid), record: file.name, feed: feed,
          samples: chunks.sampleCount))
      guard let producer else { continue }
      chunkCount += chunks.count
      if realTime {
        scheduled += (0..<chunks.count).map { (chunks.endSeconds($0), chunks, $0) }
      } else {
        for index in 0..<chunks.count { try producer.send(chunks.message(index)) }
      }
    }
    let began = Date()
    for (dueSeconds, chunks, index) in scheduled.sorted(by: { $0.dueSeconds < $1.dueSeconds }) {
      Thread.sleep(until: began + dueSeconds)
      try producer?.send(chunks.message(index))
    }
    try producer?.flush(timeout: .seconds(120))
    if let manifest { try ManifestEntry.write(entries, to: manifest) }
    print(
      plan ? "planned \(entries.count) recordings" : "published \(entries.count) recordings in \(chunkCount) chunks")
  }

  private func isChosen(_ file: RecordFile) -> Bool {
    func names(_ list: String?) -> [Substring]? { list?.split(separator: ",") }
    let name = Substring(file.name)
    return names(only)?.contains(name) ?? true && !(names(except)?.contains(name) ?? false)
  }

  /// The first name of a `--same-patient` group stands for all of it.
  private func patient(of record: String) -> String {
    samePatient.map { $0.split(separator: ",").map(String.init) }.first { $0.contains(record) }?.first ?? record
  }
}

/// A record as the numbered chunks of a feed.
package struct RecordChunks {
  var record: WFDBRecord
  var annotations: [WFDBAnnotation]
  var feed: String
  var uid: String
  var patient: String
  var chunkSeconds: Double

  package init(
    record: WFDBRecord, annotations: [WFDBAnnotation], feed: String, uid: String, patient: String, chunkSeconds: Double
  ) {
    self.record = record
    self.annotations = annotations
    self.feed = feed
    self.uid = uid
    self.patient = patient
    self.chunkSeconds = chunkSeconds
  }

  package var sampleCount: Int { record.digital.first?.count ?? 0 }
  /// Bytes of samples in one message, which leaves room for reference beats.
  private static let maximumSampleBytes = 700_000
  private var perChunk: Int {
    let most = Self.maximumSampleBytes / (MemoryLayout<Int32>.size * max(1, record.digital.count))
    return max(1, min(most, Int(chunkSeconds * record.header.sampleRateHz)))
  }
  package var count: Int { max(1, (sampleCount + perChunk - 1) / perChunk) }

  /// When the chunk's last sample was recorded, seconds from the start.
  package func endSeconds(_ index: Int) -> Double {
    Double(min((index + 1) * perChunk, sampleCount)) / record.header.sampleRateHz
  }

  package func message(_ index: Int) -> OutgoingMessage {
    let range = index * perChunk..<min((index + 1) * perChunk, sampleCount)
    var chunk = ProtoEcgChunk(record: record, annotations: annotations, range: range)
    chunk.feedID = feed
    chunk.recordingUid = uid
    chunk.patientID = patient
    chunk.sequence = UInt32(index)
    chunk.last = index == count - 1
    return OutgoingMessage(
      topic: Topic.ingest, key: Array(uid.utf8), value: chunk.encoded(),
      headers: [MessageHeader(HeaderName.contentType, ContentType.protobuf.rawValue)])
  }
}
