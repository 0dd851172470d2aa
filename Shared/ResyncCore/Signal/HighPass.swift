import Foundation

/// Linear-phase high-pass of one lead: the signal less four cascaded moving averages of it.
///
/// Integer arithmetic (2⁻²⁴ mV) keeps the running sums exact for ever, and makes the filter's state a function of its
/// last 4 · length samples. Gain 1 − sinc⁴: −3 dB at the cut-off, within 0.2 % of 1 above three times the cut-off.
/// Before the first sample and after the last the signal is held. Output n follows input n + delay.
package struct HighPass: Sendable {
  static let stages = 4
  /// Samples by which the output lags the input: 4 · (length − 1) / 2.
  package let delay: Int
  /// Odd length of each moving average.
  let length: Int
  /// [stage][length] ring of each stage's last inputs, and their sums.
  private var rings: [Int64]
  private var sums: [Int64]
  /// Ring of the last delay + 1 inputs.
  private var centre: [Int64]
  private var ringAt = 0
  private var centreAt = 0
  /// The last 4 · length inputs, from which the rings can be rebuilt.
  private var recent: [Float] = []
  private var inputCount = 0

  private static let unit = 16_777_216.0

  /// x where 1 − (sin πx / πx)⁴ = 1/√2: length = x · rate / cut-off.
  private static let cutoffFactor = 0.4232

  package init(cutoffHz: Double, rateHz: Int) {
    let wanted = Self.cutoffFactor * Double(rateHz) / cutoffHz
    length = max(3, 2 * Int((wanted - 1) / 2 + 0.5) + 1)
    delay = Self.stages * (length - 1) / 2
    rings = Array(repeating: 0, count: Self.stages * length)
    sums = Array(repeating: 0, count: Self.stages)
    centre = Array(repeating: 0, count: delay + 1)
  }

  package mutating func process(_ samples: ArraySlice<Float>, into output: inout [Float]) {
    guard let first = samples.first else { return }
    if inputCount == 0 { hold(first) }
    output.reserveCapacity(output.count + samples.count)
    for sample in samples {
      let filtered = step(sample)
      inputCount += 1
      if inputCount > delay { output.append(filtered) }
    }
    recent += samples.suffix(Self.stages * length)
    if recent.count > 2 * Self.stages * length { recent.removeFirst(recent.count - Self.stages * length) }
  }

  /// Gives the `delay` outputs that still wait.
  package mutating func finish(into output: inout [Float]) {
    guard let last = recent.last else { return }
    let held = Array(repeating: last, count: delay)
    process(held[...], into: &output)
  }

  private mutating func hold(_ sample: Float) {
    let value = Self.fixed(sample)
    for index in rings.indices { rings[index] = value }
    for stage in sums.indices { sums[stage] = value * Int64(length) }
    for index in centre.indices { centre[index] = value }
  }

  private static func fixed(_ sample: Float) -> Int64 { Int64((Double(sample) * unit).rounded()) }

  private mutating func step(_ sample: Float) -> Float {
    let input = Self.fixed(sample)
    var value = input
    for stage in 0..<Self.stages {
      let slot = stage * length + ringAt
      sums[stage] += value - rings[slot]
      rings[slot] = value
      value = sums[stage] / Int64(length)
    }
    ringAt = ringAt + 1 == length ? 0 : ringAt + 1
    centre[centreAt] = input
    centreAt = centreAt == delay ? 0 : centreAt + 1
    // The slot to be overwritten next holds the oldest: `delay` samples ago.
    return Float(Double(centre[centreAt] - value) / Self.unit)
  }
}

extension HighPass: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(inputCount)
    writer.write(recent.suffix(Self.stages * length))
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    inputCount = try reader.int(in: 0...SampleIndex.maximum)
    recent = try reader.floats(count: 0...Self.stages * length)
    guard recent.count == min(inputCount, Self.stages * length) else {
      throw SignalError.snapshot("high-pass history does not fit its position")
    }
    guard let first = recent.first else { return }
    hold(first)
    for sample in recent { _ = step(sample.clamped) }
  }
}

extension Float {
  /// Largest amplitude that the chain lets through, mV: far beyond any ECG, far from any overflow.
  static let amplitudeLimit: Float = 1_000

  var clamped: Float { Swift.min(Swift.max(self, -Self.amplitudeLimit), Self.amplitudeLimit) }
}
