import CLibpq
import Foundation

/// One session with PostgreSQL. Owns the `PGconn` and closes it. Blocks its caller: use it from a dedicated thread, one
/// at a time, never from Swift's cooperative pool.
public final class Connection {
  public let configuration: DatabaseConfiguration
  private let handle: OpaquePointer
  private var transactionDepth = 0

  /// Connects and sets the session up: search path, time zone UTC, timeouts, keep-alives, and that a commit has reached
  /// the server's log when it returns.
  /// - Throws: `StoreError` (`CONNECTION_FAILED`).
  public init(_ configuration: DatabaseConfiguration) throws {
    self.configuration = configuration
    // What the URL says wins over what stands before it; what stands after wins over the URL.
    let options: [(String, String)] = [
      ("connect_timeout", String(configuration.connectTimeoutSeconds)),
      ("keepalives", "1"), ("keepalives_idle", "30"), ("keepalives_interval", "10"), ("keepalives_count", "3"),
      ("tcp_user_timeout", "30000"),
      ("dbname", configuration.url),
      ("application_name", configuration.applicationName), ("client_encoding", "UTF8"),
    ]
    let opened = withCStrings(options.map(\.0)) { keywords in
      withCStrings(options.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
    }
    guard let opened else { throw StoreError(.connectionFailed, "libpq could not allocate a connection") }
    handle = opened
    guard PQstatus(opened) == CONNECTION_OK else {
      let reason = String(cString: PQerrorMessage(opened)).split(whereSeparator: \.isNewline).joined(separator: "; ")
      throw StoreError(.connectionFailed, "\(reason) (\(configuration)); check database.url and that the server runs")
    }
    // Notices may quote values, and nobody waits for them.
    PQsetNoticeReceiver(opened, { _, _ in }, nil)
    try execute(
      """
      select set_config('search_path', $1, false), set_config('statement_timeout', $2, false),
        set_config('idle_in_transaction_session_timeout', '60s', false), set_config('TimeZone', 'UTC', false),
        -- Offsets are committed after rows: a row that a crash of the server takes back would never be written again.
        set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)
      """,
      [.text("\"\(configuration.schema)\""), .text("\(configuration.statementTimeoutSeconds)s")])
  }

  deinit { PQfinish(handle) }

  /// Runs one statement; `$1`, `$2`, … stand for `parameters`.
  @discardableResult
  public func execute(_ sql: String, _ parameters: [SQLValue] = []) throws -> Rows {
    let types = parameters.map(\.type.rawValue)
    let lengths = parameters.map { Int32($0.bytes?.count ?? 0) }
    let formats = [Int32](repeating: 1, count: parameters.count)
    let result = withPointers(parameters) { values in
      PQexecParams(handle, sql, Int32(parameters.count), types, values, lengths, formats, 1)
    }
    return try checked(result)
  }

  /// Runs the statements of a script. The last one's result counts for success, and the first error stops the script.
  func executeScript(_ sql: String) throws {
    _ = try checked(PQexec(handle, sql))
  }

  /// Commits what `body` did, or rolls it back when `body` throws. Within another transaction it is a savepoint.
  ///
  /// A connection that is lost during the commit leaves the outcome unknown; what the store writes can be written again.
  public func transaction<T>(_ body: () throws -> T) throws -> T {
    let savepoint = transactionDepth == 0 ? nil : "resync_\(transactionDepth)"
    try execute(savepoint.map { "savepoint \($0)" } ?? "begin")
    transactionDepth += 1
    defer { transactionDepth -= 1 }
    do {
      let value = try body()
      let tag = try execute(savepoint.map { "release savepoint \($0)" } ?? "commit").tag
      // A body that hid the error of a statement gets a rollback where it asked for a commit.
      guard tag != "ROLLBACK" else {
        throw StoreError(.statementFailed, "the transaction had failed and was rolled back instead of committed")
      }
      return value
    } catch {
      // Best effort: a lost connection has rolled back by itself, and `error` is what matters.
      _ = try? execute(savepoint.map { "rollback to savepoint \($0)" } ?? "rollback")
      throw error
    }
  }

  /// Whether the session stands, is outside any transaction, and the server has sent nothing unasked: what a server
  /// says to an idle session is as a rule its farewell. Does not wait.
  var isReusable: Bool {
    guard PQstatus(handle) == CONNECTION_OK, PQtransactionStatus(handle) == PQTRANS_IDLE else { return false }
    var socket = pollfd(fd: PQsocket(handle), events: Int16(POLLIN), revents: 0)
    return poll(&socket, 1, 0) == 0
  }

  private func checked(_ result: OpaquePointer?) throws -> Rows {
    let status = PQresultStatus(result)
    guard let result, status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY else {
      defer { PQclear(result) }
      throw StoreError(result: result, connectionIsLost: PQstatus(handle) != CONNECTION_OK)
    }
    return Rows(owning: result)
  }
}

/// Lends the strings as a null-terminated array of C strings.
private func withCStrings<R>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R) -> R {
  func lend(_ index: Int, _ pointers: inout [UnsafePointer<CChar>?]) -> R {
    guard index < strings.count else { return body(pointers + [nil]) }
    return strings[index].withCString { pointer in
      pointers.append(pointer)
      return lend(index + 1, &pointers)
    }
  }
  var pointers: [UnsafePointer<CChar>?] = []
  return lend(0, &pointers)
}

/// Lends each value's bytes without copying; nil stands for NULL, and an empty value still has an address.
private func withPointers<R>(_ values: [SQLValue], _ body: ([UnsafePointer<CChar>?]) -> R) -> R {
  func lend(_ index: Int, _ pointers: inout [UnsafePointer<CChar>?]) -> R {
    guard index < values.count else { return body(pointers) }
    guard let bytes = values[index].bytes else {
      pointers.append(nil)
      return lend(index + 1, &pointers)
    }
    return (bytes.isEmpty ? [0] : bytes).withUnsafeBytes { buffer in
      pointers.append(buffer.baseAddress!.assumingMemoryBound(to: CChar.self))
      return lend(index + 1, &pointers)
    }
  }
  var pointers: [UnsafePointer<CChar>?] = []
  return lend(0, &pointers)
}
