import Store
import Testing

@Suite("Training jobs", .needsPostgreSQL) struct TrainingJobTests {
  private func withJobs(_ body: (Connection, TrainingJobs) throws -> Void) throws {
    try withDatabase { connection in
      try Models(connection).insert(model("m-1"), trainingRecordings: [])
      try body(connection, TrainingJobs(connection))
    }
  }

  @Test("the same job again changes nothing, and its id with other content is refused")
  func submittingIsIdempotent() throws {
    try withJobs { _, jobs in
      let isNew = try jobs.submit(trainingJob("j"))
      #expect(isNew)
      #expect(try !jobs.submit(trainingJob("j")))
      var other = trainingJob("j")
      other.recordings = ["r-3"]
      #expect(try storeError { try jobs.submit(other) }.code == .conflict)
      #expect(try jobs.find("j")?.submission.recordings == ["r-1", "r-2"])
      #expect(try jobs.list().count == 1)
    }
  }

  @Test("a job is claimed once, oldest first, and by name if asked")
  func claimsAreExclusive() throws {
    try withJobs { connection, jobs in
      for id in ["j-1", "j-2", "j-3"] { try jobs.submit(trainingJob(id)) }
      let schema = connection.configuration.schema
      #expect(try jobs.claim(jobID: "j-2", owner: "named", leaseSeconds: 60)?.job.submission.jobID == "j-2")
      #expect(try jobs.claim(jobID: "j-2", owner: "late", leaseSeconds: 60) == nil)
      let claims = try inParallel(6) { index in
        try TrainingJobs(Connection(configuration(schema: schema))).claim(owner: "t-\(index)", leaseSeconds: 60)
      }
      #expect(claims.compactMap(\.?.job.submission.jobID).sorted() == ["j-1", "j-3"])
    }
  }

  @Test("a lease that ran out passes to another trainer with the last checkpoint, and the first one learns it")
  func expiredLeasesPassOn() throws {
    try withJobs { _, jobs in
      try jobs.submit(trainingJob("j"))
      let first = try #require(try jobs.claim(owner: "trainer", leaseSeconds: 60))
      try jobs.saveCheckpoint(first.lease, [1, 2, 3])
      #expect(try jobs.claim(owner: "other", leaseSeconds: 60) == nil, "the lease stands")
      try jobs.renew(first.lease, leaseSeconds: 0)
      // The same name: after a restart a trainer must not be taken for the one it replaces.
      let second = try #require(try jobs.claim(owner: "trainer", leaseSeconds: 60))
      #expect(second.checkpoint == [1, 2, 3])
      #expect(second.job.attempts == 2)
      let attempts: [() throws -> Void] = [
        { try jobs.renew(first.lease, leaseSeconds: 60) }, { try jobs.saveCheckpoint(first.lease, [9]) },
        { try jobs.complete(first.lease, modelID: "m-1") }, { try jobs.fail(first.lease, error: "X") },
        { try jobs.release(first.lease) },
      ]
      for attempt in attempts { #expect(try storeError(attempt).code == .leaseLost) }
      try jobs.complete(second.lease, modelID: "m-1")
      try jobs.complete(second.lease, modelID: "m-1")
      let done = try #require(try jobs.find("j"))
      #expect(done.state == .succeeded && done.modelID == "m-1" && done.leaseOwner == nil && done.finishedAt != nil)
    }
  }

  @Test("a lease that ran out may be renewed while nobody took the job")
  func lateRenewal() throws {
    try withJobs { _, jobs in
      try jobs.submit(trainingJob("j"))
      let claimed = try #require(try jobs.claim(owner: "trainer", leaseSeconds: 0))
      try jobs.renew(claimed.lease, leaseSeconds: 60)
      #expect(try jobs.claim(owner: "other", leaseSeconds: 60) == nil)
    }
  }

  @Test("a job whose trainers vanish again and again fails and says so")
  func attemptsAreLimited() throws {
    try withJobs { _, jobs in
      try jobs.submit(trainingJob("j", maxAttempts: 2))
      for _ in 0..<2 { #expect(try jobs.claim(owner: "t", leaseSeconds: 0) != nil) }
      #expect(try jobs.claim(owner: "t", leaseSeconds: 0) == nil)
      let job = try #require(try jobs.find("j"))
      #expect(job.state == .failed && job.error?.hasPrefix("TOO_MANY_ATTEMPTS") == true)
    }
  }

  @Test("a job given back is claimed at once, a failed or cancelled one never")
  func endings() throws {
    try withJobs { _, jobs in
      try jobs.submit(trainingJob("j"))
      let first = try #require(try jobs.claim(owner: "a", leaseSeconds: 60))
      try jobs.release(first.lease)
      let second = try #require(try jobs.claim(owner: "b", leaseSeconds: 60))
      #expect(try jobs.cancel("j"))
      #expect(try storeError { try jobs.renew(second.lease, leaseSeconds: 60) }.code == .leaseLost)
      #expect(try !jobs.cancel("j"))
      try jobs.submit(trainingJob("k"))
      let third = try #require(try jobs.claim(owner: "c", leaseSeconds: 60))
      try jobs.fail(third.lease, error: "RECORDINGS_GONE: r-2")
      #expect(try jobs.claim(owner: "d", leaseSeconds: 60) == nil)
      #expect(try jobs.find("k")?.error == "RECORDINGS_GONE: r-2")
    }
  }

  @Test("an epoch written again is overwritten")
  func epochsAreIdempotent() throws {
    try withJobs { _, jobs in
      try jobs.submit(trainingJob("j"))
      try jobs.upsertEpoch(jobID: "j", TrainingEpoch(epoch: 1, trainLoss: 0.5))
      try jobs.upsertEpoch(jobID: "j", TrainingEpoch(epoch: 0, trainLoss: 0.9, validationScore: 0.4))
      let again = TrainingEpoch(epoch: 1, trainLoss: 0.4, validationLoss: 0.6, imagesPerSecond: 1000)
      try jobs.upsertEpoch(jobID: "j", again)
      let epochs = try jobs.epochs("j")
      #expect(epochs.map(\.epoch) == [0, 1] && epochs[1] == again)
    }
  }
}
