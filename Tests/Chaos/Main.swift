import ArgumentParser
import Foundation
import ResyncCore
import SuiteKit

@main
struct ChaosCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resync-chaos",
    abstract: "Runs the suite under kills, freezes, restarts, scaling and promotions, and holds its rows against an "
      + "undisturbed run.",
    discussion: """
      KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL name the servers; topics and schemas are the run's own and are removed. \
      What may be done to the servers is told by shell commands; without them it is left out, and said so. The last \
      line is one of JSON; exit status 0 means nothing lost, doubled, different or refused and, in a run of two minutes \
      or more, that services came back in time and no memory passed its bound.

      EXAMPLES
        resync-chaos --seed 7 --recordings 520 --seconds 295
        resync-chaos --pause-database 60 --database-freeze 'db-pause' --database-resume 'db-unpause'
        resync-chaos --broker-kill 'ssh broker-2 pkill -9 -f kafka.Kafka' --broker-start 'ssh broker-2 kafka-start'
      """)

  @Option(help: "What is done, and when, is a function of it; at random when left out.") var seed: UInt64?
  @Option(help: "Recordings to publish.") var recordings = 520
  @Option(help: "Time in which they are published; 45 or more.") var seconds = 295.0
  @Option(help: "Least number of SIGKILLs of each service.") var kills = 3
  @Option(help: "Ends a broker, as hard as it shall be.") var brokerKill: String?
  @Option(help: "Starts that broker again.") var brokerStart: String?
  @Option(help: "Stops a broker for a while (SIGSTOP).") var brokerFreeze: String?
  @Option(help: "Lets that broker go on (SIGCONT).") var brokerResume: String?
  @Option(help: "Ends PostgreSQL at once, without a checkpoint, and starts it again.") var databaseRestart: String?
  @Option(help: "Stops PostgreSQL for a while (SIGSTOP).") var databaseFreeze: String?
  @Option(help: "Lets PostgreSQL go on (SIGCONT).") var databaseResume: String?
  @Option(help: "Instead of all else: PostgreSQL stands still once, for so many seconds.") var pauseDatabase: Double?
  @Option(help: ArgumentHelp("Leave the services' logs in this folder.", valueName: "folder")) var logs: String?

  /// A shorter run is run beside other tests, whose load it feels.
  private static let leastSecondsForLimits = 120.0

  func validate() throws {
    guard recordings >= 40, seconds >= 45, kills >= 0, pauseDatabase ?? 5 >= 5 else {
      throw ValidationError("at least 40 --recordings, 45 --seconds, 0 --kills, 5 s of --pause-database are needed")
    }
    guard pauseDatabase == nil || (databaseFreeze != nil && databaseResume != nil) else {
      throw ValidationError("--pause-database needs --database-freeze and --database-resume")
    }
  }

  func run() throws {
    let environment = ProcessInfo.processInfo.environment
    guard let brokers = environment["KAFKA_BOOTSTRAP_SERVERS"], let databaseURL = environment["DATABASE_URL"] else {
      throw ValidationError("set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; ops/dev/chaos does")
    }
    let commands = ServerCommands(
      brokerKill: brokerKill, brokerStart: brokerStart, brokerFreeze: brokerFreeze, brokerResume: brokerResume,
      databaseRestart: databaseRestart, databaseFreeze: databaseFreeze, databaseResume: databaseResume)
    let seed = self.seed ?? UInt64.random(in: 1...999_999)
    let began = ContinuousClock.now
    func say(_ text: String) {
      let line = String(format: "[%4d s] ", Int(began.duration(to: .now) / .seconds(1))) + text + "\n"
      FileHandle.standardError.write(Data(line.utf8))
    }

    let plan =
      pauseDatabase.map { ChaosPlan(pausingDatabaseFor: $0) }
      ?? ChaosPlan(seed: seed, seconds: seconds, killsOfEach: kills, abilities: commands.abilities)
    say("seed \(seed): \(recordings) recordings in \(Int(plan.seconds)) s, \(plan.events.count) disturbances")
    if !commands.leftOut.isEmpty { say("not run, no command given: \(commands.leftOut.joined(separator: ", "))") }
    let source = try ChaosRecordings(seed: seed, count: recordings)
    let models = try ChaosModels.make()
    let name = "chaos\(RunningSuite.freshName())"
    say("the undisturbed run, under \(ChaosModels.count) models of each task")
    let reference = try Reference(source, models: models, brokers: brokers, databaseURL: databaseURL, name: name)

    let suite = try RunningSuite(brokers: brokers, databaseURL: databaseURL, name: name)
    let run = ChaosRun(
      suite: suite, source: source, models: models, plan: plan, seed: seed, commands: commands, say: say)
    let memory: [String: MemorySummary]
    let findings: Findings
    do {
      defer {
        run.release()
        clearAway(suite, say)
      }
      try suite.setUp()
      try run.start()
      say("the disturbed run")
      try run.follow(plan)
      say("all is published; waiting for the outcomes")
      try run.waitForOutcomes(seconds: 120)
      memory = run.end()
      say("comparing")
      findings = try run.findings(reference)
    }
    for text in run.endedUnasked { say("ended unasked, started again: \(text)") }
    for finding in findings.all.prefix(100) { say(finding) }
    let report = ChaosReport(
      seed: seed, recordings: recordings, run: run, limits: limits, memory: memory, findings: findings)
    for text in report.exceeded { say(text) }
    print(try report.line)
    if !findings.all.isEmpty || !report.exceeded.isEmpty { throw ExitCode(1) }
  }

  private var limits: ChaosLimits? {
    var limits = ChaosLimits(recoverySeconds: RunningSuite.sessionTimeoutSeconds + 5)
    if pauseDatabase != nil {
      // What ingest holds back does not reach the others.
      limits.lagging = ["ingest"]
      return limits
    }
    return seconds < Self.leastSecondsForLimits ? nil : limits
  }

  private func clearAway(_ suite: RunningSuite, _ say: (String) -> Void) {
    suite.stopServices()
    do {
      if let logs { try FileManager.default.copyItem(at: suite.folder, to: URL(fileURLWithPath: logs)) }
      try suite.close()
    } catch {
      say("the run's topics and schema were not cleared away: \(error)")
    }
  }
}
