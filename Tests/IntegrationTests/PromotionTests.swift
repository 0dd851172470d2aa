import ResyncCore
import Store
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  @Test("promotion and rollback need no restart; a recording begun before keeps its model; no model is not ready")
  func promotion() async throws {
    try await RunningSuite.with { suite in
      try suite.startAndWait(["ingest", "preprocess", "spectrogram"])
      let predictor = try suite.start("predictor")
      try waitUntil("the predictor asks for models") {
        predictor.get("/health/ready")?.body.contains("models") ?? false
      }
      let waiting = try #require(predictor.get("/health/ready"))
      #expect(waiting.status == 503 && waiting.body.contains("no live model for beat-class, crt-response"))
      #expect(predictor.get("/health/live")?.status == 200)

      let (first, second) = (try TinyModels.make(.beatClass), try TinyModels.make(.beatClass, seed: 2))
      try suite.register(try TinyModels.make(.crtResponse))
      try suite.register(first, promoted: false)
      try suite.register(second, promoted: false)
      let spoilt = try TinyModels.make(.beatClass, seed: 3)
      try suite.register(spoilt, promoted: false)
      try suite.resync("promote", first.modelID, "--reason", "the first")
      try predictor.waitUntilReady()

      let names = ["200", "213", "222"]
      let recordings = try names.map { try BundledRecord.excerpt($0, seconds: 30) }
      let open = recordings[0].messages(chunkSeconds: 15)
      try suite.send([open[0]])
      let beats = BeatPredictions(try suite.connection())
      func models(_ recording: FeedRecording) throws -> Set<String> {
        Set(try beats.rows(recordingID: recording.recordingID, task: ModelTask.beatClass.rawValue).map(\.modelID))
      }
      try waitUntil("the open recording has beats") { try !models(recordings[0]).isEmpty }

      func becomesLive(_ model: ModelArtifact, times: Int) throws {
        try waitUntil("\(model.modelID) is live at the predictor") {
          predictor.logText.components(separatedBy: "live model for beat-class: \(model.modelID)").count > times
        }
      }
      try suite.resync("promote", second.modelID, "--reason", "the second")
      try becomesLive(second, times: 1)
      try suite.send(recordings[1].messages(chunkSeconds: 15) + open.dropFirst())
      try suite.waitForOutcomes([recordings[0].recordingID, recordings[1].recordingID])

      #expect(try suite.resync("rollback", "beat-class").contains(first.modelID))
      try becomesLive(first, times: 2)
      try suite.send(recordings[2].messages(chunkSeconds: 15))
      try suite.waitForOutcomes(recordings.map(\.recordingID))

      // Weights that do not give their hash are refused, and the model before them stays.
      let connection = try suite.connection()
      try connection.execute("alter table models drop constraint models_weights_match_their_hash")
      try connection.execute(
        "update models set weights = weights || '\\x00' where model_id = $1", [.text(spoilt.modelID)])
      try suite.resync("promote", spoilt.modelID)
      try waitUntil("the spoilt weights are refused") {
        predictor.logText.contains("live model \(spoilt.modelID) cannot be loaded; the one before it stays")
      }
      #expect(predictor.logText.contains("HASH_MISMATCH") && predictor.isReady)

      let expected = [first, second, first].map(\.modelID)
      let rows = try suite.predictions(.beatClass)
      #expect(recordings.map { rows[$0.recordingID]?.modelID } == expected)
      #expect(try recordings.map { try models($0) } == expected.map { [$0] })
      #expect(suite.services.filter { $0.program == "predictor" }.count == 1)
    }
  }
}
