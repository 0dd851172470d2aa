import Foundation
import Store
import Testing

@Suite("Predictions", .needsPostgreSQL) struct PredictionTests {
  private func withModels(_ body: (Connection) throws -> Void) throws {
    try withDatabase { connection in
      try Models(connection).insert(model("m-1"), trainingRecordings: [])
      try Models(connection).insert(model("m-2", weights: [7]), trainingRecordings: [])
      try Models(connection).insert(model("m-crt", task: crt), trainingRecordings: [])
      try body(connection)
    }
  }

  @Test("the first model that a recording is pinned to stays, for every replica")
  func pinsStand() throws {
    try withModels { connection in
      let pins = Pins(connection)
      #expect(try pins.pin(["r-1", "r-2"], task: beatClass, modelID: "m-1") == ["r-1": "m-1", "r-2": "m-1"])
      let answer = try pins.pin(["r-2", "r-3", "r-3"], task: beatClass, modelID: "m-2")
      #expect(answer == ["r-2": "m-1", "r-3": "m-2"])
      #expect(try pins.pin(["r-1"], task: crt, modelID: "m-crt") == ["r-1": "m-crt"], "each task has its own pin")
      #expect(try pins.standing(["r-1", "r-9"], task: beatClass) == ["r-1": "m-1"])
      #expect(try pins.pin([], task: beatClass, modelID: "m-1") == [:])
      #expect(try storeError { _ = try pins.pin(["r-4"], task: crt, modelID: "m-1") }.code == .constraint)
    }
  }

  @Test("replicas that pin at the same moment agree")
  func concurrentPinsAgree() throws {
    try withModels { connection in
      let schema = connection.configuration.schema
      let ids = (0..<200).map { "r-\($0)" }
      let answers = try inParallel(4) { index in
        try Pins(Connection(configuration(schema: schema))).pin(
          index % 2 == 0 ? ids : ids.reversed(), task: beatClass, modelID: ["m-1", "m-2"][index % 2])
      }
      #expect(answers.allSatisfy { $0.count == ids.count && $0 == answers[0] })
    }
  }

  @Test("beats come back bit for bit in the order of their R-peaks, however often and in whatever order written")
  func beatsAreIdempotent() throws {
    try withModels { connection in
      let beats = BeatPredictions(connection)
      var rows = (0..<300).map { beat(Int64($0) * 250) }
      rows[1].logits = []
      rows[2].probabilities = [-0.0, .nan]
      try beats.upsert(rows.shuffled())
      let digest = try Digests(connection).of("r-1")
      try beats.upsert(rows.reversed() + rows)
      let stored = try beats.rows(recordingID: "r-1", task: beatClass)
      #expect(stored.map(\.rPeakSample) == rows.map(\.rPeakSample))
      #expect(stored[2].probabilities.map(\.bitPattern) == rows[2].probabilities.map(\.bitPattern))
      #expect(stored.count == 300 && stored.filter { $0.rPeakSample != 500 } == rows.filter { $0.rPeakSample != 500 })
      #expect(try Digests(connection).of("r-1") == digest)
    }
  }

  @Test("a beat that stands with the same content is not written again")
  func unchangedBeatsAreNotTouched() throws {
    try withModels { connection in
      let rows = (0..<50).map { beat(Int64($0)) }
      try BeatPredictions(connection).upsert(rows)
      let versions =
        "select string_agg(xmin::text || ctid::text, ',' order by r_peak_sample) as v from beat_predictions"
      let before = try connection.scalar(versions, .text)
      try BeatPredictions(connection).upsert(rows)
      #expect(try connection.scalar(versions, .text) == before)
      var changed = rows
      changed[0].probabilities[1] = -changed[0].probabilities[1]
      try BeatPredictions(connection).upsert(changed)
      #expect(try connection.scalar(versions, .text) != before)
      #expect(try BeatPredictions(connection).rows(recordingID: "r-1", task: beatClass) == changed)
    }
  }

  @Test("more beats than one statement carries arrive, of several recordings and tasks, and go recording by recording")
  func manyBeats() throws {
    try withModels { connection in
      let beats = BeatPredictions(connection)
      let perRecording = BeatPredictions.batchLimit / 2 + 100
      try beats.upsert(
        ["r-1", "r-2", "r-3"].flatMap { id in (0..<perRecording).map { beat(Int64($0), recording: id) } }
          + [beat(5, model: "m-crt", task: crt)])
      for id in ["r-1", "r-2", "r-3"] {
        #expect(try beats.rows(recordingID: id, task: beatClass).count == perRecording)
      }
      #expect(try beats.deleteAll(recordingID: "r-1") == perRecording + 1)
      #expect(try beats.deleteAll(recordingID: "r-1") == 0)
      #expect(try beats.rows(recordingID: "r-2", task: beatClass).count == perRecording)
    }
  }

  @Test("two writers of the same beats at once neither deadlock nor double them")
  func concurrentBeats() throws {
    try withModels { connection in
      let schema = connection.configuration.schema
      _ = try inParallel(4) { index in
        let beats = BeatPredictions(try Connection(configuration(schema: schema)))
        for round in 0..<5 {
          try beats.upsert(
            (0..<400).map { beat(Int64($0), model: (index + round) % 2 == 0 ? "m-1" : "m-2") }.shuffled())
        }
      }
      #expect(try BeatPredictions(connection).rows(recordingID: "r-1", task: beatClass).count == 400)
    }
  }

