/// The interval that is usual for the patient, which premature beats do not make: a run of them, or bigeminy, leaves it
/// nearly where it was, while a median of the last intervals would call the run usual.
struct UsualRhythm: Sendable {
  private enum Constant {
    /// Shorter intervals, relative to the usual one, are premature.
    static let premature = 0.85
    /// Longer ones are pauses.
    static let pause = 1.15
    /// How much of an interval's deviation the usual one takes over; of a pause's half.
    static let rate = 0.1
    static let largestRatio = 1.5
    /// How fast premature beats wear the usual interval down: in 230 beats by half.
    static let wear = 0.003
    static let largeChange = 0.1
    static let changes = 24
    static let longestRun = 10
  }

  /// Samples at the canonical rate; nil before the first interval.
  private(set) var interval: Double?
  /// Premature beats in a row up to the last.
  private(set) var run = 0
  /// The last interval over what was usual then; 1 before the first.
  private(set) var lastRatio = 1.0
  private(set) var lastInterval: Int?
  private var largeChanges: [Bool] = []

  var runInTens: Float { Float(min(run, Constant.longestRun)) / Float(Constant.longestRun) }

  /// 0 before the second interval.
  var irregularity: Float {
    largeChanges.isEmpty ? 0 : Float(largeChanges.count { $0 }) / Float(largeChanges.count)
  }

  mutating func add(_ interval: Int) {
    let usual = self.interval ?? Double(interval)
    let ratio = Double(interval) / usual
    if ratio < Constant.premature {
      self.interval = usual * (1 - Constant.wear)
      run += 1
    } else {
      let share = ratio < Constant.pause ? Constant.rate : Constant.rate / 2
      self.interval = usual * (1 + share * (min(ratio, Constant.largestRatio) - 1))
      run = 0
    }
    if let lastInterval {
      let change = Double(abs(interval - lastInterval)) / usual
      largeChanges = (largeChanges + [change > Constant.largeChange]).suffix(Constant.changes)
    }
    lastRatio = ratio
    lastInterval = interval
  }
}

extension UsualRhythm: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(interval.map { [$0] } ?? [])
    writer.write(run)
    writer.write([lastRatio])
    writer.write(lastInterval ?? 0)
    writer.write(largeChanges.map { $0 ? 1 : 0 })
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    interval = try reader.doubles(count: 0...1).first
    run = try reader.int(in: 0...SampleIndex.maximum)
    lastRatio = try reader.doubles(count: 1...1)[0]
    let last = try reader.int(in: 0...SampleIndex.maximum)
    lastInterval = last > 0 ? last : nil
    largeChanges = try reader.ints(count: 0...Constant.changes, in: 0...1).map { $0 == 1 }
    guard interval ?? 1 > 0, lastRatio > 0, (interval == nil) == (lastInterval == nil) else {
      throw SignalError.snapshot("usual rhythm contradicts itself")
    }
  }
}
