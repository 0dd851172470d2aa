import ArgumentParser
import Foundation
import Messages
import ResyncCore
import Streaming
import SuiteKit
import TestSupport

struct StreamCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stream",
    abstract: "Throughput and latency of the running suite, beside what network and broker do alone.",
    discussion: """
      Starts the six services as processes with topics and a schema of their own on KAFKA_BOOTSTRAP_SERVERS and \
      DATABASE_URL, with a full-width ResNet-18 on twelve leads live; ops/dev/bench-stream starts servers for it. \
      Processor time of broker and PostgreSQL is counted when they run on this machine and are named.
      """)

  @Option(help: "Time that is measured, of saturation and of half load each.") var seconds = 40.0
  @Option(help: "Time before it.") var warmUp = 10.0
  @Option(help: "Recordings on their way at saturation.") var inFlight = 96
  @Option(help: "Threads of the predictor's network.") var threads = ProcessInfo.processInfo.activeProcessorCount
  @Option(help: "Most messages that the predictor scores at once.") var batchSize = 256
  @Option(help: "Process of the broker.") var brokerPid: Int32?
  @Option(help: "PostgreSQL's first process.") var postgresPid: Int32?
  @Option(help: ArgumentHelp("Leave the services' logs in this folder.", valueName: "folder")) var logs: String?

  func validate() throws {
    guard seconds >= 1, warmUp >= 0, inFlight > 0, threads > 0, (1...4096).contains(batchSize) else {
      throw ValidationError("--seconds, --in-flight, --threads must be at least 1, --batch-size 1 to 4096")
    }
  }

  func run() throws {
    let servers = try BenchServers()
    let began = ContinuousClock.now
    func say(_ text: String) {
      let line = String(format: "[%4d s] ", Int(began.duration(to: .now) / .seconds(1))) + text + "\n"
      FileHandle.standardError.write(Data(line.utf8))
    }
    var cpu = ProcessTime()
    cpu.watch(StreamLoad.feed, getpid())
    if let brokerPid { cpu.watch(StreamLoad.broker, brokerPid) }
    if let postgresPid { cpu.watch(StreamLoad.database, postgresPid, isTree: true) }
    let model = try TinyModels.make(.crtResponse, width: 1)

    say("the network alone")
    let network = try StreamCeilings.network(model, batch: batchSize, threads: threads, seconds: min(10, seconds))
    var report = try servers.withSuite(logs: logs) { suite in
      say("the broker alone")
      let broker = try StreamCeilings.broker(
        suite.kafka,
        messages: StreamFeed.spectrograms().map { beat in ProtoSpectrogramEvent.with { $0.spectrogram = beat }.encoded()
        },
        cpu: cpu, seconds: min(8, seconds))
      say("starting the suite")
      try start(suite, model, &cpu)
      let load = try StreamLoad(suite, name: suite.schema, cpu: cpu)
      say("saturation")
      let saturation = try load.saturate(inFlight: inFlight, warmUpSeconds: warmUp, seconds: seconds)
      try load.waitForOutcomes()
      say(String(format: "half load, after %.1f beats/s", saturation.beatsPerSecond))
      let halfLoad = try load.latency(
        recordingsPerSecond: saturation.recordingsPerSecond / 2, warmUpSeconds: warmUp / 2, seconds: seconds)
      let outcomes = try load.outcomes()
      say("monitors")
      try replacePredictor(suite, &cpu)
      var monitors = try StreamMonitors(suite, name: "\(suite.schema)-monitor")
      let monitored = try monitors.run(seconds: min(20, seconds), cpu: cpu)
      return StreamReport(
        cores: ProcessInfo.processInfo.activeProcessorCount, threads: threads, batchSize: batchSize, network: network,
        broker: broker, saturation: saturation, halfLoad: halfLoad, monitors: monitored,
        storage: try StreamStorage.measure(suite, monitors: monitors.keys), outcomes: outcomes)
    }
    report.judge()
    FileHandle.standardError.write(Data((report.table + "\n").utf8))
    print(try report.jsonLine)
  }

  private func start(_ suite: RunningSuite, _ model: ModelArtifact, _ cpu: inout ProcessTime) throws {
    // A run writes gigabytes of tensors, and the embedded broker holds all in memory: the suite is never farther behind
    // than the recordings on their way.
    try Admin(kafka: suite.kafka, logger: quietLogger).create([
      TopicSpecification(
        name: Topic.spectrograms, partitions: 12,
        configuration: ["max.message.bytes": "1048576", "retention.bytes": "67108864"])
    ])
    try suite.setUp()
    try suite.register(model)
    for program in RunningSuite.serviceNames {
      // Evaluations as often as by default.
      let settings = program == "evaluator" ? ["RESYNC_QUIET": "2"] : predictorSettings(.crtResponse)
      try suite.start(program, settings)
    }
    for service in suite.services {
      try service.waitUntilReady()
      cpu.watch(service.program, service.processID)
    }
  }

  private func predictorSettings(_ task: ModelTask) -> [String: String] {
    ["RESYNC_TASKS": task.rawValue, "RESYNC_THREADS": "\(threads)", "RESYNC_BATCH_SIZE": "\(batchSize)"]
  }

  /// From response on twelve leads to beat classes on one, of as large a network.
  private func replacePredictor(_ suite: RunningSuite, _ cpu: inout ProcessTime) throws {
    try suite.register(try TinyModels.make(.beatClass, width: 1))
    for predictor in suite.services where predictor.program == "predictor" {
      predictor.terminate()
      _ = try predictor.exitStatus()
    }
    let predictor = try suite.start("predictor", predictorSettings(.beatClass))
    try predictor.waitUntilReady()
    cpu.watch(predictor.program, predictor.processID)
  }
}
