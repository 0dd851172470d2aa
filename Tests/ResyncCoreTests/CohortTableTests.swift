import ResyncCore
import Testing

@Suite("A cohort's tables")
struct CohortTableTests {
  @Test(
    "guideline classes follow duration and morphology",
    arguments: [
      (150.0, true, GuidelineClass.one, GuidelineClass.one), (149, true, .twoA, .twoA), (130, true, .twoA, .twoA),
      (129, true, .three, .twoA), (119, true, .three, .three), (150, false, .twoA, .twoA), (149, false, .twoB, .twoB),
      (129, false, .three, .twoB),
    ])
  func guideline(durationMs: Double, lbbb: Bool, esc: GuidelineClass, aha: GuidelineClass) {
    for (guideline, expected) in [(CRTGuideline.esc2021, esc), (.aha2022, aha)] {
      #expect(
        guideline.classification(
          sinusRhythm: true, nyha: 3, lvefPercent: 35, qrsDurationMs: durationMs, lbbb: lbbb) == expected)
    }
  }

  @Test("what decides and is not known makes a guideline not assessable, what rules the patient out does not")
  func unknown() {
    func found(sinus: Bool? = true, nyha: Int? = 2, lvef: Double? = 30, lbbb: Bool? = true) -> GuidelineClass {
      CRTGuideline.esc2021.classification(
        sinusRhythm: sinus, nyha: nyha, lvefPercent: lvef, qrsDurationMs: 160, lbbb: lbbb)
    }
    #expect(found() == .one)
    #expect(
      [found(sinus: nil), found(nyha: nil), found(lvef: nil), found(lbbb: nil)].allSatisfy { $0 == .notAssessable })
    #expect([found(sinus: false), found(nyha: 1), found(lvef: 36)].allSatisfy { $0 == .outOfScope })
    #expect(found(sinus: false, nyha: nil) == .outOfScope)
  }

  @Test("Table 1 counts what is known, and its p-values are Welch's, chi-square's or Fisher's")
  func baseline() throws {
    let labels = (0..<71).map { $0 < 46 }
    // DM of the paper's Table 1: 6 of 46 and 9 of 25.
    let diabetes = labels.indices.map { $0 < 6 || ($0 >= 46 && $0 < 55) ? 1.0 : 0 }
    let ages = labels.indices.map { $0 == 70 ? nil : Double($0) }
    let table = BaselineTable(
      [
        .init("diabetes", isProportion: true, values: diabetes), .init("age", unit: "years", values: ages),
        .init("none", values: labels.map { _ in nil }),
      ], labels: labels)
    #expect(table.rows[0].responders == .proportion(count: 6, known: 46))
    #expect(table.rows[0].nonResponders == .proportion(count: 9, known: 25))
    #expect(abs(table.rows[0].pValueAsInThePaper! - 0.024) < 0.0006, "as the paper prints it")
    #expect(table.rows[0].pValue == GroupTest.proportions([[6, 40], [9, 16]])?.pValue)
    #expect(table.rows[1].missing == 1)
    guard case .quantity(let mean, let deviation, let known) = table.rows[1].all else {
      Issue.record("age is a quantity")
      return
    }
    #expect(mean == 34.5 && abs(deviation - 20.3510) < 1e-3 && known == 70)
    #expect(table.rows[1].pValue == GroupTest.welch(ages[..<46].map { $0! }, ages[46..<70].map { $0! })?.pValue)
    #expect(table.rows[2].pValue == nil && table.rows[2].missing == 71)
  }

  @Test("two rows of the paper's Table 2 cannot be, and LBBB alone beats all of them")
  func paper() throws {
    let impossible = PaperTables.rates.filter { !$0.canBe }
    #expect(impossible.map(\.model) == ["ResNet-18", "ResNet-50"] && impossible.allSatisfy(\.isPretrained))
    let lbbb = try ReportedRates(PaperTables.lbbbAlone)
    #expect(PaperTables.rates.allSatisfy { $0.accuracy < lbbb.accuracy })
    #expect(abs(lbbb.accuracy - 0.789) < 0.0005 && abs(lbbb.sensitivity - 0.957) < 0.0005)
    #expect(PaperTables.notes[0].hasPrefix("2 rows cannot be"))
  }

  @Test("the simulator's Table 1 has the paper's variables and the cohort's numbers")
  func simulated() {
    let table = BaselineTable(CohortFixture.patients)
    #expect(table.patients == 36 && table.responders == 22 && table.rows.allSatisfy { $0.missing == 0 })
    #expect(Set(table.rows.map(\.name)).isSuperset(of: ["age", "LBBB", "LVESV", "scar", "digoxin", "QRS duration"]))
  }
}
