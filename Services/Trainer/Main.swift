import ArgumentParser
import Foundation
import Messages
import ServiceKit
import Store

package enum TrainerKeys: ConfigurationKeySet {
  static let threads = ConfigurationKey.integer(
    "threads", default: ProcessInfo.processInfo.activeProcessorCount, range: 1...256,
    help: "Threads of the network. The same seed gives the same weights with any number of them, bit for bit.")
  static let lease = ConfigurationKey.seconds(
    "lease", default: 20, range: 2...3600, help: "A job whose trainer is silent for so long goes to another.")
  static let dataTimeout = ConfigurationKey.seconds(
    "data-timeout", default: 300, range: 1...86_400, help: "A job fails when nothing of its data has come for so long.")
  static let maximumBeats = ConfigurationKey.integer(
    "maximum-beats", default: 200_000, range: 1...10_000_000,
    help: "Most beats that a job may hold in memory; a lead of a beat takes 8 KB.")

  package static let keys =
    CommonKeys.keys + DatabaseKeys.keys + SchemaKeys.keys + GroupKeys.keys + [
      threads, lease, dataTimeout, maximumBeats,
    ]
}

@main
struct TrainerCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "trainer",
    abstract: "Trains the jobs that `resync train` submits, on tensors from ecg.spectrograms.",
    discussion: """
      A job's state, lease and checkpoints live in PostgreSQL: when a trainer dies, another goes on from the last \
      checkpoint. The model is registered with its parent and, if the job says so, promoted.

      EXAMPLES
        trainer --kafka-bootstrap-servers broker:9092 --database-url postgresql://resync@db/resync
        RESYNC_THREADS=8 trainer --config /etc/resync/trainer.json
      """)

  @OptionGroup var arguments: ConfigurationArguments<TrainerKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let settings = context.settings
    let pipeline = TrainerPipeline(
      context: context,
      settings: TrainerSettings(
        threads: settings[TrainerKeys.threads], leaseSeconds: settings[TrainerKeys.lease],
        lookSeconds: max(1, settings[TrainerKeys.lease] / 4), dataTimeoutSeconds: settings[TrainerKeys.dataTimeout],
        maximumBeats: settings[TrainerKeys.maximumBeats]),
      migrations: try SchemaKeys.migrations(settings))
    return [BlockingPipeline(name: "trainer") { try pipeline.run($0) }]
  }
}
