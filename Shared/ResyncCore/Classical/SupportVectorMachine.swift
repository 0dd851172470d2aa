import Foundation

/// A support vector machine with soft margin, trained by sequential minimal optimisation with second-order choice of the
/// pair (Fan, Chen & Lin, JMLR 6:1889, 2005).
///
/// Minimises ½ Σ αᵢαⱼyᵢyⱼK(xᵢ, xⱼ) − Σ αᵢ over 0 ≤ α ≤ C, Σ αᵢyᵢ = 0. The kernel matrix is kept whole, so the number of
/// examples is limited.
public struct SupportVectorMachine: BinaryScorer, Hashable, Sendable {
  public enum Kernel: Codable, Hashable, Sendable {
    case linear
    /// exp(−γ |x − z|²).
    case radial(gamma: Double)
  }

  public let kernel: Kernel
  /// Examples with α > 0, [vector][feature], and their αᵢyᵢ.
  public let supportVectors: FeatureTable
  public let coefficients: [Double]
  public let offset: Double

  public static let mostExamples = 4_096
  private static let mostSteps = 10_000_000

  /// - Parameters:
  ///   - table: prepared features, at most `mostExamples`.
  ///   - cost: C.
  ///   - tolerance: largest violation of the optimality conditions at the end.
  /// - Throws: `ModelError`: `invalidExamples`, `invalidConfiguration`; `diverged` when the steps do not suffice.
  public init(
    fitting table: FeatureTable, labels: [Bool], kernel: Kernel, cost: Double = 1, tolerance: Double = 1e-3
  ) throws {
    try checkExamples(table, labels)
    guard table.exampleCount <= Self.mostExamples else {
      throw ModelError(.invalidExamples, "\(table.exampleCount) examples, expected at most \(Self.mostExamples)")
    }
    guard cost > 0, cost.isFinite, tolerance > 0 else {
      throw ModelError(.invalidConfiguration, "cost is \(cost), tolerance \(tolerance); expected both above 0")
    }
    var solver = DualSolver(
      kernel: kernel.matrix(table), signs: labels.map { $0 ? 1 : -1 }, cost: cost, tolerance: tolerance)
    guard solver.run(steps: Self.mostSteps) else {
      throw ModelError(.diverged, "support vector machine: no optimum after \(Self.mostSteps) steps")
    }
    let support = labels.indices.filter { solver.multipliers[$0] > 0 }
    self.kernel = kernel
    supportVectors = table.selecting(support)
    coefficients = support.map { solver.multipliers[$0] * solver.signs[$0] }
    offset = solver.offset
  }

  /// Signed distance from the margin's middle in units of the margin.
  public func score(_ example: ArraySlice<Double>) -> Double {
    coefficients.indices.reduce(-offset) { $0 + coefficients[$1] * kernel.value(supportVectors[$1], example) }
  }
}

extension SupportVectorMachine.Kernel {
  fileprivate func value(_ a: ArraySlice<Double>, _ b: ArraySlice<Double>) -> Double {
    switch self {
    case .linear: zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    case .radial(let gamma): exp(-gamma * zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
    }
  }

  /// K [example, example] of a table with itself.
  fileprivate func matrix(_ table: FeatureTable) -> [Double] {
    let count = table.exampleCount
    var products = DenseAlgebra.products(table.values, width: table.featureCount)
    guard case .radial(let gamma) = self else { return products }
    let squares = (0..<count).map { products[$0 * count + $0] }
    for i in 0..<count {
      for j in 0..<count {
        products[i * count + j] = exp(-gamma * max(0, squares[i] + squares[j] - 2 * products[i * count + j]))
      }
    }
    return products
  }
}

/// The dual problem: multipliers α, moved two at a time.
private struct DualSolver {
  let kernel: [Double]
  /// yᵢ.
  let signs: [Double]
  let cost: Double
  let tolerance: Double
  private(set) var multipliers: [Double]
  /// Σⱼ αⱼyᵢyⱼKᵢⱼ − 1.
  private var gradient: [Double]

