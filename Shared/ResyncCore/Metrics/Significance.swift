import Foundation

/// A test's statistic and two-sided p-value.
public struct TestResult: Codable, Hashable, Sendable {
  public var statistic: Double
  public var pValue: Double
}

/// Tests of one group against another, as for a table of baseline characteristics.
public enum GroupTest {
  /// Welch's t for unequal variances; nil when a group has fewer than two values or nothing varies.
  public static func welch(_ a: [Double], _ b: [Double]) -> TestResult? {
    guard a.count > 1, b.count > 1 else { return nil }
    let (first, second) = (a.meanAndVariance, b.meanAndVariance)
    let (u, v) = (first.variance / Double(a.count), second.variance / Double(b.count))
    guard u + v > 0 else { return nil }
    let t = (first.mean - second.mean) / (u + v).squareRoot()
    let freedom = (u + v) * (u + v) / (u * u / Double(a.count - 1) + v * v / Double(b.count - 1))
    return TestResult(statistic: t, pValue: Distributions.studentTwoSided(t, degreesOfFreedom: freedom))
  }

  /// Student's t with pooled variance. The paper's Table 1 has it on 0/1 for proportions.
  public static func student(_ a: [Double], _ b: [Double]) -> TestResult? {
    guard a.count > 1, b.count > 1 else { return nil }
    let (first, second) = (a.meanAndVariance, b.meanAndVariance)
    let freedom = Double(a.count + b.count - 2)
    let pooled = (first.variance * Double(a.count - 1) + second.variance * Double(b.count - 1)) / freedom
    guard pooled > 0 else { return nil }
    let t = (first.mean - second.mean) / (pooled * (1 / Double(a.count) + 1 / Double(b.count))).squareRoot()
    return TestResult(statistic: t, pValue: Distributions.studentTwoSided(t, degreesOfFreedom: freedom))
  }

  /// Counts `[[a, b], [c, d]]`: Pearson's χ² without continuity correction, or Fisher's exact test (statistic: the odds
  /// ratio) where an expected count is below 5. Nil when a row or column is empty.
  public static func proportions(_ table: [[Int]]) -> TestResult? {
    precondition(table.count == 2 && table.allSatisfy { $0.count == 2 }, "a table of two by two")
    let rows = table.map { $0[0] + $0[1] }
    let columns = (0..<2).map { table[0][$0] + table[1][$0] }
    let total = rows[0] + rows[1]
    guard rows.allSatisfy({ $0 > 0 }), columns.allSatisfy({ $0 > 0 }) else { return nil }
    let expected = rows.map { row in columns.map { Double(row) * Double($0) / Double(total) } }
    guard expected.joined().allSatisfy({ $0 >= 5 }) else { return fisher(table, rows, columns) }
    var statistic = 0.0
    for i in 0..<2 {
      for j in 0..<2 { statistic += pow(Double(table[i][j]) - expected[i][j], 2) / expected[i][j] }
    }
    return TestResult(
      statistic: statistic, pValue: Distributions.chiSquareAbove(statistic, degreesOfFreedom: 1))
  }

  /// Sum over the tables with these margins that are no likelier than the given one.
  private static func fisher(_ table: [[Int]], _ rows: [Int], _ columns: [Int]) -> TestResult {
    func logarithm(_ a: Int) -> Double {
      let cells = [a, rows[0] - a, columns[0] - a, rows[1] - columns[0] + a]
      return -cells.reduce(0) { $0 + lgamma(Double($1) + 1) }
    }
    let possible = max(0, columns[0] - rows[1])...min(rows[0], columns[0])
    let largest = possible.map(logarithm).max() ?? 0
    let weights = possible.map { exp(logarithm($0) - largest) }
    let own = exp(logarithm(table[0][0]) - largest)
    // Equally likely tables differ by rounding.
    let extreme = weights.filter { $0 <= own * (1 + 1e-7) }.reduce(0, +)
    let odds = Double(table[0][0]) * Double(table[1][1]) / (Double(table[0][1]) * Double(table[1][0]))
    return TestResult(statistic: odds, pValue: min(1, extreme / weights.reduce(0, +)))
  }
}

