import Foundation
import ResyncCore
import Store
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  @Test("services killed in the midst of a stream and started again leave the rows of an undisturbed run")
  func crashes() async throws {
    let undisturbed = try await Undisturbed.shared.outcome()
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      var services = try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor", "evaluator"])
      let recordings = try BundledRecord.stream()
      // Chunks of another length than in the undisturbed run: that must not matter either.
      let rounds = FeedRecording.rounds(recordings, chunkSeconds: 4)
      let victims = ["ingest", "preprocess", "spectrogram", "predictor", "evaluator", "preprocess", "ingest"]
      #expect(rounds.count == 15)

      try suite.send([BadMessage.junk.message])
      for (index, round) in rounds.enumerated() {
        let name = index >= 3 && index - 3 < victims.count ? victims[index - 3] : nil
        // The victim has taken part since it was started, and gets the next round at the moment at which it dies.
        if let name, let victim = services[name] {
          try waitUntil("\(name) works") {
            try name == "evaluator" ? !SuiteOutcome(suite).rejections.isEmpty : victim.messagesIn > 0
          }
        }
        try suite.send(round)
        if let name {
          try services[name]?.crash()
          services[name] = try suite.start(name)
        }
      }
      try suite.waitForOutcomes(recordings.map(\.recordingID))
      let outcome = try SuiteOutcome.final(suite)
      #expect(outcome.digests == undisturbed.digests)
      #expect(outcome.evaluations == undisturbed.evaluations)
      #expect(outcome.others == undisturbed.others)
      #expect(outcome.rejections == undisturbed.rejections)
      #expect(undisturbed.digests.count == 21)
    }
  }

  @Test("a trainer killed in the midst of a job is followed by another, whose model is that of an undisturbed run")
  func trainerCrash() async throws {
    try await RunningSuite.with { suite in
      let trainer = try suite.startAndWait(["ingest", "preprocess", "spectrogram", "trainer"])["trainer"]
      let folder = suite.folder.appendingPathComponent("training")
      for name in BundledRecord.training { try BundledRecord.excerpt(name).write(to: folder, as: name) }
      let manifest = suite.folder.appendingPathComponent("training.jsonl").path
      try suite.resync("publish", folder.path, "--manifest", manifest)
      let epochs = 10
      func train(width: Double = 0.125) throws -> String {
        let output = try suite.resync(
          "train", "--task", "beat-class", "--manifest", manifest, "--width", "\(width)", "--epochs", "\(epochs)",
          "--no-promote", "--detach")
        return try String(#require(output.firstMatch(of: /job ([0-9a-f-]+) submitted/)).1)
      }
      let jobs = TrainingJobs(try suite.connection())
      func finished(_ job: String) throws -> TrainingJobRow {
        try waitUntil("job \(job) has ended") { try jobs.find(job)?.finishedAt != nil }
        return try #require(try jobs.find(job))
      }

      let undisturbed = try train()
      let model = try #require(try finished(undisturbed).modelID)

      let job = try train()
      try waitUntil("two epochs are done") { try jobs.epochs(job).count >= 2 }
      try #require(trainer).crash()
      #expect(try jobs.find(job)?.state == .running)
      #expect(try jobs.epochs(job).count < epochs)
      let second = try suite.start("trainer", instance: "trainer-2")
      let resumed = try finished(job)
      #expect(resumed.modelID == model)
      #expect(resumed.attempts == 2)
      #expect(try jobs.epochs(job).map(\.trainLoss) == jobs.epochs(undisturbed).map(\.trainLoss))

      // One that is asked to stop keeps the batches of the epoch at hand.
      let stopped = try train(width: 1)
      try waitUntil("job \(stopped) trains") { second.logText.contains("job \(stopped) trains on") }
      second.terminate()
      #expect(try second.exitStatus() == 0)
      #expect(try jobs.find(stopped)?.state == .queued)
      #expect(try jobs.epochs(stopped).count < epochs)
      #expect(try jobs.claim(jobID: stopped, owner: "next", leaseSeconds: 60)?.checkpoint != nil)
    }
  }
}
