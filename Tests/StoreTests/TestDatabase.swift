import Foundation
import Store
import Testing

/// The PostgreSQL that the tests use; without it those that need one are skipped.
let databaseURL = ProcessInfo.processInfo.environment["DATABASE_URL"]

extension Trait where Self == ConditionTrait {
  static var needsPostgreSQL: Self { .enabled(if: databaseURL != nil, "set DATABASE_URL to a PostgreSQL superuser") }
}

let repositoryRoot = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent()
let sqlFolder = repositoryRoot.appendingPathComponent("schemas/sql")

func randomName(_ prefix: String) -> String {
  "\(prefix)_\(UUID().uuidString.lowercased().filter { $0 != "-" }.prefix(16))"
}

func configuration(schema: String) throws -> DatabaseConfiguration {
  try DatabaseConfiguration(url: try #require(databaseURL), schema: schema, applicationName: "resync-tests")
}

/// Runs `body` on a schema of its own, which is dropped afterwards.
func withEmptySchema<T>(_ body: (Connection) throws -> T) throws -> T {
  let schema = randomName("resync_test")
  let connection = try Connection(configuration(schema: schema))
  defer { _ = try? connection.execute("drop schema if exists \"\(schema)\" cascade") }
  return try body(connection)
}

func withDatabase<T>(_ body: (Connection) throws -> T) throws -> T {
  try withEmptySchema { connection in
    try Migrator.load(folder: sqlFolder).migrate(connection)
    return try body(connection)
  }
}

extension Connection {
  /// The one value of a one-row, one-column result.
  func scalar<T>(_ sql: String, _ type: SQLType<T>, _ parameters: [SQLValue] = []) throws -> T {
    let rows = try execute(sql, parameters)
    return try rows[0][rows.columnNames[0], type]
  }
}

/// The error that `body` must throw. (`#expect(throws:)` around a closure that captures a `Connection`, which is not
/// Sendable, crashes the compiler of Swift 6.3.1.)
func storeError(_ body: () throws -> Void) throws -> StoreError {
  do {
    try body()
  } catch let error as StoreError {
    return error
  }
  throw Missing()
}

struct Missing: Error, CustomStringConvertible { let description = "expected a StoreError, nothing was thrown" }
