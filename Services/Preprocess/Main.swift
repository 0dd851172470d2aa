import ArgumentParser
import Messages
import ResyncCore
import ServiceKit

package enum PreprocessKeys: ConfigurationKeySet {
  package static let keys = CommonKeys.keys + TransformKeys.keys + PipelineKeys.keys
}

@main
struct PreprocessCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "preprocess",
    abstract: "Cuts validated recordings into beats: ecg.recordings → ecg.beats.",
    discussion: """
      Resamples, removes baseline wander, finds R-peaks and cuts segments of 1.2 RR, with the same result however the \
      recording was cut into chunks. Start more to share the work, each with its own --instance.

      EXAMPLES
        preprocess --kafka-bootstrap-servers broker:9092
        RESYNC_PIPELINE=paper-hann-512 KAFKA_BOOTSTRAP_SERVERS=broker:9092 preprocess
      """)

  @OptionGroup var arguments: ConfigurationArguments<PreprocessKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let pipeline = context.settings[PipelineKeys.pipeline].configuration
    let configuration = TransformKeys.configuration(
      context, inputTopic: Topic.recordings, changelogTopic: Topic.preprocessState)
    return [
      transformStage(context, configuration, outputs: [Topic.beats, Topic.rejected]) { _ in
        PreprocessProcessor(pipeline: pipeline, metrics: context.metrics)
      }
    ]
  }
}
