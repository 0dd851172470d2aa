import Foundation
import Messages
import ResyncCore
import Store
import SuiteKit
import TestSupport
import Testing

/// What `resync status --json` prints.
private struct StatusLine: Decodable {
  var published: Int
  var predicted: Int
  var rejected: Int
  var missing: Int
  var duplicates: Int
  var beats: Int
  var macroF1: Double?
  var crtAUC: Double?
  var report: String?
}

/// The manifests of what the main job publishes, by group.
private struct Published {
  var files: [URL] = []
  var lines: [String: [ManifestLine]] = [:]

  var all: [ManifestLine] { lines.values.flatMap { $0 } }
  func ids(_ group: String) -> [String] { (lines[group] ?? []).map(\.recordingID) }
  func id(_ group: String, _ record: String) -> String? {
    lines[group]?.first { $0.record == record }?.recordingID
  }

  mutating func publish(_ group: String, _ folder: URL, _ suite: RunningSuite) throws {
    let manifest = suite.folder.appendingPathComponent("\(group).jsonl")
    try suite.resync("publish", folder.path, "--feed", group, "--manifest", manifest.path)
    files.append(manifest)
    lines[group] = try ManifestLine.read(manifest)
  }
}

extension IntegrationTests {
  @Test("from published files, through two trainings, every recording ends as one row a task, with a report")
  func mainJob() async throws {
    try await RunningSuite.with { suite in
      let services = try RunningSuite.serviceNames.map { try suite.start($0) }
      var published = Published()
      try publishAndTrain(&published, suite)
      for service in services { try service.waitUntilReady() }

      let heldOut = suite.folder.appendingPathComponent("heldout")
      for name in BundledRecord.heldOut { try BundledRecord.excerpt(name).write(to: heldOut, as: name) }
      try published.publish("heldout", heldOut, suite)
      try published.publish("ludb", BundledRecord.ludb, suite)
      try published.publish("new-patients", suite.folder.appendingPathComponent("cohort/holdout"), suite)

      try checkStatus(published, suite)
      try checkRows(published, suite)
      try checkAbstentions(published, suite)
      try checkTwelveLeads(published, suite)
      try checkEvaluations(suite)
      try checkRepetition(published, suite, ingest: services[0])

      for service in services { service.terminate() }
      for service in services {
        #expect(try service.exitStatus() == 0, "\(service.instance) after SIGTERM:\n\(service.lastWords)")
      }
    }
  }
}

/// Beat classes from MIT-BIH excerpts, then response from ten simulated patients, starting from the first model.
private func publishAndTrain(_ published: inout Published, _ suite: RunningSuite) throws {
  let training = suite.folder.appendingPathComponent("training")
  for name in BundledRecord.training { try BundledRecord.excerpt(name).write(to: training, as: name) }
  try published.publish("training", training, suite)
  try suite.resync(
    "train", "--task", "beat-class", "--manifest", published.files[0].path, "--width", "0.125", "--epochs", "2")

  let cohort = suite.folder.appendingPathComponent("cohort")
  try suite.resync(
    "cohort", "simulate", "--output", cohort.path, "--size", "10", "--responders", "6", "--holdout", "8", "--seed", "7")
  try suite.resync(
    "cohort", "import", cohort.appendingPathComponent("cohort.csv").path, "--name", "made-up", "--feed", "cohort",
    "--recordings", cohort.appendingPathComponent("train").path, "--recordings",
    cohort.appendingPathComponent("holdout").path)
  try published.publish("cohort", cohort.appendingPathComponent("train"), suite)
  try suite.resync(
    "train", "--task", "crt-response", "--manifest", published.files[1].path, "--cohort", "made-up", "--parent", "live",
    "--width", "0.125", "--epochs", "1")
}

private func checkStatus(_ published: Published, _ suite: RunningSuite) throws {
  let manifests = published.files.flatMap { ["--manifest", $0.path] }
  let result = try CommandResult.of(
    programs.appendingPathComponent("resync").path, ["status"] + manifests + ["--wait", "180", "--json"],
    environment: suite.environment, folder: suite.folder)
  #expect(result.status == 0, "\(result.errors)")
  let status = try JSONDecoder().decode(StatusLine.self, from: Data(result.output.utf8))
  #expect(status.published == 31)
  #expect(status.predicted == 31)
  #expect(status.rejected == 0 && status.missing == 0 && status.duplicates == 0)
  #expect(status.beats > 600)
  #expect(status.macroF1 != nil)
  #expect(status.crtAUC != nil)
  let report = try #require(status.report)
  let html = try String(contentsOfFile: report, encoding: .utf8)
  #expect(html.contains("</html>") && html.contains("Research use only"))
}

