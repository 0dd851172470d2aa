import ResyncCore

extension PatientSex {
  /// nil when the message does not tell.
  public init?(_ sex: ProtoSex) {
    switch sex {
    case .female: self = .female
    case .male: self = .male
    case .unspecified, .UNRECOGNIZED: return nil
    }
  }
}

extension ProtoEcgMeasures {
  /// - Parameters:
  ///   - twelveLead: nil for a recording without the leads that it needs.
  ///   - sex: nil when unknown.
  public init(_ measures: RecordingMeasures, twelveLead: TwelveLeadAccumulator?, sex: PatientSex?) {
    self.init()
    if let rate = measures.heartRateBPM { heartRateBpm = rate }
    if let duration = measures.qrsDurationMilliseconds { qrsDurationMs = duration }
    rhythmIrregular = measures.rhythmIrregular
    paced = measures.paced
    quality = measures.quality
    if let twelveLead { self.twelveLead = ProtoTwelveLead(twelveLead, sex: sex) }
  }

  /// QRS duration, ms: between the delineated limits where these are known, else of the template; nil when neither is.
  public var bestQRSDurationMs: Double? {
    if twelveLead.hasQrsDurationMs { return twelveLead.qrsDurationMs }
    return hasQrsDurationMs ? qrsDurationMs : nil
  }
}

extension ProtoTwelveLead {
  /// The recording has ended: every beat was added.
  init(_ accumulator: TwelveLeadAccumulator, sex: PatientSex?) {
    self.init()
    let measures = accumulator.measures(sex: sex)
    if let duration = measures?.qrsMilliseconds { qrsDurationMs = duration }
    if let area = measures?.qrsArea { qrsAreaUvs = area.length }
    if let axis = measures?.axisDegrees { axisDegrees = axis }
    rhythm = measures?.rhythm?.rawValue ?? ""
    bundleBranch = measures?.bundleBranch.map(ProtoBundleBranch.init) ?? []
    let found =
      measures?.faults
      ?? Dictionary(zip(accumulator.leads, accumulator.monitorFaults), uniquingKeysWith: { first, _ in first })
    faults = Lead.allCases.compactMap { lead in
      guard let faults = found[lead], !faults.isEmpty else { return nil }
      return .with {
        $0.lead = lead.rawValue
        $0.faults = LeadFault.allCases.filter(faults.contains).map(\.rawValue)
      }
    }
  }

  /// Rules, rhythm, leads and faults are known ones, numbers finite and texts such as PostgreSQL takes.
  public var isSound: Bool {
    let values =
      [qrsDurationMs, qrsAreaUvs, axisDegrees]
      + bundleBranch.flatMap { rule in [rule.score] + rule.criteria.flatMap { [$0.value, $0.atLeast, $0.atMost] } }
    let texts = bundleBranch.flatMap(\.criteria).flatMap { [$0.name, $0.unit] }
    return values.allSatisfy(\.isFinite) && texts.allSatisfy { !$0.utf8.contains(0) }
      && (rhythm.isEmpty || RhythmKind(rawValue: rhythm) != nil)
      && bundleBranch.allSatisfy { BundleBranchRule(rawValue: $0.rule) != nil }
      && faults.allSatisfy { lead in
        Lead(rawValue: lead.lead) != nil && lead.faults.allSatisfy { LeadFault(rawValue: $0) != nil }
      }
  }
}

extension ProtoBundleBranch {
  init(_ finding: BundleBranchFinding) {
    self.init()
    rule = finding.rule.rawValue
    if let isMet = finding.isMet { met = isMet }
    if let score = finding.score { self.score = score }
    criteria = finding.criteria.map { criterion in
      .with {
        $0.name = criterion.name
        if let value = criterion.value { $0.value = value }
        $0.unit = criterion.unit
        if criterion.limit.lowerBound.isFinite { $0.atLeast = criterion.limit.lowerBound }
        if criterion.limit.upperBound.isFinite { $0.atMost = criterion.limit.upperBound }
        if let isMet = criterion.isMet { $0.met = isMet }
      }
    }
  }
}
