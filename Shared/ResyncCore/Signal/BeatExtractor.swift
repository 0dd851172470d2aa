import Foundation

/// The streaming chain: samples at the native rate in, beats with their features out.
///
/// Resample → high-pass → R-peaks → segment. A value: copying it forks the stream. Any chunking of a recording gives
/// the same beats, bit for bit, and so does a snapshot restored between two chunks. Memory is bounded by a few seconds
/// of signal. Nothing looks at the whole recording: what is relative to the patient uses earlier beats only.
///
/// A beat is given once its next beat is known (or three seconds have passed without one) and its segment is complete:
/// about five seconds after its R-peak. Samples that are not finite count as 0 mV, amplitudes are cut at 1,000 mV.
public struct BeatExtractor: Sendable {
  /// Where QRS complexes come from. Each is moved to its R-peak either way.
  package enum Complexes: UInt8, Sendable {
    case detected
    /// The reference beats, all of them and no others: for studies that are not to measure the detector.
    case annotated
  }

  public let pipeline: PipelineConfiguration
  public let sampleRateHz: Double
  public let leads: [Lead]
  package let source: Complexes

  static let maximumLeads = 32
  private static let referenceToleranceSeconds = 0.15
  private static let segmentRRSeconds = 0.3...2.0
  /// Farthest that an R-peak lies from its envelope's peak, seconds.
  private static let refinementSeconds = 0.08
  private static let closestPeaksSeconds = 0.12

  private let rate: Int
  private let primaryLead: Int
  private let pacingSpike: PacingSpike
  private let quality: BeatQuality

  var resamplers: [Resampler]
  var highPasses: [HighPass]
  var detector: RPeakDetector
  /// High-passed samples, [lead][sample], of which the first is sample `filteredStart`; canonical rate.
  var filtered: [[Float]]
  var filteredStart = 0
  /// QRS positions not yet moved to their R-peaks; R-peaks whose beats are not yet given. Canonical rate.
  var complexes: [Int] = []
  var peaks: [Int] = []
  var previousPeak: Int?
  var references: [ReferenceBeat] = []
  var rhythm: BeatRhythm
  var template: BeatTemplate
  var shapes: ShapeHistory
  var nativeCount: Int64 = 0
  var beatCount = 0
  var passedCount = 0
  var spikeCount = 0

  /// - Parameters:
  ///   - sampleRateHz: native rate, 100 to 1,000 Hz.
  ///   - leads: the recording's leads in the order in which `consume` gets them.
  /// - Throws: `SignalError` naming the value out of range.
  public init(pipeline: PipelineConfiguration, sampleRateHz: Double, leads: [Lead]) throws {
    try self.init(pipeline: pipeline, sampleRateHz: sampleRateHz, leads: leads, complexes: .detected)
  }

  package init(
    pipeline: PipelineConfiguration, sampleRateHz: Double, leads: [Lead], complexes source: Complexes
  ) throws {
    try pipeline.validate()
    guard (100...1_000).contains(sampleRateHz) else {
      throw SignalError.configuration("sampleRateHz", sampleRateHz, expected: "100 to 1000 Hz")
    }
    guard (1...Self.maximumLeads).contains(leads.count) else {
      throw SignalError.configuration("leads", leads.count, expected: "1 to \(Self.maximumLeads) leads")
    }
    self.pipeline = pipeline
    self.sampleRateHz = sampleRateHz
    self.leads = leads
    self.source = source
    rate = pipeline.canonicalRateHz
    primaryLead = LeadSet.single.channels(from: leads)?[0] ?? 0
    pacingSpike = PacingSpike(rateHz: rate)
    quality = BeatQuality(rateHz: rate)
    resamplers = Array(repeating: Resampler(inputRateHz: sampleRateHz, outputRateHz: rate), count: leads.count)
    highPasses = Array(repeating: HighPass(cutoffHz: pipeline.highPassHz, rateHz: rate), count: leads.count)
    detector = RPeakDetector(rateHz: rate, leadCount: leads.count)
    filtered = Array(repeating: [], count: leads.count)
    rhythm = BeatRhythm(rateHz: rate)
    template = BeatTemplate(rateHz: rate)
    shapes = ShapeHistory(rateHz: rate, template: template)
  }

