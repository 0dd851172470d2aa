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
  var memory: [String: MemorySummary]

  init(seed: UInt64, recordings: Int, run: ChaosRun, memory: [String: MemorySummary], findings: Findings) {
    self.seed = seed
    self.recordings = recordings
    self.memory = memory
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
  }

  var line: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
