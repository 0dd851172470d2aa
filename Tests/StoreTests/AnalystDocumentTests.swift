import Foundation
import Store
import Testing

@Suite("docs/ANALYSTS.md", .needsPostgreSQL) struct AnalystDocumentTests {
  private func queries() throws -> [String] {
    let text = try String(
      contentsOf: repositoryRoot.appendingPathComponent("docs/ANALYSTS.md"), encoding: .utf8)
    return text.components(separatedBy: "```sql\n").dropFirst().map { $0.components(separatedBy: "\n```")[0] }
  }

  @Test("every query of the document runs as the analyst's role and finds something in a lightly filled schema")
  func everyQueryRuns() throws {
    let queries = try queries()
    #expect(queries.count >= 10)
    try withDatabase { connection in
      try fill(connection)
      try connection.execute("set role resync_analyst")
      defer { _ = try? connection.execute("reset role") }
      for query in queries { #expect(try !connection.execute(query).isEmpty, "\(query)") }
    }
  }

  @Test("beats of a rejected recording are not in the confusion matrix")
  func rejectedBeatsAreVoid() throws {
    try withDatabase { connection in
      try fill(connection)
      let counted = "select coalesce(sum(beats), 0)::bigint as n from v_beat_confusion where recording_id = 'r-1'"
      #expect(try connection.scalar(counted, .int) > 0)
      try Recordings(connection).upsertEnd(
        RecordingEnding(
          recordingID: "r-1", status: .rejected, code: "FLAT_LINE", samples: 0, waveformSHA256: nil, reason: "rejected")
      )
      #expect(try connection.scalar(counted, .int) == 0)
    }
  }
}
