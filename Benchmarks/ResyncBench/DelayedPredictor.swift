import ArgumentParser
import Foundation
import Messages
import ResyncCore
import Scoring
import ServiceKit

enum DelayedPredictorKeys: ConfigurationKeySet {
  static let delay = ConfigurationKey.integer(
    "beat-microseconds", default: 10_000, range: 1...10_000_000, help: "How long a beat takes.")
  static let batchSize = ConfigurationKey.integer(
    "batch-size", default: 32, range: 1...4096, help: "Most messages scored and written at once.")

  static let keys =
    CommonKeys.keys + DatabaseKeys.keys + SchemaKeys.keys + GroupKeys.keys + [delay, batchSize]
}

/// The predictor's own pipeline with a pause in the place of the network: for `resync-bench scale`, which asks what of
/// the rest stands in the way of more replicas. Its rows say nothing, so it is no part of the shipped predictor.
struct DelayedPredictorCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "delayed-predictor", abstract: "A predictor that sleeps; `scale` starts it.", shouldDisplay: false)

  @OptionGroup var arguments: ConfigurationArguments<DelayedPredictorKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let settings = context.settings
    let seconds = Double(settings[DelayedPredictorKeys.delay]) * 1e-6
    let pipeline = PredictorPipeline(
      context: context, tasks: [.beatClass], threads: 1, batchSize: settings[DelayedPredictorKeys.batchSize],
      migrations: try SchemaKeys.migrations(settings), promotions: PromotionSignal()
    ) { classifier, beats, _ in
      Thread.sleep(forTimeInterval: seconds * Double(beats.count))
      let classes = classifier.metadata.classNames.count
      let score = BeatScore(
        logits: Array(repeating: 0, count: classes),
        probabilities: Array(repeating: 1 / Float(classes), count: classes),
        distance: 0)
      return Array(repeating: score, count: beats.count)
    }
    return [BlockingPipeline(name: "predictor") { try pipeline.run($0) }]
  }
}
