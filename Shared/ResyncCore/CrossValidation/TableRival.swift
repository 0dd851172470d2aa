/// A rival that needs no network: a rule, or a classical model on a table of variables.
public enum TableRival: String, Codable, CaseIterable, Hashable, Sendable {
  case majority
  case guidelineESC = "guideline-esc-2021-class-i"
  case guidelineAHA = "guideline-acc-aha-2022-class-i"
  case lbbb = "lbbb-alone"
  case qrsDuration = "qrs-150-ms-alone"
  case qrsArea = "qrs-area-alone"
  case logistic = "logistic-qrs-duration-lbbb"
  case vectorMachine = "svm-clinical-ecg"
  case forest = "forest-clinical-ecg"

  /// Reads nothing but the ECG: where the ECG tells nothing, its AUC must be one half.
  public var readsECGAlone: Bool {
    switch self {
    // The guidelines' NYHA class and LVEF are the clinic's.
    case .guidelineESC, .guidelineAHA, .vectorMachine, .forest: false
    case .majority, .lbbb, .qrsDuration, .qrsArea, .logistic: true
    }
  }

  /// - Throws: `ModelError` when a model cannot be fitted.
  public func predictions(
    _ fold: PatientFold, variables: CohortVariables, validation: NestedValidation
  ) throws -> FoldPredictions {
    switch self {
    case .majority:
      // The larger outcome of the training part; whom it says so of makes no difference.
      let responders = fold.training.count { variables.labels[$0] }
      let score = 2 * responders >= fold.training.count ? 1.0 : 0
      let rule = FixedRule(scores: variables.labels.map { _ in score }, threshold: 0.5)
      return try rule.predictions(fold, labels: variables.labels)
    case .guidelineESC: return try variables.classOne(.esc2021).predictions(fold, labels: variables.labels)
    case .guidelineAHA: return try variables.classOne(.aha2022).predictions(fold, labels: variables.labels)
    case .lbbb: return try variables.blockAlone.predictions(fold, labels: variables.labels)
    case .qrsDuration: return try variables.durationAlone.predictions(fold, labels: variables.labels)
    case .qrsArea:
      return try fitted(.identity, variables.areaAlone, fold, variables.labels, validation)
    case .logistic:
      return try fitted(.logistic, variables.durationAndBlock, fold, variables.labels, validation)
    case .vectorMachine:
      return try fitted(.radialVectorMachine, variables.clinicalAndECG, fold, variables.labels, validation)
    case .forest: return try fitted(.forest, variables.clinicalAndECG, fold, variables.labels, validation)
    }
  }

  private func fitted(
    _ model: ClassicalModel, _ table: FeatureTable, _ fold: PatientFold, _ labels: [Bool],
    _ validation: NestedValidation
  ) throws -> FoldPredictions {
    try validation.predictions(fold, labels: labels, heads: 1) { training, scored, seed in
      [
        try model.scores(
          fitting: table.selecting(training), labels: training.map { labels[$0] }, of: table.selecting(scored),
          seed: seed)
      ]
    }[0]
  }
}

/// A classical model with the settings of the study, which are fixed beforehand and never searched for.
package enum ClassicalModel: String, Codable, CaseIterable, Hashable, Sendable {
  /// A single feature as it is.
  case identity
  case logistic
  case radialVectorMachine = "svm"
  case forest

  /// Those that the paper's last step may have been.
  package static let heads: [ClassicalModel] = [.logistic, .radialVectorMachine, .forest]

  private static let trees = 200
  private static let leastLeafExamples = 3

  /// Fits imputation, scaling and model on the training table and scores another.
  package func scores(
    fitting training: FeatureTable, labels: [Bool], of scored: FeatureTable, seed: UInt64
  ) throws -> [Double] {
    let preparation = FeaturePreparation(fitting: training)
    let (known, asked) = (preparation.prepared(training), preparation.prepared(scored))
    let model: any BinaryScorer =
      switch self {
      case .identity: FirstFeature()
      // The more features, the stronger the penalty: hundreds of deep features meet some sixty patients.
      case .logistic:
        try LogisticRegression(fitting: known, labels: labels, inversePenalty: 1 / Double(known.featureCount))
      // scikit-learn's "scale": 1 / (features × variance), and prepared features have variance 1.
      case .radialVectorMachine:
        try SupportVectorMachine(
          fitting: known, labels: labels, kernel: .radial(gamma: 1 / Double(known.featureCount)))
      case .forest:
        try RandomForest(
          fitting: known, labels: labels,
          configuration: .init(
            trees: Self.trees, tree: .init(leastLeafExamples: Self.leastLeafExamples), seed: seed))
      }
    return model.scores(asked)
  }
}

/// The feature itself as score.
private struct FirstFeature: BinaryScorer {
  func score(_ example: ArraySlice<Double>) -> Double { example[example.startIndex] }
}