/// Comparisons of two models on the same patients.
public enum ModelComparison {
  /// Exact McNemar test: `onlyFirst` patients only the first model had right, `onlySecond` only the second.
  /// The statistic is the smaller of the two.
  public static func mcNemar(onlyFirst: Int, onlySecond: Int) -> TestResult {
    let (n, smaller) = (onlyFirst + onlySecond, min(onlyFirst, onlySecond))
    func logarithm(_ k: Int) -> Double {
      lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1)) - Double(n) * log(2)
    }
    let tail = (0...smaller).reduce(0.0) { $0 + exp(logarithm($1)) }
    return TestResult(statistic: Double(smaller), pValue: min(1, 2 * tail))
  }

  /// Corrected resampled t of r × k-fold cross-validation (Nadeau & Bengio, Machine Learning 52:239, 2003):
  /// t = d̄ / √((1/(kr) + n_test/n_train) s²), kr − 1 degrees of freedom; of k folds n_test/n_train = 1/(k − 1).
  /// - Parameter differences: one for each fold of each repeat.
  /// - Returns: nil when there are fewer than two, or they do not vary.
  public static func correctedResampledT(differences: [Double], folds: Int) -> TestResult? {
    precondition(folds > 1, "cross-validation has two folds or more")
    guard differences.count > 1 else { return nil }
    let (mean, variance) = differences.meanAndVariance
    guard variance > 0 else { return nil }
    let count = Double(differences.count)
    let t = mean / ((1 / count + 1 / Double(folds - 1)) * variance).squareRoot()
    return TestResult(statistic: t, pValue: Distributions.studentTwoSided(t, degreesOfFreedom: count - 1))
  }

  /// Difference of two correlated AUCs (DeLong, DeLong & Clarke-Pearson, Biometrics 44:837, 1988). Nil unless both labels
  /// occur at least twice and the difference varies. The statistic is z.
  public static func deLong(first: [Double], second: [Double], labels: [Bool]) -> TestResult? {
    precondition(first.count == labels.count && second.count == labels.count, "scores and labels disagree")
    let positives = labels.indices.filter { labels[$0] }
    let negatives = labels.indices.filter { !labels[$0] }
    guard positives.count > 1, negatives.count > 1 else { return nil }
    func wins(_ scores: [Double], _ positive: Int, _ negative: Int) -> Double {
      scores[positive] > scores[negative] ? 1 : scores[positive] == scores[negative] ? 0.5 : 0
    }
    // Differences of the placement values: their variances are those of the difference of AUCs.
    let overPositives = positives.map { p in
      negatives.reduce(0) { $0 + wins(first, p, $1) - wins(second, p, $1) } / Double(negatives.count)
    }
    let overNegatives = negatives.map { n in
      positives.reduce(0) { $0 + wins(first, $1, n) - wins(second, $1, n) } / Double(positives.count)
    }
    let (difference, a) = overPositives.meanAndVariance
    let variance = a / Double(positives.count) + overNegatives.meanAndVariance.variance / Double(negatives.count)
    guard variance > 0 else { return nil }
    let z = difference / variance.squareRoot()
    return TestResult(statistic: z, pValue: Distributions.normalTwoSided(z))
  }

  /// Holm's step-down adjustment (Scand. J. Stat. 6:65, 1979), in the order given.
  public static func holm(_ pValues: [Double]) -> [Double] {
    let order = pValues.indices.sorted { pValues[$0] < pValues[$1] }
    var adjusted = pValues
    var largest = 0.0
    for (rank, index) in order.enumerated() {
      largest = max(largest, min(1, Double(pValues.count - rank) * pValues[index]))
      adjusted[index] = largest
    }
    return adjusted
  }
}

extension [Double] {
  /// Variance of a sample (n − 1); 0 for one value.
  var meanAndVariance: (mean: Double, variance: Double) {
    let mean = reduce(0, +) / Double(count)
    return (mean, reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(Swift.max(1, count - 1)))
  }
}
