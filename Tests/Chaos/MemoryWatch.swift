import Foundation
import Streaming
import Synchronization

/// Samples the resident memory of processes once a second.
package final class MemoryWatch: Sendable {
  package struct Sample: Hashable, Sendable {
    package var seconds: Double
    package var program: String
    package var megabytes: Double

    package init(seconds: Double, program: String, megabytes: Double) {
      self.seconds = seconds
      self.program = program
      self.megabytes = megabytes
    }
  }

  private struct State {
    var programs: [Int32: String] = [:]
    var samples: [Sample] = []
    var isStopped = false
  }

  private let state = Mutex(State())

  package init() {}

  func start() {
    let began = ContinuousClock.now
    startDedicatedThread(name: "memory") {
      while !self.state.withLock({ $0.isStopped }) {
        let seconds = began.duration(to: .now) / .seconds(1)
        for (process, program) in self.state.withLock({ $0.programs }) {
          guard let megabytes = Self.residentMegabytes(process) else { continue }
          let sample = Sample(seconds: seconds, program: program, megabytes: megabytes)
          self.state.withLock { $0.samples.append(sample) }
        }
        Thread.sleep(forTimeInterval: 1)
      }
    }
  }

  func watch(_ process: Int32, _ program: String) { state.withLock { $0.programs[process] = program } }
  func forget(_ process: Int32) { state.withLock { $0.programs[process] = nil } }
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
  /// Peak of the last third of the run over that of the second; near 1 when nothing grows.
  package var growth: Double

  package init(peakMB: Double, growth: Double) {
    self.peakMB = peakMB
    self.growth = growth
  }

  package static func of(_ samples: [MemoryWatch.Sample]) -> [String: MemorySummary] {
    let end = samples.map(\.seconds).max() ?? 0
    return Dictionary(grouping: samples, by: \.program).mapValues { own in
      func peak(_ from: Double, _ until: Double) -> Double {
        own.filter { $0.seconds >= end * from && $0.seconds <= end * until }.map(\.megabytes).max() ?? 0
      }
      let (second, last) = (peak(1 / 3, 2 / 3), peak(2 / 3, 1))
      return MemorySummary(
        peakMB: (peak(0, 1) * 10).rounded() / 10, growth: second > 0 ? (last / second * 100).rounded() / 100 : 1)
    }
  }
}
