import Foundation

/// A training run that is asked for.
public struct TrainingJobSubmission: Hashable, Sendable {
  public var jobID: String
  public var task: String
  /// What to train and how: JSON text.
  public var specification: String
  public var recordings: [String]
  public var cohort: String?
  public var pipelineID: String
  /// A job that was claimed this often without an end has failed.
  public var maxAttempts: Int

  public init(
    jobID: String, task: String, specification: String, recordings: [String], cohort: String? = nil,
    pipelineID: String, maxAttempts: Int = 5
  ) {
    self.jobID = jobID
    self.task = task
    self.specification = specification
    self.recordings = recordings
    self.cohort = cohort
    self.pipelineID = pipelineID
    self.maxAttempts = maxAttempts
  }
}

public struct TrainingJobRow: Hashable, Sendable {
  public enum State: String, CaseIterable, Sendable { case queued, running, succeeded, failed, cancelled }

  public var submission: TrainingJobSubmission
  public var state: State
  public var leaseOwner: String?
  public var leaseExpiresAt: Date?
  /// How often the job was claimed.
  public var attempts: Int
  public var error: String?
  public var modelID: String?
  public var createdAt: Date
  public var startedAt: Date?
  public var finishedAt: Date?
}

/// The right to work on a job. The attempt tells a trainer from an earlier one of the same name.
public struct TrainingLease: Hashable, Sendable {
  public var jobID: String
  public var owner: String
  public var attempt: Int

  public init(jobID: String, owner: String, attempt: Int) {
    self.jobID = jobID
    self.owner = owner
    self.attempt = attempt
  }

  var parameters: [SQLValue] { [.text(jobID), .text(owner), .int(attempt)] }
}

/// A job that the caller may now work on, from its last checkpoint.
public struct ClaimedJob: Hashable, Sendable {
  public var job: TrainingJobRow
  public var lease: TrainingLease
  public var checkpoint: [UInt8]?
}

/// One epoch of a training run.
public struct TrainingEpoch: Hashable, Sendable {
  public var epoch: Int
  public var trainLoss: Double
  public var validationLoss: Double?
  public var validationScore: Double?
  public var imagesPerSecond: Double?

  public init(
    epoch: Int, trainLoss: Double, validationLoss: Double? = nil, validationScore: Double? = nil,
    imagesPerSecond: Double? = nil
  ) {
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.validationLoss = validationLoss
    self.validationScore = validationScore
    self.imagesPerSecond = imagesPerSecond
  }
}

/// Tables `training_jobs`, `training_epochs`. Times are the database's, so that trainers need no common clock.
public struct TrainingJobs {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Queues a job.
  /// - Returns: whether it is new; the same job again changes nothing.
  /// - Throws: `StoreError` (`CONFLICT`) when the id stands with other content.
  @discardableResult
  public func submit(_ submission: TrainingJobSubmission) throws -> Bool {
    let parameters: [SQLValue] = [
      .text(submission.jobID), .text(submission.task), .json(submission.specification), .texts(submission.recordings),
      .text(submission.cohort), .text(submission.pipelineID), .int(submission.maxAttempts),
    ]
    let inserted = try connection.execute(
      """
      insert into training_jobs (job_id, task, specification, recordings, cohort, pipeline_id, max_attempts)
      values ($1, $2, $3, $4, $5, $6, $7) on conflict (job_id) do nothing
      """, parameters)
    if inserted.affected == 1 { return true }
    let same = try connection.execute(
      """
      select from training_jobs where job_id = $1 and task = $2 and specification = $3 and recordings = $4
        and cohort is not distinct from $5 and pipeline_id = $6 and max_attempts = $7
      """, parameters)
    guard !same.isEmpty else {
      throw StoreError(.conflict, "job '\(submission.jobID)' stands with other content; give the new job its own id")
    }
    return false
  }

  /// Takes the given job, or the oldest, if it is queued or its lease has run out. Never waits for another trainer.
  ///
  /// - Parameter leaseSeconds: the caller renews well before.
  /// - Returns: nil when there is nothing to take.
  public func claim(jobID: String? = nil, owner: String, leaseSeconds: Double) throws -> ClaimedJob? {
    try connection.execute(
      """
      update training_jobs
      set state = 'failed', lease_owner = null, lease_expires_at = null, finished_at = clock_timestamp(),
        error = 'TOO_MANY_ATTEMPTS: the trainer stopped without a word at each attempt; see its logs'
      where state = 'running' and lease_expires_at <= clock_timestamp() and attempts >= max_attempts
      """)
    let rows = try connection.execute(
      """
      update training_jobs
      set state = 'running', lease_owner = $2, attempts = attempts + 1,
        lease_expires_at = clock_timestamp() + make_interval(secs => $3),
        started_at = coalesce(started_at, clock_timestamp())
      where job_id = (
        select job_id from training_jobs
        where ($1::text is null or job_id = $1)
          and (state = 'queued' or (state = 'running' and lease_expires_at <= clock_timestamp()))
        order by created_at, job_id limit 1 for update skip locked)
      returning *
      """, [.text(jobID), .text(owner), .double(leaseSeconds)])
    guard let row = rows.first else { return nil }
    let job = try TrainingJobRow(row)
    return ClaimedJob(
      job: job, lease: TrainingLease(jobID: job.submission.jobID, owner: owner, attempt: job.attempts),
      checkpoint: try row[optional: "checkpoint", .bytes])
  }

  /// Extends a lease; one that ran out may be renewed until another trainer takes the job.
  /// - Throws: `StoreError` (`LEASE_LOST`); the caller drops the job.
  public func renew(_ lease: TrainingLease, leaseSeconds: Double) throws {
    try change(
      lease, "lease_expires_at = clock_timestamp() + make_interval(secs => $4)", [.double(leaseSeconds)])
  }

