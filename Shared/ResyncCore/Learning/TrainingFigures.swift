import Foundation

/// How a model does on the held-out groups.
public struct ValidationFigures: Codable, Hashable, Sendable {
  /// Mean cross-entropy; for crt-response each patient weighs 1.
  public var loss: Double
  /// Task beat-class: over those of N, S, V and F that occur.
  public var macroF1: Double?
  /// Task crt-response: over patients; nil when only one label is held out.
  public var auc: Double?
  /// Task crt-response: threshold of largest balanced accuracy over patients; nil when only one label is held out.
  public var threshold: Double?

  /// Task crt-response: from a patient's mean logit difference to probability, interval and decision, fitted on the
  /// held-out patients; nil when only one label is held out, and in models made before it was known.
  public var calibration: ScoreCalibration?

  /// The better model has the larger macro-F1, or, for a response and on a tie, the smaller loss.
  package func isBetter(than other: ValidationFigures) -> Bool {
    let (mine, theirs) = (macroF1 ?? 0, other.macroF1 ?? 0)
    return mine == theirs ? loss < other.loss : mine > theirs
  }

  /// - Parameters:
  ///   - examples: the held-out ones, at least one, in order.
  ///   - scores: one for each.
  package init(_ examples: [TrainingExample], _ scores: [BeatScore], task: ModelTask) throws {
    let weights = SampleWeights.base(examples, Array(examples.indices), task: task)
    var total = 0.0
    for (i, score) in scores.enumerated() {
      // From the logits: a probability of 0 has no logarithm.
      let row = Loss.crossEntropy(
        logits: score.logits, labels: [examples[i].label], weights: [1], classes: score.logits.count)
      total += weights[i] * row.loss
    }
    loss = total / weights.reduce(0, +)
    switch task {
    case .beatClass:
      let predictions = scores.map { score in score.logits.indices.max { score.logits[$0] < score.logits[$1] }! }
      let matrix = try ConfusionMatrix(
        labels: examples.map(\.label), predictions: predictions, classCount: task.classNames.count)
      let present = task.scoredClasses.filter { matrix.support($0) > 0 }
      macroF1 = present.isEmpty ? nil : matrix.macroF1(over: present)
    case .crtResponse:
      let patients = Dictionary(grouping: examples.indices) { examples[$0].group }.sorted { $0.key < $1.key }
      let labels = patients.map { examples[$0.value[0]].label == 1 }
      let logOdds = patients.map { _, beats in
        PatientScore.logOdds(logitDifferences: beats.map { PatientScore.logitDifference(scores[$0].logits) })!
      }
      let probabilities = logOdds.map { PatientScore.probability(logOdds: $0) }
      if Set(labels).count == 2 {
        calibration = try ScoreCalibration(scores: logOdds, labels: labels)
        let curve = try ROCCurve(scores: probabilities, labels: labels)
        (auc, threshold) = (curve.auc, curve.balancedAccuracyThreshold)
      }
    }
  }
}

/// One finished epoch.
public struct EpochMetrics: Codable, Hashable, Sendable {
  /// From 0.
  public var epoch: Int
  /// Weighted mean over the epoch's batches, while weights were changing.
  public var trainLoss: Double
  /// nil when nothing is held out.
  public var validation: ValidationFigures?
  /// Training images a second; the only figure that differs from run to run.
  public var imagesPerSecond: Double

  public var validationLoss: Double? { validation?.loss }
  public var validationMacroF1: Double? { validation?.macroF1 }
  public var validationAUC: Double? { validation?.auc }
}
