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
    case .primaryShape: Array(14..<14 + BeatShape.count)
    case .otherShape: Array(14 + BeatShape.count..<BeatFeatures.count)
    }
  }
}
