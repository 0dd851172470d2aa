import Foundation
import Logging
import Messages
import ResyncCore
import Store
import Streaming
import TestSupport
import Testing

private let environment = ProcessInfo.processInfo.environment
let databaseURL = environment["DATABASE_URL"]

let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

let quietLogger: Logger = {
  var logger = Logger(label: "integration") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = .critical
  return logger
}()

/// Whole suites of processes on a real broker and a real PostgreSQL: one after the other, for they need the machine.
@Suite(
  "The whole suite", .serialized, .timeLimit(.minutes(10)),
  .enabled(
    if: testBrokers != nil && databaseURL != nil, "set KAFKA_BOOTSTRAP_SERVERS and DATABASE_URL; ops/dev/test does"))
struct IntegrationTests {}

/// Resync as an operator runs it, with topics, schema, folder and consumer groups that no other test shares.
/// Used by the thread of its test alone.
final class RunningSuite {
  static let serviceNames = ["ingest", "preprocess", "spectrogram", "predictor", "trainer", "evaluator"]
  /// The same in every suite, so that the same recordings get the same ids.
  static let pseudonymKey = "integration-tests-only-0123456789"

  let kafka: KafkaConfiguration
  let schema: String
  let folder: URL
  /// What every program of the suite is started with; a test may change it for those that it starts later.
  var environment: [String: String]
  /// What services get besides.
  private var serviceEnvironment: [String: String] = [:]
  private(set) var services: [ServiceProcess] = []

  /// Runs a test on a suite of its own and leaves nothing behind: no process, topic, schema or file.
  static func with<T: Sendable>(
    setUp: Bool = true, _ body: @escaping @Sendable (RunningSuite) throws -> T
  ) async throws -> T {
    try await blocking {
      let suite = try RunningSuite()
      defer { suite.close() }
      do {
        if setUp { try suite.setUp() }
        return try body(suite)
      } catch {
        let words = suite.services.map { "--- \($0.instance)\($0.isRunning ? "" : " (ended)")\n\($0.lastWords)" }
        throw Failure(description: "\(error)\n\(words.joined(separator: "\n"))")
      }
    }
  }

