import CLibpq

/// How to reach PostgreSQL. Prints itself without the password.
public struct DatabaseConfiguration: Sendable {
  /// A libpq URI (`postgresql://…`) or `keyword=value` string.
  public let url: String
  /// The schema that holds the tables: lower-case letters, digits and `_`, at most 63, not starting with a digit.
  public let schema: String
  /// Shown in `pg_stat_activity`.
  public let applicationName: String
  /// The server gives up on a statement after this long; 0 never does.
  public let statementTimeoutSeconds: Int
  /// A connection attempt is given up after this long, at each address of the server.
  public let connectTimeoutSeconds: Int

  /// The connection string by keyword, password left out.
  private let shown: String

  /// - Throws: `StoreError` (`CONFIGURATION`) that names the key at fault; never the connection string itself.
  public init(
    url: String, schema: String = "resync", applicationName: String = "resync", statementTimeoutSeconds: Int = 60,
    connectTimeoutSeconds: Int = 10
  ) throws(StoreError) {
    guard !url.isEmpty, let keywords = Self.keywords(of: url) else {
      throw StoreError(
        .configuration, "database.url is not understood; expected postgresql://user:password@host:port/database")
    }
    let letters = Set("abcdefghijklmnopqrstuvwxyz0123456789_")
    guard let first = schema.first, !first.isNumber, schema.count <= 63, schema.allSatisfy(letters.contains) else {
      throw StoreError(
        .configuration,
        "database.schema is '\(schema)'; expected 1–63 lower-case letters, digits or _, not starting with a digit")
    }
    guard statementTimeoutSeconds >= 0, connectTimeoutSeconds > 0 else {
      throw StoreError(
        .configuration,
        "database timeouts are \(statementTimeoutSeconds) s (statement) and \(connectTimeoutSeconds) s (connect); "
          + "expected at least 0 and 1")
    }
    self.url = url
    self.schema = schema
    self.applicationName = applicationName
    self.statementTimeoutSeconds = statementTimeoutSeconds
    self.connectTimeoutSeconds = connectTimeoutSeconds
    shown = (keywords.map { "\($0.key)=\($0.value)" } + ["schema=\(schema)"]).joined(separator: " ")
  }

  /// Keywords that may be printed; every other one (password, key passphrase, …) is left out.
  private static let printable: Set<String> = [
    "host", "hostaddr", "port", "dbname", "user", "sslmode", "sslrootcert", "target_session_attrs", "service",
  ]

  /// What libpq reads in `url`, restricted to `printable`; nil when libpq cannot parse it (its message is dropped
  /// because it quotes the string).
  private static func keywords(of url: String) -> [(key: String, value: String)]? {
    // A string that is neither a URI nor keyword=value is a bare database name to libpq.
    guard url.contains("=") || url.contains("://") else { return [("dbname", url)] }
    guard let options = PQconninfoParse(url, nil) else { return nil }
    defer { PQconninfoFree(options) }
    var found: [(key: String, value: String)] = []
    var option = options
    while let keyword = option.pointee.keyword {
      let name = String(cString: keyword)
      if let value = option.pointee.val, printable.contains(name) { found.append((name, String(cString: value))) }
      option += 1
    }
    return found
  }
}

extension DatabaseConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// `host=… port=… dbname=… user=… schema=…`; no password.
  public var description: String { shown }
  public var debugDescription: String { shown }
  public var customMirror: Mirror { Mirror(self, children: ["database": shown]) }
}
