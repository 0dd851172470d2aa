import Logging
import ServiceLifecycle
import Streaming
import Synchronization

/// Runs dedicated pipelines inside a service group: each on its own thread, all stopped together.
public final class PipelineService: Service {
  private enum Event: Sendable {
    case ended(name: String, error: (any Error)?)
    case deadline
  }

  private let pipelines: [any DedicatedPipeline]
  private let readiness: Readiness
  private let stopTimeoutSeconds: Double
  private let logger: Logger
  private let isStopping = Atomic<Bool>(false)
  private let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation

  public init(
    pipelines: [any DedicatedPipeline], readiness: Readiness, stopTimeoutSeconds: Double, logger: Logger
  ) {
    precondition(Set(pipelines.map(\.name)).count == pipelines.count, "pipelines need names that differ")
    self.pipelines = pipelines
    self.readiness = readiness
    self.stopTimeoutSeconds = stopTimeoutSeconds
    self.logger = logger
    (events, continuation) = AsyncStream.makeStream()
  }

  /// Returns when all pipelines have ended after a stop.
  ///
  /// - Throws: the first pipeline's error, after the others have been stopped; `ServiceKitError` `PIPELINE_ENDED` if one
  ///   returned unasked; `STOP_TIMEOUT` if some did not end in time (their threads still run).
  public func run() async throws {
    // A task of its own: the wait for the threads must outlive a cancellation of the group.
    let supervision = Task { try await supervise() }
    try await withTaskCancellationHandler {
      try await withGracefulShutdownHandler {
        try await supervision.value
      } onGracefulShutdown: {
        self.stopAll()
      }
    } onCancel: {
      self.stopAll()
    }
  }

  private func supervise() async throws {
    for pipeline in pipelines {
      let thread = startDedicatedThread(name: pipeline.name) { try pipeline.run() }
      Task { [continuation] in
        do {
          try await thread.completion()
          continuation.yield(.ended(name: pipeline.name, error: nil))
        } catch {
          continuation.yield(.ended(name: pipeline.name, error: error))
        }
      }
    }
    var running = Set(pipelines.map(\.name))
    var failure: (any Error)?
    for await event in events where !running.isEmpty || pipelines.isEmpty {
      switch event {
      case .ended(let name, let error):
        running.remove(name)
        if let error {
          logger.critical("pipeline \(name) failed", error: error)
          failure = failure ?? error
        } else if !isStopping.load(ordering: .acquiring) {
          let error = ServiceKitError(.pipelineEnded, "pipeline \(name) ended although nobody had asked it to stop")
          logger.critical("\(error)")
          failure = failure ?? error
        }
        stopAll()
      case .deadline:
        throw failure
          ?? ServiceKitError(
            .stopTimeout,
            "\(running.sorted().joined(separator: ", ")) did not stop within \(stopTimeoutSeconds) s; "
              + "raise --stop-timeout if the work in progress needs longer")
      }
      if running.isEmpty { break }
    }
    if let failure { throw failure }
  }

  private func stopAll() {
    guard !isStopping.exchange(true, ordering: .acquiringAndReleasing) else { return }
    readiness.beginStopping()
    for pipeline in pipelines { pipeline.stop() }
    Task { [continuation, stopTimeoutSeconds] in
      try await Task.sleep(for: .seconds(stopTimeoutSeconds))
      continuation.yield(.deadline)
    }
  }
}