  /// Stands in for curvature that is not positive.
  private static let leastCurvature = 1e-12

  init(kernel: [Double], signs: [Double], cost: Double, tolerance: Double) {
    (self.kernel, self.signs, self.cost, self.tolerance) = (kernel, signs, cost, tolerance)
    multipliers = Array(repeating: 0, count: signs.count)
    gradient = Array(repeating: -1, count: signs.count)
  }

  /// Whether α may grow in the direction of its sign, or against it.
  private func mayRise(_ i: Int) -> Bool { signs[i] > 0 ? multipliers[i] < cost : multipliers[i] > 0 }
  private func mayFall(_ i: Int) -> Bool { signs[i] > 0 ? multipliers[i] > 0 : multipliers[i] < cost }

  /// False when the steps do not suffice.
  mutating func run(steps: Int) -> Bool {
    for _ in 0..<steps {
      guard let (i, j) = pair() else { return true }
      move(i, j)
    }
    return false
  }

  /// The first violates the conditions most; the second promises the largest gain with it.
  private func pair() -> (Int, Int)? {
    let count = signs.count
    var (first, largest) = (-1, -Double.infinity)
    for t in 0..<count where mayRise(t) && -signs[t] * gradient[t] > largest {
      (first, largest) = (t, -signs[t] * gradient[t])
    }
    guard first >= 0 else { return nil }
    var (second, best, smallest) = (-1, Double.infinity, Double.infinity)
    for t in 0..<count where mayFall(t) {
      let value = -signs[t] * gradient[t]
      smallest = min(smallest, value)
      let violation = largest - value
      guard violation > 0 else { continue }
      let gain = -violation * violation / curvature(first, t)
      if gain < best { (second, best) = (t, gain) }
    }
    return second >= 0 && largest - smallest > tolerance ? (first, second) : nil
  }

  private func curvature(_ i: Int, _ j: Int) -> Double {
    let count = signs.count
    let value = kernel[i * count + i] + kernel[j * count + j] - 2 * kernel[i * count + j]
    return value > 0 ? value : Self.leastCurvature
  }

  /// Moves αᵢ along yᵢ and αⱼ against yⱼ as far as the gradient says and the box allows.
  private mutating func move(_ i: Int, _ j: Int) {
    let count = signs.count
    let wanted = (signs[j] * gradient[j] - signs[i] * gradient[i]) / curvature(i, j)
    let room = (
      i: signs[i] > 0 ? cost - multipliers[i] : multipliers[i], j: signs[j] > 0 ? multipliers[j] : cost - multipliers[j]
    )
    let step = min(wanted, room.i, room.j)
    multipliers[i] = bounded(multipliers[i] + signs[i] * step, atBound: step == room.i)
    multipliers[j] = bounded(multipliers[j] - signs[j] * step, atBound: step == room.j)
    for t in 0..<count {
      gradient[t] += signs[t] * step * (kernel[t * count + i] - kernel[t * count + j])
    }
  }

  /// What has reached a bound lies on it exactly, whatever rounding says.
  private func bounded(_ value: Double, atBound: Bool) -> Double {
    atBound ? (value > cost / 2 ? cost : 0) : min(max(value, 0), cost)
  }

  /// b of Σ αᵢyᵢK(xᵢ, x) − b: the mean over multipliers inside the box, else the middle of what the bounds allow.
  var offset: Double {
    let inside = signs.indices.filter { multipliers[$0] > 0 && multipliers[$0] < cost }
    if !inside.isEmpty { return inside.reduce(0) { $0 + signs[$1] * gradient[$1] } / Double(inside.count) }
    let upper = signs.indices.filter(mayRise).map { signs[$0] * gradient[$0] }.min() ?? 0
    let lower = signs.indices.filter(mayFall).map { signs[$0] * gradient[$0] }.max() ?? 0
    return (upper + lower) / 2
  }
}
