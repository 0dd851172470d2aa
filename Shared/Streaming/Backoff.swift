/// Waiting times between attempts: each about twice the last, up to a limit, spread so that replicas do not try as one.
public struct Backoff: Sendable {
  let initial: Duration
  let maximum: Duration
  private var attempts = 0

  public init(initial: Duration = .milliseconds(100), maximum: Duration = .seconds(10)) {
    self.initial = initial
    self.maximum = maximum
  }

  /// The next waiting time: between half of it and all of it, at random.
  public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let full = min(initial * (1 << min(attempts, 16)), maximum)
    attempts += 1
    return full * Double.random(in: 0.5...1, using: &generator)
  }

  public mutating func next() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  public mutating func reset() { attempts = 0 }
}
