import Foundation

/// Chooses beats among candidate peaks by dynamic programming with a bounded look-ahead.
///
/// A sequence of beats scores Σ log(height / (θ · level)) − Σ cost(interval / usual interval). The cost grows with
/// |log|, for intervals much too short, and for gaps, so that a weak wave between two regular beats is left out while
/// a weak premature beat before a pause is taken. Level and usual interval are medians over the beats already settled;
/// a beat settles once it leads the best sequence and `lagSeconds` have passed.
/// The constants were fitted on MIT-BIH (first channel).
struct BeatPath: Sendable {
  struct Candidate: Hashable, Sendable {
    var sample: Int
    var height: Double
  }

  private enum Constant {
    static let theta = 0.426
    static let highest = 2.95
    static let floor = -2.687
    static let regularity = 0.461
    static let early = (from: 0.398, cost: 4.633)
    static let late = (from: 1.314, cost: 0.557)
    static let lagSeconds = 3.34
    static let refractorySeconds = 0.2
    static let levels = 5
    static let intervals = 12
    static let usualIntervalSeconds = 0.8
    /// Candidates that no sequence took are forgotten after this long; the level then gives way.
    static let forgetSeconds = 4.0
    static let levelDecay = 0.7
    /// No level falls below this (mV): what is smaller is no heartbeat.
    static let smallestLevel = 0.02
  }

  private let rate: Double
  private var levels: [Double] = []
  private var intervals: [Int] = []
  private var last: Int?
  private(set) var pending: [Candidate] = []
  private var decayedAt = 0

  init(rateHz: Int) { rate = Double(rateHz) }

  var hasLevel: Bool { !levels.isEmpty }

  /// Sets the level from the first seconds' block maxima.
  mutating func start(maxima: [Double]) {
    levels = Array(repeating: max(Constant.smallestLevel, 0.8 * maxima.median), count: Constant.levels)
  }

  mutating func add(_ candidate: Candidate) { pending.append(candidate) }

  /// No beat settled later lies before this sample, given that candidates come in order from `now` on.
  func horizon(now: Int) -> Int { pending.first?.sample ?? now }

  /// Settles what can be settled at time `now`; nil means that the recording is over.
  mutating func settle(now: Int?) -> [Int] {
    var settled: [Int] = []
    while hasLevel, !pending.isEmpty {
      let first = firstOfBestSequence()
      let limit = now.map { Double($0) - Constant.lagSeconds * rate } ?? .infinity
      if let first, Double(pending[first].sample) < limit {
        settled.append(take(first))
      } else {
        forget(now: now, accepted: first != nil)
        break
      }
    }
    return settled
  }

  private mutating func take(_ index: Int) -> Int {
    let beat = pending[index]
    if let last, (0.25..<2).contains(Double(beat.sample - last) / rate) {
      intervals = (intervals + [beat.sample - last]).suffix(Constant.intervals)
    }
    levels = (levels + [min(beat.height, 2 * levels.median)]).suffix(Constant.levels)
    last = beat.sample
    decayedAt = beat.sample
    pending.removeFirst(index + 1)
    return beat.sample
  }

  private mutating func forget(now: Int?, accepted: Bool) {
    guard let now else { return pending.removeAll() }
    let limit = now - Int(Constant.forgetSeconds * rate * (accepted ? 2 : 1))
    let old = pending.prefix { $0.sample < limit }.count
    guard old > 0 else { return }
    pending.removeFirst(old)
    if !accepted, Double(now - decayedAt) > Constant.forgetSeconds * rate {
      levels = levels.map { max(Constant.smallestLevel, $0 * Constant.levelDecay) }
      decayedAt = now - Int(Constant.forgetSeconds * rate / 2)
    }
  }

  /// Index of the first beat of the best sequence through the pending candidates; nil when the best has none.
  private func firstOfBestSequence() -> Int? {
    let level = levels.median
    // The missing intervals count as usual ones.
    let padding = Array(repeating: Constant.usualIntervalSeconds * rate, count: Constant.intervals - intervals.count)
    let usual = (intervals.map(Double.init) + padding).median
    let refractory = Int(Constant.refractorySeconds * rate)
    let end = pending[pending.count - 1].sample
    var best: (score: Double, first: Int?) = (-gap(Double(end - (last ?? 0)) / usual), nil)
    var scores = [Double](repeating: -.infinity, count: pending.count)
    var firsts = Array(pending.indices)
    for (index, candidate) in pending.enumerated() {
      if let last {
        if candidate.sample - last >= refractory { scores[index] = -cost(Double(candidate.sample - last) / usual) }
      } else {
        scores[index] = 0
      }
      for earlier in 0..<index where candidate.sample - pending[earlier].sample >= refractory {
        let score = scores[earlier] - cost(Double(candidate.sample - pending[earlier].sample) / usual)
        if score > scores[index] { (scores[index], firsts[index]) = (score, firsts[earlier]) }
      }
      let height = max(min(candidate.height / level, Constant.highest), 1e-6)
      scores[index] += max(log(height / Constant.theta), Constant.floor)
      let ended = scores[index] - gap(Double(end - candidate.sample) / usual)
      if ended > best.score { best = (ended, firsts[index]) }
    }
    return best.first
  }

  private func cost(_ ratio: Double) -> Double {
    let distance = log(ratio)
    let early = max(0, Constant.early.from - ratio) * Constant.early.cost
    return Constant.regularity * distance * distance + early + gap(ratio)
  }

  private func gap(_ ratio: Double) -> Double { max(0, ratio - Constant.late.from) * Constant.late.cost }
}

extension BeatPath: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(levels)
    writer.write(intervals)
    writer.write(last ?? -1)
    writer.write(decayedAt)
    writer.write(pending.map(\.sample))
    writer.write(pending.map(\.height))
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    levels = try reader.doubles(count: 0...Constant.levels)
    intervals = try reader.ints(count: 0...Constant.intervals, in: 1...SampleIndex.maximum)
    let last = try reader.int(in: -1...SampleIndex.maximum)
    self.last = last < 0 ? nil : last
    decayedAt = try reader.int(in: -SampleIndex.maximum...SampleIndex.maximum)
    let samples = try reader.ints(count: 0...4_096, in: 0...SampleIndex.maximum)
    let heights = try reader.doubles(count: samples.count...samples.count)
    guard levels.allSatisfy({ $0 > 0 }), zip(samples, samples.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw SignalError.snapshot("candidate beats are out of order")
    }
    pending = zip(samples, heights).map { Candidate(sample: $0, height: $1) }
  }
}

extension Array where Element == Double {
  /// The middle value, or the mean of the two middle ones; the array must not be empty.
  var median: Double {
    let sorted = sorted()
    let middle = count / 2
    return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
