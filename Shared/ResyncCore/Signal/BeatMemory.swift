import Foundation

/// How high the patient's beats are and what they look like: medians of their heights and up to three mean patches.
struct BeatMemory: Sendable {
  struct Shape: Sendable {
    /// The near part of the patches of like beats, running mean.
    var mean: [Float]
    var count = 1
    /// The beat that it was last seen in.
    var seen: Int
  }

  private enum Constant {
    static let recentHeights = 5
    static let longHeights = 24
    /// A height counts at most this much (natural logarithm) above the level.
    static let largestRise: Float = 0.7
    static let shapes = 3
    static let alikeDistance: Float = 0.45
    static let longestCount = 64
    static let averagedBeats = 12
    /// No level falls below this (mV): what is smaller is no heartbeat.
    static let smallestLevel: Float = 0.02
    static let farthest: Float = 2
    static let values: ClosedRange<Float> = -4...2.5
  }

  private var recent: [Float] = [] { didSet { level = recent.isEmpty ? 0 : recent.median } }
  private var long: [Float] = [] { didSet { longLevel = long.isEmpty ? 0 : long.median } }
  /// The medians, kept because every candidate asks for them.
  private var level: Float = 0
  private var longLevel: Float = 0
  private var shapes: [Shape] = []
  private var beats = 0

  static let featureCount = CandidatePatch.count + 6

  var exists: Bool { !recent.isEmpty }

  /// Sets the level from the first seconds' block maxima, mV.
  mutating func start(maxima: [Float]) {
    let level = logf(max(Constant.smallestLevel, 0.8 * maxima.median))
    recent = Array(repeating: level, count: Constant.recentHeights)
    long = Array(repeating: level, count: Constant.longHeights)
  }

  /// The level gives way where no beat has been found for long.
  mutating func fade(by factor: Float) {
    recent = recent.map { max(logf(Constant.smallestLevel), $0 + logf(factor)) }
  }

  mutating func learn(_ patch: CandidatePatch) {
    let height = min(patch.height, level + Constant.largestRise)
    recent = recent.dropFirst() + [height]
    long = long.dropFirst() + [height]
    let near = Array(patch.values.prefix(CandidatePatch.nearCount))
    let distances = shapes.map { Self.distance(near, $0.mean) }
    beats += 1
    if let least = distances.min(), least <= Constant.alikeDistance, let index = distances.firstIndex(of: least) {
      shapes[index].count = min(shapes[index].count + 1, Constant.longestCount)
      shapes[index].seen = beats
      let share = 1 / Float(min(shapes[index].count, Constant.averagedBeats))
      for place in near.indices { shapes[index].mean[place] += share * (near[place] - shapes[index].mean[place]) }
    } else if shapes.count < Constant.shapes {
      shapes.append(Shape(mean: near, seen: beats))
    } else {
      // The shape that is rarest and longest unseen gives way.
      let worth = shapes.map { $0.seen + 4 * min($0.count, 20) }
      shapes[worth.firstIndex(of: worth.min()!)!] = Shape(mean: near, seen: beats)
    }
  }

  /// A candidate as the network sees it: the patch and the height over the patient's level, distances to the shapes.
  func features(of patch: CandidatePatch) -> [Float] {
    var features: [Float] = []
    features.reserveCapacity(Self.featureCount)
    for value in patch.values {
      features.append(min(max(value - level, Constant.values.lowerBound), Constant.values.upperBound))
    }
    var least = Constant.farthest
    var toMain = Constant.farthest
    var main = 0
    for shape in shapes {
      let distance = Self.distance(patch.values, shape.mean)
      least = min(least, distance)
      if shape.count > main { (toMain, main) = (min(distance, Constant.farthest), shape.count) }
    }
    features += [
      patch.height - level, patch.height - longLevel, least, toMain, patch.crest, shapes.isEmpty ? 0 : 1,
    ]
    return features
  }

  /// Mean absolute difference over the near part.
  private static func distance(_ values: [Float], _ mean: [Float]) -> Float {
    var sum: Float = 0
    for place in 0..<CandidatePatch.nearCount { sum += abs(values[place] - mean[place]) }
    return sum / Float(CandidatePatch.nearCount)
  }
}

extension BeatMemory: Snapshotting {
  func write(to writer: inout SnapshotWriter) {
    writer.write(recent)
    writer.write(long)
    writer.write(beats)
    writer.write(shapes.map(\.count))
    writer.write(shapes.map(\.seen))
    for shape in shapes { writer.write(shape.mean) }
  }

  mutating func restore(from reader: inout SnapshotReader) throws {
    recent = try reader.floats(count: 0...Constant.recentHeights)
    let longCount = recent.isEmpty ? 0 : Constant.longHeights
    long = try reader.floats(count: longCount...longCount)
    guard recent.isEmpty || recent.count == Constant.recentHeights else {
      throw SignalError.snapshot("level of \(recent.count) heights")
    }
    beats = try reader.int(in: 0...SampleIndex.maximum)
    let counts = try reader.ints(count: 0...Constant.shapes, in: 1...Constant.longestCount)
    let seen = try reader.ints(count: counts.count...counts.count, in: 0...beats)
    let width = CandidatePatch.nearCount
    shapes = try zip(counts, seen).map { count, seen in
      Shape(mean: try reader.floats(count: width...width), count: count, seen: seen)
    }
  }
}
