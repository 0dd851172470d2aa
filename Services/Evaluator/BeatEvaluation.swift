import Foundation
import ResyncCore
import Store

/// Beat classes against reference labels: one evaluation for each model, scope and kind of data.
struct BeatEvaluation {
  /// Scores never mix what the model has seen with what it has not.
  enum Scope: String {
    case heldOut = "held-out"
    case training
  }

  struct Key: Hashable {
    var modelID: String
    var scope: Scope
    var synthetic: Bool
  }

  var key: Key
  /// By recording.
  var records: [String: ConfusionMatrix]

  /// Columns and classes in `BeatClass.allCases` order.
  var matrix: ConfusionMatrix { records.values.reduce(ConfusionMatrix(classCount: BeatClass.allCases.count), +) }

  /// N, S, V and F; Q is printed apart (METHOD.md).
  static let scored = [BeatClass.N, .S, .V, .F].compactMap { BeatClass.allCases.firstIndex(of: $0) }

  /// A recording counts as seen when it, or any other of its patient, is in the model's training recordings.
  static func read(_ connection: Connection) throws -> [BeatEvaluation] {
    let rows = try connection.execute(
      """
      select c.model_id, c.synthetic, c.recording_id, c.reference_class, c.predicted_class, c.beats,
        exists (
          select 1 from model_training_recordings t join recordings r on r.recording_id = c.recording_id
          where t.model_id = c.model_id and (t.recording_id = c.recording_id or t.patient = r.patient)) as seen
      from v_beat_confusion c
      """)
    var evaluations: [Key: BeatEvaluation] = [:]
    for row in rows {
      let key = Key(
        modelID: try row["model_id", .text], scope: try row["seen", .bool] ? .training : .heldOut,
        synthetic: try row["synthetic", .bool])
      let classes = [try row["reference_class", .text], try row["predicted_class", .text]]
        .compactMap(BeatClass.init(rawValue:)).compactMap(BeatClass.allCases.firstIndex(of:))
      guard classes.count == 2 else { continue }
      try evaluations[key, default: BeatEvaluation(key: key, records: [:])]
        .records[try row["recording_id", .text], default: ConfusionMatrix(classCount: BeatClass.allCases.count)]
        .add(label: classes[0], prediction: classes[1], count: Int(try row["beats", .int]))
    }
    return evaluations.values.sorted {
      ($0.key.modelID, $0.key.scope.rawValue) < ($1.key.modelID, $1.key.scope.rawValue)
    }
  }

  func row(report: String) throws -> EvaluationRow {
    struct Metrics: Encodable {
      var macroF1: Double
      var majorityMacroF1: Double
      var accuracy: Double?
      var perClass: [String: [String: Double]]
      var confusion: [[Int]]
      var report: String
    }
    let matrix = matrix
    let perClass = BeatClass.allCases.enumerated().map { index, beatClass in
      (
        beatClass.rawValue,
        [
          "sensitivity": matrix.sensitivity(index), "ppv": matrix.positivePredictivity(index), "f1": matrix.f1(index),
        ].compactMapValues { $0 }
      )
    }
    let metrics = Metrics(
      macroF1: matrix.macroF1(over: Self.scored), majorityMacroF1: try majority.macroF1(over: Self.scored),
      accuracy: matrix.accuracy, perClass: Dictionary(uniqueKeysWithValues: perClass), confusion: matrix.counts,
      report: report)
    return EvaluationRow(
      evaluationID: "beat-class:\(key.modelID):\(key.scope.rawValue):\(key.synthetic ? "synthetic" : "real")",
      task: ModelTask.beatClass.rawValue, modelID: key.modelID, scope: key.scope.rawValue,
      protocolText: "own R-peaks matched to reference beats within 150 ms; macro-F1 over N, S, V, F",
      metrics: String(decoding: try JSONEncoder().encode(metrics), as: UTF8.self), recordings: Int64(records.count),
      beats: Int64(matrix.total), synthetic: key.synthetic)
  }

  /// What calling every beat normal would score on the same beats.
  private var majority: ConfusionMatrix {
    get throws {
      var always = ConfusionMatrix(classCount: BeatClass.allCases.count)
      for label in BeatClass.allCases.indices {
        try always.add(label: label, prediction: 0, count: matrix.support(label))
      }
      return always
    }
  }
}
