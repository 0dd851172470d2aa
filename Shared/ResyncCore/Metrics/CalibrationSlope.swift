import Foundation

/// How far probabilities can be believed (Cox, Biometrika 45:562, 1958; Van Calster et al., BMC Medicine 17:230, 2019).
public enum CalibrationSlope {
  /// Nearer to 0 or 1 than this no probability is counted: its log-odds would decide alone.
  private static let closest = 1e-3
  /// So weak a penalty that the fit is that of maximum likelihood.
  private static let inversePenalty = 1e6

  /// Slope of the logistic regression of the outcome on the log-odds of the probability: 1 when they are right, below 1
  /// when they are too extreme; nil where it has none (one outcome only, equal probabilities, outcomes told apart).
  public static func slope(_ probabilities: [Double], _ labels: [Bool]) -> Double? {
    let logOdds = probabilities.map { p in
      let p = min(max(p, closest), 1 - closest)
      return log(p / (1 - p))
    }
    guard let lowest = logOdds.min(), let highest = logOdds.max(), highest > lowest else { return nil }
    let table = FeatureTable(featureCount: 1, rows: logOdds.map { [$0] })
    let fit = try? LogisticRegression(fitting: table, labels: labels, inversePenalty: inversePenalty)
    guard let fit, separates(logOdds, labels) == false else { return nil }
    return fit.weights[0]
  }

  /// Share that responded less the mean probability: 0 when they are right on the whole.
  public static func inTheLarge(_ probabilities: [Double], _ labels: [Bool]) -> Double? {
    guard !labels.isEmpty else { return nil }
    let count = Double(labels.count)
    return Double(labels.count { $0 }) / count - probabilities.reduce(0, +) / count
  }

  /// Some value parts the outcomes, so that the likelihood has no maximum.
  private static func separates(_ values: [Double], _ labels: [Bool]) -> Bool {
    let (yes, no) = (zip(values, labels).filter(\.1).map(\.0), zip(values, labels).filter { !$0.1 }.map(\.0))
    guard let lowestYes = yes.min(), let highestYes = yes.max(), let lowestNo = no.min(), let highestNo = no.max()
    else { return true }
    return lowestYes >= highestNo || lowestNo >= highestYes
  }
}
