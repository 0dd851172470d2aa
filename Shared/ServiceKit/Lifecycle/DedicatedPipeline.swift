/// Work that blocks, on a thread of its own, for as long as the service runs.
public protocol DedicatedPipeline: Sendable {
  /// For logs and the thread's name.
  var name: String { get }
  /// Works until `stop()`; an error ends the service.
  func run() throws
  /// Asks `run()` to return soon. Called from any thread, maybe before `run()`; must not block.
  func stop()
}

/// A pipeline made of closures.
/// ```swift
/// BlockingPipeline(name: "main", onStop: { transform.stop() }) { stop in
///   guard try waitUntilReachable("PostgreSQL", stop: stop, logger: logger, attempt: check) != nil else { return }
///   try transform.run()
/// }
/// ```
public final class BlockingPipeline: DedicatedPipeline {
  public let name: String
  private let signal = StopSignal()
  private let body: @Sendable (StopSignal) throws -> Void
  private let onStop: @Sendable () -> Void

  public init(
    name: String, onStop: @escaping @Sendable () -> Void = {}, body: @escaping @Sendable (StopSignal) throws -> Void
  ) {
    self.name = name
    self.onStop = onStop
    self.body = body
  }

  public func run() throws { try body(signal) }

  public func stop() {
    signal.stop()
    onStop()
  }
}
