import Store
import Testing

@Suite("Pool", .needsPostgreSQL) struct ConnectionPoolTests {
  private func pid(_ connection: Connection) throws -> Int64 {
    try connection.scalar("select pg_backend_pid() as pid", .int)
  }

  private func terminate(_ pid: Int64, from connection: Connection) throws {
    try connection.execute("select pg_terminate_backend($1::int4)", [.int(pid)])
    // The backend is gone when its row is.
    while try connection.scalar("select count(*) as n from pg_stat_activity where pid = $1", .int, [.int(pid)]) > 0 {}
  }

  @Test("a connection that died while idle is replaced before it is lent")
  func idleDeathIsNotNoticed() throws {
    let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 1)
    let first = try pool.withConnection(pid)
    #expect(try pool.withConnection(pid) == first, "a good connection is used again")
    try withEmptySchema { try terminate(first, from: $0) }
    #expect(try pool.withConnection(pid) != first)
  }

  @Test("work whose backend is terminated fails with a retriable error, and succeeds when it may be tried again")
  func deathDuringWork() throws {
    try withEmptySchema { other in
      let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 1)
      let error = try storeError {
        try pool.withConnection { connection in
          try terminate(try pid(connection), from: other)
          try connection.execute("select 1")
        }
      }
      #expect(error.code == .connectionLost)
      #expect(error.isRetriable)
      var attempts = 0
      let answer = try pool.withConnection(attempts: 3) { connection in
        attempts += 1
        if attempts == 1 { try terminate(try pid(connection), from: other) }
        return try connection.scalar("select 42 as answer", .int)
      }
      #expect(answer == 42)
      #expect(attempts == 2)
    }
  }

  @Test("an error that no retry can mend is thrown at once")
  func hopelessErrorsAreNotRetried() throws {
    let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 1)
    var attempts = 0
    _ = try storeError {
      try pool.withConnection(attempts: 5) { connection in
        attempts += 1
        try connection.execute("select from no_such_table")
      }
    }
    #expect(attempts == 1)
  }

  @Test("a connection left inside a transaction is not lent again")
  func openTransactionsAreDropped() throws {
    let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 1)
    let first = try pool.withConnection { connection in
      try connection.execute("begin")
      return try pid(connection)
    }
    #expect(try pool.withConnection(pid) != first)
  }

  @Test("many threads share few connections, and each has the one it was lent for itself")
  func threadsShare() throws {
    let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 3)
    let backends = try inParallel(8) { index in
      var backends: Set<Int64> = []
      for round in 0..<30 {
        try pool.withConnection { connection in
          let own = index * 1000 + round
          try connection.execute("select set_config('resync.own', $1::text, false)", [.text("\(own)")])
          let row = try connection.execute(
            "select pg_sleep(0), pg_backend_pid()::int8 as pid, current_setting('resync.own') as own")[0]
          guard try row["own", .text] == "\(own)" else { throw StoreError(.conflict, "two threads on one connection") }
          backends.insert(try row["pid", .int])
        }
      }
      return backends
    }
    #expect(backends.reduce(into: Set<Int64>()) { $0.formUnion($1) }.count <= 3)
  }

  @Test("beyond the limit a caller is refused with a retriable error, and served when a connection is back")
  func limitHolds() throws {
    let pool = ConnectionPool(try configuration(schema: "resync_test_none"), limit: 1, waitSeconds: 0.01)
    try pool.withConnection { _ in
      let error = try storeError { try pool.withConnection { _ in } }
      #expect(error.code == .poolExhausted)
      #expect(error.isRetriable)
    }
    try pool.withConnection { _ in }
  }
}
