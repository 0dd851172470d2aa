import Foundation

/// One continuous score for each bundle-branch rule: log odds from the values of the rule's own criteria.
///
/// Logistic regression on PTB-XL, folds 1–4, first record of each patient, code against all others
/// (`Benchmarks/training/bundle_branch.py`). It ranks; as a probability it would hold for that mixture of patients only.
enum BundleBranchScore {
  private struct Model {
    var intercept: Double
    /// For each ms of QRS duration.
    var duration: Double
    var terms: [Term]
  }

  private struct Term {
    var value: KeyPath<BundleBranchValues, Double?>
    var weight: Double
    /// The value enters as sign(x) · log(1 + 10 |x|).
    var isCompressed = false
  }

  static func score(_ rule: BundleBranchRule, milliseconds: Double, values: BundleBranchValues) -> Double? {
    let model = model(of: rule)
    var score = model.intercept + model.duration * milliseconds
    for term in model.terms {
      guard let value = values[keyPath: term.value] else { return nil }
      score += term.weight * (term.isCompressed ? (value < 0 ? -1 : 1) * log(1 + 10 * abs(value)) : value)
    }
    return score
  }

  private static func model(of rule: BundleBranchRule) -> Model {
    switch rule {
    case .lbbbStrauss:
      Model(
        intercept: -10.8559, duration: 0.07076,
        terms: [
          Term(value: \.rShareV1V2, weight: -1.38831, isCompressed: true),
          Term(value: \.lateRV1V2, weight: -1.08450, isCompressed: true),
          Term(value: \.secondNotching, weight: 2.14959),
        ])
    case .lbbbAHA:
      Model(
        intercept: -13.2434, duration: 0.04560,
        terms: [
          Term(value: \.broadRLateral, weight: 0.05292), Term(value: \.lateralNotching, weight: 3.80250),
          Term(value: \.qLateral, weight: -3.11272, isCompressed: true),
        ])
    case .lbbbESC:
      Model(
        intercept: -13.4395, duration: 0.06528,
        terms: [
          Term(value: \.rShareV1, weight: -1.15273, isCompressed: true),
          Term(value: \.broadRLateral, weight: 0.04121),
          Term(value: \.qV5V6, weight: -1.88774, isCompressed: true),
        ])
    case .rbbbAHA:
      Model(
        intercept: -12.8011, duration: 0.04257,
        terms: [
          Term(value: \.largestLateR, weight: 2.75360, isCompressed: true),
          Term(value: \.broadSLateral, weight: 0.03848),
        ])
    }
  }
}
