import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import SwiftProtobuf
import TestSupport
import Testing

extension IntegrationTests {
  @Test("whatever comes in, no log, metric, error text, row, report or later topic says who the patient is")
  func identifiers() async throws {
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      let services = try suite.startAndWait(RunningSuite.serviceNames)
      let planted = try Planted(folder: suite.folder)
      try suite.send(planted.good + planted.bad)
      try suite.waitForOutcomes(planted.recordings)
      let rejections = Rejections(try suite.connection())
      try waitUntil("all refusals are in the ledger", seconds: 60) {
        try rejections.waiting().count >= planted.bad.count
      }
      #expect(try rejections.countByCode().count > 8)
      let report = suite.folder.appendingPathComponent("reports/report.html")
      try waitUntil("the report is written") { FileManager.default.fileExists(atPath: report.path) }

      var said: [String: String] = ["commands": try planted.commands(suite)]
      for service in services.values {
        said["metrics of \(service.instance)"] = try #require(service.get("/metrics")).body
        said["health of \(service.instance)"] = try #require(service.get("/health/ready")).body
        said["log of \(service.instance)"] = service.logText
      }
      said["report"] = try String(contentsOf: report, encoding: .utf8)
      for (table, text) in try tables(suite) { said["table \(table)"] = text }
      for (place, text) in said {
        for word in planted.words { #expect(!text.contains(word), "\(place): \(word)") }
      }

      // What a replay needs is kept on ecg.rejected, which has access rights of its own; why it was refused is not it.
      for copy in try suite.readAll(Topic.rejected) {
        let reason = [HeaderName.errorCode, HeaderName.errorText, HeaderName.service, HeaderName.originTopic]
        for text in reason.compactMap(copy.header) {
          for word in planted.words { #expect(!text.contains(word), "\(text)") }
        }
      }
      #expect(try planted.isIn(Topic.ingest, suite) && planted.isIn(Topic.rejected, suite))
      let later = [
        Topic.recordings, Topic.beats, Topic.spectrograms, Topic.predictions, Topic.ingestState, Topic.preprocessState,
      ]
      for topic in later { #expect(try !planted.isIn(topic, suite), "\(topic)") }
    }
  }
}

/// All rows of a suite, but the bytes of models.
private func tables(_ suite: RunningSuite) throws -> [(String, String)] {
  let connection = try suite.connection()
  let names = try connection.execute(
    """
    select relname::text as name from pg_class where relnamespace = current_schema()::regnamespace
      and relkind in ('r', 'v') and relname not in ('models', 'model_training_recordings')
    """
  ).map { try $0["name", .text] }
  #expect(names.count > 20)
  return try names.map { name in
    let rows = try connection.execute("select coalesce(string_agg(t::text, ' '), '') as rows from \"\(name)\" t")
    return (name, try rows[0]["rows", .text])
  }
}

/// Messages that name one patient in every place that a feed has for it, and in many that it has not.
private struct Planted {
  let patient = "patient-" + randomWord()
  let name = "name-" + randomWord()
  let stray = "stray-" + randomWord()
  var words: [String] { [patient, name, stray] }

  private(set) var good: [OutgoingMessage] = []
  private(set) var recordings: [String] = []
  private(set) var bad: [OutgoingMessage] = []
  /// Holds a WFDB record whose names and comments say who the patient is.
  private let folder: URL

  init(folder: URL) throws {
    self.folder = folder.appendingPathComponent("planted")
    var base = try BundledRecord.twelveLead("24", uid: "uid-" + name)
    base.patient = patient
    base.record.header.comments += ["Name: \(name)", "<diagnoses>: \(stray)"]
    try base.write(to: self.folder, as: name)
    try addGood(base)
    try addBadChunks(base)
    try addBadPayloads(base)
  }

  private mutating func addGood(_ base: FeedRecording) throws {
    var (json, bundled) = (base, base)
    json.uid += "-json"
    let bundle = try bundle([".hea", ".dat"]) { $0 }
    bundled.uid = sha256(Data(bundle)).hexadecimal
    good = [OutgoingMessage(base.single), try jsonMessage(json.single), bundleMessage(bundle)]
    recordings = [base, json, bundled].map(\.recordingID)
  }

  private mutating func addBadChunks(_ base: FeedRecording) throws {
    let stray = stray
    let changes: [(inout ProtoEcgChunk) -> Void] = [
      { $0.channels[3].lead = stray }, { $0.channels[0].unit = stray }, { $0.sequence = 7 },
      { chunk in chunk.referenceBeats = [.with { $0.symbol = stray }] }, { $0.patientID += "\n" },
      { $0.patientID += String(repeating: "x", count: 300) }, { $0.patient.ageYears = 999 },
      { $0.samples = Data(count: $0.samples.count) },
    ]
    for (index, change) in changes.enumerated() {
      var recording = base
      recording.uid += "-bad-\(index)"
      var chunk = recording.single
      change(&chunk)
      bad.append(OutgoingMessage(chunk))
    }
    // The recording that ended well comes again with other content.
    var forged = base
    forged.record.digital[0][100] += 1
    bad.append(OutgoingMessage(forged.single))
  }

  private mutating func addBadPayloads(_ base: FeedRecording) throws {
    let json = try base.single.jsonString()
    let texts = [
      #"{"patientId": "\#(patient)", "\#(stray)": 1}"#, #"{"patientId": "\#(patient)", "sequence": "\#(stray)"}"#,
      #"{"patientId": "\#(patient)", "sampleType": "\#(stray)"}"#, String(json.prefix(json.count / 2)),
    ]
    bad += texts.map { message($0.utf8, .json) }
    bad.append(message(base.single.encoded().prefix(20_000), .protobuf))
    bad.append(message(base.single.encoded(), .protobuf, key: stray))
    bad.append(message(Array(stray.utf8), .wfdb))
    var untyped = message(base.single.encoded(), .protobuf)
    untyped.headers = [MessageHeader(HeaderName.contentType, "text/\(stray)")]
    bad.append(untyped)
    let bundles = [
      try bundle([".hea"]) { $0 },
      try bundle([".hea", ".dat"]) { "\(stray) \($0)" },
      try bundle([".hea", ".dat"]) { $0.replacing("16 ", with: "\(stray) ") },
      try bundle([".dat"]) { $0 },
    ]
    bad += bundles.map(bundleMessage)
  }

  private func message(
    _ payload: some Sequence<UInt8>, _ type: ContentType, key: String? = nil
  ) -> OutgoingMessage {
    OutgoingMessage(
      topic: Topic.ingest, key: Array((key ?? "uid-" + name).utf8), value: Array(payload),
      headers: [
        MessageHeader(HeaderName.contentType, type.rawValue), MessageHeader(HeaderName.feedID, FeedRecording.feed),
        MessageHeader(HeaderName.patientID, patient),
      ])
  }

  private func jsonMessage(_ chunk: ProtoEcgChunk) throws -> OutgoingMessage {
    message(try chunk.jsonUTF8Data(), .json, key: chunk.recordingUid)
  }

  private func bundleMessage(_ bundle: [UInt8]) -> OutgoingMessage { message(bundle, .wfdb) }

  /// The record's files with these endings, the header changed.
  private func bundle(_ endings: [String], _ change: (String) -> String) throws -> [UInt8] {
    TarArchive.archive(
      try endings.map { ending in
        let bytes = try Data(contentsOf: folder.appendingPathComponent(name + ending))
        guard ending == ".hea" else { return .init(name: name + ending, bytes: Array(bytes)) }
        return .init(name: name + ending, bytes: Array(change(String(decoding: bytes, as: UTF8.self)).utf8))
      })
  }

  /// What the operator's commands say, of good input and of bad.
  func commands(_ suite: RunningSuite) throws -> String {
    let csv = folder.appendingPathComponent("cohort.csv")
    let lines = ["patient_id,role,nyha,sex", "\(patient),train,\(stray),\(name)", "\(patient),train,2,male"]
    try Data(lines.joined(separator: "\n").utf8).write(to: csv)
    let cohort = try CommandResult.of(
      programs.appendingPathComponent("resync").path, ["cohort", "import", csv.path, "--name", "planted"],
      environment: suite.environment)
    #expect(cohort.status == 1 && cohort.errors.contains("line 2"), "\(cohort.errors)")
    let published = try suite.resync("publish", folder.path, "--feed", "planted")
    return [cohort.output, cohort.errors, published, try suite.resync("status"), try suite.resync("rejected")]
      .joined(separator: "\n")
  }

  /// Whether a message of the topic names the patient, in key, value or header.
  func isIn(_ topic: String, _ suite: RunningSuite) throws -> Bool {
    var isFound = false
    try suite.forEachMessage(of: topic) { message in
      let parts = [message.key ?? [], message.value] + message.headers.map(\.value)
      for part in parts {
        for word in words where Data(part).range(of: Data(word.utf8)) != nil { isFound = true }
      }
    }
    return isFound
  }
}
