import ArgumentParser
import Foundation
import ResyncCore
import ServiceKit
import Store

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "What became of the recordings: counts from PostgreSQL.",
    discussion: """
      With manifests, counts are taken against what was published. --wait returns once nothing is missing and the \
      evaluator has scored it, or fails when the time is over.

      EXAMPLES
        resync status
        resync status --manifest manifest.jsonl --wait 60 --json
      """)

  @OptionGroup var arguments: ConfigurationArguments<OperatorKeys>
  @Option(help: ArgumentHelp("What was published; repeatable.", valueName: "file")) var manifest: [String] = []
  @Option(help: "Wait at most so many seconds until nothing is missing.") var wait: Double = 0
  @Flag(help: "One line of JSON.") var json = false

  /// The line that `--json` prints.
  struct Line: Encodable {
    var published: Int
    var predicted: Int
    var rejected: Int
    var missing: Int
    var duplicates: Int
    var beats: Int
    /// Rows of classified beats; as many as beats were found.
    var beatRows: Int
    /// Over N, S, V and F on held-out recordings; null until the evaluator has scored some.
    var macroF1: Double?
    var majorityMacroF1: Double?
    var crtAUC: Double?
    var report: String?
  }

  func run() throws {
    let settings = try arguments.checkedSettings()
    let connection = try settings.connection()
    let recordings = manifest.isEmpty ? nil : try ManifestEntry.read(manifest).map(\.recordingID)
    let deadline = Date(timeIntervalSinceNow: wait)
    var status = try SuiteStatus.read(connection, recordings: recordings)
    var scored = try isScored(connection)
    while Date() < deadline, status.missing > 0 || !scored {
      Thread.sleep(forTimeInterval: 0.5)
      status = try SuiteStatus.read(connection, recordings: recordings)
      scored = try isScored(connection)
    }
    try show(status, connection)
    if wait > 0, status.missing > 0 || status.duplicates > 0 || !scored {
      throw CommandFailure(
        "after \(Int(wait)) s \(status.missing) recordings have no outcome, \(status.duplicates) beat rows are too many"
          + (scored ? "" : ", and the evaluator has not scored the last predictions"))
    }
  }

  /// Every prediction stands in an evaluation made since, or none has a reference.
  private func isScored(_ connection: Connection) throws -> Bool {
    let row = try connection.execute(
      """
      select coalesce((select min(scored_at) from evaluations) > (select max(created_at) from predictions), false)
        or not exists (select from v_beat_confusion)
        and not exists (
          select from predictions p join v_outcomes o using (patient)
          where p.task = 'crt-response' and p.outcome in ('predicted', 'abstained') and o.response is not null)
        as scored
      """)[0]
    return try row["scored", .bool]
  }

  private func show(_ status: SuiteStatus, _ connection: Connection) throws {
    let scores = try connection.execute(
      """
      select (select metrics from evaluations where task = 'beat-class' and scope = 'held-out' and not synthetic
          order by created_at desc limit 1) as beats,
        (select metrics from evaluations where task = 'crt-response' and scope = 'held-out'
          order by created_at desc limit 1) as response
      """)[0]
    struct Scores: Decodable {
      var macroF1: Double?
      var majorityMacroF1: Double?
      var auc: Double?
      var report: String?
    }
    func metrics(_ column: String) throws -> Scores? {
      try scores[optional: column, .json].map { try JSONDecoder().decode(Scores.self, from: Data($0.utf8)) }
    }
    let (beats, response) = (try metrics("beats"), try metrics("response"))
    let line = Line(
      published: status.published, predicted: status.predicted, rejected: status.rejected, missing: status.missing,
      duplicates: status.duplicates, beats: status.beats, beatRows: status.beatRows, macroF1: beats?.macroF1,
      majorityMacroF1: beats?.majorityMacroF1, crtAUC: response?.auc, report: beats?.report ?? response?.report)
    if json { return try printJSON(line) }
    print(
      """
      recordings  \(line.published) published, \(line.predicted) predicted, \(line.rejected) rejected, \(line.missing) missing
      beats       \(line.beats) found, \(line.beatRows) rows, \(line.duplicates) too many
      """)
    if let macroF1 = line.macroF1 { print("held out    macro-F1 over N, S, V, F: \(String(format: "%.3f", macroF1))") }
    if let report = line.report { print("report      \(report)") }
    for promotion in try ModelTask.allCases.compactMap({ try Promotions(connection).live(task: $0.rawValue) }) {
      print("live        \(promotion.task): \(promotion.modelID)")
    }
  }
}
