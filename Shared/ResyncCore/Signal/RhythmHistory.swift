/// RR intervals of a recording so far, in samples at the canonical rate.
struct RhythmHistory: Sendable {
  /// Longer stretches between beats are pauses, not intervals, seconds.
  static let pauseSeconds = 3.0
  /// RR interval of a recording that has not shown one yet, seconds.
  static let defaultSeconds = 0.8

  private static let recentSeconds = 10
  private static let lastCount = 10

  let longest: Int
  private let rate: Int
  /// Number of intervals of each length: the exact median of hours in bounded memory.
  private var histogram: [Int]
  private var count = 0
  /// Intervals that ended in the last 10 s, or the last ten if those are more, with their ends.
  private var recent: [(end: Int, interval: Int)] = []
  private var changes = 0
  private var largeChanges = 0

  init(rateHz: Int) {
    rate = rateHz
    longest = Int(Self.pauseSeconds * Double(rateHz))
    histogram = Array(repeating: 0, count: longest + 1)
  }

  mutating func add(interval: Int, endingAt end: Int) {
    precondition((1...longest).contains(interval), "a pause is no interval")
    histogram[interval] += 1
    count += 1
    if let before = recent.last, end - interval == before.end {
      changes += 1
      if 10 * abs(interval - before.interval) > before.interval { largeChanges += 1 }
    }
    recent.append((end, interval))
    let outdated = recent.dropLast(Self.lastCount).prefix { $0.end < end - Self.recentSeconds * rate }.count
    recent.removeFirst(outdated)
  }

  /// Median of all intervals, samples; nil before the first.
  var median: Double? {
    guard count > 0 else { return nil }
    return Double(value(at: (count - 1) / 2) + value(at: count / 2)) / 2
  }

  var medianOfLastTen: Double? {
    recent.isEmpty ? nil : recent.suffix(Self.lastCount).map { Double($0.interval) }.median
  }

  /// Median of the intervals that ended in the 10 s before `sample`.
  func recentMedian(at sample: Int) -> Double? {
    let inside = recent.filter { $0.end >= sample - Self.recentSeconds * rate }.map { Double($0.interval) }
    return inside.isEmpty ? nil : inside.median
  }

  var isIrregular: Bool { changes >= 4 && 2 * largeChanges > changes }

  private func value(at rank: Int) -> Int {
    var left = rank
    for (interval, number) in histogram.enumerated() {
      if left < number { return interval }
      left -= number
    }
    preconditionFailure("rank beyond the histogram")
  }
}

extension RhythmHistory: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    let used = histogram.indices.filter { histogram[$0] > 0 }
    writer.write(used)
    writer.write(used.map { histogram[$0] })
    writer.write(recent.map(\.end))
    writer.write(recent.map(\.interval))
    writer.write(changes)
    writer.write(largeChanges)
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    let used = try reader.ints(count: 0...histogram.count, in: 1...longest)
    let numbers = try reader.ints(count: used.count...used.count, in: 1...SampleIndex.maximum)
    for (interval, number) in zip(used, numbers) { histogram[interval] = number }
    count = histogram.reduce(0, +)
    let ends = try reader.ints(count: 0...1_024, in: 0...SampleIndex.maximum)
    let intervals = try reader.ints(count: ends.count...ends.count, in: 1...longest)
    recent = zip(ends, intervals).map { (end: $0, interval: $1) }
    changes = try reader.int(in: 0...SampleIndex.maximum)
    largeChanges = try reader.int(in: 0...SampleIndex.maximum)
  }
}
