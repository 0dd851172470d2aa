import Foundation

/// A way to learn from few patients, with a grid of settings among which the training patients choose.
package protocol TransferLearner {
  /// Names of the grid's points, the more modest first.
  var grid: [String] { get }
  /// Evidence for the positive label (log odds, mean over a patient's beats).
  ///
  /// - Parameters:
  ///   - patients: indices to train on; `labels`: one for each.
  ///   - scored: indices of patients to score.
  ///   - points: indices into `grid`, ascending.
  /// - Returns: [point][scored patient].
  func scores(training patients: [Int], labels: [Bool], scored: [Int], points: [Int], seed: UInt64) throws
    -> [[Double]]
}

/// What one draw gave.
package struct TransferDrawResult: Codable, Hashable, Sendable {
  package var draw: Int
  /// The grid's point that the training patients chose.
  package var chosen: String
  /// Mean AUC over the five folds of the training patients, each at the point which the other four folds choose.
  package var crossValidatedAUC: Double
  package var testAUC: Double
  /// Probability from which a patient counts as positive; largest balanced accuracy over the held-out folds.
  package var threshold: Double
  package var counts: BinaryCounts
  /// Probability of each test patient, in the order of the task's test patients.
  package var probabilities: [Double]

  package init(
    draw: Int, chosen: String, crossValidatedAUC: Double, testAUC: Double, threshold: Double, counts: BinaryCounts,
    probabilities: [Double]
  ) {
    self.draw = draw
    self.chosen = chosen
    self.crossValidatedAUC = crossValidatedAUC
    self.testAUC = testAUC
    self.threshold = threshold
    self.counts = counts
    self.probabilities = probabilities
  }
}

package enum TransferProtocol {
  /// Five folds of the training patients choose a point of the grid and the threshold; a model of all training patients
  /// then scores the test patients.
  ///
  /// - Parameter test: indices of the test patients.
  /// - Throws: what the learner throws; `ModelError` when the test patients have one label only.
  package static func evaluate(
    _ learner: some TransferLearner, draw: TransferDraw, test: [Int], testLabels: [Bool], seed: UInt64
  ) throws -> TransferDrawResult {
    let points = Array(learner.grid.indices)
    var heldOut = [[Double]](repeating: [Double](repeating: 0, count: draw.training.count), count: points.count)
    // [fold][point]
    var aucs: [[Double]] = []
    for fold in 0..<TransferDraw.foldCount {
      let kept = draw.folds.indices.filter { draw.folds[$0] != fold }
      let out = draw.folds.indices.filter { draw.folds[$0] == fold }
      let scores = try learner.scores(
        training: kept.map { draw.training[$0] }, labels: kept.map { draw.labels[$0] },
        scored: out.map { draw.training[$0] }, points: points, seed: seed &+ UInt64(fold + 1))
      for (point, scores) in scores.enumerated() {
        for (place, score) in zip(out, scores) { heldOut[point][place] = score }
      }
      aucs.append(try scores.map { try ROCCurve(scores: $0, labels: out.map { draw.labels[$0] }).auc })
    }
    let chosen = best(aucs)
    let honest = aucs.indices.map { fold in
      aucs[fold][best(aucs.indices.filter { $0 != fold }.map { aucs[$0] })]
    }
    let probabilities = try learner.scores(
      training: draw.training, labels: draw.labels, scored: test, points: [chosen], seed: seed)[0].map(logistic)
    let threshold = try ROCCurve(scores: heldOut[chosen].map(logistic), labels: draw.labels).balancedAccuracyThreshold
    return TransferDrawResult(
      draw: draw.number, chosen: learner.grid[chosen],
      crossValidatedAUC: honest.reduce(0, +) / Double(honest.count),
      testAUC: try ROCCurve(scores: probabilities, labels: testLabels).auc, threshold: threshold,
      counts: BinaryCounts(scores: probabilities, labels: testLabels, threshold: threshold),
      probabilities: probabilities)
  }

  private static func logistic(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  /// The point of largest mean AUC over the folds; of equals the first.
  private static func best(_ aucs: [[Double]]) -> Int {
    let sums = aucs[0].indices.map { point in aucs.reduce(0) { $0 + $1[point] } }
    return sums.indices.max { (sums[$0], $1) < (sums[$1], $0) }!
  }
}
