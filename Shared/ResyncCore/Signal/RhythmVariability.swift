/// Mean of all RR intervals so far, and how much the last ten vary. Unlike a median, the mean is drawn up by pauses, so
/// that where most beats are premature (sick sinus with atrial bigeminy) they are still shorter than it.
struct RhythmVariability: Sendable {
  private enum Constant {
    static let last = 10
    /// Fewer intervals tell no deviation.
    static let fewest = 4
    /// Of the last ten, seconds: added to a standard deviation, below which differences are those of detection.
    static let floor = 0.02
    static let largestDeviation = 6.0
  }

  private let rate: Double
  private var sum = 0
  private var count = 0
  private var last: [Int] = []

  init(rateHz: Int) { rate = Double(rateHz) }

  /// - Parameter interval: samples at the canonical rate; of a pause as long as a pause is at least.
  mutating func add(_ interval: Int) {
    sum += interval
    count += 1
    last = (last + [interval]).suffix(Constant.last)
  }

  /// Of all intervals, samples; nil before the first.
  var mean: Double? { count > 0 ? Double(sum) / Double(count) : nil }

  private var meanOfLast: Double { Double(last.reduce(0, +)) / Double(last.count) }

  private var standardDeviation: Double {
    let mean = meanOfLast
    return (last.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(last.count)).squareRoot()
  }

  /// Standard deviation of the last ten over their mean (SDNN / mean RR); 0 before the third.
  var variation: Float { last.count > 2 ? Float(standardDeviation / meanOfLast) : 0 }

  /// Root mean square of their successive differences over their mean (RMSSD / mean RR; Task Force of the ESC and NASPE,
  /// Circulation 93:1043, 1996); 0 before the third.
  var successiveVariation: Float {
    guard last.count > 2 else { return 0 }
    let squares = zip(last, last.dropFirst()).reduce(0.0) { sum, pair in
      let difference = Double(pair.1) - Double(pair.0)
      return sum + difference * difference
    }
    return Float((squares / Double(last.count - 1)).squareRoot() / meanOfLast)
  }

  /// An interval less the mean of the last ten, in their standard deviations, at most 6 either way; 0 before the fourth.
  func deviation(of interval: Int) -> Float {
    guard last.count >= Constant.fewest else { return 0 }
    let deviation = (Double(interval) - meanOfLast) / (standardDeviation + Constant.floor * rate)
    return Float(min(max(deviation, -Constant.largestDeviation), Constant.largestDeviation))
  }
}

extension RhythmVariability: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(sum)
    writer.write(count)
    writer.write(last)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    sum = try reader.int(in: 0...SampleIndex.maximum)
    count = try reader.int(in: 0...sum)
    last = try reader.ints(count: 0...Constant.last, in: 1...SampleIndex.maximum)
    guard last.count == min(count, Constant.last), last.allSatisfy({ $0 <= sum }), last.reduce(0, +) <= sum else {
      throw SignalError.snapshot("variability of the rhythm contradicts itself")
    }
  }
}
