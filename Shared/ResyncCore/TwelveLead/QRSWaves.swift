import Foundation

/// The waves of one lead's QRS complex, over the level before it.
public struct QRSWaves: Hashable, Sendable {
  public struct Wave: Hashable, Sendable {
    /// At its extremum, signed, mV.
    public var millivolts: Double
    /// Start, extremum and end from the QRS onset, ms.
    public var start: Double
    public var peak: Double
    public var end: Double
    public var milliseconds: Double { end - start }
  }

  /// In order of time; neighbours have opposite signs.
  public let waves: [Wave]
  /// From the onset to the peak of the largest positive wave, ms; of a notched one, to its last peak of at least
  /// seven tenths of its height. 0 without a positive wave.
  public let rPeakMilliseconds: Double
  /// Level where the complex ends, mV.
  public let endMillivolts: Double
  /// How clearly the middle of the complex is notched or slurred: 0 not at all; up to 1 a slur, where the slope of a
  /// limb nearly rests; from 1 on a notch, 1 + its depth over the wave's height.
  public let notching: Double
  /// Signed area over the level before the complex, µV·s.
  public let areaMicrovoltSeconds: Double

  /// Waves smaller than this, or than this share of the complex's swing, or shorter than this are no waves.
  private static let leastMillivolts = 0.05
  private static let leastShare = 0.04
  private static let leastMilliseconds = 8.0
  private static let baselineSeconds = 0.02

  /// - Parameters:
  ///   - lead: samples, mV.
  ///   - onset: QRS onset, index into `lead`; likewise `offset`.
  public init(_ lead: [Float], onset: Int, offset: Int, rateHz: Int) {
    let milliseconds = 1_000 / Double(rateHz)
    let baseline = Self.baseline(lead, onset: onset, rateHz: rateHz)
    let first = min(max(onset, 0), lead.count - 1)
    let values = lead[first...min(max(offset, first), lead.count - 1)].map { Double($0) - baseline }
    let swing = values.max()! - values.min()!
    let least = max(Self.leastMillivolts, Self.leastShare * swing)
    var found: [Wave] = []
    var at = 0
    while at < values.count {
      let positive = values[at] > 0
      let end = values[at...].firstIndex { ($0 > 0) != positive } ?? values.count
      let top = (at..<end).max { abs(values[$0]) < abs(values[$1]) }!
      let wave = Wave(
        millivolts: values[top], start: Double(at) * milliseconds, peak: Double(top) * milliseconds,
        end: Double(end) * milliseconds)
      // What still grows where the complex ends is the ST segment's, unless it is all there is.
      let runsOut = end == values.count && top >= end - 2 && !found.isEmpty
      if abs(wave.millivolts) >= least, wave.milliseconds >= Self.leastMilliseconds, !runsOut {
        // What was too small to be a wave does not part two of one sign.
        if let last = found.last, (last.millivolts > 0) == positive {
          let higher = abs(last.millivolts) >= abs(wave.millivolts) ? last : wave
          found[found.count - 1] = Wave(
            millivolts: higher.millivolts, start: last.start, peak: higher.peak, end: wave.end)
        } else {
          found.append(wave)
        }
      }
      at = end
    }
    waves = found
    rPeakMilliseconds = Self.rPeak(values, waves: found, milliseconds: milliseconds)
    endMillivolts = values.last!
    notching = Self.notching(values, rateHz: rateHz)
    areaMicrovoltSeconds = values.reduce(0, +) * milliseconds
  }

  /// Mean level of the 20 ms before the complex, mV.
  static func baseline(_ lead: [Float], onset: Int, rateHz: Int) -> Double {
    let count = max(1, Int(baselineSeconds * Double(rateHz)))
    let range = max(0, min(onset, lead.count) - count)..<max(1, min(onset, lead.count))
    return range.reduce(0) { $0 + Double(lead[$1]) } / Double(range.count)
  }

  /// The largest positive and negative values, mV, both not negative.
  public var r: Double { max(0, waves.map(\.millivolts).max() ?? 0) }
  public var s: Double { max(0, -(waves.map(\.millivolts).min() ?? 0)) }

  /// A negative wave at the start; 0 without one, mV.
  public var q: Double {
    guard let first = waves.first, first.millivolts < 0, waves.contains(where: { $0.millivolts > 0 }) else { return 0 }
    return -first.millivolts
  }

  /// In the usual letters: capitals for waves of at least half the largest.
  public var description: String {
    let largest = waves.map { abs($0.millivolts) }.max() ?? 0
    guard waves.contains(where: { $0.millivolts > 0 }) else { return waves.isEmpty ? "" : "QS" }
    var (positives, negatives) = (0, 0)
    return waves.enumerated().map { number, wave in
      let big = 2 * abs(wave.millivolts) >= largest
      if wave.millivolts > 0 {
        positives += 1
        return (big ? "R" : "r") + String(repeating: "′", count: positives - 1)
      }
      if number == 0 { return big ? "Q" : "q" }
      negatives += 1
      return (big ? "S" : "s") + String(repeating: "′", count: negatives - 1)
    }.joined()
  }

  private static let lastPeakShare = 0.7

  private static func rPeak(_ values: [Double], waves: [Wave], milliseconds: Double) -> Double {
    guard let wave = waves.max(by: { $0.millivolts < $1.millivolts }), wave.millivolts > 0 else { return 0 }
    let (first, end) = (Int((wave.start / milliseconds).rounded()), Int((wave.end / milliseconds).rounded()))
    let last = (max(1, first)..<max(1, min(end, values.count - 1))).last { n in
      values[n] >= lastPeakShare * wave.millivolts && values[n] >= values[n - 1] && values[n] > values[n + 1]
    }
    return last.map { Double($0) * milliseconds } ?? wave.peak
  }

  /// Strauss et al. 2011: later than 40 ms after onset and before two thirds of the complex.
  private static let notchStartSeconds = 0.04
  private static let notchEndShare = 2.0 / 3
  /// A notch lies above this share of the wave's height.
  private static let notchLevel = 0.25
  private static let leastNotchDepth = 0.015

  private static func notching(_ values: [Double], rateHz: Int) -> Double {
    guard values.count > 12, let low = values.min(), let high = values.max(), high > low else { return 0 }
    let sign = high >= -low ? 1.0 : -1.0
    let height = max(high, -low)
    let y = values.map { sign * $0 / height }
    let reach = max(1, Int((0.004 * Double(rateHz)).rounded()))
    let slope = y.indices.map { y[min($0 + reach, y.count - 1)] - y[max($0 - reach, 0)] }
    let first = max(2, Int((notchStartSeconds * Double(rateHz)).rounded(.up)))
    let last = min(y.count - 3, Int(notchEndShare * Double(y.count)))
    guard first < last else { return 0 }
    var best = 0.0
    for n in first...last where y[n] >= notchLevel {
      let depth = min(y[..<n].max()!, y[n...].max()!) - y[n]
      if depth >= leastNotchDepth { best = max(best, 1 + depth) }
      // A slur: slopes of one sign that nearly rest between two steeper stretches of one limb.
      let direction = slope[n] >= 0 ? 1.0 : -1.0
      func steepest(_ range: some Collection<Int>) -> Double {
        var most = 0.0
        for index in range {
          let value = direction * slope[index]
          if value < 0 { break }
          most = max(most, value)
        }
        return most
      }
      let around = min(steepest((0..<n).reversed()), steepest(n + 1..<y.count))
      if around > 0.02 { best = max(best, min(1, 1 - direction * slope[n] / around)) }
    }
    return best
  }
}
