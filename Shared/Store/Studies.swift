import Crypto
import Foundation
import ResyncCore

/// One report of a study, with its cells and every number of its tables.
public struct StudyRow: Hashable, Sendable {
  public struct Cell: Hashable, Sendable {
    public var name: String
    /// `kept`, `computed`, `failed`, `missing-data`, `not-reached`, `not-chosen`.
    public var state: String
    public var reason: String?
    public var seconds: Double?
    public var finishedAt: Date?
    public var identity: String?

    public init(
      name: String, state: String, reason: String?, seconds: Double?, finishedAt: Date?, identity: String?
    ) {
      self.name = name
      self.state = state
      self.reason = reason
      self.seconds = seconds
      self.finishedAt = finishedAt
      self.identity = identity
    }
  }

  public struct Figure: Hashable, Sendable {
    public var section: String
    /// `run`, `real`, `paper`, `synthetic`, `appendix`.
    public var origin: String
    public var table: Int
    public var row: Int
    public var label: String
    public var figure: String
    public var value: Double
    public var low: Double?
    public var high: Double?

    public init(
      section: String, origin: String, table: Int, row: Int, label: String, figure: String, value: Double,
      low: Double?, high: Double?
    ) {
      self.section = section
      self.origin = origin
      self.table = table
      self.row = row
      self.label = label
      self.figure = figure
      self.value = value
      self.low = low
      self.high = high
    }
  }

  public var generatedAt: Date
  public var isQuick: Bool
  public var command: String
  public var machine: String
  public var commit: String?
  public var program: String?
  /// JSON text.
  public var report: String
  public var cells: [Cell]
  public var figures: [Figure]

  public init(
    generatedAt: Date, isQuick: Bool, command: String, machine: String, commit: String?, program: String?,
    report: String, cells: [Cell], figures: [Figure]
  ) {
    self.generatedAt = generatedAt
    self.isQuick = isQuick
    self.command = command
    self.machine = machine
    self.commit = commit
    self.program = program
    self.report = report
    self.cells = cells
    self.figures = figures
  }

  /// SHA-256 of the report.
  public var studyID: String { SHA256.hash(data: Data(report.utf8)).hexadecimal }
}

/// Tables `studies`, `study_cells` and `study_figures`.
public struct Studies {
  private let connection: Connection
  public init(_ connection: Connection) { self.connection = connection }

  /// Adds a study's report, all of it or nothing. One that stands already is left as it is.
  /// - Returns: whether it was new.
  @discardableResult
  public func insert(_ row: StudyRow) throws -> Bool {
    let id = row.studyID
    return try connection.transaction {
      let added = try connection.execute(
        """
        insert into studies (study_id, generated_at, quick, command, machine, code_commit, program_sha256)
        values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing
        """,
        [
          .text(id), .timestamp(row.generatedAt), .bool(row.isQuick), .text(row.command), .text(row.machine),
          .text(row.commit), .text(row.program),
        ]
      ).affected
      guard added == 1 else { return false }
      for cell in row.cells {
        try connection.execute(
          """
          insert into study_cells (study_id, cell, state, reason, seconds, finished_at, identity)
          values ($1, $2, $3, $4, $5, $6, $7)
          """,
          [
            .text(id), .text(cell.name), .text(cell.state), .text(cell.reason), .double(cell.seconds),
            .timestamp(cell.finishedAt), .text(cell.identity),
          ])
      }
      for figure in row.figures {
        try connection.execute(
          """
          insert into study_figures
            (study_id, section, origin, table_number, row_number, label, figure, value, low, high)
          values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
          """,
          [
            .text(id), .text(figure.section), .text(figure.origin), .int(figure.table), .int(figure.row),
            .text(figure.label), .text(figure.figure), .double(figure.value), .double(figure.low),
            .double(figure.high),
          ])
      }
      return true
    }
  }
}
