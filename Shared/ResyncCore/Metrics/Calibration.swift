import Foundation

/// Platt scaling: P(yes) = 1 / (1 + exp(a s + b)), fitted to softened targets (Platt 1999) by Newton's method with
/// backtracking (Lin, Lin & Weng, Machine Learning 68:267, 2007).
public struct PlattScaling: Codable, Hashable, Sendable {
  public let slope: Double
  public let intercept: Double

  private static let mostSteps = 100

  /// - Parameter scores: of patients that the model was not fitted to, higher for "yes".
  /// - Throws: `ModelError` with code `invalidExamples` unless both labels occur and every score is finite.
  public init(scores: [Double], labels: [Bool]) throws {
    let positives = Double(labels.count { $0 })
    let negatives = Double(labels.count) - positives
    guard scores.count == labels.count, positives > 0, negatives > 0, scores.allSatisfy(\.isFinite) else {
      throw ModelError(
        .invalidExamples,
        "Platt: \(scores.count) scores, \(labels.count) labels, \(Int(positives)) yes; expected one each, some of both")
    }
    let (high, low) = ((positives + 1) / (positives + 2), 1 / (negatives + 2))
    let targets = labels.map { $0 ? high : low }
    func loss(_ a: Double, _ b: Double) -> Double {
      zip(scores, targets).reduce(0) { sum, pair in
        let f = a * pair.0 + b
        // −t log p − (1 − t) log(1 − p) without overflow.
        return sum + (f >= 0 ? pair.1 * f + log1p(exp(-f)) : (pair.1 - 1) * f + log1p(exp(f)))
      }
    }
    var (a, b) = (0.0, log((negatives + 1) / (positives + 1)))
    var value = loss(a, b)
    for _ in 0..<Self.mostSteps {
      // A small ridge keeps the Hessian definite.
      var (aa, ab, bb, ga, gb) = (1e-12, 0.0, 1e-12, 0.0, 0.0)
      for (score, target) in zip(scores, targets) {
        let p = 1 / (1 + exp(a * score + b))
        let weight = p * (1 - p)
        aa += score * score * weight
        ab += score * weight
        bb += weight
        ga += score * (target - p)
        gb += target - p
      }
      guard abs(ga) > 1e-10 || abs(gb) > 1e-10 else { break }
      let determinant = aa * bb - ab * ab
      let (da, db) = (-(bb * ga - ab * gb) / determinant, -(aa * gb - ab * ga) / determinant)
      var step = 1.0
      while step > 1e-10, loss(a + step * da, b + step * db) >= value { step /= 2 }
      guard step > 1e-10 else { break }
      (a, b) = (a + step * da, b + step * db)
      value = loss(a, b)
    }
    (slope, intercept) = (a, b)
  }

  public func probability(_ score: Double) -> Double { 1 / (1 + exp(slope * score + intercept)) }
}

/// Inductive Venn–Abers prediction (Vovk & Petej, UAI 2014): the isotonic fit of the calibration scores with the new one
/// once as "no" and once as "yes" gives the interval [p0, p1].
public struct VennAbers: Codable, Hashable, Sendable {
  private let scores: [Double]
  private let labels: [Bool]

  /// Also from a file: scores that are out of order are put in order, unequal numbers refused.
  public init(from decoder: any Decoder) throws {
    let c = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(scores: c.decode([Double].self, forKey: .scores), labels: c.decode([Bool].self, forKey: .labels))
  }

  /// - Throws: `ModelError` with code `invalidExamples` unless there are as many finite scores as labels, at least one.
  public init(scores: [Double], labels: [Bool]) throws {
    guard scores.count == labels.count, !scores.isEmpty, scores.allSatisfy(\.isFinite) else {
      throw ModelError(
        .invalidExamples, "Venn–Abers: \(scores.count) scores and \(labels.count) labels, expected one finite each")
    }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    self.scores = order.map { scores[$0] }
    self.labels = order.map { labels[$0] }
  }

  public func interval(_ score: Double) -> ClosedRange<Double> {
    let (p0, p1) = (fit(score, as: false), fit(score, as: true))
    return min(p0, p1)...max(p0, p1)
  }

  /// The isotonic regression's value at the score: equal scores are one block, then neighbours that fall are pooled.
  private func fit(_ score: Double, as label: Bool) -> Double {
    struct Block {
      /// The largest score in it.
      var score: Double
      var sum: Double
      var count: Double
      var mean: Double { sum / count }

      mutating func absorb(_ earlier: Block) {
        sum += earlier.sum
        count += earlier.count
      }
    }
    let at = scores.firstIndex { $0 >= score } ?? scores.count
    let known = zip(scores, labels).map { Block(score: $0, sum: $1 ? 1 : 0, count: 1) }
    var groups: [Block] = []
    for var block in known[..<at] + [Block(score: score, sum: label ? 1 : 0, count: 1)] + known[at...] {
      if let last = groups.last, last.score == block.score { block.absorb(groups.removeLast()) }
      groups.append(block)
    }
    var pooled: [Block] = []
    for var block in groups {
      while let last = pooled.last, last.mean >= block.mean { block.absorb(pooled.removeLast()) }
      pooled.append(block)
    }
    return pooled.first { $0.score >= score }!.mean
  }
}
