import Messages
import ResyncCore
import Streaming

/// Keys of the stages between topics.
public enum TransformKeys: ConfigurationKeySet {
  public static let commitInterval = ConfigurationKey.integer(
    "commit-interval-ms", default: 50, range: 1...1000,
    help: "A Kafka transaction is committed this long after its first message.")
  public static let commitMessages = ConfigurationKey.integer(
    "commit-messages", default: 500, range: 1...10_000, help: "Most messages of one Kafka transaction.")

  public static let keys: [any AnyConfigurationKey] = GroupKeys.keys + [commitInterval, commitMessages]

  public static func configuration(
    _ context: ServiceContext, inputTopic: String, changelogTopic: String?
  ) -> TransformConfiguration {
    let settings = context.settings
    let sessionTimeout = settings[GroupKeys.sessionTimeout]
    return TransformConfiguration(
      group: context.common.serviceName, instance: context.common.instance, inputTopic: inputTopic,
      changelogTopic: changelogTopic, isStaticMember: settings[GroupKeys.membership] == .static,
      commitIntervalMilliseconds: settings[commitInterval],
      maximumMessagesPerTransaction: settings[commitMessages],
      sessionTimeoutMilliseconds: sessionTimeout, transactionTimeoutMilliseconds: sessionTimeout)
  }
}

/// The key that names the signal pipeline; the same for preprocess and spectrogram.
public enum PipelineKeys: ConfigurationKeySet {
  public static let pipeline = ConfigurationKey<PipelineConfiguration.Name>.choice(
    "pipeline", default: .compact, help: "The named signal pipeline; every stage of a suite must run the same.")

  public static let keys: [any AnyConfigurationKey] = [pipeline]
}

/// A stage between topics as a pipeline of a service: waits for Kafka, then transforms until it is stopped.
public func transformStage<P: StreamProcessor & SendableMetatype>(
  _ context: ServiceContext, _ configuration: TransformConfiguration, outputs: [String],
  processor: @escaping @Sendable (StopSignal) throws -> P?
) -> any DedicatedPipeline {
  let running = RunningTransform()
  let topics = [configuration.inputTopic] + outputs + [configuration.changelogTopic].compactMap { $0 }
  let observer = MetricsObserver(context, inputTopic: configuration.inputTopic)
  return BlockingPipeline(name: configuration.group, onStop: running.stop) { stop in
    guard try context.waitForKafka(topics: topics, stop: stop), let processor = try processor(stop) else { return }
    let pipeline = TransactionalPipeline(
      kafka: context.kafka, configuration: configuration, processor: processor, logger: context.logger,
      observer: observer)
    running.set { pipeline.stop() }
    try pipeline.run()
  }
}
