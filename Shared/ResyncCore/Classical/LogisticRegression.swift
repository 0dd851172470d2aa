import Foundation

/// Logistic regression with a ridge penalty: the minimum of ½|w|² + C Σ log(1 + exp(−y (w·x + b))), y = ±1, the intercept
/// not penalised. Newton's method with Cholesky steps; the minimum is unique.
public struct LogisticRegression: BinaryScorer, Hashable, Sendable {
  public let weights: [Double]
  public let intercept: Double

  private static let mostSteps = 100
  private static let mostHalvings = 40

  /// - Parameters:
  ///   - table: prepared features.
  ///   - inversePenalty: C; the larger, the freer the weights.
  /// - Throws: `ModelError`: `invalidExamples`; `diverged` when Newton's method does not reach the minimum.
  public init(fitting table: FeatureTable, labels: [Bool], inversePenalty: Double = 1) throws {
    try checkExamples(table, labels)
    guard inversePenalty > 0, inversePenalty.isFinite else {
      throw ModelError(.invalidConfiguration, "inversePenalty is \(inversePenalty), expected above 0")
    }
    guard table.featureCount > table.exampleCount else {
      (weights, intercept) = try Self.minimum(table, labels, inversePenalty)
      return
    }
    // At the minimum the weights are a sum of centred examples, which span fewer axes than there are features.
    let components = try PrincipalComponents(fitting: table, count: table.exampleCount)
    let (along, offset) = try Self.minimum(components.projected(table), labels, inversePenalty)
    var weights = [Double](repeating: 0, count: table.featureCount)
    for (weight, axis) in zip(along, components.axes) {
      for feature in weights.indices { weights[feature] += weight * axis[feature] }
    }
    self.weights = weights
    intercept = zip(weights, components.means).reduce(offset) { $0 - $1.0 * $1.1 }
  }

  private static func minimum(
    _ table: FeatureTable, _ labels: [Bool], _ inversePenalty: Double
  ) throws -> (weights: [Double], intercept: Double) {
    let problem = Problem(table: table, labels: labels, inversePenalty: inversePenalty)
    var point = [Double](repeating: 0, count: table.featureCount + 1)
    var value = problem.value(at: point)
    for _ in 0..<mostSteps {
      let (gradient, hessian) = problem.derivatives(at: point)
      guard gradient.contains(where: { abs($0) > 1e-9 * (1 + inversePenalty) }) else { break }
      guard let step = DenseAlgebra.solve(lower: hessian, gradient) else {
        throw ModelError(.diverged, "logistic regression: the Hessian is singular")
      }
      var (share, halvings) = (1.0, 0)
      var next = zip(point, step).map { $0 - $1 }
      var nextValue = problem.value(at: next)
      while nextValue > value, halvings < mostHalvings {
        share /= 2
        halvings += 1
        next = zip(point, step).map { $0 - share * $1 }
        nextValue = problem.value(at: next)
      }
      // No step lowers the value any more: rounding is all that is left.
      guard nextValue < value else { break }
      (point, value) = (next, nextValue)
    }
    let (gradient, _) = problem.derivatives(at: point)
    guard gradient.allSatisfy({ abs($0) <= 1e-4 * (1 + inversePenalty) }) else {
      throw ModelError(.diverged, "logistic regression: no minimum after \(mostSteps) steps")
    }
    return (Array(point.dropLast()), point[point.count - 1])
  }

  /// Log-odds of "yes".
  public func score(_ example: ArraySlice<Double>) -> Double {
    zip(weights, example).reduce(intercept) { $0 + $1.0 * $1.1 }
  }
}

/// Value and derivatives at a point, which is the weights and then the intercept.
private struct Problem {
  /// [example, feature], with a last feature of ones.
  let design: [Double]
  let labels: [Bool]
  let width: Int
  let inversePenalty: Double

  init(table: FeatureTable, labels: [Bool], inversePenalty: Double) {
    design = (0..<table.exampleCount).flatMap { table[$0] + [1] }
    self.labels = labels
    self.inversePenalty = inversePenalty
    width = table.featureCount + 1
  }

  private func logOdds(_ point: [Double]) -> [Double] {
    labels.indices.map { example in
      (0..<width).reduce(0) { $0 + point[$1] * design[example * width + $1] }
    }
  }

  func value(at point: [Double]) -> Double {
    let losses = zip(logOdds(point), labels).map { logOdds, label in
      let margin = label ? logOdds : -logOdds
      return margin > 0 ? log1p(exp(-margin)) : -margin + log1p(exp(margin))
    }
    return point.dropLast().reduce(0) { $0 + $1 * $1 } / 2 + inversePenalty * losses.reduce(0, +)
  }

  /// Gradient [width] and Hessian [width, width], whose lower triangle is filled.
  func derivatives(at point: [Double]) -> (gradient: [Double], hessian: [Double]) {
    let probabilities = logOdds(point).map { 1 / (1 + exp(-$0)) }
    var gradient = Array(point.dropLast()) + [0]
    var weighted = design
    for (example, p) in probabilities.enumerated() {
      let error = inversePenalty * (p - (labels[example] ? 1 : 0))
      let root = (inversePenalty * p * (1 - p)).squareRoot()
      for place in example * width..<(example + 1) * width {
        gradient[place - example * width] += error * design[place]
        weighted[place] *= root
      }
    }
    var hessian = DenseAlgebra.lowerGram(weighted, width: width)
    for feature in 0..<width - 1 { hessian[feature * width + feature] += 1 }
    return (gradient, hessian)
  }
}
