/// Percentile intervals by resampling units (patients) with replacement inside each class, so that every resample has the
/// classes' own sizes.
public struct Bootstrap: Codable, Hashable, Sendable {
  public var resamples: Int
  public var seed: UInt64
  /// Coverage, between 0 and 1.
  public var level: Double

  public init(resamples: Int = 2000, seed: UInt64 = 0, level: Double = 0.95) {
    self.resamples = resamples
    self.seed = seed
    self.level = level
  }

  /// - Parameters:
  ///   - strata: the class of each unit.
  ///   - statistic: the figure of a resample, given as indices of units; nil when it has none there.
  /// - Returns: the interval, or nil when fewer than half of the resamples have the figure.
  public func interval(strata: [Int], statistic: ([Int]) throws -> Double?) rethrows -> ClosedRange<Double>? {
    precondition(resamples > 0 && level > 0 && level < 1, "a bootstrap needs resamples and a level between 0 and 1")
    let members = Dictionary(grouping: strata.indices) { strata[$0] }.sorted { $0.key < $1.key }.map(\.value)
    var generator = SeededGenerator(seed: seed)
    var figures: [Double] = []
    for _ in 0..<resamples {
      let drawn = members.flatMap { units in
        units.map { _ in units[Int.random(in: 0..<units.count, using: &generator)] }
      }
      if let figure = try statistic(drawn), figure.isFinite { figures.append(figure) }
    }
    guard !figures.isEmpty, figures.count * 2 >= resamples else { return nil }
    figures.sort()
    return quantile(figures, (1 - level) / 2)...quantile(figures, (1 + level) / 2)
  }

  /// Linear interpolation between order statistics, as NumPy's default.
  private func quantile(_ sorted: [Double], _ p: Double) -> Double {
    let position = p * Double(sorted.count - 1)
    let low = Int(position)
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (position - Double(low)) * (sorted[high] - sorted[low])
  }
}
