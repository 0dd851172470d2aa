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
  @Test("each bad message gets one rejection with its code, its recording the outcome rejected, and all goes on")
  func badInput() async throws {
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      let services = try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor", "evaluator"])
      let base = try BundledRecord.twelveLead("24")
      let bad = try BadMessage.all(base)
      let good = try (1...12).map { try BundledRecord.twelveLead("1", uid: "good \($0)") }

      // A recording that ended well and comes again with other content keeps what was said of it.
      var forged = try BundledRecord.twelveLead("44")
      let original = forged
      forged.record.digital[0][100] += 1
      try suite.send(original.messages(chunkSeconds: 5) + forged.messages(chunkSeconds: 5))
      // The good ones come last and on every partition: whatever stops a service stops them.
      try suite.send(bad.flatMap(\.messages) + good.map { OutgoingMessage($0.single) })

      let refused = bad.compactMap(\.recordingID)
      let wellEnded = [original.recordingID] + good.map(\.recordingID)
      try suite.waitForOutcomes(refused + wellEnded)
      let rejections = Rejections(try suite.connection())
      try waitUntil("the ledger is complete") { try rejections.waiting().count > bad.count }

      try checkLedger(bad, conflict: original.recordingID, suite)
      for task in ModelTask.allCases {
        let rows = try suite.predictions(task)
        #expect(rows.count == refused.count + wellEnded.count)
        for message in bad {
          guard let id = message.recordingID else { continue }
          #expect(rows[id]?.outcome == .rejected && rows[id]?.code == message.code.rawValue, "\(message.name)")
          #expect(try BeatPredictions(suite.connection()).rows(recordingID: id, task: task.rawValue).isEmpty)
        }
        for id in wellEnded { #expect(rows[id]?.outcome != .rejected && rows[id]?.beats ?? 0 > 5) }
      }
      for service in services.values { #expect(service.isRunning && service.isReady, "\(service.instance)") }
      let logs = services.values.map(\.logText).joined()
      #expect(!logs.contains("ludb-24"), "the feed's identifiers must not be in logs")

      // What was refused can be sent again; what is still wrong is refused again, at its new place.
      let count = try rejections.waiting().count
      #expect(try suite.resync("replay", "--code", "UNKNOWN_LEAD").contains("replayed 1 messages"))
      try waitUntil("the replayed message is refused again") { try rejections.waiting().count == count }
      #expect(try rejections.countByCode()["UNKNOWN_LEAD"] == 2)

      // A chunk whose recording has ended without it mends nothing, and the operator is told.
      #expect(try suite.resync("replay", "--code", "CHUNK_OUT_OF_ORDER").contains("replayed 2 messages"))
      try waitUntil("the replays are answered") { try rejections.countByCode()["REPLAY_WITHOUT_EFFECT"] == 2 }
      #expect(throws: RunningSuite.CommandFailed.self) { try suite.resync("replay", "ecg.recordings:0:0") }
    }
  }
}

/// Of each refused message one copy on `ecg.rejected`, with its bytes, and one row.
private func checkLedger(_ bad: [BadMessage], conflict: String, _ suite: RunningSuite) throws {
  let copies = try suite.readAll(Topic.rejected)
  let rows = try Rejections(try suite.connection()).waiting()
  #expect(copies.count == bad.count + 1)
  #expect(rows.count == bad.count + 1)
  #expect(Set(rows.map(\.origin)).count == rows.count)
  #expect(rows.filter { $0.code == "CONTENT_CONFLICT" }.map(\.recordingID) == [conflict])
  for message in bad {
    // A recording's chunks share key and id; raw messages have keys of their own.
    let key = message.recordingID ?? message.message.key.map { String(decoding: $0, as: UTF8.self) }
    let copy = copies.filter { copy in
      message.recordingID == nil
        ? copy.keyText == key && copy.header(HeaderName.recordingID) == nil
        : copy.header(HeaderName.recordingID) == key
    }
    #expect(copy.count == 1, "\(message.name)")
    #expect(copy.first?.header(HeaderName.errorCode) == message.code.rawValue, "\(message.name)")
    #expect(copy.first?.header(HeaderName.service) == message.service, "\(message.name)")
    #expect(copy.first?.header(HeaderName.originTopic) == message.originTopic, "\(message.name)")
    if message.service == "ingest", message.code != .payloadTooLarge {
      #expect(copy.first?.value == message.messages.last?.value, "\(message.name)")
    }
  }
  #expect(!rows.contains { $0.text.contains("ludb-24") || $0.text.contains("X9") })
}
