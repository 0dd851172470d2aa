/// What a model said of one patient whom it was not made of.
public struct PatientPrediction: Codable, Hashable, Sendable {
  /// Place in the cohort.
  public var patient: Int
  public var responded: Bool
  /// The model's own scale, higher for response; nil when the rule cannot be assessed in this patient, and then all that
  /// follows is nil.
  public var score: Double?
  /// Calibrated on the training part.
  public var probability: Double?
  /// Venn–Abers interval of the probability.
  public var lowest: Double?
  public var highest: Double?
  /// True for "responder", at the threshold.
  public var decision: Bool?
  /// The interval holds the threshold: a careful reader would not decide.
  public var isWithheld: Bool

  /// A patient in whom the rule cannot be assessed.
  package init(patient: Int, responded: Bool) {
    (self.patient, self.responded, isWithheld) = (patient, responded, true)
  }

  package init(
    patient: Int, responded: Bool, score: Double, probability: Double, interval: ClosedRange<Double>, decision: Bool,
    threshold: Double
  ) {
    self.patient = patient
    self.responded = responded
    self.score = score
    self.probability = probability
    (lowest, highest) = (interval.lowerBound, interval.upperBound)
    self.decision = decision
    isWithheld = interval.contains(threshold)
  }
}

/// All that is kept of a model on one fold.
public struct FoldPredictions: Codable, Hashable, Sendable {
  public var repetition: Int
  public var fold: Int
  /// "Responder" from this probability up.
  public var threshold: Double
  /// In the order of patients.
  public var patients: [PatientPrediction]

  public init(repetition: Int, fold: Int, threshold: Double, patients: [PatientPrediction]) {
    self.repetition = repetition
    self.fold = fold
    self.threshold = threshold
    self.patients = patients
  }

  /// Counts of the decisions; patients who cannot be assessed are in none.
  /// - Parameter withheld: whether decisions count that the interval would have withheld.
  public func counts(withheld: Bool = true) -> BinaryCounts {
    let decided = patients.filter { $0.decision != nil && (withheld || !$0.isWithheld) }
    return BinaryCounts(
      scores: decided.map { $0.decision! ? 1 : 0 }, labels: decided.map(\.responded), threshold: 0.5)
  }
}

extension BinaryCounts {
  public static func + (a: BinaryCounts, b: BinaryCounts) -> BinaryCounts {
    BinaryCounts(
      truePositive: a.truePositive + b.truePositive, trueNegative: a.trueNegative + b.trueNegative,
      falsePositive: a.falsePositive + b.falsePositive, falseNegative: a.falseNegative + b.falseNegative)
  }
}