  /// - Throws: `StoreError` (`LEASE_LOST`); nothing was saved.
  public func saveCheckpoint(_ lease: TrainingLease, _ checkpoint: [UInt8]) throws {
    try change(lease, "checkpoint = $4, checkpoint_at = clock_timestamp()", [.bytes(checkpoint)])
  }

  /// Ends a job with the model that it made, and drops the checkpoint. Saying so again changes nothing.
  /// - Throws: `StoreError` (`LEASE_LOST`).
  public func complete(_ lease: TrainingLease, modelID: String) throws {
    if let job = try find(lease.jobID), job.state == .succeeded, job.modelID == modelID { return }
    try change(
      lease,
      """
      state = 'succeeded', model_id = $4, error = null, lease_owner = null, lease_expires_at = null,
        checkpoint = null, checkpoint_at = null, finished_at = clock_timestamp()
      """, [.text(modelID)])
  }

  /// Ends a job that cannot succeed. The checkpoint is kept.
  /// - Throws: `StoreError` (`LEASE_LOST`).
  public func fail(_ lease: TrainingLease, error: String) throws {
    try change(
      lease,
      "state = 'failed', error = $4, lease_owner = null, lease_expires_at = null, finished_at = clock_timestamp()",
      [.text(error)])
  }

  /// Gives a job back, as at a shutdown: any trainer may go on from the checkpoint at once. It was no failed attempt.
  /// - Throws: `StoreError` (`LEASE_LOST`).
  public func release(_ lease: TrainingLease) throws {
    try change(
      lease, "state = 'queued', lease_owner = null, lease_expires_at = null, attempts = attempts - 1", [])
  }

  /// Cancels a job that has not ended; a trainer at work learns it at its next renewal.
  /// - Returns: false when the job has ended already or does not exist.
  public func cancel(_ jobID: String) throws -> Bool {
    try connection.execute(
      """
      update training_jobs
      set state = 'cancelled', lease_owner = null, lease_expires_at = null, finished_at = clock_timestamp()
      where job_id = $1 and state in ('queued', 'running')
      """, [.text(jobID)]
    ).affected == 1
  }

  public func find(_ jobID: String) throws -> TrainingJobRow? {
    try connection.execute("\(Self.select) where job_id = $1", [.text(jobID)]).first.map(TrainingJobRow.init)
  }

  /// Newest first.
  public func list(limit: Int = 100) throws -> [TrainingJobRow] {
    try connection.execute("\(Self.select) order by created_at desc, job_id limit $1", [.int(limit)])
      .map(TrainingJobRow.init)
  }

  /// Writes an epoch; a run that resumes may write the same one again.
  public func upsertEpoch(jobID: String, _ epoch: TrainingEpoch) throws {
    try connection.execute(
      """
      insert into training_epochs (job_id, epoch, train_loss, validation_loss, validation_score, images_per_second)
      values ($1, $2, $3, $4, $5, $6)
      on conflict (job_id, epoch) do update set train_loss = excluded.train_loss,
        validation_loss = excluded.validation_loss, validation_score = excluded.validation_score,
        images_per_second = excluded.images_per_second
      """,
      [
        .text(jobID), .int(epoch.epoch), .double(epoch.trainLoss), .double(epoch.validationLoss),
        .double(epoch.validationScore), .double(epoch.imagesPerSecond),
      ])
  }

  public func epochs(_ jobID: String) throws -> [TrainingEpoch] {
    try connection.execute("select * from training_epochs where job_id = $1 order by epoch", [.text(jobID)])
      .map { row in
        TrainingEpoch(
          epoch: Int(try row["epoch", .int]), trainLoss: try row["train_loss", .double],
          validationLoss: try row[optional: "validation_loss", .double],
          validationScore: try row[optional: "validation_score", .double],
          imagesPerSecond: try row[optional: "images_per_second", .double])
      }
  }

  /// Changes a job that the lease still stands for; `$4` onwards are `parameters`.
  private func change(_ lease: TrainingLease, _ assignments: String, _ parameters: [SQLValue]) throws {
    let rows = try connection.execute(
      "update training_jobs set \(assignments) where job_id = $1 and state = 'running' and lease_owner = $2 and attempts = $3",
      lease.parameters + parameters)
    guard rows.affected == 1 else {
      throw StoreError(
        .leaseLost, "job '\(lease.jobID)' is no longer this trainer's (taken over, ended or cancelled); drop it")
    }
  }

  /// Everything but the checkpoint, which may be large.
  private static let select = """
    select job_id, task, specification, recordings, cohort, pipeline_id, state, lease_owner, lease_expires_at, attempts,
      max_attempts, error, model_id, created_at, started_at, finished_at
    from training_jobs
    """
}

extension TrainingJobRow {
  init(_ row: Row) throws {
    submission = TrainingJobSubmission(
      jobID: try row["job_id", .text], task: try row["task", .text], specification: try row["specification", .json],
      recordings: try row["recordings", .texts], cohort: try row[optional: "cohort", .text],
      pipelineID: try row["pipeline_id", .text], maxAttempts: Int(try row["max_attempts", .int]))
    state = try row.oneOf("state")
    leaseOwner = try row[optional: "lease_owner", .text]
    leaseExpiresAt = try row[optional: "lease_expires_at", .timestamp]
    attempts = Int(try row["attempts", .int])
    error = try row[optional: "error", .text]
    modelID = try row[optional: "model_id", .text]
    createdAt = try row["created_at", .timestamp]
    startedAt = try row[optional: "started_at", .timestamp]
    finishedAt = try row[optional: "finished_at", .timestamp]
  }
}
