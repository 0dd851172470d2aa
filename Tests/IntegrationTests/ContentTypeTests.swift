import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import SwiftProtobuf
import TestSupport
import Testing

/// Debian's Python, for which its packages are.
private let python = "/usr/bin/python3"

extension IntegrationTests {
  @Test("JSON and WFDB bundles give the rows that protobuf gives")
  func contentTypes() async throws {
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor"])
      let protobuf = try BundledRecord.twelveLead("24", uid: "protobuf")
      var json = protobuf
      json.uid = "json"
      let chunk = json.single
      let bundle = try TarArchive.archive(
        ["24.hea", "24.dat"].map { name in
          .init(name: name, bytes: Array(try Data(contentsOf: BundledRecord.ludb.appendingPathComponent(name))))
        })
      var wfdb = protobuf
      wfdb.uid = sha256(Data(bundle)).hexadecimal
      try suite.send([
        OutgoingMessage(protobuf.single),
        OutgoingMessage(
          topic: Topic.ingest, key: Array("json".utf8), value: Array(try chunk.jsonUTF8Data()),
          headers: [MessageHeader(HeaderName.contentType, ContentType.json.rawValue + "; charset=utf-8")]),
        OutgoingMessage(
          topic: Topic.ingest, key: Array("any".utf8), value: bundle,
          headers: [
            MessageHeader(HeaderName.contentType, ContentType.wfdb.rawValue),
            MessageHeader(HeaderName.feedID, FeedRecording.feed),
            MessageHeader(HeaderName.patientID, protobuf.patient),
          ]),
      ])
      let recordings = [protobuf, json, wfdb]
      try suite.waitForOutcomes(recordings.map(\.recordingID))
      let said = try recordings.map { try WhatIsSaid($0.recordingID, suite) }
      #expect(said[1] == said[0])
      #expect(said[2] == said[0])
      #expect(said[0].tensors.count > 5 && said[0].ageYears == 64 && said[0].waveform != nil)
    }
  }

  @Test(
    "the example feed in Python gives the beats that protobuf gives",
    .enabled("install python3-confluent-kafka; ops/dev/setup does") {
      try CommandResult.of(python, ["-c", "import confluent_kafka"]).status == 0
    })
  func exampleFeed() async throws {
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor"])
      let recording = try BundledRecord.twelveLead("24")
      let csv = suite.folder.appendingPathComponent("24.csv")
      let leads = recording.record.header.signals.map(\.description)
      let millivolts = recording.record.millivolts()
      let rows = (0..<millivolts[0].count).map { sample in millivolts.map { "\($0[sample])" }.joined(separator: ",") }
      try ([leads.joined(separator: ",")] + rows).joined(separator: "\n").write(
        to: csv, atomically: true, encoding: .utf8)
      let script = repositoryRoot.appendingPathComponent("ops/dev/feed.py").path
      let feed = try CommandResult.of(
        python, [script, csv.path, "--rate", "500", "--patient", recording.patient, "--feed", FeedRecording.feed],
        environment: suite.environment)
      #expect(feed.status == 0, "\(feed.errors)")
      var sent = recording
      sent.uid = try String(#require(feed.output.firstMatch(of: /recording ([0-9a-f]{64}) in 1 chunks/)).1)
      try suite.send([OutgoingMessage(recording.single)])
      try suite.waitForOutcomes([recording.recordingID, sent.recordingID])
      let said = try [recording, sent].map { try WhatIsSaid($0.recordingID, suite) }
      #expect(said[1].tensors == said[0].tensors && said[1].logits == said[0].logits)
      #expect(said[1].waveform == said[0].waveform && said[0].tensors.count > 5)
    }
  }
}

/// What two recordings of the same content must agree in; their ids differ.
private struct WhatIsSaid: Hashable {
  var sampleRateHz: Double?
  var leads: [String]
  var samples: Int64?
  var ageYears: Double?
  var waveform: String?
  var tensors: [[UInt8]]
  var logits: [[Float]]
  var flags: [String]
  var probability: Double?

  init(_ recordingID: String, _ suite: RunningSuite) throws {
    let connection = try suite.connection()
    let row = try #require(try Recordings(connection).find(recordingID))
    (sampleRateHz, leads, samples) = (row.sampleRateHz, row.leads, row.samples)
    (ageYears, waveform) = (row.ageYears, row.waveformSHA256)
    let beats = try BeatPredictions(connection).rows(
      recordingID: recordingID, task: ModelTask.crtResponse.rawValue)
    (tensors, logits) = (beats.map(\.tensorSHA256), beats.map(\.logits))
    let prediction = try #require(try suite.predictions(.crtResponse)[recordingID])
    (flags, probability) = (prediction.flags, prediction.probability)
  }
}
