/// What a beat's neighbours tell of it: intervals and shape relative to what is usual for the patient.
///
/// All are causal except those that use the next RR interval. Until there is history to compare with, ratios are 1 and
/// differences 0. Sources: de Chazal 2004 (RR features); METHOD.md states each formula.
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
  /// Pearson correlation of the beat with the running template of the patient's normal beats, mean over leads; 0 until
  /// there is a template.
  public var templateCorrelation: Float
  /// `rrBefore` over the usual interval, which runs of premature beats hardly move (`UsualRhythm`).
  public var rrBeforeOverUsual: Float
  public var rrAfterOverUsual: Float
  /// The interval before `rrBefore` over what was usual then.
  public var previousRROverUsual: Float
  /// `rrBefore` over the interval before it.
  public var rrBeforeOverPrevious: Float
  /// Premature beats directly before this one, in tens, at most 1.
  public var prematureRun: Float
  /// Share of large changes among the last changes of the interval, 0–1: near 1 in atrial fibrillation.
  public var irregularity: Float
  /// `rrBefore` over the mean of all intervals so far (`RhythmVariability`); a pause counts as long as one is at least.
  public var rrBeforeOverMean: Float
  public var rrAfterOverMean: Float
  /// Standard deviation of the last ten intervals over their mean, without `rrBefore`.
  public var variation: Float
  /// Root mean square of their successive differences over their mean.
  public var successiveVariation: Float
  /// `rrBefore` less the mean of the last ten, in their standard deviations.
  public var rrBeforeDeviation: Float
  /// Of the primary lead.
  public var primaryShape: BeatShape
  /// Mean over the other leads; of the primary lead where there is no other.
  public var otherShape: BeatShape

  /// Of the features that tell of the rhythm and the template, before the shapes.
  static let rhythmCount = 19
  public static let count = rhythmCount + 2 * BeatShape.count

  /// The features in the fixed order in which a network reads them and a message carries them.
  public var vector: [Float] {
    [
      rrBefore, rrAfter, rrBeforeOverMedian, rrAfterOverMedian, rrBeforeOverRecent, rrAfterOverRecent, rrRatio,
      templateCorrelation, rrBeforeOverUsual, rrAfterOverUsual, previousRROverUsual, rrBeforeOverPrevious, prematureRun,
      irregularity, rrBeforeOverMean, rrAfterOverMean, variation, successiveVariation, rrBeforeDeviation,
    ] + primaryShape.vector + otherShape.vector
  }
}

extension BeatFeatures {
  /// - Parameter vector: `count` values in the order of `vector`; nil for any other number.
  public init?(vector v: [Float]) {
    guard v.count == Self.count else { return nil }
    (rrBefore, rrAfter, rrBeforeOverMedian, rrAfterOverMedian) = (v[0], v[1], v[2], v[3])
    (rrBeforeOverRecent, rrAfterOverRecent, rrRatio, templateCorrelation) = (v[4], v[5], v[6], v[7])
    (rrBeforeOverUsual, rrAfterOverUsual, previousRROverUsual) = (v[8], v[9], v[10])
    (rrBeforeOverPrevious, prematureRun, irregularity) = (v[11], v[12], v[13])
    (rrBeforeOverMean, rrAfterOverMean) = (v[14], v[15])
    (variation, successiveVariation, rrBeforeDeviation) = (v[16], v[17], v[18])
    let shapes = v[Self.rhythmCount...]
    primaryShape = BeatShape(vector: shapes.prefix(BeatShape.count))
    otherShape = BeatShape(vector: shapes.dropFirst(BeatShape.count))
  }
}

/// A beat's shape in a lead against the patient's template. The values marked "usual" are less their own running mean,
/// so that what is always so in a patient (no P wave in atrial fibrillation) says nothing.
public struct BeatShape: Codable, Hashable, Sendable {
  /// Correlation where the P wave lies, less the usual.
  public var pLikeness: Float = 0
  /// Logarithm of the effective difference there over the template's QRS height, less the usual.
  public var pDifference: Float = 0
  /// Logarithm of the effective value there over the template's, less the usual.
  public var pEnergy: Float = 0
  /// Correlation within the QRS complex, less the usual.
  public var qrsLikeness: Float = 0
  /// Logarithm of the effective difference there over the template's height, less the usual.
  public var qrsDifference: Float = 0
  /// Logarithm of the QRS height over the template's.
  public var qrsHeight: Float = 0
  /// Time above 30 % of the largest deflection less the template's, seconds.
  public var qrsWidth: Float = 0
  /// Area over the level of the P wave less the template's, over the template's height and 0.1 s.
  public var qrsArea: Float = 0
  /// Correlation where the T wave begins, less the usual.
  public var tLikeness: Float = 0
  /// Correlation with the beat before, QRS complex and beginning of the T wave, less the usual.
  public var likenessToPrevious: Float = 0

  public static let count = 10

  public init() {}

  var vector: [Float] {
    [
      pLikeness, pDifference, pEnergy, qrsLikeness, qrsDifference, qrsHeight, qrsWidth, qrsArea, tLikeness,
      likenessToPrevious,
    ]
  }

  /// - Parameter v: `count` values in the order of `vector`.
  init(vector v: ArraySlice<Float>) {
    let v = Array(v)
    (pLikeness, pDifference, pEnergy, qrsLikeness, qrsDifference) = (v[0], v[1], v[2], v[3], v[4])
    (qrsHeight, qrsWidth, qrsArea, tLikeness, likenessToPrevious) = (v[5], v[6], v[7], v[8], v[9])
  }
}
