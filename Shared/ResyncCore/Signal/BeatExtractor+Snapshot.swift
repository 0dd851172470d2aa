import Foundation

extension BeatExtractor {
  private static let snapshotVersion: UInt8 = 4
  /// More samples of one lead than any stage holds back, and labels likewise.
  private static let mostPending = 1 << 16

  /// The whole state, compact and little-endian; about 30 KB for two leads, 180 KB for twelve at 360 Hz.
  public func snapshot() -> [UInt8] {
    var writer = SnapshotWriter()
    writer.write(Self.snapshotVersion)
    writer.write(pipeline.canonicalForm)
    writer.write(sampleRateHz)
    writer.write(leads.map { Lead.allCases.firstIndex(of: $0)! })
    writer.write(source.rawValue)
    for resampler in resamplers { resampler.write(to: &writer) }
    for highPass in highPasses { highPass.write(to: &writer) }
    detector.write(to: &writer)
    writer.write(filteredStart)
    for lead in filtered { writer.write(lead) }
    writer.write(complexes)
    writer.write(peaks)
    writer.write(previousPeak ?? -1)
    writer.write(references.map { Int($0.sample) })
    writer.write(references.map(\.symbol).joined())
    rhythm.write(to: &writer)
    template.write(to: &writer)
    shapes.write(to: &writer)
    writer.write(nativeCount)
    for count in [beatCount, passedCount, spikeCount] { writer.write(count) }
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
    let form = try reader.string(atMost: 4_096)
    guard let pipeline = try? JSONDecoder().decode(PipelineConfiguration.self, from: Data(form.utf8)) else {
      throw SignalError.snapshot("snapshot's pipeline cannot be read")
    }
    let sampleRateHz = try reader.double()
    let leads = try reader.ints(count: 1...Self.maximumLeads, in: 0...Lead.allCases.count - 1)
    guard let source = Complexes(rawValue: try reader.byte()) else {
      throw SignalError.snapshot("snapshot's source of complexes is unknown")
    }
    try self.init(
      pipeline: pipeline, sampleRateHz: sampleRateHz, leads: leads.map { Lead.allCases[$0] }, complexes: source)
    for lead in leads.indices { try resamplers[lead].restore(from: &reader) }
    for lead in leads.indices { try highPasses[lead].restore(from: &reader) }
    try detector.restore(from: &reader)
    filteredStart = try reader.int(in: 0...SampleIndex.maximum)
    for lead in leads.indices { filtered[lead] = try reader.floats(count: 0...Self.mostPending) }
    complexes = try reader.ints(count: 0...Self.mostPending, in: 0...SampleIndex.maximum)
    peaks = try reader.ints(count: 0...Self.mostPending, in: filteredStart...SampleIndex.maximum)
    let previous = try reader.int(in: -1...SampleIndex.maximum)
    previousPeak = previous < 0 ? nil : previous
    let samples = try reader.ints(count: 0...Self.mostPending, in: 0...SampleIndex.maximum)
    let symbols = Array(try reader.string(atMost: Self.mostPending))
    try rhythm.restore(from: &reader)
    try template.restore(from: &reader)
    try shapes.restore(from: &reader)
    nativeCount = Int64(try reader.int(in: 0...SampleIndex.maximum))
    beatCount = try reader.int(in: 0...SampleIndex.maximum)
    passedCount = try reader.int(in: 0...beatCount)
    spikeCount = try reader.int(in: 0...beatCount)
    try reader.finish()

    let aligned = filtered.allSatisfy { $0.count == filtered[0].count }
    let ordered = zip([previousPeak ?? -1] + peaks, peaks).allSatisfy { $0 < $1 }
    guard aligned, ordered, symbols.count == samples.count, !template.exists || template.mean.count == leads.count,
      shapes.leadCount ?? leads.count == leads.count,
      peaks.allSatisfy({ $0 < filteredStart + filtered[0].count })
    else { throw SignalError.snapshot("snapshot contradicts itself") }
    references = zip(samples, symbols).map { ReferenceBeat(sample: Int64($0), symbol: String($1)) }
  }
}
