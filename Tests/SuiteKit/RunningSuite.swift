import Foundation
import Logging
import Messages
import ResyncCore
import Store
import Streaming
import TestSupport

package let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()

package let quietLogger: Logger = {
  var logger = Logger(label: "suite") { StreamLogHandler.standardError(label: $0) }
  logger.logLevel = .critical
  return logger
}()

/// Resync as an operator runs it, as processes, with topics, schema, folder and consumer groups of its own.
/// Used by one thread alone, which must outlive the processes.
package final class RunningSuite {
  package static let serviceNames = ["ingest", "preprocess", "spectrogram", "predictor", "trainer", "evaluator"]
  /// The same in every suite, so that the same recordings get the same ids.
  package static let pseudonymKey = "integration-tests-only-0123456789"

  /// The shortest that Kafka's brokers take by default: how long a killed member's partitions wait.
  package static let sessionTimeoutSeconds = 6.0

  package let kafka: KafkaConfiguration
  package let schema: String
  package let folder: URL
  private let databaseURL: String
  /// What every program of the suite is started with; changed, it counts for those that are started later.
  package var environment: [String: String]
  /// What services get besides.
  private var serviceEnvironment: [String: String] = [:]
  package private(set) var services: [ServiceProcess] = []

  /// - Parameters:
  ///   - name: lower-case letters and digits; names schema and folder.
  ///   - topics: name of the topics and groups, where they are another suite's; else `name`.
  ///   - kafkaProperties: what the suite's own clients need to reach the brokers.
  package init(
    brokers: String, databaseURL: String, name: String, topics: String? = nil, kafkaProperties: [String: String] = [:]
  ) throws {
    kafka = KafkaConfiguration(
      bootstrapServers: brokers, topicPrefix: "it-\(topics ?? name).", properties: kafkaProperties, clientID: "test")
    schema = "it_\(name)"
    self.databaseURL = databaseURL
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("resync-it-\(name)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // Settings of the caller's own installation must not reach the programs.
    environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("RESYNC_") }
    environment.merge([
      "KAFKA_BOOTSTRAP_SERVERS": brokers, "DATABASE_URL": databaseURL,
      "RESYNC_TOPIC_PREFIX": kafka.topicPrefix, "RESYNC_SCHEMA": schema, "RESYNC_PSEUDONYM_KEY": Self.pseudonymKey,
      "RESYNC_SCHEMAS": repositoryRoot.appendingPathComponent("schemas").path, "RESYNC_QUIET": "0.5",
      "RESYNC_REPORT_FOLDER": folder.appendingPathComponent("reports").path,
      "RESYNC_SESSION_TIMEOUT_MS": String(Int(Self.sessionTimeoutSeconds * 1000)),
      "RESYNC_LEASE": "3", "RESYNC_THREADS": "2",
      // How fast a loaded machine stops a service is not what is tried.
      "RESYNC_STOP_TIMEOUT": "25",
    ]) { $1 }
  }

  /// A name that no other suite has.
  package static func freshName() -> String { String(UInt64.random(in: 0 ... .max), radix: 36) }

  /// Ends every process, by force where it must.
  package func stopServices() {
    for service in services where service.isRunning { service.terminate() }
    for service in services {
      if (try? service.exitStatus(seconds: 15)) == nil { try? service.crash() }
    }
  }

  /// Leaves nothing behind: no process, schema, file or, unless another suite goes on with them, topic.
  package func close(keepingTopics: Bool = false) throws {
    stopServices()
    try connection().execute("drop schema if exists \"\(schema)\" cascade")
    if !keepingTopics {
      let admin = try Admin(kafka: kafka, logger: quietLogger)
      try admin.deleteAllTopics()
      for group in Self.serviceNames { try? admin.deleteGroup(group) }
    }
    try FileManager.default.removeItem(at: folder)
  }

  // MARK: - Programs

  package func setUp() throws {
    try resync("setup", "--embedded")
    // What the services do must be within the rights of their role, unless this database gives it to nobody here.
    let member = try connection().execute("select pg_has_role('resync_service', 'member') as member")[0]
    if try member["member", .bool] { serviceEnvironment["PGOPTIONS"] = "-c role=resync_service" }
  }

  /// Starts a service; the same instance name again is a restart of the same replica.
  @discardableResult
  package func start(
    _ program: String, instance: String? = nil, _ settings: [String: String] = [:], arguments: [String] = []
  ) throws -> ServiceProcess {
    let service = try ServiceProcess(
      program, arguments, instance: instance ?? program,
      environment: environment.merging(serviceEnvironment) { $1 }.merging(settings) { $1 },
      log: folder.appendingPathComponent("\(services.count)-\(instance ?? program).log"))
    services.append(service)
    return service
  }

  /// Starts services and waits until all are ready.
  @discardableResult
  package func startAndWait(_ programs: [String]) throws -> [String: ServiceProcess] {
    let started = try programs.map { try start($0) }
    for service in started { try service.waitUntilReady() }
    return Dictionary(uniqueKeysWithValues: started.map { ($0.program, $0) })
  }

  package struct CommandFailed: Error, CustomStringConvertible {
    package let description: String
  }

  /// The operator's command; fails unless it ends with 0.
  @discardableResult
  package func resync(_ arguments: String...) throws -> String { try resync(arguments) }

  @discardableResult
  package func resync(_ arguments: [String]) throws -> String {
    let result = try CommandResult.of(
      programs.appendingPathComponent("resync").path, arguments, environment: environment, folder: folder)
    guard result.status == 0 else {
      throw CommandFailed(
        description: "resync \(arguments.joined(separator: " ")) ended with \(result.status):\n\(result.errors)")
    }
    return result.output
  }

  // MARK: - Kafka

  package func send(_ messages: [OutgoingMessage]) throws {
    let producer = try Producer(kafka: kafka, logger: quietLogger)
    for message in messages { try producer.send(message) }
    try producer.flush()
  }

  /// Everything committed on a topic now.
  package func readAll(_ topic: String) throws -> [ConsumedMessage] {
    var messages: [ConsumedMessage] = []
    try forEachMessage(of: topic) { messages.append($0) }
    return messages
  }

  /// Passes on everything committed on a topic now.
  package func forEachMessage(of topic: String, _ body: (ConsumedMessage) throws -> Void) throws {
    let admin = try Admin(kafka: kafka, logger: quietLogger)
    let consumer = try Consumer(kafka: kafka, membership: nil, logger: quietLogger)
    defer { consumer.close() }
    let count = try admin.describe([topic]).first?.partitions ?? 0
    let partitions = (0..<Int32(count)).map { TopicPartition(topic, $0) }
    try consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
    var open = Set(partitions)
    try waitUntil("\(topic) is read") {
      for event in try consumer.pollBatch(maximum: 1000, timeoutMilliseconds: 200) {
        switch event {
        case .message(let message): try body(message)
        case .endOfPartition(let partition, _): open.remove(partition)
        case .failure(let error): throw error
        case .assigned, .revoked: break
        }
      }
      return open.isEmpty
    }
  }

  // MARK: - PostgreSQL

  package func connection() throws -> Connection {
    try Connection(DatabaseConfiguration(url: databaseURL, schema: schema, applicationName: "resync-tests"))
  }

  package func predictions(_ task: ModelTask) throws -> [String: PredictionRow] {
    let rows = try Predictions(try connection()).rows(task: task.rawValue)
    return Dictionary(uniqueKeysWithValues: rows.map { ($0.recordingID, $0) })
  }

  /// Waits until each recording has an outcome for each task; fails at once if a service that should run has ended.
  package func waitForOutcomes(_ recordings: [String], seconds: Double = 180) throws {
    let connection = try connection()
    let running = services.filter(\.isRunning)
    try waitUntil("\(recordings.count) recordings have their outcomes", seconds: seconds) {
      if let ended = running.first(where: { !$0.isRunning }) {
        throw WaitedInVain(description: "\(ended.instance) has ended")
      }
      return try SuiteStatus.read(connection, recordings: recordings).missing == 0
    }
  }

  /// Makes a model live without training it here.
  package func register(_ model: ModelArtifact, promoted: Bool = true) throws {
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
