import Foundation
import Logging
import Messages
import ResyncCore
import ServiceKit
import Store
import Streaming

/// Takes jobs from `training.jobs` and from PostgreSQL, one at a time.
///
/// The message only wakes the trainer: who works on a job is decided by its lease in PostgreSQL, so that a job whose
/// trainer died is taken up by another from its last checkpoint.
struct TrainerPipeline {
  var context: ServiceContext
  var settings: TrainerSettings
  var migrations: Migrator

  func run(_ stop: StopSignal) throws {
    let topics = [Topic.trainingJobs, Topic.spectrograms, Topic.modelEvents]
    guard try context.waitForKafka(topics: topics, stop: stop),
      let pool = try context.waitForDatabase(migrations: migrations, stop: stop)
    else { return }
    try context.retrying(stop) { progressed in try work(pool, stop) { progressed() } }
  }

  private func work(_ pool: ConnectionPool, _ stop: StopSignal, progressed: () -> Void) throws {
    let consumer = try Consumer(kafka: context.kafka, membership: context.membership, logger: context.logger)
    defer { consumer.close() }
    try consumer.subscribe([Topic.trainingJobs])
    context.readiness.set(ReadinessCondition.pipeline, true)
    var nextLook = Date.distantPast

    while !stop.isStopped {
      var woken = false
      for event in try consumer.pollBatch(maximum: 100, timeoutMilliseconds: 200) {
        switch event {
        case .message(let message):
          woken = true
          try consumer.commitRepeatable(
            [TopicPartition(message.topic, message.partition): message.offset + 1], logger: context.logger)
        case .failure(let error) where error.endsSession: throw error
        default: break
        }
      }
      guard woken || Date() >= nextLook else { continue }
      nextLook = Date(timeIntervalSinceNow: settings.lookSeconds)
      while !stop.isStopped,
        let claimed = try pool.withConnection({
          try TrainingJobs($0).claim(owner: context.common.instance, leaseSeconds: settings.leaseSeconds)
        })
      {
        var job = JobRunner(context: context, settings: settings, pool: pool, claimed: claimed)
        // The group membership lives on while a job runs: polling brings nothing else to do.
        try job.run(stop) { try idle(consumer) }
        progressed()
      }
    }
  }

  /// Keeps the membership of the group during a job; a job announced meanwhile is found in PostgreSQL afterwards.
  private func idle(_ consumer: Consumer) throws {
    for event in try consumer.pollBatch(maximum: 100, timeoutMilliseconds: 0) {
      if case .failure(let error) = event, error.endsSession { throw error }
    }
  }
}

/// What the trainer's configuration says.
struct TrainerSettings: Sendable {
  var threads: Int
  var leaseSeconds: Double
  /// How often PostgreSQL is asked for jobs that no message announced: expired leases.
  var lookSeconds: Double
  /// A job fails when nothing of its data has come for so long.
  var dataTimeoutSeconds: Double
  var maximumBeats: Int
}