private func checkRows(_ published: Published, _ suite: RunningSuite) throws {
  let expected = Set(published.all.map(\.recordingID))
  #expect(expected.count == 31)
  let connection = try suite.connection()
  var live: [ModelTask: String] = [:]
  for task in ModelTask.allCases {
    let rows = try suite.predictions(task)
    #expect(Set(rows.keys) == expected)
    live[task] = try #require(try Promotions(connection).live(task: task.rawValue)).modelID
    #expect(rows.values.allSatisfy { $0.modelID == live[task] })
    #expect(rows.values.allSatisfy { $0.trainedOnSynthetic == (task == .crtResponse) })
    let synthetic = Set(rows.values.filter(\.synthetic).map(\.recordingID))
    #expect(synthetic == Set(published.ids("cohort") + published.ids("new-patients")))
    for row in rows.values where row.outcome != .notApplicable {
      let beats = try BeatPredictions(connection).rows(recordingID: row.recordingID, task: task.rawValue)
      #expect(beats.count == Int(row.beats) && beats.count > 5)
    }
  }
  let response = try #require(try Models(connection).summary(live[.crtResponse] ?? ""))
  #expect(response.parentModelID == live[.beatClass])

  // The feed's side: one message a row, key and content as stored.
  let sent = try suite.readAll(Topic.predictions).map { try ProtoPrediction.decoded(from: $0.value) }
  #expect(Set(sent.map { "\($0.recordingID) \($0.task) \($0.outcome)" }).count == 62)
  try checkCalibration(sent, suite)
}

/// Row and message say what the model's calibration makes of the stored beats.
private func checkCalibration(_ sent: [ProtoPrediction], _ suite: RunningSuite) throws {
  let connection = try suite.connection()
  var calibrated = 0
  for row in try suite.predictions(.crtResponse).values where row.probability != nil {
    let model = try #require(try Models(connection).load(row.modelID ?? ""))
    let calibration = try #require(try ModelArtifact(decoding: model.weights).metadata.calibration)
    let beats = try BeatPredictions(connection).rows(recordingID: row.recordingID, task: row.task)
    let usable = beats.filter { $0.qualityPassed && !$0.ectopicSuspected }
    let logOdds = try #require(
      PatientScore.logOdds(logitDifferences: usable.map { PatientScore.logitDifference($0.logits) }))
    let reading = calibration.reading(logOdds)
    #expect(row.calibratedProbability == reading.probability && row.interval == reading.interval)
    #expect(row.flags.contains("UNCERTAIN") == reading.isUndecided)
    let message = try #require(sent.first { $0.recordingID == row.recordingID && $0.task == row.task })
    #expect(message.calibratedProbability == reading.probability)
    #expect(message.probabilityLowest...message.probabilityHighest == reading.interval)
    calibrated += 1
  }
  #expect(calibrated > 0)
}

private func checkAbstentions(_ published: Published, _ suite: RunningSuite) throws {
  let rows = try suite.predictions(.crtResponse)
  func row(_ record: String) throws -> PredictionRow { try #require(rows[published.id("ludb", record) ?? ""]) }
  let narrow = try row("1")
  #expect(narrow.outcome == .abstained && narrow.decision == nil && narrow.probability != nil)
  #expect(narrow.flags.contains("NARROW_QRS") && !narrow.flags.contains("AGE_UNDER_18"))
  let young = try row("145")
  #expect(young.outcome == .abstained && young.flags.contains("AGE_UNDER_18"))
  #expect(try row("34").flags.contains("PACED"))
  for id in published.ids("training") + published.ids("heldout") {
    #expect(rows[id]?.outcome == .notApplicable && rows[id]?.code == "FEWER_LEADS")
  }
}

/// Twelve leads are measured once for a recording, and the decisions read what stands there.
private func checkTwelveLeads(_ published: Published, _ suite: RunningSuite) throws {
  let measured = TwelveLeads(try suite.connection())
  let rows = try suite.predictions(.crtResponse)
  for id in published.ids("ludb") + published.ids("cohort") + published.ids("new-patients") {
    let (measures, row) = (try #require(try measured.find(id)), try #require(rows[id]))
    let duration = try #require(measures.qrsDurationMs)
    #expect(row.qrsDurationMs == duration && row.flags.contains("NARROW_QRS") == (duration < 120))
    #expect(measures.bundleBranch.count == BundleBranchRule.allCases.count && measures.qrsAreaUVs != nil)
  }
  for id in published.ids("training") + published.ids("heldout") { #expect(try measured.find(id) == nil) }
}

private func checkEvaluations(_ suite: RunningSuite) throws {
  let evaluations = try Evaluations(try suite.connection()).list()
  func recordings(_ task: ModelTask, _ scope: String) -> [Int64] {
    evaluations.filter { $0.task == task.rawValue && $0.scope == scope }.map(\.recordings)
  }
  // Those with reference beats; what taught the model is scored apart.
  #expect(recordings(.beatClass, "held-out") == [3])
  #expect(recordings(.beatClass, "training") == [5])
  #expect(recordings(.crtResponse, "held-out") == [8])
}

/// The same files once more: counted, and nothing else.
private func checkRepetition(_ published: Published, _ suite: RunningSuite, ingest: ServiceProcess) throws {
  let digests = try Digests(try suite.connection()).all()
  #expect(digests.count == 31)
  let before = ingest.metric("resync_messages_repeated_total")
  try suite.resync("publish", BundledRecord.ludb.path, "--feed", "ludb")
  try waitUntil("the repetition is counted") { ingest.metric("resync_messages_repeated_total") >= before + 5 }
  #expect(try Digests(try suite.connection()).all() == digests)
  #expect(try suite.readAll(Topic.rejected).isEmpty)
}
