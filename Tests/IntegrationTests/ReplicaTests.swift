import ResyncCore
import Store
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  @Test("replicas share the work, come and go under load, and leave the rows of a single process of each service")
  func replicas() async throws {
    let undisturbed = try await Undisturbed.shared.outcome()
    try await RunningSuite.with { suite in
      try suite.registerTinyModels()
      // Replicas that come and go hand their partitions over.
      suite.environment["RESYNC_MEMBERSHIP"] = "dynamic"
      let counts = ["preprocess": 2, "spectrogram": 2, "predictor": 3]
      let replicas = try counts.flatMap { program, count in
        try (1...count).map { try suite.start(program, instance: "\(program)-\($0)") }
      }
      let single = try ["ingest", "evaluator"].map { try suite.start($0) }
      for service in replicas + single { try service.waitUntilReady() }

      let recordings = try BundledRecord.stream()
      let rounds = FeedRecording.rounds(recordings, chunkSeconds: 6)
      try suite.send(rounds.prefix(5).flatMap { $0 } + [BadMessage.junk.message])
      for replica in replicas {
        try waitUntil("\(replica.instance) has done a part") { replica.messagesIn > 0 }
      }

      // One of each goes in peace, another comes; their partitions move while the recordings are open.
      for replica in replicas where replica.instance.hasSuffix("-1") { replica.terminate() }
      for program in counts.keys { try suite.start(program, instance: "\(program)-new") }
      try suite.send(rounds.dropFirst(5).flatMap { $0 })
      for replica in replicas where replica.instance.hasSuffix("-1") {
        #expect(try replica.exitStatus() == 0, "\(replica.instance) after SIGTERM:\n\(replica.lastWords)")
      }
      try suite.waitForOutcomes(recordings.map(\.recordingID))
      let outcome = try SuiteOutcome.final(suite)
      #expect(outcome.digests == undisturbed.digests)
      #expect(outcome.evaluations == undisturbed.evaluations)
      #expect(outcome.others == undisturbed.others)
    }
  }
}
