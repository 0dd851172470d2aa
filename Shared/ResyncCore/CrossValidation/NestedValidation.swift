/// Tries a model on folds, with everything that is fitted (imputation, scaling, weights, threshold, calibration) fitted
/// on the fold's training part alone.
///
/// Within the training part the same model is cross-validated again. Those inner scores, of patients whom the inner
/// models had not seen, give Platt's calibration, the threshold (largest balanced accuracy) and the calibration set of
/// the Venn–Abers interval; then the model is made of the whole training part and tried on the test part.
public struct NestedValidation: Codable, Hashable, Sendable {
  /// Inner folds.
  public var innerFolds: Int
  public var seed: UInt64

  public init(innerFolds: Int = 5, seed: UInt64 = 1) {
    precondition(innerFolds > 1, "cross-validation has two folds or more")
    self.innerFolds = innerFolds
    self.seed = seed
  }

  /// Makes a model of the training patients and gives the scores of others: one list for each head, aligned with
  /// `scored`. `seed` is the only source of chance.
  public typealias FitAndScore = (_ training: [Int], _ scored: [Int], _ seed: UInt64) throws -> [[Double]]

  /// - Parameters:
  ///   - labels: of all patients.
  ///   - heads: lists that `model` gives; each is calibrated and judged by itself.
  /// - Returns: one for each head.
  /// - Throws: what the model throws; `ModelError` when a score is not finite.
  public func predictions(
    _ fold: PatientFold, labels: [Bool], heads: Int, model: FitAndScore
  ) throws -> [FoldPredictions] {
    var seeds = SeededGenerator(seed: seed ^ UInt64(fold.repetition) << 32 ^ UInt64(fold.number) << 16)
    let training = fold.training
    let inner = try RepeatedFolds.stratified(
      training.map { labels[$0] }, folds: innerFolds, seed: seeds.next())
    var innerScores = [[Double]](repeating: Array(repeating: 0, count: training.count), count: heads)
    for held in inner {
      let out = Set(held)
      let rest = training.indices.filter { !out.contains($0) }.map { training[$0] }
      let scores = try checked(model(rest, held.map { training[$0] }, seeds.next()), heads: heads, count: held.count)
      for head in 0..<heads {
        for (place, score) in zip(held, scores[head]) { innerScores[head][place] = score }
      }
    }
    let scores = try checked(model(training, fold.test, seeds.next()), heads: heads, count: fold.test.count)
    return try (0..<heads).map { head in
      let calibration = try ScoreCalibration(scores: innerScores[head], labels: training.map { labels[$0] })
      return FoldPredictions(
        repetition: fold.repetition, fold: fold.number, threshold: calibration.threshold,
        patients: zip(fold.test, scores[head]).map { patient, score in
          calibration.prediction(patient: patient, responded: labels[patient], score: score)
        })
    }
  }

  private func checked(_ scores: [[Double]], heads: Int, count: Int) throws -> [[Double]] {
    guard scores.count == heads, scores.allSatisfy({ $0.count == count && $0.allSatisfy(\.isFinite) }) else {
      throw ModelError(
        .invalidMetric, "a model gave scores that are not finite, or not \(heads) times \(count) as they must be")
    }
    return scores
  }
}

/// A rule that nothing is fitted for: its scores and its own threshold are known beforehand. Only probability and
/// interval come from the training part.
public struct FixedRule: Sendable {
  /// One for each patient; nil where the rule cannot be assessed.
  public var scores: [Double?]
  /// "Responder" from this score up.
  public var threshold: Double

  public init(scores: [Double?], threshold: Double) {
    self.scores = scores
    self.threshold = threshold
  }

  /// - Throws: `ModelError` unless both outcomes are among the training patients in whom the rule can be assessed.
  public func predictions(_ fold: PatientFold, labels: [Bool]) throws -> FoldPredictions {
    let known = fold.training.filter { scores[$0] != nil }
    let calibration = try ScoreCalibration(
      scores: known.map { scores[$0]! }, labels: known.map { labels[$0] }, threshold: threshold)
    return FoldPredictions(
      repetition: fold.repetition, fold: fold.number, threshold: calibration.threshold,
      patients: fold.test.map { patient in
        guard let score = scores[patient] else {
          return PatientPrediction(patient: patient, responded: labels[patient])
        }
        return calibration.prediction(patient: patient, responded: labels[patient], score: score)
      })
  }
}

/// From a model's scores to probability, interval and decision, fitted on patients whom the model had not seen.
public struct ScoreCalibration: Codable, Hashable, Sendable {
  /// On calibrated probabilities: "responder" from it up.
  public let threshold: Double
  private let platt: PlattScaling
  private let vennAbers: VennAbers
  /// The rule's own threshold on scores.
  private let scoreThreshold: Double?

  /// - Parameter scoreThreshold: of a rule that has one; else the threshold of largest balanced accuracy is taken.
  /// - Throws: `ModelError` with code `invalidExamples`.
  public init(scores: [Double], labels: [Bool], threshold scoreThreshold: Double? = nil) throws {
    var platt = try PlattScaling(scores: scores, labels: labels)
    // Scores that run against the outcome here tell nothing: the base rate for everyone, never the scores reversed.
    if platt.slope > 0 { platt = try PlattScaling(scores: scores.map { _ in 0 }, labels: labels) }
    self.platt = platt
    vennAbers = try VennAbers(scores: scores, labels: labels)
    self.scoreThreshold = scoreThreshold
    threshold =
      try scoreThreshold.map { platt.probability($0) }
      ?? ROCCurve(scores: scores.map { platt.probability($0) }, labels: labels).balancedAccuracyThreshold
  }

  /// False for what no fit gives, as a damaged or hostile file may.
  package var isUsable: Bool { platt.slope <= 0 && platt.intercept.isFinite && (0...1).contains(threshold) }

  /// What the model's score says of a patient.
  public struct Reading: Hashable, Sendable {
    /// Platt's.
    public let probability: Double
    /// Venn–Abers; it need not hold the probability.
    public let interval: ClosedRange<Double>
    public let isResponder: Bool
    /// The interval holds the threshold: no decision should be made.
    public let isUndecided: Bool
  }

  public func reading(_ score: Double) -> Reading {
    let probability = platt.probability(score)
    let interval = vennAbers.interval(score)
    return Reading(
      probability: probability, interval: interval,
      isResponder: scoreThreshold.map { score >= $0 } ?? (probability >= threshold),
      isUndecided: interval.contains(threshold))
  }

  package func prediction(patient: Int, responded: Bool, score: Double) -> PatientPrediction {
    let reading = reading(score)
    return PatientPrediction(
      patient: patient, responded: responded, score: score, probability: reading.probability,
      interval: reading.interval, decision: reading.isResponder, threshold: threshold)
  }
}
