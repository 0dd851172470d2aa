import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport

/// The run that a disturbed one is held against: one process of each service, nothing goes wrong, each recording in one
/// message. Its tensors are then scored again under every further model.
struct Reference {
  private(set) var outcomes: [Comparison.Key: String] = [:]
  private(set) var rows = SuiteRows()
  /// What the training job makes of the teaching recordings.
  private(set) var trainedModelID = ""

  init(
    _ source: ChaosRecordings, models: [ModelTask: [ModelArtifact]], brokers: String, databaseURL: String, name: String
  ) throws {
    let ids = source.recordings.map(\.recordingID)
    let topics = name + "r"
    for index in 0..<ChaosModels.count {
      let suite = try RunningSuite(
        brokers: brokers, databaseURL: databaseURL, name: "\(topics)\(index)", topics: topics)
      // The topics serve all the models.
      let isLast = index == ChaosModels.count - 1
      defer { try? suite.close(keepingTopics: !isLast) }
      // Who reads them anew must not wait for the one before.
      suite.environment["RESYNC_MEMBERSHIP"] = "dynamic"
      try suite.setUp()
      for task in ModelTask.allCases { if let model = models[task]?[index] { try suite.register(model) } }
      if index > 0 { try Admin(kafka: suite.kafka, logger: quietLogger).deleteGroup("predictor") }
      let stages = ["ingest", "preprocess", "spectrogram", "trainer"]
      try suite.startAndWait((index == 0 ? stages : []) + ["predictor"])
      if index == 0 { try suite.send(source.recordings.map { OutgoingMessage($0.single) }) }
      try suite.waitForOutcomes(ids)
      if index == 0 { trainedModelID = try ChaosJob(source, suite).run() }
      suite.stopServices()
      let found = try SuiteRows(suite, topics: index == 0 ? Comparison.comparableTopics : [])
      if index == 0 { rows = found }
      for row in found.outcomes {
        let key = Comparison.Key(recordingID: row.recordingID, task: row.task, modelID: row.modelID ?? "")
        outcomes[key] = row.digest
      }
    }
  }
}

/// The training job of a run, always the same: its model must be the same whatever happens to trainers.
struct ChaosJob {
  let jobID: String
  private let suite: RunningSuite

  init(_ source: ChaosRecordings, _ suite: RunningSuite) throws {
    self.suite = suite
    let manifest = suite.folder.appendingPathComponent("teaching.jsonl")
    try source.writeManifest(to: manifest)
    let output = try suite.resync(
      "train", "--task", "beat-class", "--manifest", manifest.path, "--width", "0.125", "--epochs", "6", "--seed", "1",
      "--no-promote", "--detach")
    guard let match = output.firstMatch(of: /job ([0-9a-f-]+) submitted/) else {
      throw WaitedInVain(description: "`resync train` names no job: \(output)")
    }
    jobID = String(match.1)
  }

  /// The job as it stands.
  func row() throws -> TrainingJobRow? { try TrainingJobs(suite.connection()).find(jobID) }

  /// Waits for its model.
  func run() throws -> String {
    let jobs = TrainingJobs(try suite.connection())
    try waitUntil("job \(jobID) has ended") { try jobs.find(jobID)?.finishedAt != nil }
    let job = try jobs.find(jobID)
    guard let model = job?.modelID else {
      throw WaitedInVain(description: "job \(jobID) failed: \(job?.error ?? "no reason given")")
    }
    return model
  }
}
