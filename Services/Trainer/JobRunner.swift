import Foundation
import Logging
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// One claimed job from its data to the registered model.
struct JobRunner {
  /// Why a job cannot succeed, however often it is tried.
  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  /// The service stops; the job waits for the next trainer.
  struct Stopped: Error {}

  var context: ServiceContext
  var settings: TrainerSettings
  var pool: ConnectionPool
  var claimed: ClaimedJob
  private var nextRenewal = Date.distantPast

  init(context: ServiceContext, settings: TrainerSettings, pool: ConnectionPool, claimed: ClaimedJob) {
    self.context = context
    self.settings = settings
    self.pool = pool
    self.claimed = claimed
  }

  private var jobID: String { claimed.job.submission.jobID }

  /// - Parameter idle: called between steps; keeps the caller's consumer alive.
  mutating func run(_ stop: StopSignal, idle: () throws -> Void) throws {
    let logger = context.logger
    logger.notice("job \(jobID) begins, attempt \(claimed.lease.attempt)")
    do {
      try train(stop, idle: idle)
    } catch is Stopped {
      try pool.withConnection { try TrainingJobs($0).release(claimed.lease) }
      logger.notice("job \(jobID) is left to the next trainer at its last checkpoint")
    } catch let error as StoreError where error.code == .leaseLost {
      logger.warning("job \(jobID) was taken over by another trainer")
    } catch let error as any RetriableError where error.isRetriable {
      // No fault of the job's. Should PostgreSQL be what is away, the lease runs out instead.
      try? pool.withConnection { try TrainingJobs($0).release(claimed.lease) }
      throw error
    } catch {
      logger.error("job \(jobID) failed: \(error)")
      try pool.withConnection(attempts: 3) { try TrainingJobs($0).fail(claimed.lease, error: "\(error)") }
    }
  }

  // MARK: - Steps

  private mutating func train(_ stop: StopSignal, idle: () throws -> Void) throws {
    let submission = claimed.job.submission
    guard let task = ModelTask(rawValue: submission.task),
      let order = try? JSONDecoder().decode(TrainingOrder.self, from: Data(submission.specification.utf8))
    else { throw Failure(description: "task or specification of the job is not one this trainer knows") }
    guard order.pipeline.id == submission.pipelineID else {
      throw Failure(description: "the job's pipeline \(submission.pipelineID) is not that of its specification")
    }
    let teaching = try teachingMembers(of: submission.cohort, task: task)
    let parent = try order.parentModelID.map { id in
      guard let record = try pool.withConnection({ try Models($0).load(id) }) else {
        throw Failure(description: "parent model \(id) is not in the registry")
      }
      return try ModelArtifact(decoding: record.weights)
    }
    let data = TrainingExamples(
      try collect(submission, order, stop, idle: idle), task: task,
      responses: Self.byPatient(teaching, \.response), baselineECGs: Self.byPatient(teaching, \.baseline.recordingID))
    guard !data.examples.isEmpty else {
      throw Failure(
        description: "none of the beats has a label for \(task.rawValue); of a patient with an ecg_record only that "
          + "recording teaches")
    }
    context.logger.info("job \(jobID) trains on \(data.examples.count) beats of \(data.recordings.count) recordings")

    let provenance = TrainingProvenance(
      trainingRecordings: data.recordings.map(\.recordingID), trainedOnSynthetic: data.isSynthetic)
    let run =
      if let checkpoint = claimed.checkpoint {
        try TrainingRun(
          resuming: checkpoint, specification: order.training, examples: data.examples, pipeline: order.pipeline,
          provenance: provenance, parent: parent, threads: settings.threads)
      } else {
        try TrainingRun(
          specification: order.training, examples: data.examples, pipeline: order.pipeline, provenance: provenance,
          parent: parent, threads: settings.threads)
      }
    var display = ProgressDisplay(logger: context.logger, prefix: "job \(jobID) ")
    while !run.isFinished {
      let epoch: EpochMetrics
      do {
        epoch = try run.runEpoch { progress in
          display.show(progress)
          try alive(stop, idle)
        }
      } catch is Stopped {
        display.clear()
        try pool.withConnection { try TrainingJobs($0).saveCheckpoint(claimed.lease, run.checkpoint()) }
        throw Stopped()
      }
      display.clear()
      try pool.withConnection(attempts: 3) { connection in
        try TrainingJobs(connection).upsertEpoch(jobID: jobID, TrainingEpoch(epoch))
        try TrainingJobs(connection).saveCheckpoint(claimed.lease, run.checkpoint())
      }
      context.logger.info(
        "job \(jobID) epoch \(epoch.epoch + 1) of \(order.training.epochs): loss \(epoch.trainLoss)")
    }
    try register(run.finish { _ in try alive(stop, idle) }, order, data)
  }

  /// The training patients of the cohort; held-out patients never teach.
  private func teachingMembers(of cohort: String?, task: ModelTask) throws -> [CohortMember] {
    guard task == .crtResponse else { return [] }
    guard let cohort else { throw Failure(description: "a crt-response job needs a cohort") }
    return try pool.withConnection { try Cohorts($0).members(cohort) }.filter { $0.baseline.role == .train }
  }