  /// - Parameters:
  ///   - samples: planar mV, [lead][sample], at the native rate; leads of equal length.
  ///   - references: labels within this chunk, ascending. Symbols that mark no beat are ignored.
  /// - Returns: the beats that became complete, ascending.
  public mutating func consume(_ samples: [[Float]], references: [ReferenceBeat]) -> [ExtractedBeat] {
    precondition(samples.count == leads.count, "one array of samples for each lead")
    precondition(samples.allSatisfy { $0.count == samples[0].count }, "leads of unequal length")
    let labelled = references.filter {
      $0.symbol.count == 1 && BeatClass(annotationSymbol: $0.symbol.first!) != nil
    }
    self.references += labelled
    if source == .annotated {
      complexes += labelled.map { Int((Double($0.sample) * Double(rate) / sampleRateHz).rounded()) }
    }
    nativeCount += Int64(samples[0].count)
    var resampled: [[Float]] = []
    for lead in samples.indices {
      let clean = samples[lead].map { $0.isFinite ? $0.clamped : 0 }
      var output: [Float] = []
      resamplers[lead].process(clean[...], into: &output)
      resampled.append(output)
    }
    return advance(resampled, isLast: false)
  }

  /// Ends the recording: the last sample is held through the filters, what lies beyond it is zero in the segments.
  public mutating func finish() -> (beats: [ExtractedBeat], measures: RecordingMeasures) {
    var resampled: [[Float]] = Array(repeating: [], count: leads.count)
    for lead in leads.indices { resamplers[lead].finish(into: &resampled[lead]) }
    let beats = advance(resampled, isLast: true)
    let duration = QRSDuration.milliseconds(of: near(template.mean), peak: quality.before, rateHz: rate)
    let measures = RecordingMeasures(
      sampleCount: nativeCount, beatCount: Int64(beatCount),
      heartRateBPM: rhythm.history.median.map { 60 * Double(rate) / $0 }, qrsDurationMilliseconds: duration,
      rhythmIrregular: rhythm.history.isIrregular, paced: Double(spikeCount) > PacingSpike.share * Double(beatCount),
      quality: beatCount == 0 ? 0 : Double(passedCount) / Double(beatCount))
    return (beats, measures)
  }

  private mutating func advance(_ resampled: [[Float]], isLast: Bool) -> [ExtractedBeat] {
    for lead in leads.indices {
      highPasses[lead].process(resampled[lead][...], into: &filtered[lead])
      if isLast { highPasses[lead].finish(into: &filtered[lead]) }
    }
    if source == .detected {
      complexes += detector.process(resampled.map { $0[...] })
      if isLast { complexes += detector.finish() }
    }
    refine(isLast: isLast)
    var beats: [ExtractedBeat] = []
    while let beat = nextBeat(isLast: isLast) { beats.append(beat) }
    trim()
    return beats
  }

  private var filteredEnd: Int { filteredStart + filtered[0].count }

  /// No complex found later lies before this sample.
  private var horizon: Int { source == .detected ? detector.horizon : filteredEnd }

  /// Moves each QRS position to the extremum of the high-passed signal: of the primary lead, or of all leads' energy
  /// when there are three or more.
  private mutating func refine(isLast: Bool) {
    let reach = samples(Self.refinementSeconds)
    while let complex = complexes.first, isLast || complex + reach < filteredEnd {
      complexes.removeFirst()
      let lower = max(
        complex - reach, filteredStart,
        ((peaks.last ?? previousPeak).map { $0 + samples(Self.closestPeaksSeconds) }) ?? 0)
      let upper = min(complex + reach, filteredEnd - 1)
      guard lower <= upper else { continue }
      let chosen = leads.count >= 3 ? Array(leads.indices) : [primaryLead]
      var best = (index: lower, energy: -Float(1))
      for index in lower...upper {
        let energy = chosen.reduce(Float(0)) {
          $0 + filtered[$1][index - filteredStart] * filtered[$1][index - filteredStart]
        }
        if energy > best.energy { best = (index, energy) }
      }
      peaks.append(best.index)
    }
  }

