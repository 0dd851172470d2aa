import Foundation
import ResyncCore
import Store

/// Response predictions against outcomes, patients that taught the model left out. A patient counts once for each model,
/// with the first recording that was predicted or abstained from: later ones are not independent of it.
struct ResponseEvaluation {
  struct Patient {
    var pseudonym: String
    var recordingID: String
    var probability: Double?
    var outcome: PredictionRow.Outcome
    var decision: String?
    var flags: [String]
    /// Nil when no outcome is known.
    var responded: Bool?
    var lbbb: Bool?
  }

  var modelID: String
  var synthetic: Bool
  var threshold: Double
  var patients: [Patient]

  static func read(_ connection: Connection) throws -> [ResponseEvaluation] {
    let rows = try connection.execute(
      """
      select distinct on (p.model_id, p.synthetic, p.patient) p.model_id, p.synthetic, p.recording_id, p.patient,
        p.probability, p.outcome, p.decision, p.flags, o.response, o.lbbb,
        coalesce((m.metadata->>'threshold')::float8, 0.5) as threshold
      from predictions p
        join models m using (model_id)
        join recordings r using (recording_id)
        left join lateral (
          select response, lbbb from v_outcomes v where v.patient = p.patient and v.response is not null
          order by v.cohort limit 1) o on true
      where p.task = 'crt-response' and p.outcome in ('predicted', 'abstained')
        and not exists (
          select 1 from model_training_recordings t
          where t.model_id = p.model_id and (t.recording_id = p.recording_id or t.patient = p.patient))
      order by p.model_id, p.synthetic, p.patient, r.first_seen, p.recording_id
      """)
    struct Key: Hashable {
      var modelID: String
      var synthetic: Bool
    }
    var evaluations: [Key: ResponseEvaluation] = [:]
    for row in rows {
      let key = Key(modelID: try row["model_id", .text], synthetic: try row["synthetic", .bool])
      guard let outcome = PredictionRow.Outcome(rawValue: try row["outcome", .text]) else { continue }
      let patient = Patient(
        pseudonym: try row["patient", .text], recordingID: try row["recording_id", .text],
        probability: try row[optional: "probability", .double], outcome: outcome,
        decision: try row[optional: "decision", .text], flags: try row["flags", .texts],
        responded: try row[optional: "response", .bool], lbbb: try row[optional: "lbbb", .bool])
      let threshold = try row["threshold", .double]
      evaluations[
        key,
        default: ResponseEvaluation(
          modelID: key.modelID, synthetic: key.synthetic, threshold: threshold, patients: [])
      ].patients.append(patient)
    }
    return evaluations.values.sorted { $0.modelID < $1.modelID }
  }

  private var scored: [(score: Double, label: Bool)] {
    patients.compactMap { patient in
      guard let probability = patient.probability, let responded = patient.responded else { return nil }
      return (probability, responded)
    }
  }

  /// Nil unless both classes are there.
  var roc: ROCCurve? { try? ROCCurve(scores: scored.map(\.score), labels: scored.map(\.label)) }

  /// Class-stratified bootstrap over patients, 2,000 resamples.
  var aucInterval: ClosedRange<Double>? {
    let scored = scored
    return Bootstrap().interval(strata: scored.map { $0.label ? 1 : 0 }) { sample in
      try? ROCCurve(scores: sample.map { scored[$0].score }, labels: sample.map { scored[$0].label }).auc
    }
  }

  /// Decisions that were made, against outcomes; abstentions are in none of the four.
  var counts: BinaryCounts { count { $0.outcome == .predicted ? $0.decision == "responder" : nil } }
  var lbbbAlone: BinaryCounts { count(\.lbbb) }
  var abstained: Int { patients.count { $0.outcome == .abstained } }

  private func count(_ call: (Patient) -> Bool?) -> BinaryCounts {
    var counts = BinaryCounts()
    for patient in patients {
      guard let responded = patient.responded, let called = call(patient) else { continue }
      switch (called, responded) {
      case (true, true): counts.truePositive += 1
      case (true, false): counts.falsePositive += 1
      case (false, true): counts.falseNegative += 1
      case (false, false): counts.trueNegative += 1
      }
    }
    return counts
  }

  func row(report: String) throws -> EvaluationRow? {
    guard !scored.isEmpty else { return nil }
    struct Metrics: Encodable {
      var auc: Double?
      var aucLower: Double?
      var aucUpper: Double?
      var patients: Int
      var abstained: Int
      var report: String
    }
    let interval = aucInterval
    let metrics = Metrics(
      auc: roc?.auc, aucLower: interval?.lowerBound, aucUpper: interval?.upperBound, patients: scored.count,
      abstained: abstained, report: report)
    let counts = counts
    return EvaluationRow(
      evaluationID: "crt-response:\(modelID):held-out:\(synthetic ? "synthetic" : "real")",
      task: ModelTask.crtResponse.rawValue, modelID: modelID, scope: BeatEvaluation.Scope.heldOut.rawValue,
      protocolText: "patients outside the training cohort; decisions at the model's threshold, abstentions apart",
      metrics: String(decoding: try JSONEncoder().encode(metrics), as: UTF8.self),
      counts: ConfusionCounts(
        truePositives: Int64(counts.truePositive), trueNegatives: Int64(counts.trueNegative),
        falsePositives: Int64(counts.falsePositive), falseNegatives: Int64(counts.falseNegative)),
      recordings: Int64(scored.count), beats: 0, synthetic: synthetic)
  }
}
