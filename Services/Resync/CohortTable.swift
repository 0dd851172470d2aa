import Foundation
import Messages
import ResyncCore
import Store
import SwiftCSV

/// `cohort.csv`: one line a patient, baselines and outcome together.
package struct CohortTable {
  /// Names carry the unit; see docs/OPERATING.md for meanings.
  package static let columns = [
    "patient_id", "role", "synthetic", "age_years", "sex", "nyha", "ischaemic", "lvef_percent", "lvesv_ml", "lvedv_ml",
    "qrs_duration_ms", "lbbb", "rhythm", "scar_percent", "followup_months", "lvesv_after_ml", "event",
  ]

  private var rows: [[String: String]] = []

  package init() {}

  package init(csv text: String) throws {
    let csv: CSV<Enumerated>
    do {
      csv = try CSV<Enumerated>(string: text)
    } catch {
      throw CommandFailure("the file is not CSV: a cell goes on after its closing quote")
    }
    // By place, not by name: without a header line a patient stands there.
    let unknown = csv.header.indices.filter { !Self.columns.contains(csv.header[$0]) }
    guard unknown.isEmpty else {
      throw CommandFailure(
        "the first line names no known column in column \(unknown.map { String($0 + 1) }.joined(separator: ", ")); "
          + "known are \(Self.columns.joined(separator: ", "))")
    }
    guard Set(csv.header).count == csv.header.count else { throw CommandFailure("a column is named twice") }
    for required in ["patient_id", "role"] where !csv.header.contains(required) {
      throw CommandFailure("column \(required) is missing")
    }
    rows = try csv.rows.enumerated().map { index, cells in
      // Short lines are filled up with empty cells, to the longest line's number.
      guard cells.dropFirst(csv.header.count).allSatisfy(\.isEmpty) else {
        throw CommandFailure("line \(index + 2) has more cells than columns; quote a cell that holds the separator")
      }
      return Dictionary(uniqueKeysWithValues: zip(csv.header, cells))
    }
  }

  // MARK: - To the store

  package func cohort(named name: String, note: String, pseudonymiser: Pseudonymiser) throws -> Cohort {
    var baselines: [Baseline] = []
    var outcomes: [Outcome] = []
    var problems: [String] = []
    var synthetic = false
    var seen: Set<String> = []
    for (index, row) in rows.enumerated() {
      let cells = Cells(row: row, line: index + 2)
      do {
        guard let id = cells.text("patient_id") else { throw cells.problem("patient_id", "a value") }
        let patient = pseudonymiser.pseudonym(patientID: id)
        guard seen.insert(patient).inserted else { throw cells.problem("patient_id", "a patient of no earlier line") }
        synthetic = try cells.boolean("synthetic") ?? false || synthetic
        baselines.append(try Self.baseline(cells, patient))
        if let outcome = try Self.outcome(cells, patient) { outcomes.append(outcome) }
      } catch let problem as CommandFailure {
        problems.append(problem.description)
      }
    }
    guard problems.isEmpty else {
      throw CommandFailure("nothing was imported:\n" + problems.prefix(50).joined(separator: "\n"))
    }
    return Cohort(name: name, synthetic: synthetic, note: note, baselines: baselines, outcomes: outcomes)
  }

  private static func baseline(_ cells: Cells, _ patient: String) throws -> Baseline {
    guard let role = try cells.choice("role", Baseline.Role.self) else {
      throw cells.problem("role", "train or holdout")
    }
    return Baseline(
      patient: patient, role: role, ageYears: try cells.number("age_years", 0...130),
      sex: try cells.choice("sex", Patient.Sex.self), nyha: try cells.wholeNumber("nyha", 1...4),
      ischaemic: try cells.boolean("ischaemic"), lvefPercent: try cells.number("lvef_percent", 0...100),
      lvesvMl: try cells.number("lvesv_ml", 1...2000), lvedvMl: try cells.number("lvedv_ml", 1...2000),
      qrsDurationMs: try cells.number("qrs_duration_ms", 40...400), lbbb: try cells.boolean("lbbb"),
      rhythm: cells.text("rhythm"), scarPercent: try cells.number("scar_percent", 0...100))
  }

  private static func outcome(_ cells: Cells, _ patient: String) throws -> Outcome? {
    let event = try cells.choice("event", Outcome.Event.self) ?? .none
    let after = try cells.number("lvesv_after_ml", 0...2000)
    guard after != nil || event != .none else { return nil }
    return Outcome(
      patient: patient, followupMonths: try cells.number("followup_months", 0...240),
      lvesvBeforeMl: try cells.number("lvesv_ml", 1...2000), lvesvAfterMl: after, event: event)
  }

  // MARK: - From the simulator

  package mutating func append(_ patient: SimulatedPatient, role: Baseline.Role) {
    let (baselines, outcome) = (patient.baselines, patient.outcome)
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    rows.append([
      "patient_id": patient.id, "role": role.rawValue, "synthetic": "true", "age_years": number(patient.ageYears),
      "sex": patient.sex.rawValue, "nyha": String(baselines.nyha), "ischaemic": String(baselines.ischaemic),
      "lvef_percent": number(baselines.lvefPercent), "lvesv_ml": number(baselines.lvesvMl),
      "lvedv_ml": number(baselines.lvedvMl), "qrs_duration_ms": number(baselines.qrsDurationMs),
      "lbbb": String(baselines.lbbb), "rhythm": baselines.rhythm.rawValue,
      "scar_percent": number(baselines.scarPercent), "followup_months": number(outcome.followupMonths),
      "lvesv_after_ml": outcome.lvesvAfterMl.map(number) ?? "", "event": outcome.event?.rawValue ?? "",
    ])
  }

  package var csv: String {
    let lines = rows.map { row in Self.columns.map { row[$0] ?? "" }.joined(separator: ",") }
    return ([Self.columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }
}

/// The cells of one line; what is wrong is told by line and column, never by value.
private struct Cells {
  var row: [String: String]
  var line: Int

  func text(_ column: String) -> String? {
    let text = row[column]?.trimmingCharacters(in: .whitespaces) ?? ""
    return text.isEmpty ? nil : text
  }

  func number(_ column: String, _ range: ClosedRange<Double>) throws -> Double? {
    guard let text = text(column) else { return nil }
    guard let value = Double(text), range.contains(value) else {
      throw problem(column, "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func wholeNumber(_ column: String, _ range: ClosedRange<Int>) throws -> Int? {
    guard let text = text(column) else { return nil }
    guard let value = Int(text), range.contains(value) else {
      throw problem(column, "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  func boolean(_ column: String) throws -> Bool? {
    guard let text = text(column) else { return nil }
    guard let value = ["true": true, "1": true, "false": false, "0": false][text.lowercased()] else {
      throw problem(column, "true or false")
    }
    return value
  }

  func choice<T: RawRepresentable & CaseIterable>(_ column: String, _: T.Type) throws -> T? where T.RawValue == String {
    guard let text = text(column) else { return nil }
    guard let value = T(rawValue: text) else {
      throw problem(column, "one of " + T.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return value
  }

  func problem(_ column: String, _ expected: String) -> CommandFailure {
    CommandFailure("line \(line), column \(column): \(expected) is expected")
  }
}
