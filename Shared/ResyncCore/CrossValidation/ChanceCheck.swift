/// AUCs of one model on several cohorts in which it has nothing to find: their mean must be about one half.
///
/// One cohort of 71 cannot tell, for its AUC strays by some .08 whatever the model; the mean over cohorts can, and the
/// spread between cohorts says how well.
public struct ChanceCheck: Codable, Hashable, Sendable {
  public let aucs: [Double]
  public let mean: Double
  public let standardError: Double

  /// Standard errors that the mean may be away.
  package static let width = 3.0
  /// Standard deviation of an AUC of 46 against 25 patients by chance (Mann & Whitney 1947): few cohorts that happen to
  /// agree must not make the check stricter than chance is.
  package static let leastDeviation = 0.072

  /// - Precondition: at least one.
  public init(_ aucs: [Double]) {
    precondition(!aucs.isEmpty, "a mean needs values")
    self.aucs = aucs
    let (mean, variance) = aucs.meanAndVariance
    self.mean = mean
    standardError = max(variance.squareRoot(), Self.leastDeviation) / Double(aucs.count).squareRoot()
  }

  public var isPassed: Bool { abs(mean - 0.5) <= Self.width * standardError }
}
