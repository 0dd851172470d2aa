import Streaming

extension ServiceContext {
  /// Runs the body until it returns or the service stops. A retriable error (a broker or database that is away) starts
  /// it anew after a growing wait; `progressed` makes the wait short again.
  /// - Parameter condition: not ready from an error on, until the body says otherwise; nil where others do the work that
  ///   readiness is about.
  public func retrying(
    _ stop: StopSignal, condition: String? = ReadinessCondition.pipeline,
    _ body: (_ progressed: () -> Void) throws -> Void
  ) throws {
    var backoff = Backoff()
    while !stop.isStopped {
      do {
        return try body { backoff.reset() }
      } catch let error as any RetriableError where error.isRetriable {
        if let condition { readiness.set(condition, false, detail: "starts anew after an error") }
        let delay = backoff.next()
        logger.warning("starting anew in \(delay): \(error)")
        stop.wait(seconds: delay / .seconds(1))
      }
    }
  }
}
