import Messages
import Store

extension TwelveLeadRow {
  /// - Parameter end: its measures are sound.
  /// - Returns: nil when the recording was refused or has no twelve-lead measures.
  package init?(_ end: ProtoRecordingEnd) {
    guard end.status == .complete, end.measures.hasTwelveLead else { return nil }
    let measures = end.measures.twelveLead
    self.init(
      qrsDurationMs: measures.hasQrsDurationMs ? measures.qrsDurationMs : nil,
      qrsAreaUVs: measures.hasQrsAreaUvs ? measures.qrsAreaUvs : nil,
      axisDegrees: measures.hasAxisDegrees ? measures.axisDegrees : nil,
      rhythm: measures.rhythm.isEmpty ? nil : measures.rhythm,
      bundleBranch: Dictionary(
        measures.bundleBranch.map { ($0.rule, BundleBranch($0)) }, uniquingKeysWith: { first, _ in first }),
      leadFaults: Dictionary(measures.faults.map { ($0.lead, $0.faults) }, uniquingKeysWith: { first, _ in first }))
  }
}

extension TwelveLeadRow.BundleBranch {
  fileprivate init(_ message: ProtoBundleBranch) {
    self.init(
      met: message.hasMet ? message.met : nil, score: message.hasScore ? message.score : nil,
      criteria: message.criteria.map {
        .init(
          name: $0.name, value: $0.hasValue ? $0.value : nil, unit: $0.unit,
          atLeast: $0.hasAtLeast ? $0.atLeast : nil, atMost: $0.hasAtMost ? $0.atMost : nil,
          met: $0.hasMet ? $0.met : nil)
      })
  }
}
