import Logging
import ServiceKit
import Testing

@Suite("Waiting and trying again")
struct BackoffTests {
  /// The smallest and the largest random numbers.
  private struct Fixed: RandomNumberGenerator {
    let value: UInt64
    mutating func next() -> UInt64 { value }
  }
  private struct Unreachable: Error {}
  private struct Fatal: Error {}

  @Test("delays double up to the bound and start again after a reset")
  func doubling() {
    var backoff = Backoff(initialSeconds: 1, maximumSeconds: 5, multiplier: 2, jitter: 0)
    #expect((0..<5).map { _ in backoff.next() } == [1, 2, 4, 5, 5])
    for _ in 0..<10_000 { _ = backoff.next() }
    #expect(backoff.next() == 5)
    backoff.reset()
    #expect(backoff.next() == 1)
  }

  @Test("jitter takes away no more than its part")
  func jitter() {
    var low = Fixed(value: 0)
    var high = Fixed(value: .max)
    var backoff = Backoff(initialSeconds: 1, maximumSeconds: 1, jitter: 0.5)
    let delays = [backoff.next(using: &low), backoff.next(using: &high)]
    #expect(delays.max() == 1)
    #expect((delays.min() ?? 0) >= 0.5 && (delays.min() ?? 1) < 0.51)
  }

  @Test("it tries until it succeeds, and logs the same reason once")
  func untilSuccess() throws {
    let lines = Lines()
    var attempts = 0
    let quick = Backoff(initialSeconds: 0.001, maximumSeconds: 0.001)
    let value = try waitUntilReachable("Kafka at a:1", backoff: quick, stop: StopSignal(), logger: logger(to: lines)) {
      attempts += 1
      guard attempts > 3 else { throw Unreachable() }
      return "answer"
    }
    #expect(value == "answer")
    #expect(lines.all.count == 2)
    #expect(lines.contains("Kafka at a:1 cannot be reached: Unreachable()"))
    #expect(lines.contains("reachable after 3 failed attempts"))
  }

  @Test("a stop ends the wait with nothing, and an error that cannot pass ends it at once")
  func ends() throws {
    let stop = StopSignal()
    let log = logger(to: Lines())
    let stopped = try waitUntilReachable("x", stop: stop, logger: log) { () throws -> Int in
      stop.stop()
      throw Unreachable()
    }
    #expect(stopped == nil)
    #expect(throws: Fatal.self) {
      try waitUntilReachable(
        "x", stop: StopSignal(), logger: log, retries: { !($0 is Fatal) }, attempt: { throw Fatal() })
    }
  }
}
