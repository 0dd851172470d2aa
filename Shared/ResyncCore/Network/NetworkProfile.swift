/// Where the time of a network goes, by kind of layer; for benchmarks.
package final class NetworkProfile: @unchecked Sendable {
  package private(set) var seconds: [String: Double] = [:]

  package init() {}

  /// Runs `body` and counts its time. One thread at a time.
  package func time<Result>(_ kind: String, _ body: () -> Result) -> Result {
    let start = ContinuousClock.now
    defer {
      let elapsed = (ContinuousClock.now - start).components
      seconds[kind, default: 0] += Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
    }
    return body()
  }
}

extension NetworkProfile? {
  package func time<Result>(_ kind: @autoclosure () -> String, _ body: () -> Result) -> Result {
    guard let self else { return body() }
    return self.time(kind(), body)
  }
}

extension Convolution {
  /// As a profile names it.
  package var kind: String {
    "\(kernel)×\(kernel)\(stride == 1 ? "" : "/\(stride)") \(inputChannels)→\(outputChannels)"
  }
}
