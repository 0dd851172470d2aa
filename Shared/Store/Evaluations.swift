import Foundation

/// The four counts from which accuracy, sensitivity and specificity follow exactly.
public struct ConfusionCounts: Hashable, Sendable {
  public var truePositives: Int64
  public var trueNegatives: Int64
  public var falsePositives: Int64
  public var falseNegatives: Int64

  public init(truePositives: Int64, trueNegatives: Int64, falsePositives: Int64, falseNegatives: Int64) {
    self.truePositives = truePositives
    self.trueNegatives = trueNegatives
    self.falsePositives = falsePositives
    self.falseNegatives = falseNegatives
  }
}

/// How a model did.
public struct EvaluationRow: Hashable, Sendable {
  public var evaluationID: String
  public var task: String
  public var modelID: String
  /// On what, e.g. `held-out`, `training`.
  public var scope: String
  /// How, e.g. the split and the matching window.
  public var protocolText: String
  /// JSON text.
  public var metrics: String
  /// nil for tasks of more than two classes.
  public var counts: ConfusionCounts?
  public var recordings: Int64
  public var beats: Int64
  public var synthetic: Bool

  public init(
    evaluationID: String, task: String, modelID: String, scope: String, protocolText: String, metrics: String,
    counts: ConfusionCounts? = nil, recordings: Int64, beats: Int64, synthetic: Bool
  ) {
    self.evaluationID = evaluationID
    self.task = task
    self.modelID = modelID
    self.scope = scope
    self.protocolText = protocolText
    self.metrics = metrics
    self.counts = counts
    self.recordings = recordings
    self.beats = beats
    self.synthetic = synthetic
  }
}

/// Table `evaluations`.
public struct Evaluations {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Writes an evaluation; one that stands is overwritten but keeps the time at which it was made.
  /// - Parameter asOf: a time of the database's clock before the rows were read; now when nil.
  public func upsert(_ row: EvaluationRow, asOf: Date? = nil) throws {
    try connection.execute(
      """
      insert into evaluations (evaluation_id, \(Self.values), scored_at)
      values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce($14, clock_timestamp()))
      on conflict (evaluation_id) do update set (\(Self.values)) =
        row ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13), scored_at = excluded.scored_at
      """,
      [
        .text(row.evaluationID), .text(row.task), .text(row.modelID), .text(row.scope), .text(row.protocolText),
        .json(row.metrics), .int(row.counts?.truePositives), .int(row.counts?.trueNegatives),
        .int(row.counts?.falsePositives), .int(row.counts?.falseNegatives), .int(row.recordings), .int(row.beats),
        .bool(row.synthetic), .timestamp(asOf),
      ])
  }

  private static let values = """
    task, model_id, scope, protocol, metrics, tp, tn, fp, fn, recordings, beats, synthetic
    """

  /// Newest first.
  /// - Parameter modelID: of this model only.
  public func list(modelID: String? = nil, limit: Int = 100) throws -> [EvaluationRow] {
    try connection.execute(
      """
      select * from evaluations where ($1::text is null or model_id = $1)
      order by created_at desc, evaluation_id limit $2
      """, [.text(modelID), .int(limit)]
    ).map(EvaluationRow.init)
  }
}

extension EvaluationRow {
  init(_ row: Row) throws {
    evaluationID = try row["evaluation_id", .text]
    task = try row["task", .text]
    modelID = try row["model_id", .text]
    scope = try row["scope", .text]
    protocolText = try row["protocol", .text]
    metrics = try row["metrics", .json]
    recordings = try row["recordings", .int]
    beats = try row["beats", .int]
    synthetic = try row["synthetic", .bool]
    if let tp = try row[optional: "tp", .int] {
      counts = ConfusionCounts(
        truePositives: tp, trueNegatives: try row["tn", .int], falsePositives: try row["fp", .int],
        falseNegatives: try row["fn", .int])
    }
  }
}
