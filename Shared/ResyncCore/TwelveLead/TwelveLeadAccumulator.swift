import Foundation

/// Gathers from a stream what the twelve-lead measures need, in bounded memory: samples as they come, beats as they are
/// found. A value; a snapshot resumes exactly.
///
/// The result depends on samples and beats alone, not on how they were cut into chunks.
public struct TwelveLeadAccumulator: Hashable, Sendable {
  public let leads: [Lead]
  private let nativeRateHz: Double
  private var monitors: [LeadMonitor]
  private var beats: AlignedBeats
  private var rhythm = RhythmRegularity()
  private var lastPeakSeconds: Double?

  /// - Parameters:
  ///   - leads: 1 to 32, in the order of samples and segments.
  ///   - nativeRateHz: rate of the samples; `segmentRateHz`: rate of the beats' segments.
  public init(leads: [Lead], nativeRateHz: Double, segmentRateHz: Int) {
    precondition((1...BeatExtractor.maximumLeads).contains(leads.count), "1 to 32 leads")
    self.leads = leads
    self.nativeRateHz = nativeRateHz
    monitors = Array(repeating: LeadMonitor(rateHz: nativeRateHz), count: leads.count)
    beats = AlignedBeats(rateHz: segmentRateHz, leadCount: leads.count)
  }

  /// For a stream of recordings of all kinds.
  ///
  /// - Returns: nil for a recording without the leads of the QRS area (`Vectorcardiogram.leads`), of which the measures
  ///   would say little, and for segments that begin at the R-peak, which hold no QRS onset.
  public init?(leads: [Lead], nativeRateHz: Double, pipeline: PipelineConfiguration) {
    guard Set(leads).isSuperset(of: Vectorcardiogram.leads), pipeline.segment.alignment.span.start < 0 else {
      return nil
    }
    self.init(leads: leads, nativeRateHz: nativeRateHz, segmentRateHz: pipeline.canonicalRateHz)
  }

  /// Rate of the beats' segments.
  public var segmentRateHz: Int { beats.rateHz }

  /// - Parameter samples: the next samples of the recording, [lead][sample], mV at the native rate, unfiltered.
  public mutating func watch(_ samples: [[Float]]) {
    precondition(samples.count == leads.count, "one array of samples for each lead")
    for lead in leads.indices { monitors[lead].consume(samples[lead]) }
  }

  /// - Parameter beat: the next beat; segments that begin at the R-peak hold no onset and will not do.
  public mutating func add(_ beat: ExtractedBeat) {
    if let last = lastPeakSeconds, beat.rPeakSeconds > last, beat.rPeakSeconds - last <= RhythmHistory.pauseSeconds {
      rhythm.add(beat.rPeakSeconds - last)
    }
    lastPeakSeconds = beat.rPeakSeconds
    beats.add(beat)
  }

  /// - Returns: nil when no normal beat was found.
  public func measures(sex: PatientSex?) -> TwelveLeadMeasures? {
    MedianBeat(of: beats, leads: leads).map {
      TwelveLeadMeasures($0, rhythm: rhythm, monitorFaults: monitors.map(\.faults), sex: sex)
    }
  }

  /// Faults that the samples alone show, which need no beat; in the order of `leads`.
  public var monitorFaults: [Set<LeadFault>] { monitors.map(\.faults) }
}

extension TwelveLeadAccumulator {
  private static let snapshotVersion: UInt8 = 1

  /// The whole state, little-endian; about 160 KB for twelve leads at 360 Hz.
  public func snapshot() -> [UInt8] {
    var writer = SnapshotWriter()
    writer.write(Self.snapshotVersion)
    writer.write(leads.map { Lead.allCases.firstIndex(of: $0)! })
    writer.write(nativeRateHz)
    writer.write(beats.rateHz)
    for monitor in monitors { monitor.write(to: &writer) }
    beats.write(to: &writer)
    rhythm.write(to: &writer)
    writer.write(lastPeakSeconds ?? -1)
    return writer.sealed()
  }

  /// Resumes exactly where `snapshot()` was taken.
  ///
  /// - Throws: `SignalError` for bytes that are no snapshot of this version.
  public init(snapshot: [UInt8]) throws {
    var reader = try SnapshotReader(sealed: snapshot)
    let version = try reader.byte()
    guard version == Self.snapshotVersion else {
      throw SignalError.snapshot("snapshot has version \(version), this program reads \(Self.snapshotVersion)")
    }
    let leads = try reader.ints(count: 1...BeatExtractor.maximumLeads, in: 0...Lead.allCases.count - 1)
    let nativeRateHz = try reader.double()
    guard (100...1_000).contains(nativeRateHz) else {
      throw SignalError.snapshot("snapshot's native rate is \(nativeRateHz) Hz")
    }
    self.init(
      leads: leads.map { Lead.allCases[$0] }, nativeRateHz: nativeRateHz,
      segmentRateHz: try reader.int(in: 100...1_000))
    for lead in leads.indices { try monitors[lead].restore(from: &reader) }
    try beats.restore(from: &reader)
    try rhythm.restore(from: &reader)
    let last = try reader.double()
    guard last.isFinite else { throw SignalError.snapshot("the last R-peak's time is \(last)") }
    lastPeakSeconds = last < 0 ? nil : last
    try reader.finish()
  }
}
