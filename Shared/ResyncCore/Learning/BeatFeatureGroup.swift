/// Features that a network is given or not given together.
public enum BeatFeatureGroup: String, CaseIterable, Codable, Hashable, Sendable {
  /// The intervals before and after, in seconds.
  case intervals
  /// Both over the running median, and their ratio.
  case overMedian = "over-median"
  /// Both over the median of the last ten.
  case overRecent = "over-recent"
  /// Correlation with the template, mean over leads.
  case template
  /// What is relative to the usual interval; run and irregularity.
  case usualRhythm = "usual-rhythm"
  /// Both over the mean of all intervals.
  case overMean = "over-mean"
  /// How much the last ten intervals vary, and how far this one is from them.
  case variability
  case primaryShape = "primary-shape"
  case otherShape = "other-shape"

  /// Places in `BeatFeatures.vector`.
  package var places: [Int] {
    switch self {
    case .intervals: [0, 1]
    case .overMedian: [2, 3, 6]
    case .overRecent: [4, 5]
    case .template: [7]
    case .usualRhythm: Array(8..<14)
    case .overMean: [14, 15]
    case .variability: [16, 17, 18]
    case .primaryShape: Array(BeatFeatures.rhythmCount..<BeatFeatures.rhythmCount + BeatShape.count)
    case .otherShape: Array(BeatFeatures.rhythmCount + BeatShape.count..<BeatFeatures.count)
    }
  }
}
