import Foundation
import Logging
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// `ecg.spectrograms` → rows in PostgreSQL → `crt.predictions`, then the offsets: at least once, with rows that a
/// repetition does not change.
package struct PredictorPipeline: Sendable {
  private let context: ServiceContext
  private let tasks: [ModelTask]
  private let threads: Int
  private let batchSize: Int
  private let migrations: Migrator
  private let promotions: PromotionSignal
  private let scoring: BeatScoring

  /// - Parameters:
  ///   - threads: of the network.
  ///   - batchSize: most messages scored and written at once.
  ///   - promotions: raised by the listener of `model.events`.
  package init(
    context: ServiceContext, tasks: [ModelTask], threads: Int, batchSize: Int, migrations: Migrator,
    promotions: PromotionSignal, scoring: @escaping BeatScoring = { try $0.score($1, threads: $2) }
  ) {
    self.context = context
    self.tasks = tasks
    self.threads = threads
    self.batchSize = batchSize
    self.migrations = migrations
    self.promotions = promotions
    self.scoring = scoring
  }

  package func run(_ stop: StopSignal) throws {
    let topics = [Topic.spectrograms, Topic.predictions, Topic.modelEvents, Topic.rejected]
    guard try context.waitForKafka(topics: topics, stop: stop),
      let pool = try context.waitForDatabase(migrations: migrations, stop: stop)
    else { return }
    var scorer = Scorer(
      tasks: tasks, threads: threads, models: LiveModels(tasks: tasks, logger: context.logger), scoring: scoring)
    try waitForModels(&scorer, pool, stop)

    try context.retrying(stop) { progressed in try consume(&scorer, pool, stop) { progressed() } }
  }

  /// Nothing is consumed before every task has a live model: messages wait in Kafka, and the service is not ready.
  private func waitForModels(_ scorer: inout Scorer, _ pool: ConnectionPool, _ stop: StopSignal) throws {
    while !stop.isStopped {
      try refresh(&scorer, pool)
      let missing = tasks.filter { scorer.models.live[$0] == nil }.map(\.rawValue)
      context.readiness.set(
        ReadinessCondition.models, missing.isEmpty,
        detail: missing.isEmpty ? "" : "no live model for \(missing.joined(separator: ", "))")
      if missing.isEmpty { return }
      promotions.wait(seconds: 2, stop: stop)
    }
  }

  private func refresh(_ scorer: inout Scorer, _ pool: ConnectionPool) throws {
    do {
      try pool.withConnection { try scorer.models.refresh($0) }
    } catch let error as StoreError where error.isRetriable {
      context.logger.warning("promotions cannot be read now: \(error)")
    }
  }

  private func consume(
    _ scorer: inout Scorer, _ pool: ConnectionPool, _ stop: StopSignal, progressed: () -> Void
  ) throws {
    let producer = try Producer(kafka: context.kafka, logger: context.logger)
    let consumer = try Consumer(kafka: context.kafka, membership: context.membership, logger: context.logger)
    defer { consumer.close() }
    try consumer.subscribe([Topic.spectrograms])
    let observer = MetricsObserver(context, inputTopic: Topic.spectrograms)
    var nextRefresh = Date.distantPast

    while !stop.isStopped {
      if promotions.take() || Date() >= nextRefresh {
        try refresh(&scorer, pool)
        nextRefresh = Date(timeIntervalSinceNow: 5)
      }
      var messages: [ConsumedMessage] = []
      var ends: [TopicPartition: Int64] = [:]
      var revoked: Set<TopicPartition> = []
      for event in try consumer.pollBatch(maximum: batchSize, timeoutMilliseconds: 50) {
        switch event {
        case .message(let message):
          context.lag.began(TopicPartition(message.topic, message.partition), at: message.offset)
          messages.append(message)
        case .assigned(let partitions):
          context.lag.hold(Set(partitions))
          observer.readinessChanged(isReady: true)
        // What was read of partitions that are gone is another replica's now; its rows would be the same.
        case .revoked(let partitions, _):
          revoked.formUnion(partitions)
          context.lag.release(partitions)
        case .endOfPartition(let partition, let offset): ends[partition] = offset
        case .failure(let error) where error.endsSession: throw error
        case .failure: break
        }
      }
      messages.removeAll { revoked.contains(TopicPartition($0.topic, $0.partition)) }
      guard !messages.isEmpty else {
        context.lag.reached(ends)
        continue
      }

      let began = ContinuousClock.now
      var batch = PredictionBatch(messages, metrics: context.metrics)
      let predictions = try pool.withConnection { try scorer.write(&batch, $0) }
      let processing = began.duration(to: .now)
      for message in batch.rejected { try producer.send(message) }
      for row in predictions { try producer.send(OutgoingMessage(row)) }
      try producer.flush()
      try consumer.commitRepeatable(batch.offsets, logger: context.logger)
      observer.transactionCommitted(
        messagesIn: messages.count, messagesOut: predictions.count + batch.rejected.count,
        processing: processing, duration: began.duration(to: .now))
      context.lag.reached(batch.offsets.merging(ends) { max($0, $1) })
      progressed()
    }
  }
}

extension OutgoingMessage {
  /// The stored row as hospital systems and the evaluator read it.
  init(_ row: PredictionRow) {
    var wire = ProtoPrediction()
    wire.recordingID = row.recordingID
    wire.task = row.task
    wire.patient = row.patient
    wire.modelID = row.modelID ?? ""
    wire.outcome = row.outcome.rawValue
    if let probability = row.probability { wire.probability = probability }
    if let calibrated = row.calibratedProbability { wire.calibratedProbability = calibrated }
    if let interval = row.interval {
      (wire.probabilityLowest, wire.probabilityHighest) = (interval.lowerBound, interval.upperBound)
    }
    wire.decision = row.decision ?? ""
    wire.flags = row.flags
    wire.beatCounts = row.beatCounts
    wire.trainedOnSynthetic = row.trainedOnSynthetic ?? false
    wire.synthetic = row.synthetic
    wire.code = row.code ?? ""
    self.init(topic: Topic.predictions, key: Array(row.recordingID.utf8), value: wire.encoded())
  }
}
