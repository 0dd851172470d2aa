import Streaming
import SuiteKit
import TestSupport
import Testing

extension IntegrationTests {
  /// One before each round of chunks, each met before the next.
  private static let wrongAnswers: [(service: String, fault: BrokerFault)] = [
    ("ingest", BrokerFault(.produce, .error(.requestTimedOut), .after, times: 2)),
    ("ingest", BrokerFault(.endTransaction, .error(.producerFenced), .after)),
    ("ingest", BrokerFault(.endTransaction, .error(.unknown))),
    ("preprocess", BrokerFault(.commitOffsetsInTransaction, .error(.illegalGeneration))),
    ("preprocess", BrokerFault(.endTransaction, .hangUp, .after)),
    ("preprocess", BrokerFault(.heartbeat, .error(.unknownMemberID))),
    ("spectrogram", BrokerFault(.produce, .error(.invalidRecord))),
    ("spectrogram", BrokerFault(.addOffsetsToTransaction, .error(.invalidTransactionState))),
    ("predictor", BrokerFault(.fetch, .error(.offsetOutOfRange))),
    ("predictor", BrokerFault(.commitOffsets, .error(.unknownMemberID))),
    ("predictor", BrokerFault(.commitOffsets, .hangUp, .after)),
    ("predictor", BrokerFault(.heartbeat, .error(.fencedInstanceID))),
    ("predictor", BrokerFault(.heartbeat, .error(.illegalGeneration))),
  ]

  /// Met whenever the service next sends, commits or joins.
  private static let waiting: [(service: String, fault: BrokerFault)] = [
    ("predictor", BrokerFault(.produce, .error(.outOfOrderSequenceNumber))),
    ("predictor", BrokerFault(.fetchOffsets, .error(.notCoordinator))),
    ("evaluator", BrokerFault(.commitOffsets, .error(.illegalGeneration))),
    ("evaluator", BrokerFault(.heartbeat, .error(.rebalanceInProgress))),
  ]

  @Test(
    "services whose broker answers wrongly at every turn leave the rows of an undisturbed run",
    .enabled(if: FaultBroker.isAvailable))
  func wrongAnswers() async throws {
    let undisturbed = try await Undisturbed.shared.outcome()
    let broker = try FaultBroker.shared()
    try await RunningSuite.with(brokers: broker.bootstrapServers) { suite in
      try suite.registerTinyModels()
      let services = try suite.startAndWait(["ingest", "preprocess", "spectrogram", "predictor", "evaluator"])
      let recordings = try BundledRecord.stream()
      let rounds = FeedRecording.rounds(recordings, chunkSeconds: 4)
      try #require(rounds.count > Self.wrongAnswers.count)

      func client(_ service: String) -> String { "\(service)-\(service)" }
      for (service, fault) in Self.waiting { try broker.arm(fault, client: client(service)) }
      try suite.send([BadMessage.junk.message])
      for (index, round) in rounds.enumerated() {
        let wrong = index < Self.wrongAnswers.count ? Self.wrongAnswers[index] : nil
        if let (service, fault) = wrong { try broker.arm(fault, client: client(service)) }
        let before = try wrong.map { try broker.count($0.fault.request, client: client($0.service)) } ?? 0
        try suite.send(round)
        if let (service, fault) = wrong {
          try waitUntil("\(service) meets: \(fault)") {
            try broker.count(fault.request, client: client(service)) > before
          }
        }
      }
      try suite.waitForOutcomes(recordings.map(\.recordingID))
      let outcome = try SuiteOutcome.final(suite)
      for (service, fault) in Self.waiting {
        #expect(try broker.disarm(fault.request, client: client(service)) > 0, "\(service) never met: \(fault)")
      }
      #expect(outcome.digests == undisturbed.digests)
      #expect(outcome.evaluations == undisturbed.evaluations)
      #expect(outcome.others == undisturbed.others)
      #expect(outcome.rejections == undisturbed.rejections)
      for service in services.values { #expect(service.isRunning && service.isReady, "\(service.lastWords)") }
    }
  }
}
