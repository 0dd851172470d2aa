/// One model against another on the same folds and patients.
public struct ModelDifference: Codable, Hashable, Sendable {
  /// First less second, with intervals by resampling the patients of both alike.
  public let auc: Estimate?
  public let accuracy: Estimate?
  /// Corrected resampled t on the AUC of each fold.
  public let resampledT: TestResult?
  /// Exact, on the decisions of the first repetition only: other repetitions decide on the same patients again.
  public let mcNemar: TestResult
  /// On scores averaged over the repetitions. Approximate: a patient's scores come from different fits.
  public let deLongApproximate: TestResult?

  /// - Parameter folds: k of the cross-validation.
  /// - Throws: `ModelError` with code `invalidMetric` when the two were not tried on the same folds.
  public init(
    _ first: [FoldPredictions], against second: [FoldPredictions], folds: Int, bootstrap: Bootstrap = .init()
  ) throws {
    let (a, b) = (Self.ordered(first), Self.ordered(second))
    guard zip(a, b).allSatisfy({ $0.patients.map(\.patient) == $1.patients.map(\.patient) }), a.count == b.count,
      zip(a, b).allSatisfy({ ($0.repetition, $0.fold) == ($1.repetition, $1.fold) })
    else { throw ModelError(.invalidMetric, "two models can be compared on the same folds of the same patients only") }
    let (mine, theirs) = (PatientTally(a), PatientTally(b))
    func estimate(_ statistic: (PatientTally, [Int]) -> Double?) -> Estimate? {
      func difference(_ drawn: [Int]) -> Double? {
        guard let x = statistic(mine, drawn), let y = statistic(theirs, drawn) else { return nil }
        return x - y
      }
      return difference(Array(mine.labels.indices)).map {
        Estimate($0, bootstrap.interval(strata: mine.strata, statistic: difference))
      }
    }
    auc = estimate { $0.auc($1) }
    accuracy = estimate { $0.accuracy($1) }
    let differences = zip(a, b).compactMap { x, y -> Double? in
      guard let first = x.auc, let second = y.auc else { return nil }
      return first - second
    }
    resampledT = ModelComparison.correctedResampledT(differences: differences, folds: folds)
    let decisions = zip(a, b).filter { $0.0.repetition == a.first?.repetition }
      .flatMap { zip($0.patients, $1.patients) }
      .compactMap { x, y -> (Bool, Bool)? in
        guard let first = x.decision, let second = y.decision else { return nil }
        return (first == x.responded, second == y.responded)
      }
    mcNemar = ModelComparison.mcNemar(
      onlyFirst: decisions.count { $0.0 && !$0.1 }, onlySecond: decisions.count { !$0.0 && $0.1 })
    let scored = zip(mine.labels, zip(mine.meanScores, theirs.meanScores)).compactMap { label, scores in
      scores.0.flatMap { first in scores.1.map { (label: label, first: first, second: $0) } }
    }
    deLongApproximate = ModelComparison.deLong(
      first: scored.map(\.first), second: scored.map(\.second), labels: scored.map(\.label))
  }

  private static func ordered(_ predictions: [FoldPredictions]) -> [FoldPredictions] {
    predictions.sorted { ($0.repetition, $0.fold) < ($1.repetition, $1.fold) }
  }
}

extension FoldPredictions {
  /// Of this fold alone; nil unless both outcomes have a score.
  package var auc: Double? {
    let scored = patients.filter { $0.score != nil }
    return try? ROCCurve(scores: scored.map { $0.score! }, labels: scored.map(\.responded)).auc
  }
}
