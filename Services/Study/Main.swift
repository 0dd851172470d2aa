import ArgumentParser
import Dispatch
import Foundation
import ResyncCore

@main
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Runs the study, cell by cell, and resumes where it was stopped.",
    discussion: """
      Results are kept in the state folder; what is there is not computed again. Ctrl-C stops after the step at hand.

      EXAMPLES
        study --quick
        study --data /data/physionet --hours 8
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
  @Option(help: "Threads of the networks.") var threads = WorkerPool.defaultThreads

  func validate() throws {
    if let hours, !(hours > 0) { throw ValidationError("--hours is \(hours), must be above 0") }
    if threads < 1 { throw ValidationError("--threads is \(threads), must be at least 1") }
  }

  func run() throws {
    let cells = Study.cells(quick: quick).filter { cell in only.map { cell.name.hasPrefix($0) } ?? true }
    if list {
      for cell in cells { print(cell.name) }
      return
    }
    let folder = URL(fileURLWithPath: state).appendingPathComponent(quick ? "quick" : "full")
    let data = data ?? ProcessInfo.processInfo.environment["RESYNC_DATA"]
    let context = StudyContext(
      data: data.map { URL(fileURLWithPath: $0) }, demoRecords: URL(fileURLWithPath: demoRecords),
      cache: URL(fileURLWithPath: state).appendingPathComponent("cache"), threads: threads,
      deadline: hours.map { Date(timeIntervalSinceNow: $0 * 3600) },
      allowsRandomByBeat: allowLeak.contains(.randomByBeat),
      write: { FileHandle.standardError.write(Data(($0 + "\n").utf8)) })
    let signals = stopping(context)
    defer { for signal in signals { signal.cancel() } }
    let store = try CellStore(folder: folder.appendingPathComponent("cells"))
    let outcomes = try StudyRunner(store: store, context: context).run(cells)
    for outcome in outcomes {
      print("\(outcome.state.rawValue)  \(outcome.name)\(outcome.reason.map { ": " + $0 } ?? "")")
    }
    if outcomes.contains(where: { $0.state == .failed }) { throw ExitCode.failure }
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
