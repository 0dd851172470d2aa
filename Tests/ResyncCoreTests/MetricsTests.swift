import ResyncCore
import Testing

@Suite("Metrics")
struct MetricsTests {
  static let matrix = try! ConfusionMatrix(
    labels: [0, 0, 0, 0, 1, 1, 2, 2, 2], predictions: [0, 0, 1, 2, 1, 0, 2, 2, 2], classCount: 4)

  @Test("a confusion matrix gives the rates that its counts say, and nil where nothing can be said")
  func rates() {
    let m = Self.matrix
    #expect(m.counts == [[2, 1, 1, 0], [1, 1, 0, 0], [0, 0, 3, 0], [0, 0, 0, 0]])
    #expect(m.accuracy == 6.0 / 9)
    #expect(m.sensitivity(0) == 0.5)
    #expect(m.positivePredictivity(0) == 2.0 / 3)
    #expect(m.specificity(0) == 4.0 / 5)
    #expect(m.f1(2) == 6.0 / 7)
    #expect(m.sensitivity(3) == nil && m.positivePredictivity(3) == nil && m.f1(3) == nil)
    #expect(abs(m.macroF1(over: [0, 1, 2]) - (4.0 / 7 + 0.5 + 6.0 / 7) / 3) < 1e-12)
    #expect(abs(m.macroF1() - (4.0 / 7 + 0.5 + 6.0 / 7) / 4) < 1e-12)
    #expect((m + m).counts[0] == [4, 2, 2, 0])
    #expect(
      m.binary(positive: 0) == BinaryCounts(truePositive: 2, trueNegative: 4, falsePositive: 1, falseNegative: 2))
  }

  @Test("classes outside the matrix and unequal lengths are refused")
  func refuses() {
    #expect(throws: ModelError.self) { try ConfusionMatrix(labels: [0, 4], predictions: [0, 0], classCount: 4) }
    #expect(throws: ModelError.self) { try ConfusionMatrix(labels: [0], predictions: [-1], classCount: 4) }
    #expect(throws: ModelError.self) { try ConfusionMatrix(labels: [0], predictions: [], classCount: 4) }
  }

  @Test("counts always give an accuracy between sensitivity and specificity; the paper's triples are refused")
  func reportedRates() throws {
    let counts = BinaryCounts(truePositive: 30, trueNegative: 20, falsePositive: 5, falseNegative: 16)
    #expect(throws: Never.self) {
      try ReportedRates(
        accuracy: counts.accuracy!, sensitivity: counts.sensitivity!, specificity: counts.specificity!)
    }
    for (accuracy, sensitivity, specificity) in [(0.721, 0.783, 0.792), (0.684, 0.69, 0.778), (1.2, 1.2, 1.2)] {
      #expect(throws: ModelError.self) {
        try ReportedRates(
          accuracy: accuracy, sensitivity: sensitivity, specificity: specificity, tolerance: 0.001)
      }
    }
    #expect(throws: ModelError.self) { try ReportedRates(accuracy: .nan, sensitivity: 0.5, specificity: 0.5) }
  }

  @Test("the area under the curve is the share of pairs in the right order, ties half")
  func auc() throws {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<30 {
      let scores = (0..<23).map { _ in Double(Int.random(in: 0..<9, using: &generator)) / 8 }
      let labels = (0..<23).map { $0 < 2 || Bool.random(using: &generator) && $0 > 3 }
      var wins = 0.0
      var pairs = 0.0
      for i in 0..<23 where labels[i] {
        for j in 0..<23 where !labels[j] {
          pairs += 1
          wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0
        }
      }
      let curve = try ROCCurve(scores: scores, labels: labels)
      #expect(abs(curve.auc - wins / pairs) < 1e-12)
      let area = zip(curve.points, curve.points.dropFirst()).map { a, b in
        (b.falsePositiveRate - a.falsePositiveRate) * (a.sensitivity + b.sensitivity) / 2
      }.reduce(0, +)
      #expect(abs(curve.auc - area) < 1e-12)
      let best = BinaryCounts(scores: scores, labels: labels, threshold: curve.balancedAccuracyThreshold)
      for point in curve.points.dropFirst().dropLast() {
        #expect(best.balancedAccuracy! >= point.counts.balancedAccuracy! - 1e-12)
      }
    }
    #expect(throws: ModelError.self) { try ROCCurve(scores: [0.1, 0.2], labels: [true, true]) }
    #expect(throws: ModelError.self) { try ROCCurve(scores: [0.1, .nan], labels: [true, false]) }
  }

  @Test("the threshold lies half-way between scores, and among equals nearest to one half")
  func threshold() throws {
    let clear = try ROCCurve(scores: [0.2, 0.3, 0.8, 0.9], labels: [false, false, true, true])
    #expect(abs(clear.balancedAccuracyThreshold - 0.55) < 1e-12)
    let symmetric = try ROCCurve(scores: [0.1, 0.3, 0.5, 0.9], labels: [false, true, false, true])
    #expect(abs(symmetric.balancedAccuracyThreshold - 0.7) < 1e-12)
    let same = try ROCCurve(scores: [0.3, 0.3], labels: [false, true])
    #expect(same.balancedAccuracyThreshold == 0.5 && same.auc == 0.5)
  }

  @Test("the Brier score is the mean squared error")
  func brier() {
    #expect(abs(brierScore(probabilities: [0.8, 0.3], labels: [true, false])! - (0.04 + 0.09) / 2) < 1e-12)
    #expect(brierScore(probabilities: [], labels: []) == nil)
  }

  @Test("a bootstrap keeps class sizes, repeats with its seed, and covers as theory says")
  func bootstrap() {
    let strata = (0..<71).map { $0 < 46 ? 1 : 0 }
    var sizes: Set<Int> = []
    _ = Bootstrap(resamples: 50).interval(strata: strata) { drawn in
      sizes.insert(drawn.count { strata[$0] == 1 })
      return 0
    }
    #expect(sizes == [46])
    var generator = SeededGenerator(seed: 8)
    let values = (0..<400).map { _ in generator.gaussian() }
    func mean(_ indices: [Int]) -> Double? { indices.map { values[$0] }.reduce(0, +) / Double(indices.count) }
    let bootstrap = Bootstrap(seed: 2)
    let interval = bootstrap.interval(strata: Array(repeating: 0, count: 400), statistic: mean)!
    #expect(interval == bootstrap.interval(strata: Array(repeating: 0, count: 400), statistic: mean))
    // Width of a 95 % interval of a mean: 2 · 1.96 σ/√n.
    let width = interval.upperBound - interval.lowerBound
    #expect(abs(width - 2 * 1.96 / 20) < 0.03)
    #expect(interval.contains(mean(Array(0..<400))!))
    #expect(bootstrap.interval(strata: [0, 1]) { _ in nil } == nil)
  }
}
