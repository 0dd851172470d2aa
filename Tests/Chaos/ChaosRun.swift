import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport

/// A suite in operation and all that is done to it. Used by one thread, the one that starts the processes.
final class ChaosRun {
  private struct Recovery {
    var instance: String
    var killedAt: ContinuousClock.Instant
  }

  private let suite: RunningSuite
  private let source: ChaosRecordings
  private let models: [ModelTask: [ModelArtifact]]
  private let commands: ServerCommands
  private let feed: ChaosFeed
  private let memory = MemoryWatch()
  private let say: (String) -> Void

  /// By instance name; the program's own name is the first replica's.
  private var processes: [String: ServiceProcess] = [:]
  private var frozen: Set<String> = []
  private var recovering: [Recovery] = []
  private var jobs: [ChaosJob] = []
  private var isDatabaseFrozen = false
  private var isBrokerFrozen = false
  private var nextLagSample = ContinuousClock.now

  private(set) var kills: [String: Int] = [:]
  private(set) var killsInsideTransaction = 0
  private(set) var recoverySeconds: [Double] = []
  /// What each service told of its lag at `/metrics` while PostgreSQL stood still, in messages: at first, and at most.
  private(set) var lagAtFirst: [String: Int] = [:]
  private(set) var lagPeaks: [String: Int] = [:]
  /// Services that ended although nobody had ended them, with their last words.
  private(set) var endedUnasked: [String] = []

  init(
    suite: RunningSuite, source: ChaosRecordings, models: [ModelTask: [ModelArtifact]], plan: ChaosPlan, seed: UInt64,
    commands: ServerCommands, say: @escaping (String) -> Void
  ) {
    self.suite = suite
    self.source = source
    self.models = models
    self.commands = commands
    self.say = say
    feed = ChaosFeed(source, seed: seed, seconds: plan.seconds, kafka: suite.kafka)
  }

  // MARK: - The run

  func start() throws {
    for task in ModelTask.allCases {
      for (index, model) in (models[task] ?? []).enumerated() { try suite.register(model, promoted: index == 0) }
    }
    for name in RunningSuite.serviceNames { try launch(name) }
    for process in processes.values { try process.waitUntilReady() }
    memory.start()
  }

  func follow(_ plan: ChaosPlan) throws {
    let began = ContinuousClock.now
    feed.start()
    for event in plan.events {
      while began.duration(to: .now) < .seconds(event.seconds) { try tick() }
      say("  \(String(format: "%5.1f", event.seconds)) s  \(event.what.words)")
      try perform(event.what)
    }
    try waitUntil("the feed has sent all", seconds: 120) {
      try tick()
      return feed.hasEnded
    }
  }

  /// Waits for every outcome; gives up in silence, for what is missing is named later.
  func waitForOutcomes(seconds: Double) throws {
    let connection = try suite.connection()
    let ids = source.recordings.map(\.recordingID)
    let deadline = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < deadline {
      try tick()
      guard try SuiteStatus.read(connection, recordings: ids).missing == 0 else { continue }
      guard try jobs.allSatisfy({ try $0.row()?.finishedAt != nil }) else { continue }
      let isScored = try connection.execute(
        "select coalesce(min(scored_at) >= (select max(created_at) from predictions), false) as all from evaluations"
      )[0]["all", .bool]
      let refused = try Rejections(connection).waiting().count
      if isScored, refused >= source.junkKeys.count, recovering.isEmpty { return }
    }
    say("gave up waiting after \(Int(seconds)) s")
  }

  /// Lets servers go on that a run which ends early has left standing.
  func release() {
    if isDatabaseFrozen { try? ServerCommands.run(commands.databaseResume) }
    if isBrokerFrozen { try? ServerCommands.run(commands.brokerResume) }
  }

  func end() -> [String: MemorySummary] {
    suite.stopServices()
    return MemorySummary.of(memory.stop())
  }

  /// Feeds that had to send again after an error.
  var feedFailures: Int { feed.failures }

  /// Holds what the run left against the reference.
  func findings(_ reference: Reference) throws -> Findings {
    // The two clocks may differ.
    let now = try suite.connection().execute("select clock_timestamp() as now")[0]["now", .timestamp]
    let offset = now.timeIntervalSince(Date())
    var junk = 0
    try suite.forEachMessage(of: Topic.ingest) { if $0.keyText?.hasPrefix("junk-") ?? false { junk += 1 } }
    let comparison = Comparison(
      reference: reference.outcomes, referenceRows: reference.rows,
      publishedAt: feed.publishedAt.mapValues { $0.addingTimeInterval(offset) }, junkCount: junk)
    let topics = [Topic.recordings] + Comparison.comparableTopics + [Topic.rejected]
    var findings = comparison.findings(in: try SuiteRows(suite, topics: topics))
    for job in jobs {
      let row = try job.row()
      if row?.modelID == nil {
        findings.lost.append("job \(job.jobID) has no model: \(row?.error ?? "it has not ended")")
      } else if row?.modelID != reference.trainedModelID {
        findings.differing.append("job \(job.jobID) made \(row?.modelID ?? ""), not \(reference.trainedModelID)")
      }
    }
    return findings
  }

  // MARK: - Processes

