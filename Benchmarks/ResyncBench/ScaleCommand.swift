import ArgumentParser
import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport

struct ScaleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scale",
    abstract: "Throughput of 1, 2, 4 and 8 predictor replicas whose network is replaced by a fixed time.",
    discussion: """
      The replicas are processes that run the predictor's own pipeline, from the topic to the rows, on one-lead beats \
      that wait on all 12 partitions; in place of the network they sleep. So eight of them need no eight cores, and what \
      is measured is whether anything else stands in their way. KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL name the \
      servers; ops/dev/bench-stream scale starts them.
      """)

  @Option(help: "Time that is measured with each number of replicas.") var seconds = 12.0
  @Option(help: "What a beat takes in place of the network, milliseconds.") var beatMilliseconds = 10.0
  @Option(help: "Numbers of replicas.") var replicas = [1, 2, 4, 8]
  @Option(help: "Process of the broker.") var brokerPid: Int32?
  @Option(help: "PostgreSQL's first process.") var postgresPid: Int32?

  func validate() throws {
    guard seconds >= 1, beatMilliseconds > 0, !replicas.isEmpty, replicas.allSatisfy({ (1...12).contains($0) }) else {
      throw ValidationError("--seconds must be at least 1, --beat-milliseconds above 0, --replicas 1 to 12")
    }
  }

  func run() throws {
    let servers = try BenchServers()
    var cpu = ProcessTime()
    if let brokerPid { cpu.watch(StreamLoad.broker, brokerPid) }
    if let postgresPid { cpu.watch(StreamLoad.database, postgresPid, isTree: true) }
    let report = try servers.withSuite { suite in
      try suite.setUp()
      try suite.register(try TinyModels.make(.beatClass))
      let backlog = try ScaleBacklog(suite)
      let points = try replicas.map { try measure($0, suite, backlog, cpu) }
      return ScaleReport(beatMilliseconds: beatMilliseconds, points)
    }
    FileHandle.standardError.write(Data((report.table + "\n").utf8))
    print(try report.jsonLine)
  }

  private static let batchSize = 32

  private func measure(
    _ count: Int, _ suite: RunningSuite, _ backlog: ScaleBacklog, _ cpu: ProcessTime
  ) throws -> ScaleReport.Point {
    // Enough on each partition that none runs dry, not even where a replica has it alone, joining and leaving included.
    let rate = 1000 / beatMilliseconds
    let partitionsOfOne = max(1, ScaleBacklog.partitions / count)
    try backlog.publish(beatsOfEachPartition: Int(rate * (seconds + 15)) / partitionsOfOne + 1)
    var cpu = cpu
    let started = try (0..<count).map { number in
      try suite.start(
        "resync-bench", instance: "replica-\(count)-\(number)",
        [
          "RESYNC_MEMBERSHIP": "dynamic", "RESYNC_BATCH_SIZE": "\(Self.batchSize)",
          "RESYNC_BEAT_MICROSECONDS": "\(Int(beatMilliseconds * 1000))",
        ], arguments: [DelayedPredictorCommand._commandName])
    }
    for replica in started {
      try replica.waitUntilReady()
      cpu.watch("replicas", replica.processID)
    }
    // Each has joined; the last one's coming moves partitions of the others once more.
    Thread.sleep(forTimeInterval: 3)
    let (time, began) = (cpu.read(), ContinuousClock.now)
    let beats = try backlog.beatsPerSecond(for: seconds)
    let elapsed = began.duration(to: .now) / .seconds(1)
    let spent = ProcessTime.spent(time, cpu.read())
    for replica in started { replica.terminate() }
    for replica in started { _ = try replica.exitStatus() }
    return .init(replicas: count, beatsPerSecond: beats, cores: spent.mapValues { $0 / elapsed })
  }
}

/// One-lead beats that wait for predictors, in recordings of thirty.
final class ScaleBacklog {
  static let partitions = 12
  private static let beatsOfARecording = 30

  private let suite: RunningSuite
  private let producer: Producer
  private let connection: Connection
  private let beat: ProtoSpectrogram
  private var recordings = 0

  init(_ suite: RunningSuite) throws {
    self.suite = suite
    producer = try Producer(kafka: suite.kafka, logger: quietLogger)
    connection = try suite.connection()
    beat = try StreamFeed.oneLeadSpectrogram()
  }

  func publish(beatsOfEachPartition count: Int) throws {
    for _ in 0..<(count + Self.beatsOfARecording - 1) / Self.beatsOfARecording {
      for partition in 0..<Self.partitions { try publish(to: Int32(partition)) }
    }
    try producer.flush(timeout: .seconds(120))
  }

  private func publish(to partition: Int32) throws {
    recordings += 1
    let id = "scale-\(recordings)"
    func send(_ event: ProtoSpectrogramEvent) throws {
      try producer.send(
        OutgoingMessage(topic: Topic.spectrograms, partition: partition, key: Array(id.utf8), value: event.encoded()))
    }
    for number in 1...Self.beatsOfARecording {
      var beat = beat
      (beat.recordingID, beat.patient) = (id, id)
      (beat.rPeakSample, beat.rPeakSeconds) = (Int64(number) * 300, Double(number) * 300 / 360)
      try send(.with { $0.spectrogram = beat })
    }
    try send(
      .with {
        $0.end = .with {
          ($0.recordingID, $0.patient, $0.status, $0.leads) = (id, id, .complete, beat.leads)
          ($0.beats, $0.samples, $0.pipelineID) = (Int64(Self.beatsOfARecording), 10_800, beat.pipelineID)
        }
      })
  }

  /// Rows a second, between the first commit that is seen and the last: a replica writes a batch at a time.
  func beatsPerSecond(for seconds: Double) throws -> Double {
    func rows() throws -> Int {
      Int(try connection.execute("select count(*) as n from beat_predictions")[0]["n", .int])
    }
    let began = ContinuousClock.now
    var seen = try rows()
    var (first, last): ((Int, ContinuousClock.Instant)?, (Int, ContinuousClock.Instant)?)
    while began.duration(to: .now) < .seconds(seconds) {
      let (count, now) = (try rows(), ContinuousClock.now)
      if count != seen {
        if first == nil { first = (count, now) }
        last = (count, now)
        seen = count
      }
      Thread.sleep(forTimeInterval: 0.03)
    }
    guard let first, let last, first.1 < last.1 else {
      throw WaitedInVain(description: "no rows came within \(seconds) s:\n\(suite.services.last?.lastWords ?? "")")
    }
    return Double(last.0 - first.0) / (first.1.duration(to: last.1) / .seconds(1))
  }
}
