import Foundation

/// SplitMix64 (Steele, Lea & Flood 2014): small, fast, and its whole state is one number, so that a run resumes where
/// it stopped. Not for cryptography.
public struct SeededGenerator: RandomNumberGenerator, Codable, Hashable, Sendable {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Uniform in [0, 1).
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

  package mutating func uniform(in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
  }

  /// Uniform in 0..<`count`, to within what a double resolves.
  package mutating func index(below count: Int) -> Int { min(count - 1, Int(uniform() * Double(count))) }

  /// Standard normal (Box–Muller, one of the pair).
  public mutating func gaussian() -> Double {
    let radius = (-2 * log(1 - uniform())).squareRoot()
    return radius * cos(2 * .pi * uniform())
  }
}
