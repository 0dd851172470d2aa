import Foundation
import Messages
import ResyncCore
import Store
import Streaming
import SuiteKit
import TestSupport

/// Load on a running suite, and what comes of it. Used by one thread.
final class StreamLoad {
  /// Names of what takes processor time beside the services.
  static let (broker, database, feed) = ("broker", "postgresql", "feed")

  private let suite: RunningSuite
  private let recordings: StreamFeed
  private let producer: Producer
  private let connection: Connection
  private let cpu: ProcessTime
  private(set) var published = 0

  init(_ suite: RunningSuite, name: String, cpu: ProcessTime) throws {
    self.suite = suite
    self.cpu = cpu
    recordings = try StreamFeed(name)
    producer = try Producer(kafka: suite.kafka, logger: quietLogger)
    connection = try suite.connection()
  }

  @discardableResult
  private func publish() throws -> String {
    let (id, message) = recordings.recording(published)
    try producer.send(message)
    published += 1
    return id
  }

  /// Fails at once when a service has ended.
  private func ended() throws -> Int {
    if let gone = suite.services.first(where: { !$0.isRunning }) {
      throw WaitedInVain(description: "\(gone.instance) has ended:\n\(gone.lastWords)")
    }
    return Int(try connection.execute("select count(*) as n from predictions")[0]["n", .int])
  }

  private func beats() throws -> Int {
    Int(try connection.execute("select count(*) as n from beat_predictions")[0]["n", .int])
  }

  /// - Parameter seconds: how long to wait at most.
  func waitForOutcomes(seconds: Double = 120) throws {
    try producer.flush()
    try waitUntil("\(published) recordings have ended", seconds: seconds) { try ended() >= published }
  }

  // MARK: - Saturation

  /// Publishes whenever fewer than so many recordings are on their way, so that every stage has work and no queue grows.
  func saturate(inFlight: Int, warmUpSeconds: Double, seconds: Double) throws -> StreamReport.Saturation {
    func run(for seconds: Double) throws {
      let began = ContinuousClock.now
      while began.duration(to: .now) < .seconds(seconds) {
        for _ in 0..<max(0, inFlight - (published - (try ended()))) { try publish() }
        Thread.sleep(forTimeInterval: 0.02)
      }
    }
    try run(for: warmUpSeconds)
    let (began, rows, outcomes, time) = (ContinuousClock.now, try beats(), try ended(), cpu.read())
    try run(for: seconds)
    let elapsed = began.duration(to: .now) / .seconds(1)
    let spent = ProcessTime.spent(time, cpu.read())
    let (beats, recordings) = (try beats() - rows, try ended() - outcomes)
    return .init(
      seconds: elapsed, beats: beats, recordings: recordings, beatsPerSecond: Double(beats) / elapsed,
      recordingsPerSecond: Double(recordings) / elapsed, cpuSeconds: spent)
  }

  // MARK: - Latency

  /// Publishes at an even rate; a recording's latency is the time from when it was due to be sent until another session
  /// of PostgreSQL has read its row. (The row's own time is that of the transaction's start, before beats are written.)
  func latency(recordingsPerSecond rate: Double, warmUpSeconds: Double, seconds: Double) throws -> StreamReport.Latency
  {
    let began = ContinuousClock.now
    let count = Int((warmUpSeconds + seconds) * rate)
    var due: [String: ContinuousClock.Instant] = [:]
    var latencies: [Double] = []
    var sent = 0
    var nextTime: ContinuousClock.Instant { began + .seconds(Double(sent) / rate) }
    let deadline = began + .seconds(warmUpSeconds + seconds + 60)
    while sent < count || !due.isEmpty, ContinuousClock.now < deadline {
      while sent < count, nextTime <= .now {
        let time = nextTime
        due[try publish()] = time
        sent += 1
      }
      if !due.isEmpty {
        let rows = try connection.execute(
          "select recording_id from predictions where recording_id = any($1)", [.texts(Array(due.keys))])
        let now = ContinuousClock.now
        for row in rows {
          guard let time = due.removeValue(forKey: try row["recording_id", .text]) else { continue }
          if began.duration(to: time) >= .seconds(warmUpSeconds) {
            latencies.append(time.duration(to: now) * 1000 / .seconds(1))
          }
        }
      }
      Thread.sleep(forTimeInterval: 0.002)
    }
    guard !latencies.isEmpty else {
      throw WaitedInVain(description: "at half load no recording had its outcome within a minute")
    }
    latencies.sort()
    return .init(
      recordingsPerSecond: rate, recordings: latencies.count, missing: due.count,
      p50Milliseconds: latencies.quantile(0.5), p99Milliseconds: latencies.quantile(0.99),
      worstMilliseconds: latencies[latencies.count - 1])
  }

  /// Outcomes by name, and beat rows beyond or below those found, of all that was published.
  func outcomes() throws -> StreamReport.Outcomes {
    let rows = try Predictions(connection).rows(task: ModelTask.crtResponse.rawValue)
    let found = rows.reduce(0) { $0 + Int($1.beats) }
    return .init(
      published: published, rejected: rows.filter { $0.outcome == .rejected }.count,
      missing: published - rows.count, beatsFound: found, beatRows: try beats())
  }
}

extension [Double] {
  /// Of ascending values, one at least: the smallest that at least this share does not exceed.
  fileprivate func quantile(_ share: Double) -> Double {
    self[Swift.min(count - 1, Swift.max(0, Int((share * Double(count)).rounded(.up)) - 1))]
  }
}
