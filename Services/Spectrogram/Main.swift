import ArgumentParser
import Messages
import ResyncCore
import ServiceKit

package enum SpectrogramKeys: ConfigurationKeySet {
  package static let keys = CommonKeys.keys + TransformKeys.keys + PipelineKeys.keys
}

@main
struct SpectrogramCommand: ServiceCommand {
  static let configuration = CommandConfiguration(
    commandName: "spectrogram",
    abstract: "Turns beats into time-frequency tensors: ecg.beats → ecg.spectrograms.",
    discussion: """
      Lays each beat on a canvas of fixed length and takes its short-time Fourier transform. Start more to share the \
      work, each with its own --instance.

      EXAMPLES
        spectrogram --kafka-bootstrap-servers broker:9092
        spectrogram --kafka-bootstrap-servers broker:9092 --instance spectrogram-2 --http-port 0
      """)

  @OptionGroup var arguments: ConfigurationArguments<SpectrogramKeys>

  static func build(_ context: ServiceContext) throws -> [any DedicatedPipeline] {
    let pipeline = context.settings[PipelineKeys.pipeline].configuration
    let transform = try SpectrogramTransform(pipeline: pipeline)
    var configuration = TransformKeys.configuration(context, inputTopic: Topic.beats, changelogTopic: nil)
    // LZ4 takes 6 % off a tensor of logarithms in half precision and costs more processor time than their transform.
    configuration.compressesOutputs = false
    return [
      transformStage(context, configuration, outputs: [Topic.spectrograms, Topic.rejected]) { _ in
        SpectrogramProcessor(pipeline: pipeline, transform: transform, metrics: context.metrics)
      }
    ]
  }
}