  @Test("a beat whose hash is not a hash, or whose model is unknown, is refused")
  func faultyBeats() throws {
    try withModels { connection in
      var short = beat(1)
      short.tensorSHA256 = [1]
      for faulty in [short, beat(1, model: "none"), beat(-1)] {
        let error = try storeError { try BeatPredictions(connection).upsert([faulty]) }
        #expect(error.code == .constraint)
      }
    }
  }

  @Test("a prediction written again is one row, says the last word and keeps its first time")
  func predictionsAreIdempotent() throws {
    try withModels { connection in
      let predictions = Predictions(connection)
      let created = "select created_at from predictions"
      try predictions.upsert(prediction("r-1"))
      let first = try connection.scalar(created, .timestamp)
      let version = try connection.scalar("select xmin::text as v from predictions", .text)
      try predictions.upsert(prediction("r-1"))
      #expect(try connection.scalar("select xmin::text as v from predictions", .text) == version, "not written again")
      var other = prediction("r-1")
      (other.outcome, other.decision, other.flags) = (.abstained, nil, ["PACED", "POOR_QUALITY"])
      try predictions.upsert(other)
      #expect(try predictions.rows(task: crt) == [other])
      #expect(try predictions.find(recordingID: "r-1", task: crt) == other)
      #expect(try connection.scalar(created, .timestamp) == first)
      #expect(try predictions.countByOutcome(task: crt) == [.abstained: 1])
    }
  }

  @Test(
    "a prediction without a model, half a calibration, a rejection without a code and a decision beside an abstention are refused"
  )
  func contradictoryPredictions() throws {
    try withModels { connection in
      var noModel = prediction("r-1")
      noModel.modelID = nil
      var noCode = prediction("r-1")
      (noCode.outcome, noCode.decision) = (.rejected, nil)
      var decided = prediction("r-1")
      decided.outcome = .abstained
      var noInterval = prediction("r-1")
      noInterval.interval = nil
      var impossible = prediction("r-1")
      impossible.interval = -0.1...0.5
      for faulty in [noModel, noCode, decided, noInterval, impossible] {
        let error = try storeError { try Predictions(connection).upsert(faulty) }
        #expect(error.code == .constraint)
      }
    }
  }

  @Test("the digest changes with one bit of a probability, and not with the times")
  func digestSeesBitsNotTimes() throws {
    func digests(_ change: (inout BeatPredictionRow, inout PredictionRow) -> Void) throws -> [String: String] {
      try withDatabase { connection in
        try fill(connection)
        var changedBeat = beat(301, recording: "r-2")
        var changedPrediction = prediction("r-1")
        change(&changedBeat, &changedPrediction)
        try BeatPredictions(connection).upsert([changedBeat])
        try Predictions(connection).upsert(changedPrediction)
        let all = try Digests(connection).all()
        #expect(try Digests(connection).of("r-2") == all["r-2"])
        #expect(try Digests(connection).of("r-9") == nil)
        return all
      }
    }
    let reference = try digests { _, _ in }
    #expect(reference.count == 4)
    #expect(try digests { _, _ in } == reference, "another run, other times")
    let bit = try digests { beat, _ in beat.probabilities[0] = beat.probabilities[0].nextUp }
    #expect(bit.filter { reference[$0.key] != $0.value }.map(\.key) == ["r-2"])
    let other = try digests { _, prediction in prediction.probability = 0.7.nextDown }
    #expect(other.filter { reference[$0.key] != $0.value }.map(\.key) == ["r-1"])
    let interval = try digests { _, prediction in prediction.interval = 0.55.nextDown...0.71 }
    #expect(interval.filter { reference[$0.key] != $0.value }.map(\.key) == ["r-1"])
  }

  @Test("a rejection written again is one row, and is replayed once")
  func rejectionsAreIdempotent() throws {
    try withDatabase { connection in
      let rejections = Rejections(connection)
      var row = RejectionRow(
        origin: Origin(topic: "ecg.ingest", partition: 1, offset: 5), service: "ingest", code: "TRUNCATED",
        text: "12 bytes of 40", sizeBytes: 12)
      let isNew = try rejections.upsert(row)
      #expect(isNew)
      row.code = "OTHER"
      #expect(try !rejections.upsert(row))
      #expect(try rejections.waiting().map(\.code) == ["TRUNCATED"])
      #expect(try rejections.waiting(code: "OTHER").isEmpty)
      #expect(try rejections.markReplayed(row.origin))
      #expect(try !rejections.markReplayed(row.origin))
      #expect(try rejections.waiting().isEmpty)
      #expect(try rejections.countByCode() == ["TRUNCATED": 1])
    }
  }

  @Test("an evaluation written again is one row and says the last word")
  func evaluationsAreIdempotent() throws {
    try withModels { connection in
      var row = EvaluationRow(
        evaluationID: "e", task: beatClass, modelID: "m-1", scope: "held-out", protocolText: "DS2",
        metrics: #"{"macroF1": 0.5}"#, recordings: 22, beats: 49_712, synthetic: false)
      try Evaluations(connection).upsert(row)
      row.counts = ConfusionCounts(truePositives: 1, trueNegatives: 2, falsePositives: 3, falseNegatives: 4)
      try Evaluations(connection).upsert(row)
      #expect(try Evaluations(connection).list(modelID: "m-1") == [row])
      #expect(try Evaluations(connection).list(modelID: "m-2").isEmpty)
    }
  }
}
