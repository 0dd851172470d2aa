import Foundation

/// What the twelve leads of a recording tell, from its median beat and its RR intervals.
public struct TwelveLeadMeasures: Hashable, Sendable {
  /// Seconds from the R-peak of the median beat.
  public let delineation: QRSDelineation
  /// QRS complex of each lead between the global limits.
  public let waves: [Lead: QRSWaves]
  public let tPolarity: [Lead: TPolarity]
  /// One for each rule, in the order of `BundleBranchRule.allCases`; empty without global limits.
  public let bundleBranch: [BundleBranchFinding]
  /// µV·s by Kors's matrix; nil when one of its eight leads is missing.
  public let qrsArea: Vectorcardiogram.QRSArea?
  public let axisDegrees: Double?
  public let heartRateBPM: Double?
  /// nil with too few intervals.
  public let rhythm: RhythmKind?
  public let faults: [Lead: Set<LeadFault>]
  /// Median size of the P wave over II, III, aVF and V1, as far as they exist, mV.
  package let pMillivolts: Double?
  package let rrVariation: Double?

  /// Global QRS duration, ms; nil with fewer than three leads.
  public var qrsMilliseconds: Double? { delineation.global?.milliseconds }

  /// Rate at which the median beat is measured.
  private static let rateHz = 500
  private static let pLeads: [Lead] = [.II, .III, .aVF, .V1]
  /// The T wave ends before this share of the RR interval has passed since the R-peak.
  private static let tEndShare = 0.65

  /// - Parameters:
  ///   - monitorFaults: faults that the samples showed, in the order of the beat's leads.
  ///   - sex: nil when unknown; the stricter limit is then used where a rule has two.
  public init(
    _ beat: MedianBeat, rhythm intervals: RhythmRegularity, monitorFaults: [Set<LeadFault>], sex: PatientSex?
  ) {
    precondition(monitorFaults.count == beat.leads.count, "one set of faults for each lead")
    let fine = beat.resampled(toHz: Self.rateHz)
    let delineation = QRSDelineator().delineate(
      fine.samples, peak: fine.peak, rateHz: Self.rateHz, leads: fine.leads)
    let limits = delineation.global ?? delineation.widest
    func index(_ seconds: Double) -> Int {
      min(max(fine.peak + Int((seconds * Double(Self.rateHz)).rounded()), 0), fine.samples[0].count - 1)
    }
    let (onset, offset) = (index(limits.onset), index(limits.offset))
    func each<T>(_ measure: ([Float]) -> T) -> [Lead: T] {
      Dictionary(zip(fine.leads, fine.samples.map(measure)), uniquingKeysWith: { first, _ in first })
    }
    let waves = each { QRSWaves($0, onset: onset, offset: offset, rateHz: Self.rateHz) }
    let areas = waves.mapValues(\.areaMicrovoltSeconds)
    let rr = intervals.heartRateBPM.map { 60 / $0 } ?? 1
    let tEnd = index(Self.tEndShare * rr)
    tPolarity = each { TPolarity($0, onset: onset, offset: offset, end: tEnd, rateHz: Self.rateHz) }
    let p = Self.pLeads.compactMap { fine.samples(of: $0) }
      .map { abs(PWave.millivolts($0, onset: onset, rateHz: Self.rateHz)) }
    pMillivolts = p.isEmpty ? nil : p.median
    self.delineation = delineation
    self.waves = waves
    bundleBranch =
      delineation.global.map { global in
        BundleBranchRule.allCases.map { $0.finding(milliseconds: global.milliseconds, waves: waves, sex: sex) }
      } ?? []
    qrsArea = Vectorcardiogram.qrsArea(areas)
    axisDegrees = FrontalAxis.degrees(areas)
    heartRateBPM = intervals.heartRateBPM
    rrVariation = intervals.variation
    let size = pMillivolts
    rhythm = intervals.variation.map { RhythmKind(variation: $0, pMillivolts: size) }
    let shown = BeatFaults.faults(of: fine, onset: onset, offset: offset)
    faults = Dictionary(
      zip(fine.leads, zip(shown, monitorFaults).map { $0.union($1) }), uniquingKeysWith: { first, _ in first })
  }
}
