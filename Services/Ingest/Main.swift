import ArgumentParser
import Messages
import ServiceKit
import Store

package enum IngestKeys: ConfigurationKeySet {
  static let idleTimeout = ConfigurationKey.seconds(
    "idle-timeout", default: 60, range: 1...86_400,
    help: "A recording of which nothing more has come for so long ends with what it has.")
  static let maximumRecordingHours = ConfigurationKey.number(
    "maximum-recording-hours", default: 48, range: 0.01...1000, unit: "hours",
    help: "A longer recording is refused with RECORDING_TOO_LONG.")

  package static let keys =
    CommonKeys.keys + DatabaseKeys.keys + TransformKeys.keys + PseudonymKeys.keys + SchemaKeys.keys
    + [idleTimeout, maximumRecordingHours]
}

@main
struct IngestCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "ingest",
    abstract: "Validates what feeds publish: ecg.ingest → ecg.recordings, patients and recordings in PostgreSQL.",
    discussion: """
      Accepts protobuf, JSON and WFDB bundles (header content-type), replaces patient identifiers by pseudonyms and \
      answers bad input with one message on ecg.rejected.

      EXAMPLES
        ingest --kafka-bootstrap-servers broker:9092 --database-url postgresql://resync@db/resync \\
               --pseudonym-key-file /run/secrets/pseudonym-key
        RESYNC_IDLE_TIMEOUT=30 ingest --config /etc/resync/ingest.json
      """)

  @OptionGroup var arguments: ConfigurationArguments<IngestKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let settings = context.settings
    let pseudonymiser = try PseudonymKeys.pseudonymiser(settings)
    let migrations = try SchemaKeys.migrations(settings)
    let configuration = TransformKeys.configuration(
      context, inputTopic: Topic.ingest, changelogTopic: Topic.ingestState)
    return [
      transformStage(context, configuration, outputs: [Topic.recordings, Topic.rejected]) { stop -> IngestProcessor? in
        guard let pool = try context.waitForDatabase(migrations: migrations, stop: stop) else { return nil }
        return IngestProcessor(
          pseudonymiser: pseudonymiser, ledger: IngestLedger(pool), metrics: context.metrics,
          idleTimeoutSeconds: settings[IngestKeys.idleTimeout],
          maximumRecordingSeconds: settings[IngestKeys.maximumRecordingHours] * 3600)
      }
    ]
  }
}
