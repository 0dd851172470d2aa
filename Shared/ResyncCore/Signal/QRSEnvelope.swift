import Foundation

/// Energies of one lead: that of its QRS band, which shows where beats may be, and those of four bands, which show what
/// is there.
///
/// The QRS envelope: band-pass 8–20 Hz, derivative, square, two moving averages (100 and 50 ms). The bands' powers:
/// mean squares over 50 ms.
struct QRSEnvelope: Sendable {
  /// Samples by which the envelope's peak lags the QRS complex.
  let delay: Int
  private let derivativeScale: Double
  private var bank: FilterBank
  private var long: MovingAverage<Double>
  private var short: MovingAverage<Double>
  private var bands: MovingAverage<SIMD4<Double>>
  private var origin = 0.0
  private var previous = 0.0
  private var started = false

  init(rateHz: Int) {
    let rate = Double(rateHz)
    bank = FilterBank(rateHz: rate)
    let (longLength, shortLength) = (Int(0.1 * rate) | 1, Int(0.05 * rate) | 1)
    long = MovingAverage(length: longLength)
    short = MovingAverage(length: shortLength)
    bands = MovingAverage(length: shortLength)
    // 36 ms: the band-pass's group delay at its centre.
    delay = (longLength - 1) / 2 + (shortLength - 1) / 2 + Int((0.036 * rate).rounded())
    // The derivative of a wave of 8 Hz keeps its amplitude.
    derivativeScale = rate / 50
  }

  /// Adds this lead's share, times `weight`: to `roots` the root of the envelope's amplitude (mV^½), to `bandPowers` the
  /// bands' mean squares (mV²). Averaging roots keeps one noisy lead from making candidates for all.
  mutating func accumulate(
    _ samples: ArraySlice<Float>, intoRoots roots: inout [Float], bandPowers: inout [SIMD4<Float>], weight: Float
  ) {
    guard let first = samples.first else { return }
    if !started { (origin, started) = (Double(first), true) }
    var slopes: [Double] = []
    var powers: [SIMD4<Double>] = []
    slopes.reserveCapacity(samples.count)
    powers.reserveCapacity(samples.count)
    var filters = bank
    var before = previous
    for sample in samples {
      let filtered = filters.step(Double(sample) - origin)
      let slope = (filtered[FilterBank.qrsBand] - before) * derivativeScale
      before = filtered[FilterBank.qrsBand]
      slopes.append(slope * slope)
      powers.append(filtered * filtered)
    }
    (bank, previous) = (filters, before)
    long.average(&slopes)
    short.average(&slopes)
    bands.average(&powers)
    // Averages may lie a rounding error below zero.
    for index in roots.indices {
      roots[index] += weight * Float(max(0, slopes[index])).squareRoot().squareRoot()
      bandPowers[index] += weight * SIMD4<Float>(powers[index])
    }
  }
}

extension QRSEnvelope: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(started)
    writer.write([origin, previous])
    bank.write(to: &writer)
    long.write(to: &writer)
    short.write(to: &writer)
    bands.write(to: &writer)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    started = try reader.bool()
    let values = try reader.doubles(count: 2...2)
    (origin, previous) = (values[0], values[1])
    try bank.restore(from: &reader)
    try long.restore(from: &reader)
    try short.restore(from: &reader)
    try bands.restore(from: &reader)
  }
}
