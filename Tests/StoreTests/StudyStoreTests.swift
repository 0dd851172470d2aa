import Foundation
import Store
import Testing

func studyRow(_ report: String = "{}") -> StudyRow {
  StudyRow(
    generatedAt: Date(timeIntervalSince1970: 1_700_000_000), isQuick: false, command: "study", machine: "m",
    commit: nil, program: "feed", report: report,
    cells: [
      .init(
        name: "cohort/table-1", state: "kept", reason: nil, seconds: 1.5,
        finishedAt: Date(timeIntervalSince1970: 1_699_999_999), identity: "0a"),
      .init(
        name: "beats/ds1-ds2/resnet18", state: "missing-data", reason: "mitdb", seconds: nil, finishedAt: nil,
        identity: nil),
    ],
    figures: [
      .init(
        section: "cohort-table-2", origin: "synthetic", table: 1, row: 1, label: "LBBB alone (Strauss)",
        figure: "AUC", value: 0.61, low: 0.5, high: 0.72),
      .init(
        section: "cohort-table-2", origin: "synthetic", table: 1, row: 1, label: "LBBB alone (Strauss)",
        figure: "Not assessable", value: 2, low: nil, high: nil),
    ])
}

@Suite("Studies", .needsPostgreSQL) struct StudyStoreTests {
  @Test("a study's report is kept once, with its cells and numbers")
  func keptOnce() throws {
    try withDatabase { connection in
      #expect(try Studies(connection).insert(studyRow()))
      #expect(try !Studies(connection).insert(studyRow()))
      #expect(try Studies(connection).insert(studyRow("{\"other\":1}")))
      #expect(try connection.scalar("select count(*) from studies", .int) == 2)
      #expect(try connection.scalar("select count(*) from study_cells", .int) == 4)
      let rows = try connection.execute(
        "select value, low, high from study_figures where figure = 'AUC' and study_id = $1", [.text(studyRow().studyID)]
      )
      #expect(rows.count == 1)
      #expect(try rows[0]["value", .double] == 0.61 && rows[0]["low", .double] == 0.5)
      #expect(try connection.scalar("select count(*) from study_figures where low is null", .int) == 2)
    }
  }

  @Test("a report with a row that cannot be leaves nothing of itself")
  func allOrNothing() throws {
    try withDatabase { connection in
      var row = studyRow()
      row.figures[1].origin = "elsewhere"
      let broken = row
      let error = try storeError { try Studies(connection).insert(broken) }
      #expect(error.sqlState == "23514")
      #expect(try connection.scalar("select count(*) from studies", .int) == 0)
    }
  }

  @Test("the service role adds studies and changes none")
  func serviceAdds() throws {
    try withDatabase { connection in
      try connection.execute("set role resync_service")
      defer { _ = try? connection.execute("reset role") }
      #expect(try Studies(connection).insert(studyRow()))
      for sql in ["update study_figures set value = 1", "delete from studies"] {
        #expect(try storeError { try connection.execute(sql) }.sqlState == "42501")
      }
    }
  }
}
