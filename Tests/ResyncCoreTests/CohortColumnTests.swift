import Foundation
import ResyncCore
import Testing

@Suite("A cohort's columns")
struct CohortColumnTests {
  private func document(_ path: String) throws -> String {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
  }

  @Test("docs/COHORT.md holds the table as the code has it, the template every column in its order")
  func documented() throws {
    let parts = try document("docs/COHORT.md").components(separatedBy: "<!-- columns -->\n")
    #expect(parts.count == 3 && parts[1] == CohortColumn.markdown + "\n")
    let header = try document("docs/cohort-template.csv").split(separator: "\n")[0]
    #expect(header.split(separator: ",").map(String.init) == CohortColumn.all.map(\.name))
  }

  @Test("nothing known from the implant on can be a predictor, nor who and when")
  func leakage() {
    #expect(CohortColumn.outcomes.count >= 9)
    for column in CohortColumn.outcomes { #expect(throws: ModelError.self) { try CohortPredictor(column.name) } }
    for name in ["patient_id", "role", "synthetic", "ecg_record", "ecg_date", "echo_date", "response"] {
      #expect(throws: ModelError.self) { try CohortPredictor(name) }
    }
    #expect(CohortPredictor.all.count == CohortColumn.baselines.count - 2)
    #expect(CohortPredictor.all.allSatisfy { !$0.column.isKnownAfterImplant })
  }

  @Test("a table of predictors has one column a value, one for each choice, and NaN where nothing is known")
  func features() throws {
    let table = FeatureTable(
      [["age_years": 60, "sex": "male", "ckd": true], ["sex": "female", "ckd": false], [:]],
      predictors: try ["age_years", "sex", "ckd"].map(CohortPredictor.init))
    #expect(table.featureCount == 4)
    #expect(Array(table[0]) == [60, 0, 1, 1])
    #expect(table[1][table[1].startIndex].isNaN && Array(table[1].dropFirst()) == [1, 0, 0])
    #expect(table[2].allSatisfy { $0.isNaN })
  }

  @Test(
    "a cell is a value of its column or none",
    arguments: [
      ("nyha", "2", .number(2)), ("nyha", "2.0", nil), ("age_years", "inf", nil), ("age_years", "67.5", .number(67.5)),
      ("lbbb", "TRUE", .yesNo(true)), ("lbbb", "yes", nil), ("ecg_date", "2020-02-29", .text("2020-02-29")),
      ("ecg_date", "2021-02-29", nil), ("ecg_date", "2021-2-9", nil), ("ecg_date", "1021-02-09", nil),
      ("device", "crt-d", .text("crt-d")), ("device", "CRT-D", nil),
    ] as [(String, String, CohortValue?)])
  func cells(column: String, cell: String, value: CohortValue?) {
    #expect(CohortColumn.named[column]?.value(of: cell) == value)
  }

  @Test("missing values are counted by column")
  func missingness() {
    let counted = CohortMissingness([["age_years": 60], ["age_years": 61, "event": "none"], ["nyha": 2], [:]])
    func missing(_ name: String) -> Int? { counted.rows.first { $0.column == name }?.missing }
    #expect(missing("age_years") == 2 && missing("event") == 3 && missing("nyha") == 3 && missing("patient_id") == nil)
    #expect(counted.text.contains("age_years") && counted.text.contains("2 of 4 missing (50 %)"))
  }

  @Test("a diameter of 5 cm is a volume of 118 mL by Teichholz")
  func teichholz() { #expect(Teichholz.volumeMl(diameterMm: 50) == 118.24) }
}