  private mutating func nextBeat(isLast: Bool) -> ExtractedBeat? {
    guard let peak = peaks.first else { return nil }
    let pause = rhythm.pause
    let next = peaks.count > 1 ? peaks[1] : nil
    let settledUpTo = min(complexes.first ?? .max, horizon) - samples(Self.refinementSeconds)
    guard next != nil || isLast || settledUpTo > peak + pause else { return nil }
    let intervals = BeatIntervals(before: previousPeak.map { peak - $0 }, after: next.map { $0 - peak }, pause: pause)

    var rhythmWithThis = rhythm
    rhythmWithThis.add(intervals, endingAt: peak)
    let usual =
      rhythmWithThis.history.recentMedian(at: peak) ?? intervals.after.map(Double.init)
      ?? RhythmHistory.defaultSeconds * Double(rate)
    let limits = Self.segmentRRSeconds
    let length = min(max(usual, limits.lowerBound * Double(rate)), limits.upperBound * Double(rate))
    let span = pipeline.segment.alignment.span
    let start = peak + Int((span.start * length).rounded())
    let end = peak + Int((span.end * length).rounded())
    guard isLast || max(end, peak + template.after + 1) <= filteredEnd else { return nil }

    let window = segment(from: peak - template.before, to: peak + template.after + 1)
    let correlation = template.correlation(window)
    var features = rhythm.features(intervals, templateCorrelation: correlation)
    (features.primaryShape, features.otherShape) = shapes.shapes(
      of: window, template: template.mean, primaryLead: primaryLead)
    let passed = quality.passes(near(window), rPeakOffset: quality.before)
    let premature = intervals.before.map { Double($0) < 0.8 * (rhythm.history.median ?? 0) } ?? false
    let unlike = template.exists && correlation < BeatTemplate.alikeCorrelation
    if passed && !premature { template.learn(window) }
    if pacingSpike.isPresent(in: near(window), rPeakOffset: quality.before) { spikeCount += 1 }
    rhythm = rhythmWithThis
    beatCount += 1
    if passed { passedCount += 1 }
    peaks.removeFirst()
    previousPeak = peak
    let native = resamplers[0].inputIndex(ofOutput: Int64(peak))
    return ExtractedBeat(
      rPeakSample: native, rPeakSeconds: Double(native) / sampleRateHz, samples: segment(from: start, to: end),
      rPeakOffset: peak - start, features: features, qualityPassed: passed, ectopicSuspected: premature || unlike,
      referenceSymbol: takeReference(near: native))
  }

  /// The part of the template's window, or of a beat laid on it, from which quality, pacing and QRS duration are told.
  private func near(_ window: [[Float]]) -> [[Float]] {
    window.map { Array($0.dropFirst(template.before - quality.before)) }
  }

  /// [lead][sample] of the high-passed signal, zero outside the recording.
  private func segment(from start: Int, to end: Int) -> [[Float]] {
    let inside = max(start, filteredStart)..<max(max(start, filteredStart), min(end, filteredEnd))
    return filtered.map { lead in
      var values = [Float](repeating: 0, count: end - start)
      let source = lead[inside.lowerBound - filteredStart..<inside.upperBound - filteredStart]
      values.replaceSubrange(inside.lowerBound - start..<inside.upperBound - start, with: source)
      return values
    }
  }

  private mutating func takeReference(near sample: Int64) -> String? {
    let tolerance = Int64(Self.referenceToleranceSeconds * sampleRateHz)
    references.removeFirst(references.prefix { $0.sample < sample - tolerance }.count)
    guard let first = references.first, first.sample <= sample + tolerance else { return nil }
    references.removeFirst()
    return first.symbol
  }

  private mutating func trim() {
    let pending = peaks.first ?? complexes.first ?? horizon
    let keepFrom = pending - samples(Self.segmentRRSeconds.upperBound + 2 * Self.refinementSeconds)
    // Where no beat is found, none takes the labels.
    let oldest = Int64(Double(keepFrom) / Double(rate) * sampleRateHz - Self.referenceToleranceSeconds * sampleRateHz)
    references.removeFirst(references.prefix { $0.sample < oldest }.count)
    let surplus = min(max(0, keepFrom - filteredStart), filtered[0].count)
    // Moving what remains costs, so it is done about once a second.
    guard surplus >= rate else { return }
    for lead in filtered.indices { filtered[lead].removeFirst(surplus) }
    filteredStart += surplus
  }

  private func samples(_ seconds: Double) -> Int { Int((seconds * Double(rate)).rounded()) }
}
