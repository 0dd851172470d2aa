import Logging
import Streaming

/// Tries until it succeeds, logging the first failure and then whenever the reason changes or a minute's worth of
/// attempts has passed. Blocks: for dedicated threads only.
///
/// - Parameters:
///   - what: what is being reached, for the log: `Kafka at broker:9092`. No secrets.
///   - retries: whether an error may pass by itself; by default every one. Others are thrown.
/// - Returns: what the attempt returned, or nil if the service was stopped before.
public func waitUntilReachable<Value>(
  _ what: String, backoff: Backoff = Backoff(), stop: StopSignal, logger: Logger,
  retries: (any Error) -> Bool = { _ in true }, attempt: () throws -> Value
) throws -> Value? {
  var backoff = backoff
  var failures = 0
  var lastReason = ""
  var quietSeconds = 0.0
  while !stop.isStopped {
    do {
      let value = try attempt()
      if failures > 0 { logger.notice("\(what) is reachable after \(failures) failed attempts") }
      return value
    } catch {
      guard retries(error) else { throw error }
      failures += 1
      let delay = backoff.next() / .seconds(1)
      let reason = String(describing: error)
      if reason != lastReason || quietSeconds >= 60 {
        logger.warning("\(what) cannot be reached: \(reason); trying again until it can")
        lastReason = reason
        quietSeconds = 0
      }
      quietSeconds += delay
      stop.wait(seconds: delay)
    }
  }
  return nil
}