  private static func byPatient<T>(_ members: [CohortMember], _ value: (CohortMember) -> T?) -> [String: T] {
    Dictionary(
      uniqueKeysWithValues: members.compactMap { member in value(member).map { (member.baseline.patient, $0) } })
  }

  /// Reads `ecg.spectrograms` from its beginning until every recording of the job has ended.
  private mutating func collect(
    _ submission: TrainingJobSubmission, _ order: TrainingOrder, _ stop: StopSignal, idle: () throws -> Void
  ) throws -> [SpectrogramCollector.Recording] {
    var collector = SpectrogramCollector(
      wanted: Set(submission.recordings), pipelineID: submission.pipelineID,
      shape: (order.pipeline.image.rows, order.pipeline.image.columns), leadSet: order.training.leadSet)
    let admin = try Admin(kafka: context.kafka, logger: context.logger)
    let partitions = try admin.describe([Topic.spectrograms]).first?.partitions ?? 0
    let consumer = try Consumer(kafka: context.kafka, membership: nil, logger: context.logger)
    defer { consumer.close() }
    try consumer.assign(
      Dictionary(
        uniqueKeysWithValues: (0..<Int32(partitions)).map { (TopicPartition(Topic.spectrograms, $0), .beginning) }))

    var lastNews = Date()
    while !collector.isComplete {
      for event in try consumer.pollBatch(maximum: 500, timeoutMilliseconds: 100) {
        guard case .message(let message) = event,
          // A message that cannot be read is the predictor's to reject; here its beat will be missing.
          let decoded = try? ProtoSpectrogramEvent.decoded(from: message.value),
          collector.add(decoded, key: message.key)
        else { continue }
        lastNews = Date()
      }
      guard collector.beatCount <= settings.maximumBeats else {
        throw Failure(
          description:
            "the job has more than \(settings.maximumBeats) beats; raise --maximum-beats or name fewer recordings")
      }
      if Date().timeIntervalSince(lastNews) > settings.dataTimeoutSeconds {
        throw Failure(description: Self.incomplete(collector, seconds: settings.dataTimeoutSeconds))
      }
      try alive(stop, idle)
    }
    context.logger.info("job \(jobID) has \(collector.beatCount) beats of \(collector.endedCount) recordings")
    return collector.recordings
  }

  private static func incomplete(_ collector: SpectrogramCollector, seconds: Double) -> String {
    func named(_ ids: [String]) -> String {
      ids.prefix(5).map { String($0.prefix(12)) }.joined(separator: ", ") + (ids.count > 5 ? ", …" : "")
    }
    return "nothing more came for \(Int(seconds)) s: \(collector.waiting.count) recordings have not ended "
      + "(\(named(collector.waiting))), \(collector.lost.count) have lost beats to the topic's retention "
      + "(\(named(collector.lost))); submit the job before publishing, or lengthen the retention of ecg.spectrograms"
  }

  /// Model, promotion and the job's success in one transaction; then the event that wakes predictors.
  private func register(_ artifact: ModelArtifact, _ order: TrainingOrder, _ data: TrainingExamples) throws {
    let record = ModelRecord(
      modelID: artifact.modelID, task: artifact.metadata.task.rawValue, weights: artifact.encoded(),
      metadata: try Self.json(artifact.metadata), parentModelID: order.parentModelID,
      trainedOnSynthetic: artifact.metadata.trainedOnSynthetic, pipeline: order.pipeline, jobID: jobID)
    try pool.withConnection(attempts: 3) { connection in
      try connection.transaction {
        let inherited = try order.parentModelID.map { try Models(connection).trainingRecordings($0) } ?? []
        try Models(connection).insert(record, trainingRecordings: Array(Set(data.recordings + inherited)))
        if order.promotes {
          _ = try Promotions(connection).promote(
            task: record.task, modelID: record.modelID, by: "trainer", reason: "job \(jobID)")
        }
        try TrainingJobs(connection).complete(claimed.lease, modelID: record.modelID)
      }
    }
    context.logger.notice("job \(jobID) registered \(record.modelID)\(order.promotes ? " and promoted it" : "")")
    guard order.promotes else { return }
    let producer = try Producer(kafka: context.kafka, logger: context.logger)
    try producer.send(.modelPromoted(task: record.task, modelID: record.modelID))
    try producer.flush()
  }

  private static func json(_ metadata: ModelMetadata) throws -> String {
    String(decoding: try JSONEncoder().encode(metadata), as: UTF8.self)
  }

  /// Called often: renews the lease in time and lets go when the service stops.
  private mutating func alive(_ stop: StopSignal, _ idle: () throws -> Void) throws {
    if stop.isStopped { throw Stopped() }
    guard Date() >= nextRenewal else { return }
    try idle()
    try pool.withConnection(attempts: 3) {
      try TrainingJobs($0).renew(claimed.lease, leaseSeconds: settings.leaseSeconds)
    }
    nextRenewal = Date(timeIntervalSinceNow: settings.leaseSeconds / 4)
  }
}

extension TrainingEpoch {
  fileprivate init(_ metrics: EpochMetrics) {
    self.init(
      epoch: metrics.epoch, trainLoss: metrics.trainLoss, validationLoss: metrics.validationLoss,
      validationScore: metrics.validationAUC ?? metrics.validationMacroF1, imagesPerSecond: metrics.imagesPerSecond)
  }
}
