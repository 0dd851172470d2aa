import Foundation

/// What the suite says of a recording for one task: exactly one row for each. Research use only.
public struct PredictionRow: Hashable, Sendable {
  public enum Outcome: String, CaseIterable, Sendable {
    case predicted, abstained
    case notApplicable = "not_applicable"
    case rejected
  }

  public var recordingID: String
  public var task: String
  public var patient: String
  /// nil when no model was asked.
  public var modelID: String?
  public var outcome: Outcome
  /// Task crt-response: of response, 0–1.
  public var probability: Double?
  /// The same by the model's calibration, 0–1; nil for a model without.
  public var calibratedProbability: Double?
  /// Venn–Abers interval of the calibrated probability.
  public var interval: ClosedRange<Double>?
  /// `responder` or `non-responder`; only when predicted.
  public var decision: String?
  /// Why the decision is withheld.
  public var flags: [String]
  /// Task beat-class: beats of each class.
  public var beatCounts: [String: Int64]
  public var beats: Int64
  /// Why, when rejected or not applicable.
  public var code: String?
  /// nil when no model was asked.
  public var trainedOnSynthetic: Bool?
  public var synthetic: Bool
  public var waveformSHA256: String?
  public var qrsDurationMs: Double?

  public init(
    recordingID: String, task: String, patient: String, modelID: String?, outcome: Outcome, probability: Double? = nil,
    calibratedProbability: Double? = nil, interval: ClosedRange<Double>? = nil,
    decision: String? = nil, flags: [String] = [], beatCounts: [String: Int64] = [:], beats: Int64, code: String? = nil,
    trainedOnSynthetic: Bool?, synthetic: Bool, waveformSHA256: String?, qrsDurationMs: Double? = nil
  ) {
    self.recordingID = recordingID
    self.task = task
    self.patient = patient
    self.modelID = modelID
    self.outcome = outcome
    self.probability = probability
    self.calibratedProbability = calibratedProbability
    self.interval = interval
    self.decision = decision
    self.flags = flags
    self.beatCounts = beatCounts
    self.beats = beats
    self.code = code
    self.trainedOnSynthetic = trainedOnSynthetic
    self.synthetic = synthetic
    self.waveformSHA256 = waveformSHA256
    self.qrsDurationMs = qrsDurationMs
  }
}

/// Table `predictions`.
public struct Predictions {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Writes a row; one that stands keeps the time at which it was made, and is not touched when it says the same.
  public func upsert(_ row: PredictionRow) throws {
    // Keys are strings and values numbers: encoding cannot fail.
    let beatCounts = String(decoding: try! JSONEncoder().encode(row.beatCounts), as: UTF8.self)
    try connection.execute(
      """
      insert into predictions as p (recording_id, task, \(Self.values))
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
      on conflict (recording_id, task) do update set (\(Self.values)) =
        row ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
      where (p.patient, p.model_id, p.outcome, p.probability, p.decision, p.flags, p.beat_counts, p.beats, p.code,
        p.trained_on_synthetic, p.synthetic, p.waveform_sha256, p.qrs_duration_ms, p.calibrated_probability,
        p.probability_lowest, p.probability_highest)
        is distinct from ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
      """,
      [
        .text(row.recordingID), .text(row.task), .text(row.patient), .text(row.modelID), .text(row.outcome.rawValue),
        .double(row.probability), .text(row.decision), .texts(row.flags), .json(beatCounts), .int(row.beats),
        .text(row.code), .bool(row.trainedOnSynthetic), .bool(row.synthetic), .text(row.waveformSHA256),
        .double(row.qrsDurationMs), .double(row.calibratedProbability), .double(row.interval?.lowerBound),
        .double(row.interval?.upperBound),
      ])
  }

  private static let values = """
    patient, model_id, outcome, probability, decision, flags, beat_counts, beats, code, trained_on_synthetic, synthetic,
      waveform_sha256, qrs_duration_ms, calibrated_probability, probability_lowest, probability_highest
    """

  public func find(recordingID: String, task: String) throws -> PredictionRow? {
    try connection.execute(
      "select * from predictions where recording_id = $1 and task = $2", [.text(recordingID), .text(task)]
    ).first.map(PredictionRow.init)
  }

  /// All rows of a task in the order of their recordings' ids.
  public func rows(task: String) throws -> [PredictionRow] {
    try connection.execute(
      "select * from predictions where task = $1 order by recording_id collate \"C\"", [.text(task)]
    ).map(PredictionRow.init)
  }

  public func countByOutcome(task: String) throws -> [PredictionRow.Outcome: Int64] {
    let rows = try connection.execute(
      "select outcome, count(*) as n from predictions where task = $1 group by outcome", [.text(task)])
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0.oneOf("outcome"), try $0["n", .int]) })
  }
}

extension PredictionRow {
  init(_ row: Row) throws {
    recordingID = try row["recording_id", .text]
    task = try row["task", .text]
    patient = try row["patient", .text]
    modelID = try row[optional: "model_id", .text]
    outcome = try row.oneOf("outcome")
    probability = try row[optional: "probability", .double]
    calibratedProbability = try row[optional: "calibrated_probability", .double]
    if let lowest = try row[optional: "probability_lowest", .double],
      let highest = try row[optional: "probability_highest", .double], lowest <= highest
    {
      interval = lowest...highest
    }
    decision = try row[optional: "decision", .text]
    flags = try row["flags", .texts]
    beatCounts = try row.decoded("beat_counts")
    beats = try row["beats", .int]
    code = try row[optional: "code", .text]
    trainedOnSynthetic = try row[optional: "trained_on_synthetic", .bool]
    synthetic = try row["synthetic", .bool]
    waveformSHA256 = try row[optional: "waveform_sha256", .text]
    qrsDurationMs = try row[optional: "qrs_duration_ms", .double]
  }
}
