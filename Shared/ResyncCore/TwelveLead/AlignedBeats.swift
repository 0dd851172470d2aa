import Foundation

/// A bounded sample of a recording's beats, cut alike around their R-peaks, from which the twelve-lead measures are
/// made at the end.
///
/// Beats are fed one by one as the streaming chain gives them. Memory does not grow: when `capacity` beats are held,
/// every second one is dropped and from then on only every second is taken, so that what is held spreads evenly over
/// the recording. What is held depends on the beats alone, not on how they came.
public struct AlignedBeats: Hashable, Sendable {
  public static let capacity = 12
  static let secondsBefore = 0.25
  static let secondsAfter = 0.5

  public let rateHz: Int
  public let leadCount: Int
  /// Samples before the R-peak and after it.
  let before: Int
  let after: Int
  /// [beat][lead][sample], mV; in order of time.
  package private(set) var beats: [[[Float]]] = []
  /// Beats offered so far; of them those whose number is a multiple of `step` are held.
  private var offered = 0
  private var step = 1

  /// - Parameters:
  ///   - rateHz: rate of the segments, 100 to 1,000 Hz.
  ///   - leadCount: 1 to 32.
  public init(rateHz: Int, leadCount: Int) {
    precondition((100...1_000).contains(rateHz) && (1...BeatExtractor.maximumLeads).contains(leadCount))
    self.rateHz = rateHz
    self.leadCount = leadCount
    before = Int((Self.secondsBefore * Double(rateHz)).rounded())
    after = Int((Self.secondsAfter * Double(rateHz)).rounded())
  }

  /// Offers a beat that is fit for measuring: good quality, not ectopic.
  ///
  /// - Parameters:
  ///   - segment: [lead][sample], mV; what it lacks of the window is 0, and so are samples that are not finite.
  ///   - peak: index of the R-peak in `segment`.
  public mutating func add(_ segment: [[Float]], peak: Int) {
    precondition(segment.count == leadCount, "one array of samples for each lead")
    defer { offered += 1 }
    guard offered % step == 0 else { return }
    if beats.count == Self.capacity {
      beats = stride(from: 0, to: beats.count, by: 2).map { beats[$0] }
      step *= 2
      guard offered % step == 0 else { return }
    }
    beats.append(
      segment.map { lead in
        (peak - before...peak + after).map { index in
          lead.indices.contains(index) && lead[index].isFinite ? lead[index].clamped : 0
        }
      })
  }

  /// Offers a beat of the streaming chain; it is taken when its quality passed and it is not suspected ectopic.
  public mutating func add(_ beat: ExtractedBeat) {
    guard beat.qualityPassed, !beat.ectopicSuspected else { return }
    add(beat.samples, peak: beat.rPeakOffset)
  }
}

extension AlignedBeats: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(offered)
    writer.write(step)
    writer.write(beats.count)
    for lead in beats.joined() { writer.write(lead) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let width = before + 1 + after
    offered = try reader.int(in: 0...SampleIndex.maximum)
    step = try reader.int(in: 1...SampleIndex.maximum)
    let count = try reader.int(in: 0...Self.capacity)
    beats = try (0..<count).map { _ in
      try (0..<leadCount).map { _ in try reader.floats(count: width...width) }
    }
    guard step & (step - 1) == 0, count == (offered + step - 1) / step else {
      throw SignalError.snapshot("number of beats held does not fit the number offered")
    }
  }
}
