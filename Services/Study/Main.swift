import ArgumentParser
import Dispatch
import Foundation
import ResyncCore
import Store

@main
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Runs the study, cell by cell, resumes where it was stopped, and reports what there is.",
    discussion: """
      Results are kept in the state folder; what is there is not computed again, and several processes with the same
      folder share the cells. Ctrl-C stops after the step at hand.
      In all cases a report is made of what is kept: report.html and report.json in the state folder and, when
      DATABASE_URL is set, rows in PostgreSQL (schema RESYNC_SCHEMA, set up by `resync setup`). The page's path is the
      last line. The status is not 0 when a cell failed; cells whose data are missing are listed in the report.

      EXAMPLES
        study --quick
        study --data /data/physionet --hours 8
        study --data /data/physionet --report-only
      """)

  @Flag(help: "Less data and fewer repetitions: at most 15 minutes on two cores.") var quick = false
  @Option(help: ArgumentHelp("Folder that holds mitdb/ and ptbxl/; else that of RESYNC_DATA.", valueName: "folder"))
  var data: String?
  @Option(help: ArgumentHelp("The WFDB records of the repository.", valueName: "folder"))
  var demoRecords = "ops/dev/records/mitdb"
  @Option(help: ArgumentHelp("Where results and caches are kept.", valueName: "folder")) var state = ".resync/study"
  @Option(help: "Stop after so many hours.") var hours: Double?
  @Option(help: "Only the cells whose name begins so.") var only: String?
  @Option(help: "Split in which a person may be on both sides, as its cells then say: random-by-beat.")
  var allowLeak: [AllowedLeak] = []
  @Flag(help: "List the cells and end.") var list = false
  @Flag(help: "Compute nothing; report what is kept.") var reportOnly = false
  @Option(help: "Threads of the networks.") var threads = WorkerPool.defaultThreads

  func validate() throws {
    if let hours, !(hours > 0) { throw ValidationError("--hours is \(hours), must be above 0") }
    if threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    let cells = Study.cells(quick: quick)
    func chosen(_ name: String) -> Bool { only.map { name.hasPrefix($0) } ?? true }
    if list {
      for cell in cells where chosen(cell.name) { print(cell.name) }
      return
    }
    let folder = URL(fileURLWithPath: state).appendingPathComponent(quick ? "quick" : "full")
    let environment = ProcessInfo.processInfo.environment
    let context = StudyContext(
      data: (data ?? environment["RESYNC_DATA"]).map { URL(fileURLWithPath: $0) },
      demoRecords: URL(fileURLWithPath: demoRecords),
      cache: URL(fileURLWithPath: state).appendingPathComponent("cache"), threads: threads,
      deadline: hours.map { Date(timeIntervalSinceNow: $0 * 3600) },
      allowsRandomByBeat: allowLeak.contains(.randomByBeat),
      write: { FileHandle.standardError.write(Data(($0 + "\n").utf8)) })
    let signals = stopping(context)
    defer { for signal in signals { signal.cancel() } }
    if reportOnly { context.interrupt() }
    let store = try CellStore(folder: folder.appendingPathComponent("cells"))
    let outcomes = try StudyRunner(store: store, context: context).run(cells) { chosen($0.name) }
    for outcome in outcomes where chosen(outcome.name) {
      print("\(outcome.state.rawValue)  \(outcome.name)\(outcome.reason.map { ": " + $0 } ?? "")")
    }
    let provenance = StudyProvenance(context)
    let results = try StudyResults(cells, store: store)
    let document = try StudyReport(
      results, outcomes: outcomes, provenance: provenance, isQuick: quick,
      preregistration: try? TransferRegistry().plan()
    ).document()
    let page = try StudyReportWriter(folder: folder).write(document)
    // The path is the last line, also where the database refuses.
    defer { print(page.path) }
    if let url = environment["DATABASE_URL"] {
      try insert(
        StudyReportWriter.row(
          document, outcomes: outcomes, results: results, provenance: provenance, isQuick: quick),
        into: DatabaseConfiguration(
          url: url, schema: environment["RESYNC_SCHEMA"] ?? "resync", applicationName: "resync-study"),
        schemas: environment["RESYNC_SCHEMAS"] ?? "schemas")
    }
    if outcomes.contains(where: { $0.state == .failed }) { throw ExitCode.failure }
  }

  private func insert(_ row: StudyRow, into database: DatabaseConfiguration, schemas: String) throws {
    let connection = try Connection(database)
    try Migrator.load(folder: URL(fileURLWithPath: schemas).appendingPathComponent("sql")).verify(connection)
    try Studies(connection).insert(row)
  }

  /// The first Ctrl-C stops at the next step, the second at once.
  private func stopping(_ context: StudyContext) -> [any DispatchSourceSignal] {
    [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
      source.setEventHandler {
        context.note("stopping after the step at hand; what is finished is kept")
        context.interrupt()
        signal(number, SIG_DFL)
      }
      source.resume()
      return source
    }
  }
}

/// What `--allow-leak` may allow.
enum AllowedLeak: String, CaseIterable, ExpressibleByArgument {
  case randomByBeat = "random-by-beat"
}
