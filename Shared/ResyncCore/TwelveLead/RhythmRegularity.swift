import Foundation

/// RR intervals, of which the last few minutes are kept, and what they say of the rhythm.
public struct RhythmRegularity: Hashable, Sendable {
  public static let capacity = 256
  /// Seconds, in order; a pause between two of them is not marked.
  private(set) var intervals: [Double] = []

  /// Fewer intervals say nothing.
  private static let fewest = 5

  public init() {}

  /// - Parameter seconds: interval between two neighbouring beats; positive.
  public mutating func add(_ seconds: Double) {
    if intervals.count == Self.capacity { intervals.removeFirst() }
    intervals.append(seconds)
  }

  /// 60 / median interval; nil without intervals.
  public var heartRateBPM: Double? { intervals.isEmpty ? nil : 60 / intervals.median }

  /// Median change from one interval to the next over the median interval: a few ectopic beats leave it small. nil with
  /// too few.
  public var variation: Double? {
    guard intervals.count >= Self.fewest else { return nil }
    return zip(intervals, intervals.dropFirst()).map { abs($1 - $0) }.median / intervals.median
  }
}

extension RhythmRegularity: Snapshotting {
  func write(to writer: inout SnapshotWriter) { writer.write(intervals) }

  mutating func restore(from reader: inout SnapshotReader) throws {
    intervals = try reader.doubles(count: 0...Self.capacity)
    guard intervals.allSatisfy({ $0 > 0 }) else { throw SignalError.snapshot("an RR interval is not positive") }
  }
}

/// Rhythm as intervals and P waves tell it.
public enum RhythmKind: String, Codable, CaseIterable, Hashable, Sendable {
  case regular, irregular
  /// Irregular without P waves.
  case fibrillationLike = "af-like"

  /// Both limits were chosen on PTB-XL, folds 1–4.
  static let irregularVariation = 0.06
  /// mV.
  static let leastP = 0.05

  /// - Parameter pMillivolts: size of the P wave of the median beat; nil when it is not known.
  init(variation: Double, pMillivolts: Double?) {
    self =
      switch (variation >= Self.irregularVariation, pMillivolts) {
      case (false, _): .regular
      case (true, let p?) where p < Self.leastP: .fibrillationLike
      default: .irregular
      }
  }
}
