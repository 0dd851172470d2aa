import Foundation

/// Finds QRS complexes in a stream of samples at one rate: envelope over all leads, its local maxima, the best sequence
/// of them. Positions are those of the envelope; the caller moves each to the R-peak.
struct RPeakDetector: Sendable {
  private var envelopes: [QRSEnvelope]
  private var path: BeatPath
  private var flutter: FlutterGuard
  private let delay: Int
  private let blockSamples: Int
  /// A candidate is the largest value within this many samples on either side.
  private let reach: Int
  /// The last 2 · reach + 1 values of the envelope.
  private var window: [Double] = []
  private(set) var sampleCount = 0
  /// Largest value of each of the first blocks; used until the path has its level.
  private var maxima: [Double] = []

  private static let startBlocks = 5
  /// Envelopes below this (mV) hold no candidates.
  private static let smallestHeight = 0.01

  init(rateHz: Int, leadCount: Int) {
    envelopes = Array(repeating: QRSEnvelope(rateHz: rateHz), count: leadCount)
    path = BeatPath(rateHz: rateHz)
    flutter = FlutterGuard(rateHz: rateHz)
    delay = envelopes[0].delay
    blockSamples = rateHz
    reach = rateHz / 10
  }

  /// - Parameter leads: the next samples of each lead, mV, unfiltered.
  /// - Returns: positions of settled QRS complexes, ascending.
  mutating func process(_ leads: [ArraySlice<Float>]) -> [Int] {
    let count = leads[0].count
    var roots = [Double](repeating: 0, count: count)
    var wideRoots = roots
    let weight = 1 / Double(leads.count)
    for lead in leads.indices {
      envelopes[lead].accumulate(leads[lead], intoRoots: &roots, wideRoots: &wideRoots, weight: weight)
    }
    var found: [Int] = []
    for (root, wideRoot) in zip(roots, wideRoots) {
      let wide = wideRoot * wideRoot
      flutter.add(envelope: root * root, energy: wide * wide)
      if let settled = advance(root * root) { found += settled }
    }
    return found.map { max(0, $0 - delay) }
  }

  /// Ends the recording: holds nothing back.
  mutating func finish() -> [Int] {
    var found: [Int] = []
    for _ in 0..<reach + delay {
      if let settled = advance(0) { found += settled }
    }
    if !path.hasLevel, !maxima.isEmpty { path.start(maxima: maxima) }
    found += path.settle(now: nil)
    return found.map { max(0, $0 - delay) }
  }

  /// No QRS complex settled later lies before this sample.
  var horizon: Int { max(0, path.horizon(now: sampleCount - reach - 1) - delay) }

  private mutating func advance(_ value: Double) -> [Int]? {
    window.append(value)
    if window.count > 8 * (2 * reach + 1) { window.removeFirst(window.count - (2 * reach + 1)) }
    let index = sampleCount
    sampleCount += 1
    if !path.hasLevel { collect(value, at: index) }
    guard window.count > 2 * reach else { return nil }
    let middle = window.count - 1 - reach
    let height = window[middle]
    guard height >= Self.smallestHeight, height >= window[middle - 1], height > window[middle + 1],
      window[(middle - reach)...].allSatisfy({ $0 <= height })
    else { return nil }
    let factor = flutter.factor(height: height)
    guard factor >= FlutterGuard.leastFactor else { return nil }
    path.add(BeatPath.Candidate(sample: index - reach, height: height * factor))
    return path.settle(now: index - reach)
  }

  private mutating func collect(_ value: Double, at index: Int) {
    if index % blockSamples == 0 { maxima.append(value) }
    maxima[maxima.count - 1] = max(maxima[maxima.count - 1], value)
    if maxima.count == Self.startBlocks, index % blockSamples == blockSamples - 1 { path.start(maxima: maxima) }
  }
}

extension RPeakDetector: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    for envelope in envelopes { envelope.write(to: &writer) }
    path.write(to: &writer)
    flutter.write(to: &writer)
    writer.write(Array(window.suffix(2 * reach + 1)))
    writer.write(sampleCount)
    writer.write(maxima)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    for index in envelopes.indices { try envelopes[index].restore(from: &reader) }
    try path.restore(from: &reader)
    try flutter.restore(from: &reader)
    window = try reader.doubles(count: 0...2 * reach + 1)
    sampleCount = try reader.int(in: 0...SampleIndex.maximum)
    maxima = try reader.doubles(count: 0...Self.startBlocks)
    guard window.count == min(sampleCount, 2 * reach + 1), sampleCount == 0 || !maxima.isEmpty else {
      throw SignalError.snapshot("detector's window does not fit its position")
    }
  }
}
