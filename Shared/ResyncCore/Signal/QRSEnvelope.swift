import Foundation

/// Energy of one lead's QRS band: band-pass 8–20 Hz, derivative, square, two moving averages (100 and 50 ms).
///
/// Squares measured better on MIT-BIH than Shannon's −a² ln a², which lifts weak waves and with them noise.
struct QRSEnvelope: Sendable {
  /// Samples by which the envelope's peak lags the QRS complex.
  let delay: Int
  private let derivativeScale: Double
  private var bandPass: BandPass
  /// What a rhythm without QRS complexes has, too.
  private var wideBand: BandPass
  private var averages: [MovingAverage]
  private var origin = 0.0
  private var previous = 0.0
  private var started = false

  init(rateHz: Int) {
    let rate = Double(rateHz)
    bandPass = BandPass(lowHz: 8, highHz: 20, rippleDecibels: 0.5, rateHz: rate)
    wideBand = BandPass(lowHz: 1.5, highHz: 30, rippleDecibels: 0.5, rateHz: rate)
    averages = [0.1, 0.05].map { MovingAverage(length: Int($0 * rate) | 1) }
    // 36 ms: the band-pass's group delay at its centre.
    delay = averages.map { ($0.length - 1) / 2 }.reduce(Int((0.036 * rate).rounded()), +)
    // The derivative of a wave of 8 Hz keeps its amplitude.
    derivativeScale = rate / 50
  }

  /// Adds this lead's share: to `roots` the root of the envelope, to `wideRoots` the root of the amplitude at 1.5–30 Hz
  /// (mV^½), both times `weight`. Averaging roots keeps one noisy lead from speaking for all.
  mutating func accumulate(
    _ samples: ArraySlice<Float>, intoRoots roots: inout [Double], wideRoots: inout [Double], weight: Double
  ) {
    guard let first = samples.first else { return }
    if !started { (origin, started) = (Double(first), true) }
    var index = 0
    for sample in samples {
      let input = Double(sample) - origin
      let filtered = bandPass.step(input)
      let wide = wideBand.step(input)
      let slope = (filtered - previous) * derivativeScale
      previous = filtered
      roots[index] += weight * averages[1].step(averages[0].step(slope * slope)).squareRoot().squareRoot()
      wideRoots[index] += weight * abs(wide).squareRoot()
      index += 1
    }
  }
}

extension QRSEnvelope: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(started)
    writer.write([origin, previous] + bandPass.state + wideBand.state)
    for average in averages { average.write(to: &writer) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    started = try reader.bool()
    let values = try reader.doubles(count: 10...10)
    (origin, previous) = (values[0], values[1])
    bandPass.state = Array(values[2..<6])
    wideBand.state = Array(values[6...])
    for index in averages.indices { try averages[index].restore(from: &reader) }
  }
}

/// Mean of the last `length` values; zeros before the first.
struct MovingAverage: Sendable {
  let length: Int
  private var ring: [Double]
  private var sum = 0.0
  private var at = 0

  init(length: Int) {
    self.length = length
    ring = Array(repeating: 0, count: length)
  }

  mutating func step(_ value: Double) -> Double {
    sum += value - ring[at]
    ring[at] = value
    at = at + 1 == length ? 0 : at + 1
    // Once a turn the sum is made anew, so that rounding never accumulates.
    if at == 0 { sum = ring.reduce(0, +) }
    return max(0, sum) / Double(length)
  }
}

extension MovingAverage: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(at)
    writer.write(sum)
    writer.write(ring)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    at = try reader.int(in: 0...length - 1)
    sum = try reader.double()
    ring = try reader.doubles(count: length...length)
    guard sum.isFinite else { throw SignalError.snapshot("moving average is not finite") }
  }
}
