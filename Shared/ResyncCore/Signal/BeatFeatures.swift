/// What a beat's neighbours tell of it: intervals and likeness to the patient's own normal beats.
///
/// All are causal except those that use the next RR interval. Ratios are 1 and the correlation 0 until there is
/// history to compare with. Sources: de Chazal 2004 (RR features); METHOD.md states each formula.
public struct BeatFeatures: Codable, Hashable, Sendable {
  /// Interval to the previous R-peak, seconds; the running median for a recording's first beat.
  public var rrBefore: Float
  /// Interval to the next R-peak, seconds; the running median for a recording's last beat.
  public var rrAfter: Float
  /// `rrBefore` over the running median of the recording so far.
  public var rrBeforeOverMedian: Float
  public var rrAfterOverMedian: Float
  /// `rrBefore` over the median of the last ten intervals.
  public var rrBeforeOverRecent: Float
  public var rrAfterOverRecent: Float
  /// `rrBefore / rrAfter`.
  public var rrRatio: Float
  /// Pearson correlation of the beat with the running template of the patient's normal beats, mean over leads.
  public var templateCorrelation: Float

  public init(
    rrBefore: Float, rrAfter: Float, rrBeforeOverMedian: Float, rrAfterOverMedian: Float, rrBeforeOverRecent: Float,
    rrAfterOverRecent: Float, rrRatio: Float, templateCorrelation: Float
  ) {
    self.rrBefore = rrBefore
    self.rrAfter = rrAfter
    self.rrBeforeOverMedian = rrBeforeOverMedian
    self.rrAfterOverMedian = rrAfterOverMedian
    self.rrBeforeOverRecent = rrBeforeOverRecent
    self.rrAfterOverRecent = rrAfterOverRecent
    self.rrRatio = rrRatio
    self.templateCorrelation = templateCorrelation
  }

  public static let count = 8

  /// The features in the fixed order in which a network reads them and a message carries them.
  public var vector: [Float] {
    [
      rrBefore, rrAfter, rrBeforeOverMedian, rrAfterOverMedian, rrBeforeOverRecent, rrAfterOverRecent, rrRatio,
      templateCorrelation,
    ]
  }

  /// - Parameter vector: `count` values in the order of `vector`; nil for any other number.
  public init?(vector v: [Float]) {
    guard v.count == Self.count else { return nil }
    self.init(
      rrBefore: v[0], rrAfter: v[1], rrBeforeOverMedian: v[2], rrAfterOverMedian: v[3], rrBeforeOverRecent: v[4],
      rrAfterOverRecent: v[5], rrRatio: v[6], templateCorrelation: v[7])
  }
}
