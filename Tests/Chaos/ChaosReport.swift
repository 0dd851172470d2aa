import Foundation

/// The closing line of a run.
struct ChaosReport: Encodable {
  var seed: UInt64
  var recordings: Int
  var kills: Int
  var killsByService: [String: Int]
  var killsInsideTransaction: Int
  var lost: Int
  var duplicated: Int
  var differing: Int
  var rejected: Int
  /// Services that ended by themselves.
  var endedUnasked: Int
  var recoveryMedianSeconds: Double?
  var recoveryWorstSeconds: Double?
  /// By service, while PostgreSQL stood still; messages.
  var lagPeaks: [String: Int]
  var memory: [String: MemorySummary]
  /// Seconds and megabytes beyond what is allowed, in words.
  var exceeded: [String]

  /// - Parameter limits: nil for a run that is too short to tell.
  init(
    seed: UInt64, recordings: Int, run: ChaosRun, limits: ChaosLimits?, memory: [String: MemorySummary],
    findings: Findings
  ) {
    self.seed = seed
    self.recordings = recordings
    self.memory = memory
    lagPeaks = run.lagPeaks
    kills = run.kills.values.reduce(0, +)
    killsByService = run.kills
    killsInsideTransaction = run.killsInsideTransaction
    lost = findings.lost.count
    duplicated = findings.duplicated.count
    differing = findings.differing.count
    rejected = findings.rejected.count
    endedUnasked = run.endedUnasked.count
    let times = run.recoverySeconds.sorted()
    recoveryMedianSeconds = times.isEmpty ? nil : (times[times.count / 2] * 10).rounded() / 10
    recoveryWorstSeconds = times.last.map { ($0 * 10).rounded() / 10 }
    exceeded =
      limits?.exceeded(recoverySeconds: times, memory: memory, lag: (run.lagAtFirst, run.lagPeaks)) ?? []
  }

  var line: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}

/// What a run must keep besides being right.
package struct ChaosLimits: Sendable {
  /// From SIGKILL to ready: the session timeout, for a member that nobody misses earlier, and the start.
  package var recoverySeconds: Double
  /// Of a process in these runs: its libraries, queues of 16 MB each way decoded, up to ten models and a workspace of each
  /// for a batch of 256 (predictor), the tensors of a job (trainer), the labelled beats of all recordings (evaluator).
  /// These fill at random moments of a run, so that growth is told but does not decide.
  package var peakMB: [String: Double] = [
    "ingest": 128, "preprocess": 144, "spectrogram": 80, "predictor": 384, "trainer": 256, "evaluator": 160,
  ]
  /// Services whose lag must have grown.
  package var lagging: [String] = []

  package init(recoverySeconds: Double) { self.recoverySeconds = recoverySeconds }

  package func exceeded(
    recoverySeconds times: [Double], memory: [String: MemorySummary],
    lag: (atFirst: [String: Int], most: [String: Int]) = ([:], [:])
  ) -> [String] {
    var found: [String] = []
    if let worst = times.max(), worst > recoverySeconds {
      found.append("a service was back \(worst) s after its kill; allowed: \(recoverySeconds) s")
    }
    for (program, summary) in memory.sorted(by: { $0.key < $1.key }) {
      if let most = peakMB[program], summary.peakMB > most {
        found.append("\(program) took \(summary.peakMB) MB; allowed: \(most)")
      }
    }
    for program in lagging where lag.most[program] ?? 0 <= lag.atFirst[program] ?? 0 {
      found.append("\(program) told of no growing lag while PostgreSQL stood still")
    }
    return found
  }
}
