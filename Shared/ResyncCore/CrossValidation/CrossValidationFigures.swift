/// A figure with its 95 % interval.
public struct Estimate: Codable, Hashable, Sendable {
  public var value: Double
  /// nil where too few resamples have the figure.
  public var low: Double?
  public var high: Double?

  public init(_ value: Double, _ interval: ClosedRange<Double>?) {
    (self.value, low, high) = (value, interval?.lowerBound, interval?.upperBound)
  }
}

/// How a model does over all folds, from the predictions that were kept.
///
/// AUC is taken from pairs within the same fold only, since other folds' scores come from other models (Airola et al.,
/// Comput Stat Data An 55:1828, 2011). Counts are pooled over folds and repetitions; accuracy, sensitivity and
/// specificity follow from them exactly. Intervals resample patients within each outcome and hold the fits as they are.
public struct CrossValidationFigures: Codable, Hashable, Sendable {
  public let counts: BinaryCounts
  /// nil unless there are decisions on responders and on non-responders.
  public let rates: ReportedRates?
  public let accuracy: Estimate?
  public let sensitivity: Estimate?
  public let specificity: Estimate?
  public let balancedAccuracy: Estimate?
  public let auc: Estimate?
  public let brier: Double?
  /// Share of predictions whose interval does not hold the threshold, and the counts among them.
  public let coverage: Double?
  public let countsWhenDecided: BinaryCounts
  /// Patients in whom the rule cannot be assessed.
  public let notAssessable: Int
  public let patients: Int
  public let responders: Int

  public init(_ predictions: [FoldPredictions], bootstrap: Bootstrap = .init()) throws {
    let tally = PatientTally(predictions)
    counts = predictions.map { $0.counts() }.reduce(BinaryCounts(), +)
    rates = try counts.sensitivity != nil && counts.specificity != nil ? ReportedRates(counts) : nil
    func estimate(_ statistic: ([Int]) -> Double?) -> Estimate? {
      statistic(Array(tally.labels.indices)).map {
        Estimate($0, bootstrap.interval(strata: tally.strata, statistic: statistic))
      }
    }
    accuracy = estimate(tally.accuracy)
    sensitivity = estimate { tally.rate($0, of: true) }
    specificity = estimate { tally.rate($0, of: false) }
    balancedAccuracy = estimate(tally.balancedAccuracy)
    auc = estimate(tally.auc)
    let all = predictions.flatMap(\.patients)
    let assessed = all.filter { $0.probability != nil }
    brier = brierScore(probabilities: assessed.map { $0.probability! }, labels: assessed.map(\.responded))
    countsWhenDecided = predictions.map { $0.counts(withheld: false) }.reduce(BinaryCounts(), +)
    coverage = all.isEmpty ? nil : Double(countsWhenDecided.total) / Double(all.count)
    notAssessable = Set(all.filter { $0.score == nil }.map(\.patient)).count
    patients = tally.labels.count
    responders = tally.labels.count { $0 }
  }
}

/// Predictions gathered by patient, so that a resample of patients is a matter of weights.
package struct PatientTally: Sendable {
  /// The patients who were tried, in order; everything else refers to places in this list.
  package let patients: [Int]
  package let labels: [Bool]
  package var strata: [Int] { labels.map { $0 ? 1 : 0 } }
  /// Decisions and right ones.
  private var decided: [Double]
  private var right: [Double]
  /// Row-major [patient, patient]: pairs of a responder with a non-responder who were in one fold, and how many of them
  /// the score orders rightly, ties half.
  private var pairs: [Double]
  private var wins: [Double]
  private var scoreSums: [Double]
  private var scoreCounts: [Double]

  package init(_ predictions: [FoldPredictions]) {
    var labelOf: [Int: Bool] = [:]
    for patient in predictions.flatMap(\.patients) { labelOf[patient.patient] = patient.responded }
    let sorted = labelOf.sorted { $0.key < $1.key }
    patients = sorted.map(\.key)
    labels = sorted.map(\.value)
    let place = Dictionary(uniqueKeysWithValues: patients.enumerated().map { ($1, $0) })
    let count = patients.count
    decided = Array(repeating: 0, count: count)
    (right, scoreSums, scoreCounts) = (decided, decided, decided)
    pairs = Array(repeating: 0, count: count * count)
    wins = pairs
    for fold in predictions {
      for patient in fold.patients {
        let i = place[patient.patient]!
        if let decision = patient.decision {
          decided[i] += 1
          right[i] += decision == patient.responded ? 1 : 0
        }
        guard let score = patient.score else { continue }
        scoreSums[i] += score
        scoreCounts[i] += 1
        guard patient.responded else { continue }
        for other in fold.patients where !other.responded {
          guard let against = other.score else { continue }
          let cell = i * count + place[other.patient]!
          pairs[cell] += 1
          wins[cell] += score > against ? 1 : score == against ? 0.5 : 0
        }
      }
    }
  }

  /// Mean score of a patient over the repetitions; nil where there is none.
  package var meanScores: [Double?] {
    zip(scoreSums, scoreCounts).map { $1 > 0 ? $0 / $1 : nil }
  }

  package func accuracy(_ drawn: [Int]) -> Double? { share(drawn) }

  /// Right decisions among those on patients of one outcome: sensitivity or specificity.
  package func rate(_ drawn: [Int], of label: Bool) -> Double? { share(drawn.filter { labels[$0] == label }) }

  package func balancedAccuracy(_ drawn: [Int]) -> Double? {
    guard let sensitivity = rate(drawn, of: true), let specificity = rate(drawn, of: false) else { return nil }
    return (sensitivity + specificity) / 2
  }

  private func share(_ drawn: [Int]) -> Double? {
    let all = drawn.reduce(0) { $0 + decided[$1] }
    return all > 0 ? drawn.reduce(0) { $0 + right[$1] } / all : nil
  }

  /// - Throws: `ModelError` with code `invalidMetric` when no fold has a pair.
  package func aucOfPairs() throws -> Double {
    guard let auc = auc(Array(labels.indices)) else {
      throw ModelError(.invalidMetric, "no fold has a responder and a non-responder with a score")
    }
    return auc
  }

  /// From pairs within folds, each as often as its patients were drawn.
  package func auc(_ drawn: [Int]) -> Double? {
    var weights = [Double](repeating: 0, count: labels.count)
    for patient in drawn { weights[patient] += 1 }
    let negatives = labels.indices.filter { !labels[$0] && weights[$0] > 0 }
    var (won, all) = (0.0, 0.0)
    for i in labels.indices where labels[i] && weights[i] > 0 {
      for j in negatives {
        let weight = weights[i] * weights[j]
        won += weight * wins[i * labels.count + j]
        all += weight * pairs[i * labels.count + j]
      }
    }
    return all > 0 ? won / all : nil
  }
}
