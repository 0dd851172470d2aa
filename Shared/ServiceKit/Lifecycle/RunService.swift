import Logging
import Metrics
import ServiceLifecycle
import UnixSignals

/// What a service's build function gets: its configuration and the handles its pipelines report through.
public struct ServiceContext: Sendable {
  public let settings: Settings
  public let common: CommonConfiguration
  public let logger: Logger
  public let registry: PrometheusRegistry
  public let metrics: ServiceMetrics
  public let readiness: Readiness
  /// Of the partitions that this process reads as a member of its group.
  package let lag: LagGauge

  /// Does not touch the process's logging and metrics systems, so that tests can make as many as they like.
  public init(
    common: CommonConfiguration, settings: Settings, logger: Logger, registry: PrometheusRegistry = PrometheusRegistry()
  ) {
    self.settings = settings
    self.common = common
    self.logger = logger
    self.registry = registry
    metrics = ServiceMetrics(factory: registry)
    readiness = Readiness()
    lag = LagGauge(metrics)
    for (name, help) in ServiceMetrics.names { registry.describe(name, help) }
  }

  /// The context of a program: logs and metrics of the whole process go through it. Call once.
  public static func bootstrap(serviceName: String, settings: Settings) -> ServiceContext {
    let common = CommonConfiguration(serviceName: serviceName, settings: settings)
    StructuredLogHandler.bootstrap(common)
    let context = ServiceContext(common: common, settings: settings, logger: Logger(label: serviceName))
    MetricsSystem.bootstrap(context.registry)
    return context
  }
}

/// Runs the pipelines and the HTTP endpoint until SIGTERM or SIGINT, then stops the pipelines first and the endpoint
/// last.
///
/// - Parameter signals: tests that stop the service by cancelling its task give none.
/// - Throws: what `PipelineService.run()` and `HTTPService.run()` throw.
public func runService(
  _ context: ServiceContext, pipelines: [any DedicatedPipeline], signals: [UnixSignal] = [.sigterm, .sigint]
) async throws {
  let http = HTTPService(
    settings: context.common.http, readiness: context.readiness, registry: context.registry, metrics: context.metrics,
    logger: context.logger)
  let work = PipelineService(
    pipelines: pipelines + [ServerWatch(context: context).pipeline], readiness: context.readiness,
    stopTimeoutSeconds: context.common.stopTimeoutSeconds,
    logger: context.logger)
  // A group stops its services in the reverse of this order, and any that fails stops the others gracefully.
  let services = [http as any Service, work].map {
    ServiceGroupConfiguration.ServiceConfiguration(
      service: $0, successTerminationBehavior: .gracefullyShutdownGroup,
      failureTerminationBehavior: .gracefullyShutdownGroup)
  }
  var quiet = context.logger
  quiet.logLevel = max(.warning, context.logger.logLevel)
  let group = ServiceGroup(
    configuration: ServiceGroupConfiguration(
      services: services, gracefulShutdownSignals: signals, cancellationSignals: [], logger: quiet))
  context.logger.info("\(context.common.serviceName) starts", metadata: ["instance": "\(context.common.instance)"])
  try await group.run()
  context.logger.info("\(context.common.serviceName) stopped")
}
