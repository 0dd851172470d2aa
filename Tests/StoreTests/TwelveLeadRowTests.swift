import Foundation
import Store
import Testing

@Suite("Twelve-lead measures in the database", .needsPostgreSQL) struct TwelveLeadRowTests {
  @Test("a row comes back bit for bit, however often written, and one that says the same is not touched")
  func idempotent() throws {
    try withDatabase { connection in
      let table = TwelveLeads(connection)
      let empty = TwelveLeadRow(
        qrsDurationMs: nil, qrsAreaUVs: nil, axisDegrees: nil, rhythm: nil, bundleBranch: [:], leadFaults: [:])
      try table.write(empty, recordingID: "r-2")
      #expect(try table.find("r-2") == empty)
      try table.write(twelveLeadRow(), recordingID: "r-1")
      #expect(try table.find("r-1") == twelveLeadRow())
      let version = "select xmin::text || ctid::text as v from twelve_lead_measures where recording_id = 'r-1'"
      let first = try connection.scalar(version, .text)
      try table.write(twelveLeadRow(), recordingID: "r-1")
      #expect(try connection.scalar(version, .text) == first)
      var other = twelveLeadRow()
      other.bundleBranch["lbbb-strauss-2011"]?.criteria[0].value = 151.25.nextUp
      try table.write(other, recordingID: "r-1")
      #expect(try table.find("r-1") == other)
      #expect(try table.find("r-2") == empty)
    }
  }

  @Test("an end without measures removes what stood")
  func removed() throws {
    try withDatabase { connection in
      let table = TwelveLeads(connection)
      try table.write(twelveLeadRow(), recordingID: "r-1")
      try table.write(twelveLeadRow(), recordingID: "r-2")
      try table.write(nil, recordingID: "r-1")
      #expect(try table.find("r-1") == nil)
      #expect(try table.find("r-2") != nil)
    }
  }

  @Test("the analyst sees the measures beside the recording and each criterion in a row, and cannot change them")
  func views() throws {
    try withDatabase { connection in
      try fill(connection)
      try connection.execute("set role resync_analyst")
      defer { _ = try? connection.execute("reset role") }
      let recordings = try connection.execute("select * from v_recordings order by recording_id")
      #expect(recordings.count == 4)
      let row = recordings[0]
      #expect(try row["qrs_duration_ms", .double] == 151.25)
      #expect(try row["qrs_area_uvs", .double] == 112.5)
      #expect(try row["axis_degrees", .double] == -38)
      #expect(try row["rhythm", .text] == "regular")
      #expect(try row["lbbb_strauss", .bool])
      #expect(try !row["rbbb_aha", .bool])
      #expect(try row[optional: "lbbb_aha", .bool] == nil)
      #expect(try recordings[1][optional: "qrs_duration_ms", .double] == nil)
      let criteria = try connection.execute(
        "select * from v_bundle_branch_criteria where rule = 'lbbb-strauss-2011' order by criterion")
      #expect(criteria.count == 2)
      #expect(try criteria[1]["criterion", .text] == "qrs-duration")
      #expect(try criteria[1]["value", .double] == 151.25)
      #expect(try criteria[1]["at_least", .double] == 140)
      #expect(try criteria[1][optional: "at_most", .double] == nil)
      #expect(try criteria[1]["met", .bool])
      #expect(try criteria[1]["score", .double] == 2.5)
      for sql in ["update twelve_lead_measures set rhythm = null", "delete from twelve_lead_measures"] {
        #expect(try storeError { try connection.execute(sql) }.sqlState == "42501")
      }
    }
  }

  @Test("the digest of a recording changes with one bit of a measure, and is what it was for one without measures")
  func digest() throws {
    try withDatabase { connection in
      try fill(connection)
      let before = try Digests(connection).all()
      var changed = twelveLeadRow()
      changed.qrsAreaUVs = 112.5.nextUp
      try TwelveLeads(connection).write(changed, recordingID: "r-1")
      let area = try Digests(connection).all()
      #expect(area.filter { before[$0.key] != $0.value }.map(\.key) == ["r-1"])
      changed = twelveLeadRow()
      changed.bundleBranch["rbbb-aha-2009"]?.score = (-3.5).nextUp
      try TwelveLeads(connection).write(changed, recordingID: "r-1")
      #expect(try Digests(connection).of("r-1") != before["r-1"])
      #expect(try Digests(connection).of("r-1") != area["r-1"])
      try TwelveLeads(connection).write(twelveLeadRow(), recordingID: "r-1")
      #expect(try Digests(connection).all() == before)
    }
  }

  @Test("measures of recordings made before this migration leave every digest as it was")
  func migration() throws {
    try withEmptySchema { connection in
      let all = try FileManager.default.contentsOfDirectory(atPath: sqlFolder.path).sorted().map { name in
        (name, try String(contentsOf: sqlFolder.appendingPathComponent(name), encoding: .utf8))
      }
      try Migrator(Array(all.prefix { $0.0 < "0009" })).migrate(connection)
      try Models(connection).insert(model("m-crt", task: crt), trainingRecordings: [])
      try BeatPredictions(connection).upsert([beat(1, model: "m-crt", task: crt)])
      try Predictions(connection).upsert(prediction("r-1"))
      let before = try Digests(connection).all()
      try Migrator(all).migrate(connection)
      #expect(try Digests(connection).all() == before)
      #expect(before.count == 1)
    }
  }
}
