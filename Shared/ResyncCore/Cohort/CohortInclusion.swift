import Foundation

/// Who belongs into a cohort, by values known before the implant.
public enum CohortInclusion: String, CaseIterable, Sendable {
  /// The paper's: LVEF ≤ 35 %, QRS ≥ 120 ms, NYHA II to IV, optimal medical therapy for three months (arXiv 2306.01210,
  /// METHODS).
  case paper

  private struct Criterion {
    var column: String
    var text: String
    /// Where the value is not known.
    var holdsUnknown = false
    var holds: @Sendable (CohortValue) -> Bool
  }

  private var criteria: [Criterion] {
    switch self {
    case .paper:
      [
        Criterion(column: "lvef_percent", text: "LVEF at most 35 %") { $0.number! <= 35 },
        Criterion(column: "qrs_duration_ms", text: "QRS duration at least 120 ms") { $0.number! >= 120 },
        Criterion(column: "nyha", text: "NYHA class II to IV") { $0.number! >= 2 },
        // Hardly any table has it as a column: only a plain "no" leaves out.
        Criterion(column: "optimal_therapy", text: "optimal medical therapy", holdsUnknown: true) { $0.yesNo! },
      ]
    }
  }

  /// The criteria that a patient does not meet, in words; empty for one who is in.
  public func failures(_ values: [String: CohortValue]) -> [String] {
    criteria.compactMap { criterion in
      guard let value = values[criterion.column] else {
        return criterion.holdsUnknown ? nil : "\(criterion.column) is not known"
      }
      return criterion.holds(value) ? nil : "not \(criterion.text)"
    }
  }

  /// What is asked, in words.
  public var text: String { criteria.map(\.text).joined(separator: ", ") }
}

/// How many values of each column are missing.
public struct CohortMissingness: Hashable, Sendable {
  public struct Row: Hashable, Sendable {
    public let column: String
    public let missing: Int
  }

  public let rows: [Row]
  public let patients: Int

  public init(_ patients: [[String: CohortValue]]) {
    self.patients = patients.count
    rows = CohortColumn.all.filter { $0.moment != .identity }.map { column in
      Row(column: column.name, missing: patients.count { $0[column.name] == nil })
    }
  }

  /// One line a column, and nothing else.
  public var text: String {
    let width = rows.map(\.column.count).max() ?? 0
    return rows.map { row in
      let share = patients == 0 ? 0 : (100 * Double(row.missing) / Double(patients)).rounded()
      return row.column.padding(toLength: width, withPad: " ", startingAt: 0)
        + "  \(row.missing) of \(patients) missing (\(Int(share)) %)"
    }.joined(separator: "\n")
  }
}
