import Foundation

/// What the energies look like around a candidate: natural logarithms of amplitudes (mV), lowest 0.002 mV.
///
/// First the four bands at 15 times 40 ms apart (the complex itself), then for each of 16 intervals before and after
/// the largest envelope and the largest 3–10 Hz amplitude (its neighbours). Adding a constant to all is scaling the
/// recording.
struct CandidatePatch: Sendable {
  static let nearTimes = 15
  static let nearCount = 4 * nearTimes
  static let intervalEdgesSeconds = [0.30, 0.42, 0.54, 0.66, 0.78, 0.90, 1.02, 1.14, 1.26]
  static let count = nearCount + 4 * (intervalEdgesSeconds.count - 1)
  static let behindSeconds = 2.0
  static let least: Float = 0.002

  var values: [Float]
  /// Logarithm of the candidate's own height.
  var height: Float
  /// Logarithm of the largest envelope over the effective value below 20 Hz, from 2 s before to 1 s after: small in
  /// ventricular flutter and fibrillation, which have no QRS complexes.
  var crest: Float
}

/// The offsets in samples at which patches are read, for one rate.
struct PatchReader: Sendable {
  private let near: [Int]
  private let intervals: [Range<Int>]
  private let intervalStride: Int
  private let crestRange: Range<Int>
  private let crestStride: Int
  /// Samples that must be known after and are looked at before a candidate.
  let ahead: Int
  let behind: Int

  init(rateHz: Int) {
    let rate = Double(rateHz)
    func samples(_ seconds: Double) -> Int { Int((seconds * rate).rounded()) }
    // Bands lag less than the envelope by its longer average.
    let lead = samples(0.05)
    near = (0..<CandidatePatch.nearTimes).map { samples(0.04 * Double($0 - CandidatePatch.nearTimes / 2)) - lead }
    let edges = CandidatePatch.intervalEdgesSeconds.map(samples)
    let pairs = zip(edges, edges.dropFirst())
    intervals = pairs.map { -$1..<(-$0) } + pairs.map { $0..<$1 }
    intervalStride = max(1, Int(0.02 * rate))
    ahead = edges.last!
    behind = samples(CandidatePatch.behindSeconds)
    crestRange = -behind..<rateHz
    crestStride = max(1, rateHz / 60)
  }

  /// - Parameters:
  ///   - envelope, bands: amplitudes, mV, and powers, mV², by sample; what lies outside counts as nothing.
  ///   - index: the candidate's place in them.
  func patch(at index: Int, envelope: [Float], bands: [SIMD4<Float>]) -> CandidatePatch {
    let least = CandidatePatch.least
    var values: [Float] = []
    values.reserveCapacity(CandidatePatch.count)
    for offset in near {
      let inside = bands.indices.contains(index + offset)
      let powers = inside ? bands[index + offset] : .zero
      for band in 0..<4 { values.append(0.5 * logf(max(powers[band], least * least))) }
    }
    for interval in intervals {
      let lower = max(0, -index - interval.lowerBound + intervalStride - 1) / intervalStride * intervalStride
      var largest = (envelope: least, wide: least * least)
      for place in stride(
        from: index + interval.lowerBound + lower, to: min(index + interval.upperBound, envelope.count),
        by: intervalStride)
      {
        largest = (max(largest.envelope, envelope[place]), max(largest.wide, bands[place][1]))
      }
      values.append(logf(largest.envelope))
      values.append(0.5 * logf(largest.wide))
    }
    return CandidatePatch(
      values: values, height: logf(max(0.01, envelope[index])),
      crest: crest(at: index, envelope: envelope, bands: bands))
  }

  private func crest(at index: Int, envelope: [Float], bands: [SIMD4<Float>]) -> Float {
    let range = max(0, index + crestRange.lowerBound)..<min(envelope.count, index + crestRange.upperBound)
    var largest: Float = 0.001
    var energy = SIMD4<Float>.zero
    var count: Float = 0
    for place in stride(from: range.lowerBound, to: range.upperBound, by: crestStride) {
      largest = max(largest, envelope[place])
      energy += bands[place]
      count += 1
    }
    return logf(largest / max(1e-6, (energy[0] + energy[1] + energy[2]) / count).squareRoot())
  }
}

extension CandidatePatch {
  init(from reader: inout SnapshotReader) throws {
    let numbers = try reader.floats(count: Self.count + 2...Self.count + 2)
    self.init(values: Array(numbers.dropLast(2)), height: numbers[Self.count], crest: numbers[Self.count + 1])
  }

  func write(to writer: inout SnapshotWriter) { writer.write(values + [height, crest]) }
}
