import Foundation

/// Chooses beats among candidates by dynamic programming with a bounded look-ahead.
///
/// A sequence of beats scores Σ evidence − Σ cost(interval / usual interval). The evidence comes from the network; the
/// cost grows with |log|, for intervals much too short, and for gaps, so that of two doubtful waves the one in rhythm is
/// taken. The usual interval is the median over the beats already settled; a beat settles once it leads the best
/// sequence and `lagSeconds` have passed.
struct BeatPath: Sendable {
  struct Candidate: Sendable {
    var sample: Int
    /// Scaled and bounded log-odds of being a beat.
    var evidence: Double
    var patch: CandidatePatch
  }

  private enum Constant {
    static let evidencePerLogOdds = 1.38
    static let evidence = -6.0...2.15
    static let regularity = 0.1
    static let early = (from: 0.4, cost: 1.68)
    static let late = (from: 1.1, cost: 0.2)
    static let lagSeconds = 2.6
    static let refractorySeconds = 0.2
    static let intervals = 12
    static let intervalSeconds = 0.25..<2
    static let usualIntervalSeconds = 0.8
    /// Candidates that no sequence took are forgotten after this long; the level then gives way.
    static let forgetSeconds = 4.0
    static let levelDecay: Float = 0.7
  }

  private let rate: Double
  private(set) var memory = BeatMemory()
  private var intervals: [Int] = [] { didSet { usual = usualInterval } }
  /// Median of the last intervals, samples; the missing ones count as usual ones.
  private var usual = 0.0
  private var last: Int?
  private(set) var pending: [Candidate] = []
  private var decayedAt = 0

  init(rateHz: Int) {
    rate = Double(rateHz)
    usual = Constant.usualIntervalSeconds * rate
  }

  private var usualInterval: Double {
    let padding = Array(repeating: Constant.usualIntervalSeconds * rate, count: Constant.intervals - intervals.count)
    return (intervals.map(Double.init) + padding).median
  }

  /// Sets the level from the first seconds' block maxima, mV.
  mutating func start(maxima: [Float]) { memory.start(maxima: maxima) }

  mutating func add(_ patch: CandidatePatch, at sample: Int) {
    let odds = Constant.evidencePerLogOdds * Double(BeatNetwork.shared.logOdds(of: memory.features(of: patch)))
    let evidence = min(max(odds, Constant.evidence.lowerBound), Constant.evidence.upperBound)
    pending.append(Candidate(sample: sample, evidence: evidence, patch: patch))
  }

  /// No beat settled later lies before this sample, given that candidates come in order from `now` on.
  func horizon(now: Int) -> Int { pending.first?.sample ?? now }

  /// Settles what can be settled at time `now`; nil means that the recording is over.
  mutating func settle(now: Int?) -> [Int] {
    var settled: [Int] = []
    let limit = now.map { Double($0) - Constant.lagSeconds * rate } ?? .infinity
    while let oldest = pending.first, Double(oldest.sample) < limit {
      let first = firstOfBestSequence()
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
    if let last, Constant.intervalSeconds.contains(Double(beat.sample - last) / rate) {
      intervals = (intervals + [beat.sample - last]).suffix(Constant.intervals)
    }
    // A beat taken for its place in the rhythm alone teaches nothing, lest noise in a pause be learnt.
    if beat.evidence >= 0 { memory.learn(beat.patch) }
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
      memory.fade(by: Constant.levelDecay)
      decayedAt = now - Int(Constant.forgetSeconds * rate / 2)
    }
  }

  /// Index of the first beat of the best sequence through the pending candidates; nil when the best has none.
  private func firstOfBestSequence() -> Int? {
    let refractory = Int(Constant.refractorySeconds * rate)
    let end = pending[pending.count - 1].sample
    var best: (score: Double, first: Int?) = (-gap(Double(end - (last ?? 0)) / usual), nil)
    var scores = [Double](repeating: -.infinity, count: pending.count)
    var firsts = Array(pending.indices)
    let samples = pending.map(\.sample)
    for (index, sample) in samples.enumerated() {
      if let last {
        if sample - last >= refractory { scores[index] = -cost(Double(sample - last) / usual) }
      } else {
        scores[index] = 0
      }
      for earlier in 0..<index where sample - samples[earlier] >= refractory {
        let score = scores[earlier] - cost(Double(sample - samples[earlier]) / usual)
        if score > scores[index] { (scores[index], firsts[index]) = (score, firsts[earlier]) }
      }
      scores[index] += pending[index].evidence
      let ended = scores[index] - gap(Double(end - sample) / usual)
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
    memory.write(to: &writer)
    writer.write(intervals)
    writer.write(last ?? -1)
    writer.write(decayedAt)
    writer.write(pending.map(\.sample))
    writer.write(pending.map(\.evidence))
    for candidate in pending { candidate.patch.write(to: &writer) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    try memory.restore(from: &reader)
    intervals = try reader.ints(count: 0...Constant.intervals, in: 1...SampleIndex.maximum)
    let last = try reader.int(in: -1...SampleIndex.maximum)
    self.last = last < 0 ? nil : last
    decayedAt = try reader.int(in: -SampleIndex.maximum...SampleIndex.maximum)
    let samples = try reader.ints(count: 0...4_096, in: 0...SampleIndex.maximum)
    let evidence = try reader.doubles(count: samples.count...samples.count)
    guard zip(samples, samples.dropFirst()).allSatisfy({ $0 < $1 }), samples.isEmpty || memory.exists else {
      throw SignalError.snapshot("candidate beats are out of order")
    }
    pending = try zip(samples, evidence).map {
      Candidate(sample: $0, evidence: $1, patch: try CandidatePatch(from: &reader))
    }
  }
}

extension Array where Element: BinaryFloatingPoint {
  /// The middle value, or the mean of the two middle ones; the array must not be empty.
  var median: Element {
    let sorted = sorted()
    let middle = count / 2
    return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
