/// From an R-peak to the ones beside it, samples at the canonical rate.
struct BeatIntervals: Sendable {
  /// Nil where there is no beat and for pauses.
  let before: Int?
  let after: Int?
  /// A pause as long as one is at least; nil where there is no beat.
  let beforeUpToPause: Int?
  let afterUpToPause: Int?

  /// - Parameter pause: the longest interval that is none.
  init(before: Int?, after: Int?, pause: Int) {
    func interval(_ distance: Int?) -> Int? { distance.flatMap { $0 <= pause ? $0 : nil } }
    (self.before, self.after) = (interval(before), interval(after))
    (beforeUpToPause, afterUpToPause) = (before.map { min($0, pause) }, after.map { min($0, pause) })
  }
}

/// All that the RR intervals of a recording so far say of a beat.
struct BeatRhythm: Sendable {
  private(set) var history: RhythmHistory
  private(set) var usual = UsualRhythm()
  private(set) var variability: RhythmVariability
  private let rate: Double

  init(rateHz: Int) {
    history = RhythmHistory(rateHz: rateHz)
    variability = RhythmVariability(rateHz: rateHz)
    rate = Double(rateHz)
  }

  /// The longest interval that is no pause, samples.
  var pause: Int { history.longest }

  /// Of a beat whose intervals were not yet added; without shapes.
  func features(_ intervals: BeatIntervals, templateCorrelation: Float) -> BeatFeatures {
    let (before, after) = (intervals.before.map(Double.init), intervals.after.map(Double.init))
    let (median, ten) = (history.median, history.medianOfLastTen)
    let fallback = RhythmHistory.defaultSeconds * rate
    let (rrBefore, rrAfter) = (before ?? median ?? after ?? fallback, after ?? median ?? before ?? fallback)
    func ratio(_ interval: Double?, _ reference: Double?) -> Float {
      guard let interval, let reference else { return 1 }
      return Float(interval / reference)
    }
    return BeatFeatures(
      rrBefore: Float(rrBefore / rate), rrAfter: Float(rrAfter / rate), rrBeforeOverMedian: ratio(rrBefore, median),
      rrAfterOverMedian: ratio(rrAfter, median), rrBeforeOverRecent: ratio(rrBefore, ten),
      rrAfterOverRecent: ratio(rrAfter, ten), rrRatio: Float(rrBefore / rrAfter),
      templateCorrelation: templateCorrelation, rrBeforeOverUsual: ratio(before, usual.interval),
      rrAfterOverUsual: ratio(after, usual.interval), previousRROverUsual: Float(usual.lastRatio),
      rrBeforeOverPrevious: ratio(before, usual.lastInterval.map(Double.init)), prematureRun: usual.runInTens,
      irregularity: usual.irregularity,
      rrBeforeOverMean: ratio(intervals.beforeUpToPause.map(Double.init), variability.mean),
      rrAfterOverMean: ratio(intervals.afterUpToPause.map(Double.init), variability.mean),
      variation: variability.variation, successiveVariation: variability.successiveVariation,
      rrBeforeDeviation: intervals.beforeUpToPause.map(variability.deviation(of:)) ?? 0, primaryShape: BeatShape(),
      otherShape: BeatShape())
  }

  /// - Parameter peak: of the beat whose intervals these are, sample at the canonical rate.
  mutating func add(_ intervals: BeatIntervals, endingAt peak: Int) {
    if let before = intervals.before {
      history.add(interval: before, endingAt: peak)
      usual.add(before)
    }
    if let interval = intervals.beforeUpToPause { variability.add(interval) }
  }
}

extension BeatRhythm: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    history.write(to: &writer)
    usual.write(to: &writer)
    variability.write(to: &writer)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    try history.restore(from: &reader)
    try usual.restore(from: &reader)
    try variability.restore(from: &reader)
  }
}
