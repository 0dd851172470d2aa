import Foundation
import Messages
import Resync
import ResyncCore
import Store
import Testing

@Suite("cohort.csv")
struct CohortTableTests {
  private let pseudonymiser = Pseudonymiser(key: [UInt8](repeating: 7, count: 16))!

  private func cohort(_ csv: String) throws -> Cohort {
    Cohort(named: "c", note: "n", patients: try CohortTable(csv: csv).patients(), pseudonymiser: pseudonymiser)
  }

  private func failure(_ csv: String, _ location: SourceLocation = #_sourceLocation) -> String {
    #expect(throws: CommandFailure.self, sourceLocation: location) { try cohort(csv) }?.description ?? ""
  }

  @Test("the template's line becomes a baseline and an outcome under the patient's pseudonym")
  func full() throws {
    let template = try String(
      contentsOf: repository.appendingPathComponent("docs/cohort-template.csv"), encoding: .utf8)
    let cohort = try cohort(template)
    let patient = pseudonymiser.pseudonym(patientID: "example-1")
    let first = try #require(cohort.baselines.first)
    #expect(first.patient == patient && first.role == .train)
    #expect(Set(first.values.keys) == Set(CohortColumn.baselines.map(\.name)).subtracting(["lvesd_mm"]))
    #expect(
      first.values["age_years"] == 67.5 && first.values["sex"] == "female" && first.values["nyha"] == 3
        && first.values["lbbb"] == true && first.values["ecg_date"] == "2021-03-01")
    let outcome = try #require(cohort.outcomes.first)
    #expect(outcome.patient == patient && outcome.lvesvBeforeMl == 160 && outcome.lvesvAfterMl == 120)
    #expect(outcome.event == .none && outcome.followupMonths == 6.2 && !outcome.teichholz)
    #expect(Set(outcome.course.keys) == Set(Outcome.courseColumns.map(\.name)).subtracting(["lvesd_after_mm"]))
    #expect(cohort.name == "c" && cohort.note == "n" && cohort.synthetic)
  }

  @Test("empty cells are missing values; a patient of whom nothing is known from the implant on has no outcome")
  func missing() throws {
    let cohort = try cohort("role,patient_id,lvesv_after_ml,event,nyha\nholdout,A,,,\ntrain,B,,death, 2 \n")
    #expect(cohort.baselines.map { $0.values["nyha"] } == [nil, 2])
    #expect(cohort.baselines.map(\.role) == [.holdout, .train])
    #expect(cohort.outcomes.map(\.event) == [.death])
  }

  @Test("line ends of other systems, quotes and a byte order mark are read")
  func dialects() throws {
    let cohort = try cohort("\u{FEFF}patient_id,role,rhythm\r\n\"A, B\",train,\"paced\"\r\nB,holdout,sinus\r\n")
    #expect(cohort.baselines.map { $0.values["rhythm"] } == ["paced", "sinus"])
    #expect(cohort.baselines[0].patient == pseudonymiser.pseudonym(patientID: "A, B"))
  }

  @Test("one synthetic patient makes the cohort synthetic")
  func synthetic() throws {
    #expect(try cohort("patient_id,role,synthetic\nA,train,true\nB,train,false\n").synthetic)
    #expect(!(try cohort("patient_id,role,synthetic\nA,train,0\nB,train,\n").synthetic))
  }

  @Test("every fault is told by line and column, all at once, several in a line, and never by value")
  func faults() {
    let text = failure(
      "patient_id,role,age_years,sex,lbbb,event,nyha,lvesv_ml,ecg_date\n"
        + "A,train,SECRET1,female,true,none,2,100,\n" + "B,SECRET2,50,SECRET3,true,none,2,100,\n"
        + "D,train,50,male,SECRET4,SECRET5,2,100,\n" + ",train,50,male,true,none,2,100,\n"
        + "G,train,131,male,true,none,2.5,100,\n" + "H,train,nan,male,true,none,2,0,\n"
        + "I,train,50,male,true,none,5,100,2021-02-29\n" + "J,,50,male,true,none,2,100,1.2.2021\n")
    let expected = [
      (2, "age_years"), (3, "role"), (3, "sex"), (4, "lbbb"), (4, "event"), (5, "patient_id"), (6, "age_years"),
      (6, "nyha"), (7, "age_years"), (7, "lvesv_ml"), (8, "nyha"), (8, "ecg_date"), (9, "role"), (9, "ecg_date"),
    ]
    for (line, column) in expected { #expect(text.contains("line \(line), column \(column):")) }
    #expect(text.split(separator: "\n").count == expected.count + 1)
    #expect(!text.contains("SECRET"))
  }

  @Test(
    "cells that contradict each other are refused by line and column",
    arguments: [
      ("ecg_date,implant_date", "2021-03-02,2021-03-01", "ecg_date"),
      ("echo_date,implant_date", "2021-03-02,2021-03-01", "echo_date"),
      ("implant_date,followup_echo_date", "2021-03-01,2021-03-01", "followup_echo_date"),
      ("lvesv_ml,lvedv_ml", "200,199", "lvesv_ml"), ("lbbb,qrs_morphology", "true,rbbb", "lbbb"),
    ])
  func contradictions(columns: String, cells: String, named: String) {
    let text = failure("patient_id,role,\(columns)\nA,train,\(cells)\n")
    #expect(text.contains("line 2, column \(named):") && text.split(separator: "\n").count == 2)
  }

  @Test("an ECG of the implant's day is before it; LBBB follows from the morphology, months from the dates")
  func derived() throws {
    let cohort = try cohort(
      "patient_id,role,ecg_date,implant_date,followup_echo_date,qrs_morphology\n"
        + "A,train,2021-03-01,2021-03-01,2021-09-01,lbbb\nB,train,,,,ivcd\n")
    #expect(cohort.baselines.map { $0.values["lbbb"] } == [true, false])
    #expect(cohort.outcomes.map(\.followupMonths) == [6.0])
  }

  @Test("diameters give both volumes by Teichholz where no volume is known, and never beside another method")
  func diameters() throws {
    let cohort = try cohort(
      "patient_id,role,lvesv_ml,lvesv_after_ml,lvesd_mm,lvesd_after_mm,echo_method\n"
        + "A,train,,,60,50,\nB,train,,,60,50,simpson\nC,train,200,,60,50,\nD,train,200,120,,,teichholz\n")
    // 7 · 216 / 8.4 and 7 · 125 / 7.4.
    #expect(cohort.outcomes.map(\.lvesvBeforeMl) == [180, nil, 200, 200])
    #expect(cohort.outcomes.map(\.lvesvAfterMl) == [118.24, nil, nil, 120])
    #expect(cohort.outcomes.map(\.teichholz) == [true, false, false, true])
  }

  @Test("a patient on two lines is refused by line, not by name")
  func twice() {
    let text = failure("patient_id,role\nSECRET,train\nB,train\nSECRET,holdout\n")
    #expect(text.contains("line 4, column patient_id:") && !text.contains("SECRET"))
  }

  @Test("a line with more cells than columns is refused: a decimal comma would shift all that follow")
  func tooManyCells() {
    let text = failure("patient_id,role,lvef_percent,nyha\nA,train,28,5,3\n")
    #expect(text.contains("line 2") && text.contains("cells"))
  }

  @Test("a file without its header line is refused without repeating the patient that stands there")
  func headerless() {
    let text = failure("SECRET,train,67\nSECRET2,train,68\n")
    #expect(text.contains("column") && !text.contains("SECRET"))
  }

  @Test(
    "an unknown, repeated or missing column is refused",
    arguments: ["patient_id,role,wight\n", "patient_id,role,role\n", "patient_id\n", "role\n", "", "\n"])
  func header(_ header: String) {
    #expect(failure(header).contains("column"))
  }

  @Test("an open quote is refused without repeating the cell")
  func quotes() {
    #expect(!failure("patient_id,role\n\"A\"SECRET,train\n").contains("SECRET"))
  }

  @Test("a simulated cohort written as CSV is read back as it was, Table 1 with it, and says synthetic")
  func simulated() throws {
    var table = CohortTable()
    let patients = CohortSimulator(seed: 5).cohort(size: 12, responders: nil)
    for patient in patients { table.append(patient, role: .train) }
    let cohort = try cohort(table.csv)
    #expect(cohort.synthetic && cohort.baselines.count == 12)
    let table1 = [
      "acei_arb", "age_years", "sex", "height_cm", "weight_kg", "ckd", "diabetes", "hypertension", "smoking",
      "beta_blocker", "spironolactone", "digoxin", "diuretic", "qrs_duration_ms", "lbbb", "lvef_percent", "lvedv_ml",
      "lvesv_ml", "scar_percent",
    ]
    for (patient, baseline) in zip(patients, cohort.baselines) {
      #expect(table1.allSatisfy { baseline.values[$0] != nil })
      #expect(abs(try #require(baseline.values["lvesv_ml"]?.number) - patient.baselines.lvesvMl) <= 0.005)
      #expect(baseline.values["lbbb"]?.yesNo == patient.baselines.lbbb)
      #expect(baseline.values["diabetes"]?.yesNo == patient.baselines.factors.contains(.diabetes))
    }
  }
}

