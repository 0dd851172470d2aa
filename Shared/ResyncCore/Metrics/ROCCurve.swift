/// The receiver operating characteristic of scores: higher means "yes".
public struct ROCCurve: Hashable, Sendable {
  public struct Point: Hashable, Sendable {
    /// "Yes" from this score up.
    public let threshold: Double
    public let counts: BinaryCounts
    public var sensitivity: Double { counts.sensitivity ?? 0 }
    public var falsePositiveRate: Double { 1 - (counts.specificity ?? 0) }
  }

  /// From "never" (threshold +∞) to "always"; equal scores make one point.
  public let points: [Point]
  /// Probability that a positive scores above a negative; ties count half.
  public let auc: Double

  /// - Throws: `ModelError` with code `invalidMetric` unless both labels occur and every score is finite.
  public init(scores: [Double], labels: [Bool]) throws {
    guard scores.count == labels.count, scores.allSatisfy(\.isFinite) else {
      throw ModelError(.invalidMetric, "ROC: \(scores.count) scores, \(labels.count) labels; expected one finite each")
    }
    let positives = labels.count { $0 }
    guard positives > 0, positives < labels.count else {
      throw ModelError(
        .invalidMetric, "ROC: \(positives) of \(labels.count) labels are positive, expected some of both")
    }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    var counts = BinaryCounts(trueNegative: labels.count - positives, falseNegative: positives)
    var points = [Point(threshold: .infinity, counts: counts)]
    var wins = 0.0
    var i = 0
    while i < order.count {
      let score = scores[order[i]]
      let before = counts
      while i < order.count, scores[order[i]] == score {
        if labels[order[i]] {
          counts.truePositive += 1
          counts.falseNegative -= 1
        } else {
          counts.falsePositive += 1
          counts.trueNegative -= 1
        }
        i += 1
      }
      let tiedNegatives = Double(counts.falsePositive - before.falsePositive)
      wins += tiedNegatives * Double(before.truePositive + counts.truePositive) / 2
      points.append(Point(threshold: score, counts: counts))
    }
    self.points = points
    auc = wins / (Double(positives) * Double(labels.count - positives))
  }

  /// The threshold of largest balanced accuracy, half-way to the next score below it. Of several the one nearest to 0.5,
  /// then the lowest, so that the choice never depends on the order of the data.
  public var balancedAccuracyThreshold: Double {
    var best = (accuracy: -1.0, threshold: 0.5)
    // The ends, "never" and "always", have no score on their other side.
    for (point, next) in zip(points.dropFirst(), points.dropFirst(2)) {
      let threshold = (point.threshold + next.threshold) / 2
      let accuracy = point.counts.balancedAccuracy ?? 0
      let isNearer =
        (abs(threshold - 0.5), threshold) < (abs(best.threshold - 0.5), best.threshold)
      if accuracy > best.accuracy || (accuracy == best.accuracy && isNearer) { best = (accuracy, threshold) }
    }
    return best.threshold
  }
}

/// Brier 1950: mean squared difference of probability and outcome; nil without examples.
public func brierScore(probabilities: [Double], labels: [Bool]) -> Double? {
  precondition(probabilities.count == labels.count, "probabilities and labels disagree")
  guard !labels.isEmpty else { return nil }
  let squares = zip(probabilities, labels).map { p, label in (p - (label ? 1 : 0)) * (p - (label ? 1 : 0)) }
  return squares.reduce(0, +) / Double(labels.count)
}
