import Foundation
import Streaming
import Synchronization

/// Samples the resident memory of processes once a second.
package final class MemoryWatch: Sendable {
  package struct Sample: Hashable, Sendable {
    /// Since the watch began.
    package var seconds: Double
    /// Since the process was started.
    package var ageSeconds: Double
    package var program: String
    package var megabytes: Double

    package init(seconds: Double, ageSeconds: Double, program: String, megabytes: Double) {
      self.seconds = seconds
      self.ageSeconds = ageSeconds
      self.program = program
      self.megabytes = megabytes
    }
  }

  private struct Watched {
    var program: String
    var since: ContinuousClock.Instant
  }

  private struct State {
    var processes: [Int32: Watched] = [:]
    var samples: [Sample] = []
    var isStopped = false
  }

  private let state = Mutex(State())

  package init() {}

  func start() {
    let began = ContinuousClock.now
    startDedicatedThread(name: "memory") {
      while !self.state.withLock({ $0.isStopped }) {
        let now = ContinuousClock.now
        for (process, watched) in self.state.withLock({ $0.processes }) {
          guard let megabytes = Self.residentMegabytes(process) else { continue }
          let sample = Sample(
            seconds: began.duration(to: now) / .seconds(1), ageSeconds: watched.since.duration(to: now) / .seconds(1),
            program: watched.program, megabytes: megabytes)
          self.state.withLock { $0.samples.append(sample) }
        }
        Thread.sleep(forTimeInterval: 1)
      }
    }
  }

  func watch(_ process: Int32, _ program: String) {
    state.withLock { $0.processes[process] = Watched(program: program, since: .now) }
  }
  func forget(_ process: Int32) { state.withLock { $0.processes[process] = nil } }
  func stop() -> [Sample] {
    state.withLock {
      $0.isStopped = true
      return $0.samples
    }
  }

  /// The second number of statm is pages of 4 KiB; nil when the process is gone.
  private static func residentMegabytes(_ process: Int32) -> Double? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8),
      let pages = text.split(separator: " ").dropFirst().first.flatMap({ Double($0) })
    else { return nil }
    return pages * Double(sysconf(Int32(_SC_PAGESIZE))) / 1_048_576
  }
}

/// What samples of memory say of a program.
package struct MemorySummary: Codable, Hashable, Sendable {
  package var peakMB: Double
  /// How the last third of the run stands to what was before: its median to that of the second third, or its peak to
  /// theirs, whichever has grown less. A queue or a cache that fills once moves one of them, what grows moves both.
  /// Processes that have just been started are left out of the medians, or each kill would look like a loss. nil when
  /// there is too little to tell.
  package var growth: Double?

  package init(peakMB: Double, growth: Double?) {
    self.peakMB = peakMB
    self.growth = growth
  }

  private static let leastAgeSeconds = 15.0
  private static let leastSamples = 10

  package static func of(_ samples: [MemoryWatch.Sample]) -> [String: MemorySummary] {
    let end = samples.map(\.seconds).max() ?? 0
    return Dictionary(grouping: samples, by: \.program).mapValues { own in
      func median(_ share: Range<Double>) -> Double? {
        let within = own.filter { $0.ageSeconds >= leastAgeSeconds && share.contains($0.seconds / max(end, 1)) }
          .map(\.megabytes).sorted()
        return within.count >= leastSamples ? within[within.count / 2] : nil
      }
      func peak(_ share: Range<Double>) -> Double? {
        own.filter { share.contains($0.seconds / max(end, 1)) }.map(\.megabytes).max()
      }
      var growth: Double?
      if let second = median(1 / 3..<2 / 3), let last = median(2 / 3..<1.1), let before = peak(0..<2 / 3),
        let after = peak(2 / 3..<1.1)
      {
        growth = min(last / second, after / before)
      }
      return MemorySummary(
        peakMB: ((peak(0..<1.1) ?? 0) * 10).rounded() / 10, growth: growth.map { ($0 * 100).rounded() / 100 })
    }
  }
}
