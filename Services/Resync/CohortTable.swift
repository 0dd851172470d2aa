import Foundation
import ResyncCore
import Store
import SwiftCSV

/// `cohort.csv`: one line a patient, baselines and outcome together. Its columns are those of `CohortColumn.all`.
package struct CohortTable {
  /// By column name; an empty cell is not there.
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
    let unknown = csv.header.indices.filter { CohortColumn.named[csv.header[$0]] == nil }
    guard unknown.isEmpty else {
      throw CommandFailure(
        "the first line names no known column in column \(unknown.map { String($0 + 1) }.joined(separator: ", ")); "
          + "`resync cohort columns` lists them")
    }
    guard Set(csv.header).count == csv.header.count else { throw CommandFailure("a column is named twice") }
    for column in CohortColumn.all where column.isRequired && !csv.header.contains(column.name) {
      throw CommandFailure("column \(column.name) is missing")
    }
    rows = try csv.rows.enumerated().map { index, cells in
      // Short lines are filled up with empty cells, to the longest line's number.
      guard cells.dropFirst(csv.header.count).allSatisfy(\.isEmpty) else {
        throw CommandFailure("line \(index + 2) has more cells than columns; quote a cell that holds the separator")
      }
      return Dictionary(
        uniqueKeysWithValues: zip(csv.header, cells.map { $0.trimmingCharacters(in: .whitespaces) })
          .filter { !$0.1.isEmpty })
    }
  }

  // MARK: - Checked

  /// The lines as values, every cell and what cells say together checked.
  /// - Throws: `CommandFailure` that names every fault by line and column, never by value.
  package func patients() throws -> [CohortPatient] {
    var faults: [CohortFault] = []
    var lineOfPatient: [String: Int] = [:]
    let patients = rows.enumerated().map { index, row in
      var patient = CohortPatient(line: index + 2)
      for column in CohortColumn.all {
        guard let cell = row[column.name] else {
          if column.isRequired { faults.append(patient.fault(column.name, "a value is expected")) }
          continue
        }
        patient.values[column.name] = column.value(of: cell)
        if patient.values[column.name] == nil {
          faults.append(patient.fault(column.name, "\(column.expectation) is expected"))
        }
      }
      if let id = row["patient_id"], let earlier = lineOfPatient.updateValue(patient.line, forKey: id) {
        faults.append(patient.fault("patient_id", "the patient of line \(earlier) again; keep one of them"))
      }
      patient.deriveValues()
      faults += patient.contradictions
      return patient
    }
    try CohortFault.throwAny(faults)
    return patients
  }

  // MARK: - From the simulator

  package mutating func append(_ patient: SimulatedPatient, role: Baseline.Role) {
    let (baselines, outcome) = (patient.baselines, patient.outcome)
    func number(_ value: Double) -> String { String(format: "%.2f", value) }
    var row = [
      "patient_id": patient.id, "role": role.rawValue, "synthetic": "true", "ecg_record": patient.id,
      "age_years": number(patient.ageYears), "sex": patient.sex.rawValue, "height_cm": number(baselines.heightCm),
      "weight_kg": number(baselines.weightKg), "nyha": String(baselines.nyha),
      "ischaemic": String(baselines.ischaemic), "lvef_percent": number(baselines.lvefPercent),
      "lvesv_ml": number(baselines.lvesvMl), "lvedv_ml": number(baselines.lvedvMl),
      "qrs_duration_ms": number(baselines.qrsDurationMs), "lbbb": String(baselines.lbbb),
      "rhythm": baselines.rhythm.rawValue, "scar_percent": number(baselines.scarPercent),
      "followup_months": number(outcome.followupMonths), "lvesv_after_ml": outcome.lvesvAfterMl.map(number),
      "event": outcome.event?.rawValue,
    ]
    for factor in SimulatedPatient.ClinicalFactor.allCases {
      row[factor.rawValue.replacingOccurrences(of: "-", with: "_")] = String(baselines.factors.contains(factor))
    }
    rows.append(row.compactMapValues { $0 })
  }

  /// With the columns that any line fills.
  package var csv: String {
    let columns = CohortColumn.all.map(\.name).filter { name in rows.contains { $0[name] != nil } }
    let lines = rows.map { row in columns.map { row[$0] ?? "" }.joined(separator: ",") }
    return ([columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n"
  }
}

/// What is wrong with a cell.
package struct CohortFault: Hashable {
  var line: Int
  var column: String
  var text: String

  static func throwAny(_ faults: [CohortFault]) throws {
    guard !faults.isEmpty else { return }
    let lines = faults.map { "line \($0.line), column \($0.column): \($0.text)" }
    throw CommandFailure("nothing was imported:\n" + lines.joined(separator: "\n"))
  }
}
