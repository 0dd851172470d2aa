import Foundation

/// What is wrong with a lead.
public enum LeadFault: String, Codable, CaseIterable, Hashable, Sendable {
  /// The signal stands still for at least half of the time.
  case flat
  /// The signal rests at its largest or smallest value, as a full amplifier does.
  case saturated
  /// Noise is large against the QRS complex.
  case noisy
  /// No ECG: samples are missing, or what there is does not repeat from beat to beat.
  case disconnected
  /// Left and right arm electrode are exchanged; raised on the limb leads that this changes.
  case armsSwapped = "arms-swapped"
}

/// Watches the samples of one lead as they come: what stands still, what is missing, what rests at the limits.
///
/// Its state is a few numbers. Any cut into chunks gives the same counts.
public struct LeadMonitor: Hashable, Sendable {
  private var count = 0
  private var missing = 0
  private var still = 0
  /// Value and length of the stretch of equal samples that is running.
  private var value: Float = 0
  private var run = 0
  /// The largest and smallest values so far, and how many samples rested there.
  private var highest = -Float.infinity
  private var lowest = Float.infinity
  private var restingHigh = 0
  private var restingLow = 0

  private let stillSamples: Int
  private let restingSamples: Int

  /// Equal samples for longer than these are no ECG: at rest, and at an extreme, seconds.
  private static let stillSeconds = 0.5
  private static let restingSeconds = 0.02
  private static let flatShare = 0.5
  private static let missingShare = 0.5
  /// Share of time at the limits, and how far from each other these must be, mV, to be an amplifier's.
  private static let saturatedShare = 0.02
  private static let saturatedMillivolts: Float = 2

  public init(rateHz: Double) {
    stillSamples = max(2, Int(Self.stillSeconds * rateHz))
    restingSamples = max(3, Int(Self.restingSeconds * rateHz))
  }

  /// - Parameter samples: the lead's next samples, mV; not finite where missing.
  public mutating func consume(_ samples: some Sequence<Float>) {
    for sample in samples {
      count += 1
      guard sample.isFinite else {
        missing += 1
        endRun()
        continue
      }
      if run > 0, sample == value {
        run += 1
      } else {
        endRun()
        (value, run) = (sample, 1)
      }
    }
  }

  private mutating func endRun() {
    guard run > 0 else { return }
    if run >= stillSamples { still += run }
    let rested = run >= restingSamples ? run : 0
    if value > highest { (highest, restingHigh) = (value, rested) } else if value == highest { restingHigh += rested }
    if value < lowest { (lowest, restingLow) = (value, rested) } else if value == lowest { restingLow += rested }
    run = 0
  }

  /// Faults that show in the samples alone.
  public var faults: Set<LeadFault> {
    var ended = self
    ended.endRun()
    guard ended.count > 0 else { return [.disconnected] }
    let present = Double(max(1, ended.count - ended.missing))
    var found: Set<LeadFault> = []
    if Double(ended.missing) >= Self.missingShare * Double(ended.count) { found.insert(.disconnected) }
    if Double(ended.still) >= Self.flatShare * present { found.insert(.flat) }
    let resting = Double(ended.restingHigh + ended.restingLow)
    if ended.highest - ended.lowest >= Self.saturatedMillivolts, resting >= Self.saturatedShare * present {
      found.insert(.saturated)
    }
    return found
  }
}

extension LeadMonitor: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    for number in [count, missing, still, run, restingHigh, restingLow] { writer.write(number) }
    for number in [value, highest, lowest] { writer.write(number) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let range = 0...SampleIndex.maximum
    (count, missing, still) = (try reader.int(in: range), try reader.int(in: range), try reader.int(in: range))
    (run, restingHigh, restingLow) = (try reader.int(in: range), try reader.int(in: range), try reader.int(in: range))
    (value, highest, lowest) = (try reader.float(), try reader.float(), try reader.float())
    guard missing <= count, still <= count, run <= count, value.isFinite, !highest.isNaN, !lowest.isNaN else {
      throw SignalError.snapshot("a lead's counts do not fit together")
    }
  }
}

/// Faults that show in the beats.
enum BeatFaults {
  /// Smaller QRS complexes are none, mV; beats less alike than this do not repeat.
  private static let leastMillivolts = 0.05
  private static let leastLikeness = 0.5
  /// Noise beside the complex over the complex's height.
  private static let noiseShare = 0.2

  /// - Returns: [lead] in the order of the beat's.
  static func faults(of beat: MedianBeat, onset: Int, offset: Int) -> [Set<LeadFault>] {
    let swapped = armsSwapped(beat, onset: onset, offset: offset)
    return beat.leads.indices.map { lead in
      let complex = beat.samples[lead][max(0, onset)...min(offset, beat.samples[lead].count - 1)]
      let height = Double(complex.max()! - complex.min()!)
      var found: Set<LeadFault> = []
      if height < leastMillivolts || beat.likeness[lead] < leastLikeness { found.insert(.disconnected) }
      if height >= leastMillivolts, beat.noiseMillivolts[lead] > noiseShare * height { found.insert(.noisy) }
      if swapped, [.I, .II, .III, .aVR, .aVL].contains(beat.leads[lead]) { found.insert(.armsSwapped) }
      return found
    }
  }

  /// Lead I then shows the heart from the right: P wave, QRS complex and T wave point down together and run against V6,
  /// which is as usual. A right axis turns the QRS complex of I, but not its P wave; dextrocardia turns V6 as well.
  static func armsSwapped(_ beat: MedianBeat, onset: Int, offset: Int) -> Bool {
    guard let i = beat.samples(of: .I), let v6 = beat.samples(of: .V6) else { return false }
    let scores = armScores(i, v6, onset: onset, offset: offset, rateHz: beat.rateHz)
    return scores.correlation < -0.6 && scores.pInI < -0.02
  }

  /// Pearson's r of I with V6 from the QRS onset to the end of the T wave, and the P wave's size in I, mV.
  static func armScores(
    _ i: [Float], _ v6: [Float], onset: Int, offset: Int, rateHz: Int
  ) -> (correlation: Double, pInI: Double) {
    let end = min(i.count, offset + Int(0.25 * Double(rateHz)))
    return (BeatTemplate.pearson(i, v6, max(0, onset)..<end), PWave.millivolts(i, onset: onset, rateHz: rateHz))
  }
}

/// The P wave of a median beat.
enum PWave {
  /// Between the QRS onset and its start at the earliest, and after it, seconds.
  private static let span = 0.2
  private static let pause = 0.03

  /// The largest deviation, signed, from the line that joins the stretch's ends, mV.
  static func millivolts(_ lead: [Float], onset: Int, rateHz: Int) -> Double {
    let last = onset - Int(pause * Double(rateHz))
    let first = max(0, onset - Int(span * Double(rateHz)))
    guard last - first >= 4 else { return 0 }
    let (from, to) = (Double(lead[first]), Double(lead[last]))
    return (first...last).map { n -> Double in
      Double(lead[n]) - from - (to - from) * Double(n - first) / Double(last - first)
    }.max { abs($0) < abs($1) } ?? 0
  }
}
