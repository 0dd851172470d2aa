import Foundation
import Store
import Testing

@Suite("Migrations", .needsPostgreSQL) struct MigratorTests {
  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: sqlFolder.path).filter { $0.hasSuffix(".sql") }.sorted()
      .map { String($0.dropLast(4)) }
  }

  @Test("migrating applies every file once, and verifying then accepts the schema")
  func migratesOnce() throws {
    try withEmptySchema { connection in
      let migrator = try Migrator.load(folder: sqlFolder)
      #expect(try migrator.migrate(connection) == names())
      #expect(try migrator.migrate(connection) == [])
      try migrator.verify(connection)
    }
  }

  @Test("verifying names what is missing, also where there is no schema at all")
  func verifyNamesTheMissing() throws {
    try withEmptySchema { connection in
      let error = try storeError { try Migrator.load(folder: sqlFolder).verify(connection) }
      #expect(error.code == .migrationMissing)
      for name in try names() { #expect(error.text.contains(name)) }
      let first = Migrator([("0001_a", "create table a ()")])
      try first.migrate(connection)
      try first.verify(connection)
      let second = Migrator([("0001_a", "create table a ()"), ("0002_b", "create table b ()")])
      let missing = try storeError { try second.verify(connection) }
      #expect(missing.text.contains("0002_b") && !missing.text.contains("0001_a"))
      #expect(try second.migrate(connection) == ["0002_b"])
      try first.verify(connection)  // a service that is older than the schema goes on
    }
  }

  @Test("an applied file that changed is refused by name, in verifying and in migrating")
  func changedFilesAreRefused() throws {
    try withEmptySchema { connection in
      try Migrator([("0001_a", "create table a ()")]).migrate(connection)
      let changed = Migrator([("0001_a", "create table a (x int)"), ("0002_b", "create table b ()")])
      for attempt in [{ _ = try changed.migrate(connection) }, { try changed.verify(connection) }] {
        let error = try storeError(attempt)
        #expect(error.code == .migrationChanged)
        #expect(error.text.contains("0001_a"))
      }
    }
  }

  @Test("a migration that fails leaves nothing of any of them")
  func failureLeavesNothing() throws {
    try withEmptySchema { connection in
      let broken = Migrator([("0001_a", "create table a ()"), ("0002_b", "create table b (); select 1 / 0")])
      #expect(try storeError { try broken.migrate(connection) }.sqlState == "22012")
      let schemas = try connection.scalar(
        "select count(*) as n from pg_namespace where nspname = $1", .int, [.text(connection.configuration.schema)])
      #expect(schemas == 0)
    }
  }

  @Test("of several programs that migrate at once one does the work and the others find it done")
  func concurrentMigrationsAgree() throws {
    try withEmptySchema { connection in
      let schema = connection.configuration.schema
      let applied = try inParallel(4) { _ in
        try Migrator.load(folder: sqlFolder).migrate(Connection(configuration(schema: schema)))
      }
      #expect(applied.map(\.count).sorted() == [0, 0, 0, try names().count])
    }
  }

  @Test("a folder with a gap, with nothing, or that is not there is refused with what is expected")
  func unreadableFolders() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(randomName("sql"))
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(try storeError { _ = try Migrator.load(folder: folder) }.code == .migrationsUnreadable)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    #expect(try storeError { _ = try Migrator.load(folder: folder) }.text.contains("no .sql file"))
    try Data("select 1".utf8).write(to: folder.appendingPathComponent("0001_a.sql"))
    try Data("select 1".utf8).write(to: folder.appendingPathComponent("0003_c.sql"))
    #expect(try storeError { _ = try Migrator.load(folder: folder) }.text.contains("0002_"))
  }
}

@Suite("Roles", .needsPostgreSQL) struct RoleTests {
  /// Runs `body` as a role; the session is the superuser's again afterwards.
  private func acting(as role: String, on connection: Connection, _ body: () throws -> Void) throws {
    try connection.execute("set role \"\(role)\"")
    defer { _ = try? connection.execute("reset role") }
    try body()
  }

  @Test("the analyst reads views and tables, but no weights and no checkpoint, and writes nothing")
  func analystOnlyReads() throws {
    try withDatabase { connection in
      try Models(connection).insert(model("m-1"), trainingRecordings: [])
      try acting(as: "resync_analyst", on: connection) {
        let readable = try connection.execute(
          """
          select c.relname from pg_class c where c.relnamespace = current_schema()::regnamespace
            and c.relkind in ('r', 'v')
            and c.relname not in ('models', 'training_jobs', 'baselines', 'outcomes')
          """)
        #expect(readable.count > 20)
        for row in readable { try connection.execute("select * from \(try row["relname", .text]) limit 1") }
        try connection.execute("select model_id, weights_sha256 from models")
        try connection.execute("select age_years, response from baselines left join outcomes using (cohort, patient)")
        for sql in [
          "select weights from models", "select * from models", "select * from baselines",
          "select * from outcomes", "select checkpoint from training_jobs",
          "insert into patients (patient, synthetic) values ('x', true)", "update recordings set status = 'open'",
          "delete from predictions", "truncate promotions", "drop table pins", "create table mine ()",
        ] {
          #expect(try storeError { try connection.execute(sql) }.sqlState == "42501", "\(sql)")
        }
      }
    }
  }

  @Test("the service role does all that the services do, and can neither drop, truncate nor rewrite history")
  func serviceCannotDrop() throws {
    try withDatabase { connection in
      try acting(as: "resync_service", on: connection) {
        try fill(connection)
        try Migrator.load(folder: sqlFolder).verify(connection)
        for sql in [
          "drop table patients", "drop view live_models", "truncate predictions", "alter table pins add x int",
          "create table mine ()", "delete from promotions", "update promotions set by = ''", "delete from models",
          "update models set weights = ''", "delete from recordings", "update pins set model_id = ''",
          "drop schema \"\(connection.configuration.schema)\" cascade",
        ] {
          #expect(try storeError { try connection.execute(sql) }.sqlState == "42501", "\(sql)")
        }
      }
    }
  }

  @Test("a user who may not create roles is told which one to ask for, and goes on once it exists")
  func rolesMayBeMadeByAnother() throws {
    try withEmptySchema { connection in
      let (owner, service, analyst) = (randomName("resync_o"), randomName("resync_s"), randomName("resync_a"))
      defer {
        for role in [owner, service, analyst] {
          _ = try? connection.execute("drop owned by \"\(role)\" cascade")
          _ = try? connection.execute("drop role \"\(role)\"")
        }
      }
      try connection.execute("create role \"\(owner)\" nologin")
      try connection.execute("create schema \"\(connection.configuration.schema)\" authorization \"\(owner)\"")
      let migrator = Migrator(
        try FileManager.default.contentsOfDirectory(atPath: sqlFolder.path).sorted().map { name in
          let sql = try String(contentsOf: sqlFolder.appendingPathComponent(name), encoding: .utf8)
          return (
            name,
            sql.replacing("resync_service", with: service).replacing("resync_analyst", with: analyst)
          )
        })
      try acting(as: owner, on: connection) {
        let error = try storeError { try migrator.migrate(connection) }
        #expect(error.code == .forbidden)
        #expect(error.text.contains("create role \(service) nologin"))
      }
      try connection.execute("create role \"\(service)\" nologin")
      try connection.execute("create role \"\(analyst)\" nologin")
      try acting(as: owner, on: connection) { try migrator.migrate(connection) }
      try acting(as: analyst, on: connection) { try connection.execute("select * from v_predictions") }
    }
  }
}
