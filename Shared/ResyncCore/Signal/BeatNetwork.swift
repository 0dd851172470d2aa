/// Says how likely a candidate is a beat: 98 features → 24 → 12 → 1, rectified linear units, log-odds out.
///
/// Its weights (`BeatNetworkWeights.swift`) are in units of 1/4,096 and are made by `Benchmarks/training/rpeaks.py`.
struct BeatNetwork: Sendable {
  static let shared = BeatNetwork(BeatNetworkWeights.values)

  private static let hidden = (first: 24, second: 12)
  private static let unit: Float = 1 / 4_096

  /// [feature][unit / 8], then its bias.
  private let first: [SIMD8<Float>]
  private let firstBias: [SIMD8<Float>]
  /// [unit of the first layer], units of the second in its lanes; four lanes stay empty.
  private let second: [SIMD16<Float>]
  private let secondBias: SIMD16<Float>
  private let third: SIMD16<Float>
  private let thirdBias: Float

  private init(_ weights: [Int32]) {
    let (features, one, two) = (BeatMemory.featureCount, Self.hidden.first, Self.hidden.second)
    precondition(weights.count == (features + 1) * one + (one + 1) * two + two + 1, "weights of another network")
    var rest = weights[...].map { Float($0) * Self.unit }[...]
    func take(_ count: Int) -> [Float] {
      defer { rest = rest.dropFirst(count) }
      return Array(rest.prefix(count))
    }
    func lanes(_ values: [Float]) -> SIMD16<Float> { SIMD16(values + Array(repeating: 0, count: 16 - values.count)) }
    first = (0..<features * one / 8).map { _ in SIMD8(take(8)) }
    firstBias = (0..<one / 8).map { _ in SIMD8(take(8)) }
    second = (0..<one).map { _ in lanes(take(two)) }
    secondBias = lanes(take(two))
    third = lanes(take(two))
    thirdBias = take(1)[0]
  }

  func logOdds(of features: [Float]) -> Float {
    var (a, b, c) = (firstBias[0], firstBias[1], firstBias[2])
    for (index, feature) in features.enumerated() {
      a += first[3 * index] * feature
      b += first[3 * index + 1] * feature
      c += first[3 * index + 2] * feature
    }
    var output = secondBias
    for (part, units) in [a, b, c].enumerated() {
      for lane in 0..<8 where units[lane] > 0 { output += second[8 * part + lane] * units[lane] }
    }
    output.replace(with: 0, where: output .< 0)
    return (output * third).sum() + thirdBias
  }
}
