import Foundation
import Store
import Testing

@Suite("Connection", .needsPostgreSQL) struct ConnectionTests {
  @Test("every parameter type comes back as it was sent")
  func parametersRoundTrip() throws {
    try withEmptySchema { connection in
      let date = Date(timeIntervalSince1970: 1_700_000_000.123456)
      let reals: [Float] = [1 / 3, -0.0, .infinity]
      let row = try connection.execute(
        """
        select $1 as b, $2 as i, $3 as r, $4 as d, $5 as t, $6 as y, $7 as j, $8 as ts, $9 as strings, $10 as reals,
          $11 as none, $12 as empty, 7::int2 as small, 8::int4 as medium, $13 as no_strings, ($14::bool[])[2] as second
        """,
        [
          .bool(true), .int(Int64.min), .real(.leastNonzeroMagnitude), .double(0.1), .text("naïve \" \\ {}"),
          .bytes([0, 255, 10]), .json(#"{"a": [1, null]}"#), .timestamp(date), .texts(["a,b", "\"", ""]),
          .reals(reals), .text(nil), .bytes([]), .texts([String]()), .bools([true, false]),
        ])[0]
      #expect(try row["b", .bool])
      #expect(try row["i", .int] == Int64.min)
      #expect(try row["r", .real] == .leastNonzeroMagnitude)
      #expect(try row["d", .double] == 0.1)
      #expect(try row["t", .text] == "naïve \" \\ {}")
      #expect(try row["y", .bytes] == [0, 255, 10])
      #expect(try row["j", .json] == #"{"a": [1, null]}"#)
      #expect(try abs(row["ts", .timestamp].timeIntervalSince(date)) < 1e-6)
      #expect(try row["strings", .texts] == ["a,b", "\"", ""])
      #expect(try row["reals", .reals].map(\.bitPattern) == reals.map(\.bitPattern))
      #expect(try row[optional: "none", .text] == nil)
      #expect(try row["empty", .bytes] == [], "an empty value is not NULL")
      #expect(try row["small", .int] == 7)
      #expect(try row["medium", .int] == 8)
      #expect(try row["no_strings", .texts] == [])
      #expect(try row["second", .bool] == false)
    }
  }

  @Test("a commit waits for the server's log, also where the server's default does not; a stronger setting stays")
  func durableCommits() throws {
    let url = try #require(databaseURL)
    func setting(_ value: String) throws -> String {
      let options = "options=-csynchronous_commit%3D\(value)"
      let configuration = try DatabaseConfiguration(url: url + (url.contains("?") ? "&" : "?") + options)
      return try Connection(configuration).execute("show synchronous_commit")[0]["synchronous_commit", .text]
    }
    #expect(try setting("off") == "on")
    #expect(try setting("remote_apply") == "remote_apply")
  }

  @Test("NULL, another type and an unknown column are errors that name the column")
  func wrongReadsAreErrors() throws {
    try withEmptySchema { connection in
      let row = try connection.execute("select null::text as nothing, 1.5::numeric as amount")[0]
      let reads: [(String, () throws -> Void)] = [
        ("nothing", { _ = try row["nothing", .text] }), ("amount", { _ = try row["amount", .double] }),
        ("absent", { _ = try row["absent", .text] }),
      ]
      for (column, read) in reads {
        let error = try storeError(read)
        #expect(error.code == .unexpectedResult)
        #expect(error.text.contains("'\(column)'"))
      }
    }
  }

  @Test("a transaction that throws leaves nothing, an inner one only its own part")
  func transactionsRollBack() throws {
    try withDatabase { connection in
      let patients = Patients(connection)
      _ = try storeError {
        try connection.transaction {
          try patients.upsert(Patient(pseudonym: "outer", synthetic: false))
          throw StoreError(.conflict, "as a body may throw")
        }
      }
      #expect(try patients.find("outer") == nil)
      try connection.transaction {
        try patients.upsert(Patient(pseudonym: "outer", synthetic: false))
        _ = try storeError {
          try connection.transaction {
            try patients.upsert(Patient(pseudonym: "inner", synthetic: false))
            try connection.execute("select 1 / 0")
          }
        }
      }
      #expect(try patients.find("outer") != nil)
      #expect(try patients.find("inner") == nil)
    }
  }

  @Test("a body that hides a failed statement is told that nothing was committed")
  func hiddenFailureIsNotCommitted() throws {
    try withDatabase { connection in
      _ = try storeError {
        try connection.transaction {
          try Patients(connection).upsert(Patient(pseudonym: "p", synthetic: false))
          _ = try? connection.execute("select 1 / 0")
        }
      }
      #expect(try Patients(connection).find("p") == nil)
      try connection.transaction { try Patients(connection).upsert(Patient(pseudonym: "q", synthetic: false)) }
      #expect(try Patients(connection).find("q") != nil, "the connection goes on")
    }
  }

  @Test("errors never quote a parameter")
  func errorsQuoteNoParameter() throws {
    let secret = "secret-pseudonym"
    try withDatabase { connection in
      try connection.execute("create table t (a text primary key check (length(a) < 100))")
      try connection.execute("insert into t values ($1)", [.text(secret)])
      let statements: [(String, [SQLValue], String)] = [
        ("insert into t values ($1)", [.text(secret)], "23505"),
        ("insert into t values (repeat($1, 20))", [.text(secret)], "23514"),
        ("select $1::text::int", [.text(secret)], "22P02"),
        ("select $1::text::timestamptz", [.text(secret)], "22007"),
        ("select $1", [.text("\(secret)\0")], "22021"),
        ("select $1", [.json("{\(secret)")], "22P02"),
        ("insert into recordings (recording_id, patient) values ('r', $1)", [.text(secret)], "23502"),
        ("do $$ begin raise exception 'secret-pseudonym'; end $$", [], "P0001"),
      ]
      for (sql, parameters, state) in statements {
        let error = try storeError { try connection.execute(sql, parameters) }
        #expect(error.sqlState == state, "\(sql)")
        #expect(!"\(error)".contains("secret"), "\(error)")
        #expect(!error.isRetriable)
      }
      var dumped = ""
      dump(SQLValue.text(secret), to: &dumped)
      #expect(!dumped.contains("secret") && !"\(SQLValue.text(secret))".contains("secret"))
    }
  }

  @Test("a statement beyond its time is stopped with a retriable error")
  func statementTimeout() throws {
    let short = try DatabaseConfiguration(
      url: try #require(databaseURL), schema: "resync_test_none", statementTimeoutSeconds: 1)
    let error = try storeError { try Connection(short).execute("select pg_sleep(60)") }
    #expect(error.sqlState == "57014")
    #expect(error.isRetriable)
  }

  @Test("a server that does not answer is a retriable error without the password")
  func unreachableServer() throws {
    let nowhere = try DatabaseConfiguration(url: "postgresql://u:hidden@127.0.0.1:1/db")
    let error = try storeError { _ = try Connection(nowhere) }
    #expect(error.code == .connectionFailed)
    #expect(error.isRetriable)
    #expect(!"\(error)".contains("hidden"))
    #expect(error.text.contains("port=1"))
  }
}
