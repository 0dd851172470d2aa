import ArgumentParser
import Foundation
import Messages
import ServiceKit
import Store

package enum EvaluatorKeys: ConfigurationKeySet {
  static let reportFolder = ConfigurationKey.string(
    "report-folder", default: "reports", valueName: "folder", help: "Where report.html is written.")
  static let quiet = ConfigurationKey.seconds(
    "quiet", default: 2, range: 0.1...3600, help: "An evaluation starts after so long without a new prediction.")

  package static let keys =
    CommonKeys.keys + DatabaseKeys.keys + SchemaKeys.keys + GroupKeys.keys + [reportFolder, quiet]
}

@main
struct EvaluatorCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluator",
    abstract: "Scores predictions that have a reference, keeps the ledger of rejections, writes the report.",
    discussion: """
      Follows crt.predictions and ecg.rejected. Recordings of patients that taught a model are never scored as held \
      out. Run one.

      EXAMPLES
        evaluator --kafka-bootstrap-servers broker:9092 --database-url postgresql://resync@db/resync
        RESYNC_REPORT_FOLDER=/var/lib/resync/reports evaluator --config /etc/resync/evaluator.json
      """)

  @OptionGroup var arguments: ConfigurationArguments<EvaluatorKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let settings = context.settings
    let gallery = Gallery()
    let pipeline = EvaluatorPipeline(
      context: context, migrations: try SchemaKeys.migrations(settings),
      reportFolder: URL(fileURLWithPath: settings[EvaluatorKeys.reportFolder]),
      quietSeconds: settings[EvaluatorKeys.quiet], gallery: gallery)
    return [
      BlockingPipeline(name: "evaluator") { try pipeline.run($0) },
      BlockingPipeline(name: "gallery") { try gallery.follow(context, $0) },
    ]
  }
}
