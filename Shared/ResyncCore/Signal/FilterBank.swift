/// Four band-passes over one signal, stepped together: `BandPass` in the lanes of one vector.
struct FilterBank: Sendable {
  /// 0.8–4 Hz: T waves and wander; 3–10 Hz: wide QRS complexes; 8–20 Hz: QRS; 20–42 Hz: noise and steep slopes.
  static let bandsHz: [(low: Double, high: Double)] = [(0.8, 4), (3, 10), (8, 20), (20, 42)]
  /// Lane of the QRS band.
  static let qrsBand = 2

  private let gain: SIMD4<Double>
  private let first: (SIMD4<Double>, SIMD4<Double>)
  private let second: (SIMD4<Double>, SIMD4<Double>)
  /// Transposed direct form II, as in `BandPass`.
  private var state: (SIMD4<Double>, SIMD4<Double>, SIMD4<Double>, SIMD4<Double>) = (.zero, .zero, .zero, .zero)

  init(rateHz: Double) {
    let filters = Self.bandsHz.map {
      BandPass(lowHz: $0.low, highHz: $0.high, rippleDecibels: 0.5, rateHz: rateHz)
    }
    func lanes(_ value: (BandPass) -> Double) -> SIMD4<Double> { SIMD4(filters.map(value)) }
    gain = lanes(\.gain)
    first = (lanes { $0.denominators[0].0 }, lanes { $0.denominators[0].1 })
    second = (lanes { $0.denominators[1].0 }, lanes { $0.denominators[1].1 })
  }

  @inline(__always)
  mutating func step(_ input: Double) -> SIMD4<Double> {
    let value = gain * input
    let middle = value + state.0
    state.0 = state.1 - first.0 * middle
    state.1 = -value - first.1 * middle
    let output = middle + state.2
    state.2 = state.3 - second.0 * output
    state.3 = -middle - second.1 * output
    return output
  }
}

extension FilterBank: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write([state.0, state.1, state.2, state.3].flatMap { lanes in (0..<4).map { lanes[$0] } })
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let values = try reader.doubles(count: 16...16)
    func lanes(_ part: Int) -> SIMD4<Double> { SIMD4(values[4 * part..<4 * part + 4]) }
    state = (lanes(0), lanes(1), lanes(2), lanes(3))
  }
}
