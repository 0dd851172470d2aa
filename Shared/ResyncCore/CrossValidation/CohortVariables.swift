import Foundation

/// A cohort's variables as a reader has them: the clinic's, and what is measured on the ECG. Never the simulator's truth.
public struct CohortVariables: Codable, Hashable, Sendable {
  /// What is measured on a patient's baseline ECG; nil where it cannot be.
  public struct ECG: Codable, Hashable, Sendable {
    public var qrsDurationMs: Double?
    /// µV·s.
    public var qrsArea: Double?
    public var axisDegrees: Double?
    public var heartRateBPM: Double?
    /// In the order of `BundleBranchRule.allCases`: all criteria met, and the score.
    public var blocks: [Bool?]
    public var blockScores: [Double?]
    /// Not like atrial fibrillation; nil with too few intervals.
    public var sinusRhythm: Bool?

    /// - Parameter measures: nil when the recording has no normal beat.
    public init(_ measures: TwelveLeadMeasures?) {
      qrsDurationMs = measures?.qrsMilliseconds
      qrsArea = measures?.qrsArea?.length
      axisDegrees = measures?.axisDegrees
      heartRateBPM = measures?.heartRateBPM
      let findings = BundleBranchRule.allCases.map { rule in measures?.bundleBranch.first { $0.rule == rule } }
      blocks = findings.map { $0?.isMet }
      blockScores = findings.map { $0?.score }
      sinusRhythm = measures?.rhythm.map { $0 != .fibrillationLike }
    }

    package func block(_ rule: BundleBranchRule) -> Bool? { blocks[BundleBranchRule.allCases.firstIndex(of: rule)!] }
  }

  public var ecg: [ECG]
  /// [patient][variable] as in `clinicalNames`; nil where missing.
  public var clinical: [[Double?]]
  public var labels: [Bool]

  public static let clinicalNames =
    ["age", "male", "height", "weight", "nyha", "ischaemic", "lvef", "lvedv", "lvesv", "scar"]
    + SimulatedPatient.ClinicalFactor.allCases.map(\.rawValue)

  /// - Parameter ecg: one for each patient, measured on the patient's recording.
  public init(_ patients: [SimulatedPatient], ecg: [ECG]) {
    precondition(patients.count == ecg.count, "one ECG for each patient")
    self.ecg = ecg
    labels = patients.map(\.responded)
    clinical = patients.map { patient in
      let b = patient.baselines
      return [
        patient.ageYears, patient.sex == .male ? 1 : 0, b.heightCm, b.weightKg, Double(b.nyha), b.ischaemic ? 1 : 0,
        b.lvefPercent, b.lvedvMl, b.lvesvMl, b.scarPercent,
      ] + SimulatedPatient.ClinicalFactor.allCases.map { b.factors.contains($0) ? 1 : 0 }
    }
  }

  private func clinical(_ name: String, of patient: Int) -> Double? {
    clinical[patient][Self.clinicalNames.firstIndex(of: name)!]
  }

  // MARK: - Features

  /// Measured QRS duration and LBBB (Strauss), NaN where missing.
  public var durationAndBlock: FeatureTable {
    FeatureTable(
      featureCount: 2,
      rows: ecg.map { [$0.qrsDurationMs ?? .nan, $0.block(.lbbbStrauss).map { $0 ? 1 : 0 } ?? .nan] })
  }

  /// Clinical variables and all of the ECG's, NaN where missing; the axis by its sine and cosine.
  public var clinicalAndECG: FeatureTable {
    let rows = zip(clinical, ecg).map { clinical, ecg in
      let axis = ecg.axisDegrees.map { $0 * .pi / 180 }
      let measured =
        [ecg.qrsDurationMs, ecg.qrsArea, axis.map { sin($0) }, axis.map { cos($0) }, ecg.heartRateBPM]
        + ecg.blockScores + [ecg.sinusRhythm.map { $0 ? 1 : 0 }]
      return (clinical + measured).map { $0 ?? .nan }
    }
    return FeatureTable(featureCount: rows[0].count, rows: rows)
  }

  // MARK: - Rules

  /// 1 for class I, 0 for every other class; nil where the guideline is not assessable.
  public func classOne(_ guideline: CRTGuideline) -> FixedRule {
    FixedRule(
      scores: ecg.indices.map { patient in
        let found = guideline.classification(
          sinusRhythm: ecg[patient].sinusRhythm, nyha: clinical("nyha", of: patient).map { Int($0) },
          lvefPercent: clinical("lvef", of: patient), qrsDurationMs: ecg[patient].qrsDurationMs,
          lbbb: ecg[patient].block(guideline.lbbbRule))
        return found == .notAssessable ? nil : found == .one ? 1 : 0
      }, threshold: 0.5)
  }

  /// LBBB by Strauss's criteria, and nothing else.
  public var blockAlone: FixedRule {
    FixedRule(scores: ecg.map { $0.block(.lbbbStrauss).map { $0 ? 1 : 0 } }, threshold: 0.5)
  }

  /// The duration is the score, so that its AUC is that of the duration; the decision is at 150 ms.
  public var durationAlone: FixedRule { FixedRule(scores: ecg.map(\.qrsDurationMs), threshold: 150) }

  /// µV·s, one column; the threshold is found on the training part.
  public var areaAlone: FeatureTable { FeatureTable(featureCount: 1, rows: ecg.map { [$0.qrsArea ?? .nan] }) }
}
