import Foundation
import Streaming
import TestSupport
import Testing

/// What a pipeline makes of each wrong answer, judged by what a reader of committed messages sees in the end: every
/// input counted once, whatever came in between.
@Suite("A pipeline under wrong answers", .enabled(if: FaultBroker.isAvailable), .timeLimit(.minutes(5)))
struct PipelineFaultTests {
  @Test("each wrong answer is met as the table says, and every message counts once", arguments: PipelineFault.table)
  func wrongAnswer(_ row: PipelineFault) async throws {
    try await FaultBroker.use { try Bench($0, row).run() }
  }
}

/// One row: its topics, its names, its work.
private struct Bench {
  let broker: FaultBroker
  let row: PipelineFault
  let client: String
  let kafka: KafkaConfiguration
  let topics: TestTopics
  let work = RunningSum.workload(keys: 3, numbersPerKey: 4, end: true)
  let firstPart = 6

  init(_ broker: FaultBroker, _ row: PipelineFault) {
    self.broker = broker
    self.row = row
    client = "pipeline\(row.number)"
    kafka = KafkaConfiguration(
      bootstrapServers: broker.bootstrapServers, topicPrefix: "\(client).", properties: ["fetch.wait.max.ms": "100"],
      clientID: client)
    var untroubled = kafka
    untroubled.clientID = "untroubled"
    topics = TestTopics(kafka: untroubled)
  }

  func run() throws {
    try Admin(kafka: topics.kafka, logger: testLogger).create(
      ["input", "output", "state"].map { TopicSpecification(name: $0, partitions: Int(TestTopics.partitions)) })
    try topics.send(Array(work.messages.prefix(firstPart)))
    if row.moment == .start { try arm() }
    let running = start()
    if row.moment != .start {
      try topics.waitForOutputs(firstPart)
      try arm()
    }
    if row.moment == .idle {
      try waitUntil("the wrong answer is met") { try broker.count(row.fault.request, client: client) > 0 }
    }
    try topics.send(Array(work.messages.dropFirst(firstPart)))

    switch row.outcome {
    case .ends(let code):
      try waitUntil("the pipeline has ended") { running.thread.isFinished }
      let error = running.error.value as? StreamingError
      #expect(error?.code == code, "\(String(describing: error))")
      #expect(error?.text.contains(";") == true, "it says what to do")
      #expect(!running.pipeline.isReady)
      try disarm()
      // What a supervisor does, once the operator has mended the cause.
      try finish(start())
    case .waits:
      try waitUntil("it was told three times") { try broker.count(row.fault.request, client: client) > 2 }
      #expect(!running.pipeline.isReady && !running.thread.isFinished)
      try disarm()
      try finish(running)
    case .unseen, .rejoins, .aborts, .restarts, .abortsOrRestarts, .timeDecides:
      try finish(running)
      try disarm()
      judge(running.observer.counts.value)
    }
    #expect(try topics.values("output") == work.expected)
  }

  private func judge(_ counts: CountingObserver.Counts) {
    let (aborts, restarts) = (counts.aborted.count, counts.restarted.count)
    let holds =
      switch row.outcome {
      case .unseen: aborts == 0 && restarts == 0
      case .rejoins: aborts == 0 && restarts == 0 && counts.assignments.count > 1
      case .aborts: aborts > 0 && restarts == 0
      case .restarts: restarts > 0
      case .abortsOrRestarts: aborts + restarts > 0
      case .timeDecides: true
      case .waits, .ends: false
      }
    #expect(holds, "aborted \(counts.aborted), restarted \(counts.restarted), assignments \(counts.assignments)")
  }

  private func arm() throws {
    for fault in [row.fault] + [row.then].compactMap(\.self) { try broker.arm(fault, client: client) }
  }

  private func disarm() throws {
    for fault in [row.fault] + [row.then].compactMap(\.self) {
      #expect(try broker.disarm(fault.request, client: client) > 0, "\(fault) never came")
    }
  }

  private func start() -> RunningPipeline {
    RunningPipeline.start(kafka) {
      $0.isStaticMember = true
      // What comes late must come later than the limits of the calls it holds up; nothing else may.
      let limit = if case .slow = row.fault.kind { 2000 } else { 10_000 }
      $0.sessionTimeoutMilliseconds = limit
      $0.transactionTimeoutMilliseconds = limit
    }
  }

  private func finish(_ running: RunningPipeline) throws {
    try waitUntil("all outputs are there") {
      try running.thread.isFinished || topics.readAll("output").count >= work.messages.count
    }
    try running.stop()
    #expect(running.error.value == nil)
  }
}
