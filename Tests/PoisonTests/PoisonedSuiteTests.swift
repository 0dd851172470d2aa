import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport
import Testing

/// The same through a running suite: what the processors answered in-process is what stands on `ecg.rejected`.
@Suite(
  "Spoilt messages in a running suite", .serialized, .timeLimit(.minutes(60)),
  .enabled(
    if: testBrokers != nil && ProcessInfo.processInfo.environment["DATABASE_URL"] != nil,
    "set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; ops/dev/test does"))
struct PoisonedSuiteTests {
  /// Of each topic; fewer than in-process, for each is a recording of its own.
  private static let count = PoisonTests.setting("POISON_SUITE_COUNT", 40)
  private static let dataTopics = [Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms]

  @Test("each is answered as in-process, exactly once; every service lives on; replay after a mended cause works once")
  func suite() async throws {
    try await blocking {
      let url = try #require(ProcessInfo.processInfo.environment["DATABASE_URL"])
      let suite = try RunningSuite(
        brokers: try #require(testBrokers), databaseURL: url, name: RunningSuite.freshName())
      defer {
        do { try suite.close() } catch { Issue.record("the suite \(suite.schema) was not cleared away: \(error)") }
      }
      try suite.setUp()
      try suite.registerTinyModels()
      try Self.run(suite)
    }
  }

  private static func run(_ suite: RunningSuite) throws {
    suite.environment["RESYNC_MAXIMUM_RECORDING_HOURS"] = "0.01"
    let services = try suite.startAndWait(RunningSuite.serviceNames)
    let long = try (0..<3).map { try BundledRecord.excerpt("222", start: 100 * $0, seconds: 60) }
    try suite.send(long.map { OutgoingMessage($0.single) })
    try suite.waitForOutcomes(long.map(\.recordingID))

    let poison = try Poison(count: count)
    try suite.send(poison.messages)
    let good = try (1...12).map { try BundledRecord.twelveLead("44", uid: "good \($0)") }
    try suite.send(good.map { OutgoingMessage($0.single) })
    var expected = poison.codes
    expected[RejectionCode.recordingTooLong.rawValue, default: 0] += long.count

    try suite.waitForOutcomes(good.map(\.recordingID))
    let rejections = Rejections(try suite.connection())
    let total = expected.values.reduce(0, +)
    try waitUntil("the ledger has \(total) rows", seconds: 120) { try ledger(rejections).count >= total }
    let copies = try suite.readAll(Topic.rejected).filter { $0.header(Poison.mark) == nil }
    let codes = Dictionary(copies.map { ($0.header(HeaderName.errorCode) ?? "", 1) }, uniquingKeysWith: +)
    #expect(codes == expected)
    let origins = try ledger(rejections)
    #expect(origins.count == total && Set(origins).count == total)
    for task in ModelTask.allCases {
      let rows = try suite.predictions(task)
      #expect(good.allSatisfy { rows[$0.recordingID]?.outcome != .rejected && rows[$0.recordingID]?.beats ?? 0 > 5 })
    }
    for service in services.values { #expect(service.isRunning && service.isReady, "\(service.lastWords)") }
    print(
      "poison suite: seed \(PoisonTests.seed), \(poison.messages.count) messages on \(poison.topics) topics, "
        + "\(copies.count) rejections expected and found, all services ready")

    try replayAfterMending(suite, services, long)
  }

  private static func ledger(_ rejections: Rejections) throws -> [Origin] {
    try rejections.waiting(limit: 1_000_000).map(\.origin).filter { dataTopics.contains($0.topic) }
  }

  private static func replayAfterMending(
    _ suite: RunningSuite, _ services: [String: ServiceProcess], _ long: [FeedRecording]
  ) throws {
    services["ingest"]?.terminate()
    _ = try services["ingest"]?.exitStatus()
    suite.environment["RESYNC_MAXIMUM_RECORDING_HOURS"] = nil
    try suite.start("ingest").waitUntilReady()
    let code = RejectionCode.recordingTooLong.rawValue
    #expect(try suite.resync("replay", "--code", code).contains("replayed 3 messages"))
    try waitUntil("what was too long has its prediction", seconds: 60) {
      let rows = try suite.predictions(.beatClass)
      return long.allSatisfy { rows[$0.recordingID]?.outcome == .predicted }
    }
    #expect(try suite.resync("replay", "--code", code).contains("replayed 0 messages"))
  }
}

/// What is sent, and the rejections by code that the processors give to it.
private struct Poison {
  /// Header of what is planted on `ecg.rejected` itself.
  static let mark = "planted"

  var messages: [OutgoingMessage] = []
  var codes: [String: Int] = [:]
  var topics = 0

  init(count: Int) throws {
    let pipeline = PipelineConfiguration()
    let transform = try SpectrogramTransform(pipeline: pipeline)
    let base = try BundledRecord.excerpt("223", seconds: 10)
    for (index, topic) in [Topic.ingest, Topic.recordings, Topic.beats, Topic.spectrograms].enumerated() {
      topics += 1
      for number in 0..<count {
        var bench = try PoisonBench(pipeline: pipeline, transform: transform)
        // Each a recording that nobody else speaks of.
        var recording = base
        recording.uid = "poison-\(index)-\(number)"
        var poisoner = Poisoner(seed: PoisonTests.seed, number: number + index << 32)
        var written = recording.messages(chunkSeconds: 4)
        for message in recording.messages(chunkSeconds: 4) { written += try bench.send(message).written }
        let own = written.filter { $0.topic == topic }
        let at = Int.random(in: 0..<own.count, using: &poisoner.generator)
        let spoilt = poisoner.spoil(own[at]).message
        // What no producer takes cannot be sent.
        guard spoilt.byteCount < 990_000 else { continue }
        let sent = (topic == Topic.ingest || topic == Topic.recordings ? own[..<at] : []) + [spoilt]
        bench = try PoisonBench(pipeline: pipeline, transform: transform)
        for message in sent { if let code = try bench.send(message).code { codes[code, default: 0] += 1 } }
        messages += sent
      }
    }
    for specimen in Self.others {
      topics += 1
      for number in 0..<count {
        var poisoner = Poisoner(seed: PoisonTests.seed, number: number + topics << 32)
        var spoilt = poisoner.spoil(specimen).message
        guard spoilt.byteCount < 990_000 else { continue }
        spoilt.headers.append(MessageHeader(Self.mark, "1"))
        messages.append(spoilt)
      }
    }
  }

  /// Topics whose messages wake or inform; the truth behind them is in PostgreSQL.
  private static let others: [OutgoingMessage] = {
    let rejection = Rejection(.unknownLead, "planted")
    let prediction = ProtoPrediction.with {
      $0.recordingID = "planted"
      $0.task = "beat-class"
      $0.outcome = "predicted"
      $0.beatCounts = ["N": 3]
    }
    let origin = [
      (HeaderName.originTopic, "planted"), (HeaderName.originPartition, "1"), (HeaderName.originOffset, "17"),
      (HeaderName.service, "ingest"), (HeaderName.errorCode, rejection.code.rawValue),
      (HeaderName.errorText, rejection.text), (HeaderName.recordingID, "planted"),
    ].map { MessageHeader($0.0, $0.1) }
    return [
      OutgoingMessage(topic: Topic.predictions, key: Array("planted".utf8), value: prediction.encoded()),
      OutgoingMessage(
        topic: Topic.trainingJobs, key: nil, value: ProtoTrainingJobSubmitted.with { $0.jobID = "planted" }.encoded()),
      OutgoingMessage(
        topic: Topic.modelEvents, key: Array("beat-class".utf8),
        value: ProtoModelPromoted.with {
          $0.task = "beat-class"
          $0.modelID = "planted"
        }.encoded()),
      OutgoingMessage(topic: Topic.rejected, key: Array("planted".utf8), value: [1, 2, 3], headers: origin),
    ]
  }()
}
