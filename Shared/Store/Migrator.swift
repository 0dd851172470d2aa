import Crypto
import Foundation
import ResyncCore

/// Brings a schema to the state that a list of SQL files describes, and tells a service whether it is there.
public struct Migrator: Sendable {
  private struct Migration: Sendable {
    let name: String
    let sql: String
    var checksum: String { SHA256.hash(data: Data(sql.utf8)).hexadecimal }
  }

  private let migrations: [Migration]

  /// - Parameter migrations: in the order in which they apply.
  public init(_ migrations: [(name: String, sql: String)]) {
    self.migrations = migrations.map { Migration(name: $0.name, sql: $0.sql) }
  }

  /// Reads `NNNN_name.sql` files, numbered from 0001 without gaps.
  /// - Throws: `StoreError` (`MIGRATIONS_UNREADABLE`).
  public static func load(folder: URL) throws -> Migrator {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".sql") }.sorted()
    } catch {
      throw StoreError(.migrationsUnreadable, "cannot read \(folder.path); expected the folder schemas/sql")
    }
    guard !names.isEmpty else {
      throw StoreError(.migrationsUnreadable, "\(folder.path) holds no .sql file; expected the folder schemas/sql")
    }
    return Migrator(
      try names.enumerated().map { index, name in
        let number = String(format: "%04d_", index + 1)
        guard name.hasPrefix(number) else {
          throw StoreError(.migrationsUnreadable, "\(name) stands where \(number)….sql is expected in \(folder.path)")
        }
        guard let data = FileManager.default.contents(atPath: folder.appendingPathComponent(name).path),
          let sql = String(validating: data, as: UTF8.self)
        else {
          throw StoreError(.migrationsUnreadable, "\(name) in \(folder.path) cannot be read as UTF-8")
        }
        return (String(name.dropLast(4)), sql)
      })
  }

  /// Applies what is missing, all of it or nothing. Safe to run from several programs at once: one works, the others
  /// wait for it. Needs the right to create in the schema, and to create the schema and roles when they do not exist.
  ///
  /// - Returns: the names applied now; empty when the schema was up to date.
  /// - Throws: `StoreError`: `MIGRATION_CHANGED` when an applied file differs from the one at hand.
  @discardableResult
  public func migrate(_ connection: Connection) throws -> [String] {
    let schema = connection.configuration.schema
    return try connection.transaction {
      try connection.execute("set local statement_timeout = 0")
      try connection.execute(
        "select pg_advisory_xact_lock(hashtextextended('resync.migrations.' || $1, 0))", [.text(schema)])
      // Asked first: `create schema if not exists` needs the right to create even when there is nothing to create.
      if try connection.execute("select from pg_namespace where nspname = $1", [.text(schema)]).isEmpty {
        try connection.execute("create schema \"\(schema)\"")
      }
      try connection.execute(
        """
        create table if not exists schema_migrations (
          name text primary key, checksum text not null, applied_at timestamptz not null default now())
        """)
      let pending = try pending(applied: applied(connection))
      for migration in pending {
        try connection.executeScript(migration.sql)
        try connection.execute(
          "insert into schema_migrations (name, checksum) values ($1, $2)",
          [.text(migration.name), .text(migration.checksum)])
      }
      return pending.map(\.name)
    }
  }

  /// Accepts a schema that holds every migration at hand, unchanged; newer ones are accepted, so that a service goes on
  /// while a rollout migrates ahead of it.
  ///
  /// - Throws: `StoreError`: `MIGRATION_MISSING` or `MIGRATION_CHANGED`, naming each.
  public func verify(_ connection: Connection) throws {
    let exists = try connection.execute(
      "select from pg_tables where schemaname = $1 and tablename = $2",
      [.text(connection.configuration.schema), .text("schema_migrations")])
    let missing = try pending(applied: exists.isEmpty ? [:] : applied(connection))
    guard missing.isEmpty else {
      throw StoreError(
        .migrationMissing,
        "schema '\(connection.configuration.schema)' lacks \(missing.map(\.name).joined(separator: ", ")); "
          + "run the migrations (resync setup)")
    }
  }

  private func applied(_ connection: Connection) throws -> [String: String] {
    let rows = try connection.execute("select name, checksum from schema_migrations")
    return Dictionary(uniqueKeysWithValues: try rows.map { (try $0["name", .text], try $0["checksum", .text]) })
  }

  private func pending(applied: [String: String]) throws -> [Migration] {
    let changed = migrations.filter { migration in applied[migration.name].map { $0 != migration.checksum } ?? false }
    guard changed.isEmpty else {
      throw StoreError(
        .migrationChanged,
        "\(changed.map(\.name).joined(separator: ", ")) changed after being applied; restore the file and put the "
          + "change into a new one")
    }
    return migrations.filter { applied[$0.name] == nil }
  }
}
