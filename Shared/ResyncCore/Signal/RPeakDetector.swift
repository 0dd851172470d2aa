import Foundation

/// Finds QRS complexes in a stream of samples at one rate: envelopes over all leads, their local maxima, the best
/// sequence of them. Positions are those of the envelope; the caller moves each to the R-peak.
///
/// A complex settles within about four seconds, longer only where candidates remain doubtful.
package struct RPeakDetector: Sendable {
  private var envelopes: [QRSEnvelope]
  private var path: BeatPath
  private let reader: PatchReader
  private let delay: Int
  private let blockSamples: Int
  /// A candidate is the largest value within this many samples on either side.
  private let reach: Int
  /// The last values of the envelope (mV) and the bands' powers (mV²): what the next candidates' patches need.
  private var envelope: [Float] = []
  private var bands: [SIMD4<Float>] = []
  private var sampleCount = 0
  /// Largest value of each of the first blocks; used until the path has its level.
  private var maxima: [Float] = []
  /// The last sample of each lead, held at the end.
  private var lastSamples: [Float]

  private static let startBlocks = 5
  /// Long inputs are worked through in pieces of this size, which stay in the cache.
  private static let pieceSamples = 512
  /// A complex nearer to the end than this is not whole.
  private static let leastRestSeconds = 0.05
  /// Envelopes below this (mV) hold no candidates.
  private static let smallestHeight: Float = 0.01

  package init(rateHz: Int, leadCount: Int) {
    envelopes = Array(repeating: QRSEnvelope(rateHz: rateHz), count: leadCount)
    path = BeatPath(rateHz: rateHz)
    reader = PatchReader(rateHz: rateHz)
    delay = envelopes[0].delay
    blockSamples = rateHz
    reach = rateHz / 10
    lastSamples = Array(repeating: 0, count: leadCount)
  }

  /// - Parameter leads: the next samples of each lead, mV, unfiltered.
  /// - Returns: positions of settled QRS complexes, ascending.
  package mutating func process(_ leads: [ArraySlice<Float>]) -> [Int] {
    guard !leads[0].isEmpty else { return [] }
    lastSamples = leads.map { $0.last! }
    let found = advance(leads)
    return found.map { max(0, $0 - delay) }
  }

  /// Ends the recording: the last samples are held until nothing waits.
  package mutating func finish() -> [Int] {
    guard sampleCount > 0 else { return [] }
    let end = sampleCount
    var found: [Int] = []
    if !path.memory.exists { found += begin() }
    let held = lastSamples.map { Array(repeating: $0, count: reader.ahead + delay)[...] }
    found += advance(held)
    found += path.settle(now: nil)
    let whole = end - Int(Self.leastRestSeconds * Double(blockSamples))
    return found.map { max(0, $0 - delay) }.filter { $0 < whole }
  }

  /// No QRS complex settled later lies before this sample.
  package var horizon: Int {
    path.memory.exists ? max(0, path.horizon(now: sampleCount - reader.ahead) - delay) : 0
  }

  private mutating func advance(_ leads: [ArraySlice<Float>]) -> [Int] {
    var found: [Int] = []
    let count = leads[0].count
    for start in stride(from: 0, to: count, by: Self.pieceSamples) {
      let end = min(count, start + Self.pieceSamples)
      found += advance(piece: leads.map { $0.dropFirst(start).prefix(end - start) }, count: end - start)
    }
    return found
  }

  private mutating func advance(piece: [ArraySlice<Float>], count: Int) -> [Int] {
    var roots = [Float](repeating: 0, count: count)
    var powers = [SIMD4<Float>](repeating: .zero, count: count)
    let weight = 1 / Float(piece.count)
    for lead in piece.indices {
      envelopes[lead].accumulate(piece[lead], intoRoots: &roots, bandPowers: &powers, weight: weight)
    }
    envelope.append(contentsOf: roots.map { $0 * $0 })
    bands.append(contentsOf: powers)
    let before = sampleCount
    sampleCount += count
    guard path.memory.exists else {
      collect(from: before)
      return sampleCount >= Self.startBlocks * blockSamples ? begin() : []
    }
    defer { trim() }
    return examine(from: before - reader.ahead)
  }

  /// Collects block maxima of the samples from `sample` on.
  private mutating func collect(from sample: Int) {
    for index in sample..<min(sampleCount, Self.startBlocks * blockSamples) {
      if index % blockSamples == 0 { maxima.append(0) }
      maxima[maxima.count - 1] = max(maxima[maxima.count - 1], envelope[index])
    }
  }

  /// Once the path has its level, the candidates so far get their turn.
  private mutating func begin() -> [Int] {
    path.start(maxima: maxima)
    return examine(from: 0)
  }

  /// Looks at the samples from `sample` on whose surroundings are known.
  private mutating func examine(from sample: Int) -> [Int] {
    let offset = sampleCount - envelope.count
    var found: [Int] = []
    for index in stride(from: max(1, sample - offset), to: envelope.count - reader.ahead, by: 1) {
      let height = envelope[index]
      guard height > envelope[index + 1], height >= envelope[index - 1], height >= Self.smallestHeight,
        envelope[max(0, index - reach)...index + reach].allSatisfy({ $0 <= height })
      else { continue }
      path.add(reader.patch(at: index, envelope: envelope, bands: bands), at: index + offset)
      found += path.settle(now: index + offset)
    }
    return found
  }

  private mutating func trim() {
    guard envelope.count > 4 * kept else { return }
    envelope.removeFirst(envelope.count - kept)
    bands.removeFirst(bands.count - kept)
  }
}

extension RPeakDetector: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    for envelope in envelopes { envelope.write(to: &writer) }
    path.write(to: &writer)
    writer.write(sampleCount)
    writer.write(maxima)
    writer.write(lastSamples)
    writer.write(envelope.suffix(kept))
    writer.write(bands.suffix(kept).flatMap { lanes in (0..<4).map { lanes[$0] } })
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    for index in envelopes.indices { try envelopes[index].restore(from: &reader) }
    try path.restore(from: &reader)
    sampleCount = try reader.int(in: 0...SampleIndex.maximum)
    maxima = try reader.floats(count: 0...Self.startBlocks)
    lastSamples = try reader.floats(count: lastSamples.count...lastSamples.count)
    envelope = try reader.floats(count: kept...kept)
    let numbers = try reader.floats(count: 4 * kept...4 * kept)
    bands = (0..<kept).map { SIMD4(numbers[4 * $0..<4 * $0 + 4]) }
    let blocks = min(Self.startBlocks, (sampleCount + blockSamples - 1) / blockSamples)
    guard maxima.count == blocks, path.memory.exists == (sampleCount >= Self.startBlocks * blockSamples),
      path.horizon(now: sampleCount) <= sampleCount
    else { throw SignalError.snapshot("detector's state does not fit its position") }
  }

  /// Samples that the next candidates' patches need.
  private var kept: Int {
    min(sampleCount, path.memory.exists ? reader.ahead + reader.behind + 1 : Self.startBlocks * blockSamples)
  }
}
