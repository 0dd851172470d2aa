import ArgumentParser
import Foundation
import Messages
import ResyncCore
import Scoring
import ServiceKit
import Store

package enum PredictorKeys: ConfigurationKeySet {
  static let tasks = ConfigurationKey.list(
    "tasks", default: ModelTask.allCases.map(\.rawValue), valueName: "task,…",
    allowed: "one or more of " + ModelTask.allCases.map(\.rawValue).joined(separator: ", "),
    where: { ModelTask(rawValue: $0) != nil }, help: "The tasks that get a prediction row for every recording.")
  static let threads = ConfigurationKey.integer(
    "threads", default: ProcessInfo.processInfo.activeProcessorCount, range: 1...256,
    help: "Threads of the network; results do not depend on it.")
  static let batchSize = ConfigurationKey.integer(
    "batch-size", default: 256, range: 1...4096, help: "Most messages scored and written at once.")

  package static let keys =
    CommonKeys.keys + DatabaseKeys.keys + SchemaKeys.keys + GroupKeys.keys + [tasks, threads, batchSize]
}

@main
struct PredictorCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "predictor",
    abstract: "Scores beats with the live models: ecg.spectrograms → PostgreSQL and crt.predictions.",
    discussion: """
      Every recording gets exactly one row for each task. Promotions are picked up without a restart; a recording \
      stays with the model of its first beat. Ready once every task has a live model. Start more to share the work.

      EXAMPLES
        predictor --kafka-bootstrap-servers broker:9092 --database-url postgresql://resync@db/resync
        predictor --config /etc/resync/predictor.json --instance predictor-2 --http-port 0
      """)

  @OptionGroup var arguments: ConfigurationArguments<PredictorKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let settings = context.settings
    let signal = PromotionSignal()
    let pipeline = PredictorPipeline(
      context: context, tasks: settings[PredictorKeys.tasks].compactMap(ModelTask.init(rawValue:)),
      threads: settings[PredictorKeys.threads], batchSize: settings[PredictorKeys.batchSize],
      migrations: try SchemaKeys.migrations(settings), promotions: signal)
    let listener = PromotionListener(context: context, signal: signal)
    return [
      BlockingPipeline(name: "predictor") { try pipeline.run($0) },
      BlockingPipeline(name: "promotions") { try listener.run($0) },
    ]
  }
}
