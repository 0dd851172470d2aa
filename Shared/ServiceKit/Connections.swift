import Logging
import Messages
import Store
import Streaming

/// What a pipeline retries after an abort is decided by the store's own judgement.
extension StoreError: RetriableError {}

extension ServiceContext {
  /// How this service talks to Kafka.
  public var kafka: KafkaConfiguration { common.kafkaConfiguration }

  /// How this service talks to PostgreSQL; only for services with `DatabaseKeys` in their table.
  public func databaseConfiguration() throws -> DatabaseConfiguration { try common.databaseConfiguration() }
}

extension CommonConfiguration {
  public var kafkaConfiguration: KafkaConfiguration {
    KafkaConfiguration(
      bootstrapServers: kafka.bootstrapServers, topicPrefix: kafka.topicPrefix, properties: kafka.properties,
      clientID: "\(serviceName)-\(instance)")
  }

  public func databaseConfiguration() throws -> DatabaseConfiguration {
    guard let database else { preconditionFailure("\(serviceName) has no database keys in its table") }
    // One attempt must end well within the time that a stop may take.
    return try DatabaseConfiguration(
      url: database.url.reveal(), schema: database.schema, applicationName: "resync-\(serviceName)",
      connectTimeoutSeconds: 3)
  }
}

/// Names of the readiness conditions that services report.
public enum ReadinessCondition {
  public static let kafka = "kafka"
  public static let database = "postgresql"
  public static let pipeline = "pipeline"
  public static let models = "models"
}

extension ServiceContext {
  /// Waits until the brokers answer and hold the topics; false when the service was stopped meanwhile.
  /// - Throws: `StreamingError` when a setting or the credentials are wrong: waiting mends neither.
  public func waitForKafka(topics: [String], stop: StopSignal) throws -> Bool {
    readiness.set(ReadinessCondition.kafka, false, detail: "not reached yet")
    func mayMend(_ error: any Error) -> Bool { (error as? StreamingError)?.endsSession != true }
    let reached: Void? = try waitUntilReachable(
      "Kafka at \(common.kafka.bootstrapServers)", stop: stop, logger: logger, retries: mayMend
    ) {
      // One attempt must end well within the time that a stop may take.
      let names = try Set(Admin(kafka: kafka, logger: logger, timeout: .seconds(3)).topicNames())
      let missing = topics.filter { !names.contains($0) }
      guard missing.isEmpty else { throw MissingTopics(names: missing) }
    }
    readiness.set(ReadinessCondition.kafka, reached != nil)
    return reached != nil
  }

  /// Waits until PostgreSQL answers and holds the current schema; nil when the service was stopped meanwhile.
  public func waitForDatabase(migrations: Migrator, stop: StopSignal) throws -> ConnectionPool? {
    let configuration = try databaseConfiguration()
    readiness.set(ReadinessCondition.database, false, detail: "not reached yet")
    let pool: ConnectionPool? = try waitUntilReachable("PostgreSQL", stop: stop, logger: logger) {
      let pool = ConnectionPool(configuration, limit: 4)
      try pool.withConnection { try migrations.verify($0) }
      return pool
    }
    if pool != nil { readiness.set(ReadinessCondition.database, true) }
    return pool
  }
}

struct MissingTopics: Error, CustomStringConvertible {
  var names: [String]
  var description: String { "topics are missing: \(names.joined(separator: ", ")); run `resync setup`" }
}

/// A pipeline's events as metrics and readiness.
public final class MetricsObserver: PipelineObserver {
  private let metrics: ServiceMetrics
  private let readiness: Readiness
  private let topic: String
  private let step: String
  private let lag: LagGauge

  public init(_ context: ServiceContext, inputTopic: String) {
    metrics = context.metrics
    readiness = context.readiness
    topic = inputTopic
    step = context.common.serviceName
    lag = context.lag
    readiness.set(ReadinessCondition.pipeline, false, detail: "not a member of the group yet")
  }

  public func transactionCommitted(messagesIn: Int, messagesOut: Int, processing: Duration, duration: Duration) {
    metrics.messagesIn(messagesIn, topic: topic)
    metrics.messagesOut(messagesOut, topic: "all")
    metrics.processing(seconds: processing / .seconds(1), step: step)
    metrics.transactionCommitted(seconds: duration / .seconds(1))
  }
  public func transactionAborted(code: String) { metrics.transactionAborted() }
  public func messageRepeated(partition: Int32) { metrics.repeated(topic: topic) }
  public func positionObserved(partition: Int32, next: Int64) { lag.reached([TopicPartition(topic, partition): next]) }
  public func queueObserved(messages: Int) { metrics.queueDepth(messages, queue: "producer") }
  public func assignmentChanged(partitions: [Int32]) {
    lag.hold(Set(partitions.map { TopicPartition(topic, $0) }))
  }
  public func readinessChanged(isReady: Bool) {
    readiness.set(
      ReadinessCondition.pipeline, isReady,
      detail: isReady ? "" : "not a member of the group, or its state is not restored yet")
  }
  public func stateSizeChanged(keys: Int) { metrics.stateEntries(keys) }
  public func statesUnreadable(_ count: Int) { metrics.statesUnreadable(count) }
}
