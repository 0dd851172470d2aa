import CLibpq

/// What went wrong in the store. The text says what to do and never holds a parameter of a statement.
public struct StoreError: Error, Hashable, Sendable {
  public enum Code: String, CaseIterable, Sendable {
    case configuration = "CONFIGURATION"
    case connectionFailed = "CONNECTION_FAILED"
    case connectionLost = "CONNECTION_LOST"
    case poolExhausted = "POOL_EXHAUSTED"
    /// The server refused a statement; `sqlState` says why.
    case statementFailed = "STATEMENT_FAILED"
    /// A unique, check, not-null or foreign-key constraint, or a trigger that guards a table.
    case constraint = "CONSTRAINT"
    /// The user lacks a right.
    case forbidden = "FORBIDDEN"
    /// A result is not of the type that the caller asked for.
    case unexpectedResult = "UNEXPECTED_RESULT"
    /// The same id stands with other content.
    case conflict = "CONFLICT"
    case notFound = "NOT_FOUND"
    /// Stored content does not give its stored hash.
    case hashMismatch = "HASH_MISMATCH"
    /// Another worker holds the job, or it was cancelled.
    case leaseLost = "LEASE_LOST"
    case migrationMissing = "MIGRATION_MISSING"
    case migrationChanged = "MIGRATION_CHANGED"
    case migrationsUnreadable = "MIGRATIONS_UNREADABLE"
    case cohortInvalid = "COHORT_INVALID"
  }

  public let code: Code
  /// The five-character SQLSTATE, when the server gave one.
  public let sqlState: String?
  public let text: String
  /// The same work may succeed on another try (on another connection).
  public let isRetriable: Bool

  public init(_ code: Code, _ text: String, sqlState: String? = nil) {
    self.code = code
    self.text = text
    self.sqlState = sqlState
    isRetriable = Self.isRetriable(code, sqlState)
  }

  private static func isRetriable(_ code: Code, _ sqlState: String?) -> Bool {
    switch code {
    case .connectionFailed, .connectionLost, .poolExhausted: true
    default: sqlState.map { retriableStates.contains($0) || retriableClasses.contains(String($0.prefix(2))) } ?? false
    }
  }

  /// Connection exceptions; resources that may come back.
  private static let retriableClasses: Set<String> = ["08", "53"]
  /// Serialization, deadlock, lock or statement timeout, shutdown and start-up of the server, and a server that has
  /// become read-only because another took over.
  private static let retriableStates: Set<String> = [
    "40001", "40P01", "55P03", "57014", "57P01", "57P02", "57P03", "57P05", "25006", "25P03",
  ]
}

extension StoreError: CustomStringConvertible {
  public var description: String { "\(code.rawValue)\(sqlState.map { " (SQLSTATE \($0))" } ?? ""): \(text)" }
}

extension StoreError {
  /// SQLSTATE classes whose primary message names objects of the schema only. Others (22, data exceptions, first of
  /// all) may quote a value and are replaced.
  private static let classesThatNameNoValue: Set<String> = [
    "08", "23", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
  ]

  /// The error that a failed result stands for. Detail, context and the statement are left out: they quote values.
  init(result: OpaquePointer?, connectionIsLost: Bool) {
    func field(_ code: Character) -> String? {
      PQresultErrorField(result, Int32(code.asciiValue!)).map { String(cString: $0) }
    }
    // Field codes of the protocol: C SQLSTATE, M primary message, t table, n constraint (PG_DIAG_… are macros).
    let state = field("C")
    let stateClass = String(state?.prefix(2) ?? "")
    if connectionIsLost {
      self.init(.connectionLost, "the connection to PostgreSQL was lost; try again on a new one", sqlState: state)
      return
    }
    let code: Code =
      switch (stateClass, state) {
      case ("23", _): .constraint
      case (_, "42501"): .forbidden
      default: .statementFailed
      }
    var text =
      if Self.classesThatNameNoValue.contains(stateClass), let message = field("M") {
        message
      } else {
        "PostgreSQL refused a value or statement (its message is left out because it may quote data)"
      }
    if state == "53100" { text += "; make room on the disk of the PostgreSQL server" }
    if let table = field("t") {
      text += " [table \(table)\(field("n").map { ", constraint \($0)" } ?? "")]"
    }
    self.init(code, text, sqlState: state)
  }
}