  private func launch(_ instance: String, program: String? = nil) throws {
    let process = try suite.start(program ?? instance, instance: instance)
    processes[instance] = process
    memory.watch(process.processID, process.program)
  }

  /// What a supervisor does: notes who is back, and starts again what has ended unasked.
  private func tick() throws {
    Thread.sleep(forTimeInterval: 0.1)
    recovering.removeAll { recovery in
      guard let process = processes[recovery.instance] else { return true }
      guard !frozen.contains(recovery.instance), process.isReady else { return false }
      recoverySeconds.append(recovery.killedAt.duration(to: .now) / .seconds(1))
      return true
    }
    sampleLag()
    for (instance, process) in processes where !process.isRunning {
      endedUnasked.append("\(instance): \(process.lastWords)")
      memory.forget(process.processID)
      try launch(instance, program: process.program)
    }
  }

  private func sampleLag() {
    guard isDatabaseFrozen, ContinuousClock.now >= nextLagSample else { return }
    nextLagSample = .now + .seconds(2)
    for process in processes.values {
      let lag = Int(process.metric("resync_lag"))
      if lagAtFirst[process.program] == nil { lagAtFirst[process.program] = lag }
      lagPeaks[process.program] = max(lagPeaks[process.program] ?? 0, lag)
    }
  }

  private func end(_ instance: String, byForce: Bool) throws {
    guard let process = processes.removeValue(forKey: instance) else { return }
    memory.forget(process.processID)
    process.resume()
    frozen.remove(instance)
    if byForce {
      try process.crash()
      kills[process.program, default: 0] += 1
    } else {
      process.terminate()
    }
  }

  // MARK: - Disturbances

  private func perform(_ what: Disturbance) throws {
    switch what {
    case .kill(let service, let insideTransaction): try kill(service, insideTransaction: insideTransaction)
    case .freeze(let instance):
      processes[instance]?.freeze()
      frozen.insert(instance)
    case .resume(let instance):
      processes[instance]?.resume()
      frozen.remove(instance)
    case .scaleUp(let service):
      for replica in ChaosPlan.replicas(of: service) { try launch(replica, program: service) }
    case .scaleDown(let service):
      for (index, replica) in ChaosPlan.replicas(of: service).enumerated() { try end(replica, byForce: index == 0) }
    case .brokerRestart:
      try ServerCommands.run(commands.brokerKill)
      try ServerCommands.run(commands.brokerStart)
    case .brokerFreeze:
      isBrokerFrozen = true
      try ServerCommands.run(commands.brokerFreeze)
    case .brokerResume:
      try ServerCommands.run(commands.brokerResume)
      isBrokerFrozen = false
    case .databaseRestart: try ServerCommands.run(commands.databaseRestart)
    case .databaseFreeze:
      isDatabaseFrozen = true
      try ServerCommands.run(commands.databaseFreeze)
    case .databaseResume:
      try ServerCommands.run(commands.databaseResume)
      isDatabaseFrozen = false
    case .databaseSlow(let seconds):
      SlowDatabase.start(try suite.connection().configuration, seconds: seconds)
    case .promote(let task, let index):
      if let model = models[task]?[index] { try suite.resync("promote", model.modelID, "--reason", "chaos") }
    case .rollback(let task):
      // There may be nothing to go back to.
      _ = try? suite.resync("rollback", task.rawValue)
    case .train: jobs.append(try ChaosJob(source, suite))
    }
  }

  private func kill(_ service: String, insideTransaction: Bool) throws {
    guard let process = processes[service] else { return }
    process.freeze()
    // Waits for a moment at which a transaction is open, if it shall be so; no longer than two seconds.
    let watch = try OpenTransactions(service, suite.kafka)
    var isInside = try watch?.isAnyOpen() ?? false
    for _ in 0..<30 where insideTransaction && !isInside {
      process.resume()
      Thread.sleep(forTimeInterval: 0.04)
      process.freeze()
      isInside = try watch?.isAnyOpen() ?? false
    }
    if isInside { killsInsideTransaction += 1 }
    let killedAt = ContinuousClock.now
    try process.crash()
    memory.forget(process.processID)
    kills[service, default: 0] += 1
    frozen.remove(service)
    recovering.removeAll { $0.instance == service }
    try launch(service)
    recovering.append(Recovery(instance: service, killedAt: killedAt))
  }
}

/// Whether transactions are open on the topic that a service writes.
struct OpenTransactions {
  private static let outputs = [
    "ingest": Topic.recordings, "preprocess": Topic.beats, "spectrogram": Topic.spectrograms,
  ]
  private let partitions: [TopicPartition]
  private let everything: Admin
  private let committed: Admin

  /// nil for a service without transactions.
  init?(_ service: String, _ kafka: KafkaConfiguration) throws {
    guard let topic = Self.outputs[service] else { return nil }
    everything = try Admin(kafka: kafka, logger: quietLogger)
    committed = try Admin(kafka: kafka, isolation: .readCommitted, logger: quietLogger)
    partitions = (0..<Int32(try everything.describe([topic]).first?.partitions ?? 0)).map { TopicPartition(topic, $0) }
  }

  func isAnyOpen() throws -> Bool {
    try partitions.contains { try committed.watermarks($0).high < everything.watermarks($0).high }
  }
}
