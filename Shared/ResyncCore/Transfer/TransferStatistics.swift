/// Statistics over draws and test patients: both are samples, and all draws share the test patients.
package struct TransferStatistics: Sendable {
  package let labels: [Bool]
  package let bootstrap: Bootstrap
  private let positives: [Int]
  private let negatives: [Int]

  package struct Estimate: Codable, Hashable, Sendable {
    package var value: Double
    package var lower: Double
    package var upper: Double
    /// Two-sided, of no difference from the null value: twice the smaller share of resamples on its other side.
    package var pValue: Double
  }

  /// - Parameter labels: of the test patients; both must occur.
  package init(labels: [Bool], bootstrap: Bootstrap) {
    self.labels = labels
    self.bootstrap = bootstrap
    positives = labels.indices.filter { labels[$0] }
    negatives = labels.indices.filter { !labels[$0] }
    precondition(!positives.isEmpty && !negatives.isEmpty, "an AUC needs both labels")
  }

  /// Mean AUC over the draws, against .5.
  /// - Parameter scores: [draw][test patient].
  package func auc(_ scores: [[Double]]) -> Estimate { estimate(scores.map(wins), null: 0.5) }

  /// Mean over the draws of the difference of AUC, against 0; draws and patients are paired.
  package func difference(_ scores: [[Double]], minus reference: [[Double]]) -> Estimate {
    precondition(scores.count == reference.count, "as many draws of both")
    return estimate(zip(scores, reference).map { zip(wins($0), wins($1)).map { $0 - $1 } }, null: 0)
  }

  /// For each positive and negative in turn: 1 where the positive scores higher, ½ for a tie.
  private func wins(_ scores: [Double]) -> [Double] {
    precondition(scores.count == labels.count, "one score for each test patient")
    return positives.flatMap { p in
      negatives.map { n in scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0 }
    }
  }

  /// Draws, positives and negatives are resampled, each among themselves.
  private func estimate(_ draws: [[Double]], null: Double) -> Estimate {
    let (draw, p, n) = (draws.count, positives.count, negatives.count)
    let strata = Array(repeating: 0, count: draw) + Array(repeating: 1, count: p) + Array(repeating: 2, count: n)
    let pairs = Double(draw * p * n)
    var figures: [Double] = []
    let interval = bootstrap.interval(strata: strata) { drawn in
      var mean = [Double](repeating: 0, count: p * n)
      for one in drawn[..<draw] { for i in mean.indices { mean[i] += draws[one][i] } }
      var sum = 0.0
      for a in drawn[draw..<draw + p] {
        for b in drawn[(draw + p)...] { sum += mean[(a - draw) * n + b - draw - p] }
      }
      figures.append(sum / pairs)
      return sum / pairs
    }
    let value = draws.joined().reduce(0, +) / pairs
    let (below, above) = (figures.count { $0 <= null }, figures.count { $0 >= null })
    let tail = Double(min(below, above) + 1) / Double(figures.count + 1)
    return Estimate(
      value: value, lower: interval?.lowerBound ?? value, upper: interval?.upperBound ?? value,
      pValue: min(1, 2 * tail))
  }
}