  /// What went wrong, with what the services said last.
  private struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  private init() throws {
    let name = String(UInt64.random(in: 0 ... .max), radix: 36)
    kafka = KafkaConfiguration(
      bootstrapServers: try #require(testBrokers), topicPrefix: "it-\(name).", clientID: "test")
    schema = "it_\(name)"
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("resync-it-\(name)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // Settings of the caller's own installation must not reach the programs.
    environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RESYNC_") }
    environment.merge([
      "RESYNC_TOPIC_PREFIX": kafka.topicPrefix, "RESYNC_SCHEMA": schema, "RESYNC_PSEUDONYM_KEY": Self.pseudonymKey,
      "RESYNC_SCHEMAS": repositoryRoot.appendingPathComponent("schemas").path, "RESYNC_QUIET": "0.5",
      "RESYNC_REPORT_FOLDER": folder.appendingPathComponent("reports").path,
      // The shortest that Kafka's testBrokers take by default: how long a killed member's partitions wait.
      "RESYNC_SESSION_TIMEOUT_MS": "6000",
      "RESYNC_LEASE": "3", "RESYNC_THREADS": "2",
    ]) { $1 }
  }

  private func close() {
    for service in services where service.isRunning { service.terminate() }
    for service in services {
      if (try? service.exitStatus(seconds: 15)) == nil { try? service.crash() }
    }
    do {
      try connection().execute("drop schema if exists \"\(schema)\" cascade")
      let admin = try Admin(kafka: kafka, logger: quietLogger)
      try admin.deleteAllTopics()
      for group in Self.serviceNames { try? admin.deleteGroup(group) }
      try FileManager.default.removeItem(at: folder)
    } catch {
      Issue.record("the suite \(schema) was not cleared away: \(error)")
    }
  }

  // MARK: - Programs

  func setUp() throws {
    try resync("setup", "--embedded")
    // What the services do must be within the rights of their role, unless this database gives it to nobody here.
    let member = try connection().execute("select pg_has_role('resync_service', 'member') as member")[0]
    if try member["member", .bool] { serviceEnvironment["PGOPTIONS"] = "-c role=resync_service" }
  }

  /// Starts a service; the same instance name again is a restart of the same replica.
  @discardableResult
  func start(_ program: String, instance: String? = nil, _ settings: [String: String] = [:]) throws -> ServiceProcess {
    let service = try ServiceProcess(
      program, instance: instance ?? program,
      environment: environment.merging(serviceEnvironment) { $1 }.merging(settings) { $1 },
      log: folder.appendingPathComponent("\(services.count)-\(instance ?? program).log"))
    services.append(service)
    return service
  }

  /// Starts services and waits until all are ready.
  @discardableResult
  func startAndWait(_ programs: [String]) throws -> [String: ServiceProcess] {
    let started = try programs.map { try start($0) }
    for service in started { try service.waitUntilReady() }
    return Dictionary(uniqueKeysWithValues: started.map { ($0.program, $0) })
  }

  struct CommandFailed: Error, CustomStringConvertible {
    let description: String
  }

  /// The operator's command; fails unless it ends with 0.
  @discardableResult
  func resync(_ arguments: String...) throws -> String {
    let result = try CommandResult.of(
      programs.appendingPathComponent("resync").path, arguments, environment: environment, folder: folder)
    guard result.status == 0 else {
      throw CommandFailed(
        description: "resync \(arguments.joined(separator: " ")) ended with \(result.status):\n\(result.errors)")
    }
    return result.output
  }

  // MARK: - Kafka

  func send(_ messages: [OutgoingMessage]) throws {
    let producer = try Producer(kafka: kafka, logger: quietLogger)
    for message in messages { try producer.send(message) }
    try producer.flush()
  }

  /// Everything committed on a topic now.
  func readAll(_ topic: String) throws -> [ConsumedMessage] {
    let admin = try Admin(kafka: kafka, logger: quietLogger)
    let consumer = try Consumer(kafka: kafka, membership: nil, logger: quietLogger)
    defer { consumer.close() }
    let count = try admin.describe([topic]).first?.partitions ?? 0
    let partitions = (0..<Int32(count)).map { TopicPartition(topic, $0) }
    try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
    var open = Set(partitions)
    var messages: [ConsumedMessage] = []
    try waitUntil("\(topic) is read") {
      for event in try consumer.pollBatch(maximum: 1000, timeoutMilliseconds: 200) {
        switch event {
        case .message(let message): messages.append(message)
        case .endOfPartition(let partition, _): open.remove(partition)
        case .failure(let error): throw error
        case .assigned, .revoked: break
        }
      }
      return open.isEmpty
    }
    return messages
  }

  // MARK: - PostgreSQL

  func connection() throws -> Connection {
    try Connection(
      DatabaseConfiguration(url: try #require(databaseURL), schema: schema, applicationName: "resync-tests"))
  }

  func predictions(_ task: ModelTask) throws -> [String: PredictionRow] {
    let rows = try Predictions(try connection()).rows(task: task.rawValue)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.recordingID, $0) })
  }

  /// Waits until each recording has an outcome for each task; fails at once if a service that should run has ended.
  func waitForOutcomes(_ recordings: [String]) throws {
    let connection = try connection()
    let running = services.filter(\.isRunning)
    try waitUntil("\(recordings.count) recordings have their outcomes") {
      if let ended = running.first(where: { !$0.isRunning }) {
        throw WaitedInVain(description: "\(ended.instance) has ended")
      }
      return try SuiteStatus.read(connection, recordings: recordings).missing == 0
    }
  }

  /// Makes a model live without training it here.
  func register(_ model: ModelArtifact, promoted: Bool = true) throws {
    let connection = try connection()
    let metadata = String(decoding: try JSONEncoder().encode(model.metadata), as: UTF8.self)
    try Models(connection).insert(
      ModelRecord(
        modelID: model.modelID, task: model.metadata.task.rawValue, weights: model.encoded(), metadata: metadata,
        trainedOnSynthetic: model.metadata.trainedOnSynthetic, pipeline: model.metadata.pipeline),
      trainingRecordings: [])
    if promoted {
      try Promotions(connection).promote(
        task: model.metadata.task.rawValue, modelID: model.modelID, by: "test", reason: "test")
    }
  }
}
