import Foundation
import ResyncCore
import Study
import Testing

@Suite("Cells of the cohort")
struct CohortCellTests {
  @Test("no two cells have one name, and each knows what it needs", arguments: [true, false])
  func names(quick: Bool) {
    let cells = CohortCells.all(quick: quick)
    #expect(Set(cells.map(\.name)).count == cells.count)
    #expect(cells.allSatisfy { $0.name.hasPrefix("cohort/") })
    let pretrained = cells.filter { $0.name.contains("pretrained") || $0.name.contains("frozen") }
    #expect(!pretrained.isEmpty && pretrained.allSatisfy { $0.needs == [quick ? .demoRecords : .mitdb] })
  }

  @Test("the quick form's pretraining uses records of the repository that are not in DS2")
  func trunkRecords() {
    let records = CohortPlan(quick: true).trunkRecords
    let full = Set(CohortPlan(quick: false).trunkRecords)
    #expect(full.count == 21 && full.isSuperset(of: records) && !full.contains("201"))
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("ops/dev/records/mitdb")
    for record in records {
      #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(record + ".hea").path))
    }
  }

  @Test("a check of chance that fails fails its cell and says by how much")
  func chance() throws {
    #expect(throws: Never.self) { try ChanceResult(["a": [0.45, 0.6]]) }
    let error = #expect(throws: ChanceExceeded.self) { try ChanceResult(["a": [0.5], "b": [0.9, 0.9]]) }
    #expect(error?.description == "b has AUC 0.900 ± 0.051 on cohorts without anything to find, expected .5")
  }
}
