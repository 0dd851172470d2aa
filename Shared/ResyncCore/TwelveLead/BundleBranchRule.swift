import Foundation

/// A published definition of a bundle branch block.
public enum BundleBranchRule: String, Codable, CaseIterable, Hashable, Sendable {
  /// Strauss, Selvester & Wagner, Am J Cardiol 2011;107:927–34.
  case lbbbStrauss = "lbbb-strauss-2011"
  /// Surawicz et al., AHA/ACCF/HRS recommendations part III, Circulation 2009;119:e235–40.
  case lbbbAHA = "lbbb-aha-2009"
  /// Brignole et al., ESC guidelines on pacing and CRT, Eur Heart J 2013;34:2281–329.
  case lbbbESC = "lbbb-esc-2013"
  /// Surawicz et al. 2009, as above.
  case rbbbAHA = "rbbb-aha-2009"
}

/// One condition of a rule, as it was found.
public struct BundleBranchCriterion: Hashable, Sendable {
  public let name: String
  /// What was measured; nil when a lead is missing.
  public let value: Double?
  public let unit: String
  /// The values that meet it.
  public let limit: ClosedRange<Double>
  /// nil when a lead is missing.
  public var isMet: Bool? { value.map(limit.contains) }
}

/// A rule applied to one recording.
public struct BundleBranchFinding: Hashable, Sendable {
  public let rule: BundleBranchRule
  public let criteria: [BundleBranchCriterion]
  /// All criteria are met; nil when that cannot be told for want of leads.
  public var isMet: Bool? {
    if criteria.contains(where: { $0.isMet == false }) { return false }
    return criteria.contains { $0.isMet == nil } ? nil : true
  }
  /// Rises with the block's likelihood: log odds from the criteria's values, for ranking; nil when a lead is missing.
  public let score: Double?
}

/// Sex as far as a rule needs it.
public enum PatientSex: String, Codable, Hashable, Sendable { case female, male }

extension BundleBranchRule {
  /// - Parameters:
  ///   - milliseconds: global QRS duration.
  ///   - waves: QRS waves of each lead.
  ///   - sex: nil when unknown: Strauss's limit for men, 140 ms, is then used, as the stricter.
  public func finding(milliseconds: Double, waves: [Lead: QRSWaves], sex: PatientSex?) -> BundleBranchFinding {
    let values = BundleBranchValues(waves: waves)
    let criteria = conditions(sex: sex).map { condition in
      BundleBranchCriterion(
        name: condition.name,
        value: condition.measure.map { values[keyPath: $0] } ?? milliseconds, unit: condition.unit,
        limit: condition.limit)
    }
    return BundleBranchFinding(
      rule: self, criteria: criteria, score: BundleBranchScore.score(self, milliseconds: milliseconds, values: values))
  }

  /// A row of a rule's table.
  private struct Condition {
    var name: String
    /// nil stands for the QRS duration.
    var measure: KeyPath<BundleBranchValues, Double?>?
    var unit: String
    var limit: ClosedRange<Double>

    init(
      _ name: String, _ measure: KeyPath<BundleBranchValues, Double?>?, unit: String,
      atLeast least: Double = -.infinity, atMost most: Double = .infinity
    ) {
      (self.name, self.measure, self.unit, limit) = (name, measure, unit, least...most)
    }
  }

  private func conditions(sex: PatientSex?) -> [Condition] {
    switch self {
    case .lbbbStrauss:
      [
        Condition("qrs-duration", nil, unit: "ms", atLeast: sex == .female ? 130 : 140),
        Condition("qs-or-rs-in-v1-v2", \.rShareV1V2, unit: "R/S", atMost: 0.5),
        Condition("no-late-r-in-v1-v2", \.lateRV1V2, unit: "mV", atMost: 0.1),
        Condition("mid-qrs-notch-in-2-of-6", \.notchedLeads, unit: "leads", atLeast: 2),
      ]
    case .lbbbAHA:
      [
        Condition("qrs-duration", nil, unit: "ms", atLeast: 120),
        Condition("broad-r-in-i-avl-v5-v6", \.broadRLateral, unit: "ms", atLeast: 80),
        Condition("notched-r-in-i-avl-v5-v6", \.lateralNotching, unit: "depth", atLeast: 0.5),
        Condition("no-q-in-i-v5-v6", \.qLateral, unit: "mV", atMost: 0.05),
        Condition("r-peak-time-in-v5-v6", \.rPeakTimeV5V6, unit: "ms", atLeast: 60),
      ]
    case .lbbbESC:
      [
        Condition("qrs-duration", nil, unit: "ms", atLeast: 120),
        Condition("qs-or-rs-in-v1", \.rShareV1, unit: "R/S", atMost: 0.5),
        Condition("broad-r-in-i-avl-v5-v6", \.broadRLateral, unit: "ms", atLeast: 80),
        Condition("no-q-in-v5-v6", \.qV5V6, unit: "mV", atMost: 0.05),
      ]
    case .rbbbAHA:
      [
        Condition("qrs-duration", nil, unit: "ms", atLeast: 120),
        Condition("late-r-in-v1-v2", \.largestLateR, unit: "mV", atLeast: 0.1),
        Condition("broad-s-in-i-v6", \.broadSLateral, unit: "ms", atLeast: 40),
      ]
    }
  }
}
