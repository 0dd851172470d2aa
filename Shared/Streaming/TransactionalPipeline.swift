import Foundation
import Logging
import Synchronization

/// Reads a topic as a member of a group and writes what a processor makes of it, each message taking effect once.
///
/// One Kafka transaction holds the outputs, the consumed offsets and the changed states. Before work on a partition
/// starts, its states are read from the changelog topic, and only then the committed offsets.
public final class TransactionalPipeline<P: StreamProcessor>: @unchecked Sendable {
  private let kafka: KafkaConfiguration
  private let configuration: TransformConfiguration
  private let logger: Logger
  private let observer: any PipelineObserver
  private let control = PipelineControl()
  /// Touched by `run` alone, which runs once.
  private var processor: P

  public init(
    kafka: KafkaConfiguration, configuration: TransformConfiguration, processor: sending P, logger: Logger,
    observer: any PipelineObserver = SilentObserver()
  ) {
    self.kafka = kafka
    self.configuration = configuration
    self.processor = processor
    self.logger = logger
    self.observer = observer
  }

  /// Works on the calling thread, which must be a dedicated one, until `stop` or an error that no repetition mends.
  /// What is temporary (an unreachable broker, a fenced producer, a processor's `RetriableError`) is waited out.
  /// May be called once.
  public func run() throws {
    precondition(control.claim(), "a pipeline runs once; make a new one")
    defer { control.isReady = false }
    try configuration.validate()
    var backoff = Backoff(initial: .milliseconds(250), maximum: .seconds(30))
    while !control.isStopping {
      do {
        let session = try PipelineSession<P>(
          kafka: kafka, configuration: configuration, control: control, logger: logger, observer: observer)
        try session.run(&processor) { backoff.reset() }
      } catch {
        control.isReady = false
        guard let cause = Recovery.restartCause(of: error) else {
          logger.error("pipeline stops", metadata: ["cause": "\(Recovery.summary(of: error))"])
          throw error
        }
        // What is not committed comes again at the next start.
        if control.isStopping { return }
        observer.sessionRestarted(code: cause.code.rawValue)
        let wait = backoff.next()
        logger.warning("pipeline starts anew", metadata: ["cause": "\(cause)", "wait": "\(wait)"])
        control.sleep(wait)
      }
    }
  }

  /// Asks `run` to commit what is open and to return. Safe from any thread, at any time.
  public func stop() { control.isStopping = true }

  /// True while the pipeline is a member of the group with its states restored.
  public var isReady: Bool { control.isReady }

  /// Makes `run` return as a killed process would leave things: no commit, no abort, no goodbye. For tests.
  package func abandon() {
    control.isAbandoned = true
    control.isStopping = true
  }
}

/// What other threads may ask of a running pipeline, or ask it.
final class PipelineControl: Sendable {
  private let claimed = Atomic(false)
  private let stopping = Atomic(false)
  private let abandoned = Atomic(false)
  private let ready = Atomic(false)

  /// True for the first caller only.
  func claim() -> Bool { claimed.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged }

  var isStopping: Bool {
    get { stopping.load(ordering: .acquiring) }
    set { stopping.store(newValue, ordering: .releasing) }
  }

  var isAbandoned: Bool {
    get { abandoned.load(ordering: .acquiring) }
    set { abandoned.store(newValue, ordering: .releasing) }
  }

  var isReady: Bool {
    get { ready.load(ordering: .acquiring) }
    set { ready.store(newValue, ordering: .releasing) }
  }

  /// Sleeps on the calling thread, cut short by a stop.
  func sleep(_ duration: Duration) {
    let end = ContinuousClock.now + duration
    while !isStopping, ContinuousClock.now < end { Thread.sleep(forTimeInterval: 0.02) }
  }
}

/// What an error asks a pipeline to do.
package enum Recovery: Equatable {
  /// Abort, load states and offsets again, go on with the same producer and consumer.
  case retry
  /// Make producer and consumer anew.
  case restart
  /// Give the error to the caller.
  case stop

  /// Wraps an error after which producer and consumer are of no more use.
  struct Restart: Error {
    let cause: StreamingError
  }

  package init(_ error: any Error) {
    switch error {
    case is Restart: self = .restart
    case let error as StreamingError:
      if error.needsOperator {
        self = .stop
      } else if error.isFatal {
        self = .restart
      } else {
        self = error.isRetriable || error.requiresAbort ? .retry : .stop
      }
    case let error as any RetriableError: self = error.isRetriable ? .retry : .stop
    default: self = .stop
    }
  }

  /// The cause, when a new session may mend it. Outside a session a retry is a restart.
  static func restartCause(of error: any Error) -> StreamingError? {
    if let restart = error as? Restart { return restart.cause }
    guard let error = error as? StreamingError, Recovery(error) != .stop else { return nil }
    return error
  }

  /// What a log may say of an error: texts of other modules' errors could hold more than belongs there.
  static func summary(of error: any Error) -> String {
    (error as? any RetriableError).map { String(describing: $0) } ?? code(of: error)
  }

  /// A name for logs and metrics; never the error's own text, which may come from a processor.
  static func code(of error: any Error) -> String {
    switch error {
    case let error as StreamingError: error.code.rawValue
    case let restart as Restart: restart.cause.code.rawValue
    default: String(describing: type(of: error))
    }
  }
}
