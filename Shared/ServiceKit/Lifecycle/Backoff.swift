/// Waiting times between attempts: exponential, bounded, with jitter so that replicas do not knock in step.
public struct Backoff: Sendable, Equatable {
  public let initialSeconds: Double
  public let maximumSeconds: Double
  public let multiplier: Double
  /// Part of each delay that is random: 0.5 gives delays between half the delay and all of it.
  public let jitter: Double
  /// Delays given since the start or the last reset.
  public private(set) var attempts = 0

  public init(
    initialSeconds: Double = 0.1, maximumSeconds: Double = 10, multiplier: Double = 2, jitter: Double = 0.5
  ) {
    precondition(initialSeconds > 0 && maximumSeconds >= initialSeconds && multiplier >= 1 && (0...1).contains(jitter))
    self.initialSeconds = initialSeconds
    self.maximumSeconds = maximumSeconds
    self.multiplier = multiplier
    self.jitter = jitter
  }

  /// The next delay in seconds.
  public mutating func next(using generator: inout some RandomNumberGenerator) -> Double {
    var delay = initialSeconds
    for _ in 0..<attempts where delay < maximumSeconds { delay *= multiplier }
    // The attempts stop counting once they no longer matter, so that the loop above stays short for ever.
    if delay < maximumSeconds { attempts += 1 }
    delay = min(delay, maximumSeconds)
    return delay * (1 - jitter * Double.random(in: 0..<1, using: &generator))
  }

  /// The next delay in seconds.
  public mutating func next() -> Double {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  /// Starts again from the initial delay, after a success.
  public mutating func reset() { attempts = 0 }
}
