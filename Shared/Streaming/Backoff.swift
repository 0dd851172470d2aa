/// Waiting times between attempts: each about twice the last, up to a limit, spread so that replicas do not try as one.
package struct Backoff: Sendable {
  let initial: Duration
  let maximum: Duration
  private var attempts = 0

  package init(initial: Duration = .milliseconds(100), maximum: Duration = .seconds(10)) {
    self.initial = initial
    self.maximum = maximum
  }

  /// The next waiting time: between half of it and all of it, at random.
  package mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    let full = min(initial * (1 << min(attempts, 16)), maximum)
    attempts += 1
    return full * Double.random(in: 0.5...1, using: &generator)
  }

  package mutating func next() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  package mutating func reset() { attempts = 0 }
}