@Suite("Who is imported, and with which ECG")
struct CohortSelectionTests {
  private let pseudonymiser = Pseudonymiser(key: [UInt8](repeating: 7, count: 16))!

  @Test("the paper's criteria leave out by line and reason, also who is not known well enough, and nobody else")
  func inclusion() throws {
    let patients = try CohortTable(
      csv: "patient_id,role,lvef_percent,qrs_duration_ms,nyha,optimal_therapy\n"
        + "A,train,35,120,2,true\nSECRET,train,36,119,2,\nC,train,,130,1,\nD,train,30,130,4,false\nE,train,30,130,4,\n"
    ).patients()
    let selection = CohortSelection(patients, .paper)
    #expect(selection.included.map(\.line) == [2, 6])
    let lines = selection.text.split(separator: "\n")
    #expect(
      lines.dropLast() == [
        "line 3 left out: not LVEF at most 35 %; not QRS duration at least 120 ms",
        "line 4 left out: lvef_percent is not known; not NYHA class II to IV",
        "line 5 left out: not optimal medical therapy",
      ])
    #expect(lines.last?.hasSuffix("3 of 5 left out") == true)
    #expect(CohortSelection(patients, nil).included == patients)
  }

  @Test("ecg_record becomes the id of the recording that publishing the same record gives")
  func recordings() throws {
    let ludb = repository.appendingPathComponent("ops/dev/records/ludb").path
    let patients = try CohortTable(csv: "patient_id,role,ecg_record\nP,train,24\nQ,train,\n").patients()
    let assigned = try CohortRecordings(paths: [ludb], feed: "f").assign(to: patients, pseudonymiser: pseudonymiser)
    let uid = try RecordFile.find([ludb + "/24"])[0].load().uid
    let expected = recordingID(
      patient: pseudonymiser.pseudonym(patientID: "P"), feedID: "f", recordingUID: uid)
    #expect(assigned.map(\.recordingID) == [expected, nil])
    let byUID = try CohortTable(csv: "patient_id,role,ecg_record\nP,train,\(uid)\n").patients()
    #expect(
      try CohortRecordings(paths: [], feed: "f").assign(to: byUID, pseudonymiser: pseudonymiser)[0].recordingID
        == expected)
  }

  @Test("an ecg_record without the feed that publishes it is refused, a table without one needs no feed")
  func feedIsNeeded() throws {
    let none = try CohortRecordings(paths: [], feed: nil)
    let named = try CohortTable(csv: "patient_id,role,ecg_record\nP,train,24\n").patients()
    let error = #expect(throws: CommandFailure.self) { try none.assign(to: named, pseudonymiser: pseudonymiser) }
    #expect(error?.description.contains("--feed") == true)
    let plain = try CohortTable(csv: "patient_id,role,ecg_record\nP,train,\n").patients()
    #expect(try none.assign(to: plain, pseudonymiser: pseudonymiser) == plain)
  }

  @Test("a record that is not there, or has not the twelve leads, is told by line")
  func badRecordings() throws {
    let folders = ["ludb", "mitdb"].map { repository.appendingPathComponent("ops/dev/records/\($0)").path }
    let patients = try CohortTable(csv: "patient_id,role,ecg_record\nP,train,SECRET\nQ,train,118\nR,train,1\n")
      .patients()
    let error = #expect(throws: CommandFailure.self) {
      try CohortRecordings(paths: folders, feed: "f").assign(to: patients, pseudonymiser: pseudonymiser)
    }
    let text = error?.description ?? ""
    #expect(text.contains("line 2, column ecg_record:") && text.contains("line 3, column ecg_record:"))
    #expect(text.split(separator: "\n").count == 3 && !text.contains("SECRET"))
  }
}
