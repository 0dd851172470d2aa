import Foundation
import Messages
import ResyncCore
import Store

/// One line of a cohort's table as values.
package struct CohortPatient: Hashable {
  /// In the file; the first patient is on line 2.
  package var line: Int
  package var values: [String: CohortValue] = [:]
  /// Both volumes come from diameters.
  package private(set) var teichholz = false
  package var recordingID: String?

  init(line: Int) { self.line = line }

  func fault(_ column: String, _ text: String) -> CohortFault { CohortFault(line: line, column: column, text: text) }

  private func number(_ column: String) -> Double? { values[column]?.number }
  private func text(_ column: String) -> String? { values[column]?.text }

  // MARK: - Values that follow from others

  mutating func deriveValues() {
    if values["lbbb"] == nil, let morphology = text("qrs_morphology") { values["lbbb"] = .yesNo(morphology == "lbbb") }
    if values["followup_months"] == nil, let days = days(from: "implant_date", to: "followup_echo_date"), days > 0 {
      values["followup_months"] = .number((10 * days / Self.daysOfMonth).rounded() / 10)
    }
    deriveVolumes()
  }

  private static let daysOfMonth = 365.25 / 12

  /// Diameters speak only where the volume before is not known and no other method is named: the same method before and
  /// after.
  private mutating func deriveVolumes() {
    teichholz = text("echo_method") == "teichholz"
    guard values["lvesv_ml"] == nil, values["lvesv_after_ml"] == nil, teichholz || values["echo_method"] == nil,
      let before = number("lvesd_mm")
    else { return }
    teichholz = true
    values["echo_method"] = "teichholz"
    values["lvesv_ml"] = .number(Teichholz.volumeMl(diameterMm: before))
    values["lvesv_after_ml"] = number("lvesd_after_mm").map { .number(Teichholz.volumeMl(diameterMm: $0)) }
  }

  private func days(from earlier: String, to later: String) -> Double? {
    guard let from = text(earlier).flatMap(Self.day), let to = text(later).flatMap(Self.day) else { return nil }
    return (to.timeIntervalSince(from) / 86_400).rounded()
  }

  private static func day(_ text: String) -> Date? { try? Date(text, strategy: .iso8601.year().month().day()) }

  // MARK: - What cells say together

  /// Where two cells cannot both be true.
  var contradictions: [CohortFault] {
    let holds: [(column: String, holds: Bool?, expected: String)] = [
      ("ecg_date", isOrdered("ecg_date", "implant_date"), "a day not after implant_date"),
      ("echo_date", isOrdered("echo_date", "implant_date"), "a day not after implant_date"),
      (
        "followup_echo_date", days(from: "implant_date", to: "followup_echo_date").map { $0 > 0 },
        "a day later than implant_date"
      ),
      ("lvesv_ml", isAtMost("lvesv_ml", "lvedv_ml"), "at most lvedv_ml"),
      ("lbbb", agreesWithMorphology, "what qrs_morphology says, or nothing,"),
    ]
    return holds.filter { $0.holds == false }.map { fault($0.column, "\($0.expected) is expected") }
  }

  private func isOrdered(_ earlier: String, _ later: String) -> Bool? {
    guard let earlier = text(earlier), let later = text(later) else { return nil }
    return earlier <= later
  }

  private func isAtMost(_ smaller: String, _ larger: String) -> Bool? {
    guard let smaller = number(smaller), let larger = number(larger) else { return nil }
    return smaller <= larger
  }

  private var agreesWithMorphology: Bool? {
    guard let lbbb = values["lbbb"]?.yesNo, let morphology = text("qrs_morphology") else { return nil }
    return lbbb == (morphology == "lbbb")
  }
}

// MARK: - To the store

extension Cohort {
  /// - Parameters:
  ///   - patients: checked, each with an id and a role.
  ///   - responseAbovePercent: reduction of LVESV above which a patient is a responder.
  package init(
    named name: String, note: String, patients: [CohortPatient], pseudonymiser: Pseudonymiser,
    responseAbovePercent: Double = 15
  ) {
    self.init(
      name: name, synthetic: patients.contains { $0.values["synthetic"]?.yesNo == true }, note: note, baselines: [],
      outcomes: [])
    for patient in patients {
      guard let id = patient.values["patient_id"]?.text,
        let role = patient.values["role"]?.text.flatMap(Baseline.Role.init)
      else { preconditionFailure("checked lines have an id and a role") }
      let pseudonym = pseudonymiser.pseudonym(patientID: id)
      func values(_ columns: [CohortColumn]) -> [String: CohortValue] {
        patient.values.filter { value in columns.contains { $0.name == value.key } }
      }
      baselines.append(
        Baseline(
          patient: pseudonym, role: role, values: values(CohortColumn.baselines), recordingID: patient.recordingID))
      guard !values(CohortColumn.outcomes).isEmpty else { continue }
      outcomes.append(
        Outcome(
          patient: pseudonym, followupMonths: patient.values["followup_months"]?.number,
          lvesvBeforeMl: patient.values["lvesv_ml"]?.number, lvesvAfterMl: patient.values["lvesv_after_ml"]?.number,
          event: patient.values["event"]?.text.flatMap(Outcome.Event.init) ?? .none, teichholz: patient.teichholz,
          responseThresholdPercent: responseAbovePercent, course: values(Outcome.courseColumns)))
    }
  }
}
