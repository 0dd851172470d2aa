import Foundation

/// Rhythms that few persons of a training set have, put together from beats of those who lack them: the intervals are
/// simulated, a beat's image and shape are those of a real beat of its class. So a network learns that an irregular rhythm
/// does not make every early beat premature, and that a run of premature beats is one, without a person who shows it.
package struct SimulatedRhythms: Codable, Hashable, Sendable {
  package enum Rhythm: String, CaseIterable, Codable, Sendable {
    /// Independent intervals, no P wave like another; every beat of class N.
    case atrialFibrillation = "atrial-fibrillation"
    /// A steady rhythm of which beats are dropped; every beat of class N.
    case atrioventricularBlock = "atrioventricular-block"
    /// Runs of premature atrial beats and a pause after each, as in sick sinus; the beats of the runs of class S.
    case atrialRuns = "atrial-runs"
  }

  package var rhythms: [Rhythm]
  /// Of each person and rhythm.
  package var beats = 300
  package var seed: UInt64 = 1

  package init(_ rhythms: [Rhythm] = Rhythm.allCases) { self.rhythms = rhythms }

  /// - Parameter taught: real examples of beats; a person without beats of class N gives no rhythm, and no runs are made
  ///   where none has class S. Weights are those of the real beats.
  package func examples(from taught: [TrainingExample], canonicalRateHz rate: Int) -> [TrainingExample] {
    let normal = Dictionary(grouping: taught.filter { $0.label == BeatClass.N.index }, by: \.group)
    let premature = taught.filter { $0.label == BeatClass.S.index }
    var generator = SeededGenerator(seed: seed)
    return normal.keys.sorted().flatMap { person in
      rhythms.filter { $0 != .atrialRuns || !premature.isEmpty }.flatMap { rhythm in
        sequence(rhythm, normal[person]!, premature, rate, &generator).enumerated().map { place, example in
          var example = example
          example.id = "simulated:\(rhythm.rawValue):\(person):\(place)"
          example.group = person
          return example
        }
      }
    }
  }

  private func sequence(
    _ kind: Rhythm, _ normal: [TrainingExample], _ premature: [TrainingExample], _ rate: Int,
    _ generator: inout SeededGenerator
  ) -> [TrainingExample] {
    let plan = kind.beats(beats, &generator)
    // How much of a premature beat's shape is that of a real one: some premature beats hardly differ.
    let strangeness = Float(generator.uniform(in: 0.2...1))
    var rhythm = BeatRhythm(rateHz: rate)
    var peak = 0
    return plan.indices.map { place in
      let before = place > 0 ? plan[place].samples(at: rate) : nil
      let after = place + 1 < plan.count ? plan[place + 1].samples(at: rate) : nil
      let intervals = BeatIntervals(before: before, after: after, pause: rhythm.pause)
      var example = normal[generator.index(below: normal.count)]
      var shapes = [example.features.primaryShape, example.features.otherShape]
      if plan[place].isPremature {
        let other = premature[generator.index(below: premature.count)]
        shapes = zip(shapes, [other.features.primaryShape, other.features.otherShape]).map {
          $0.mixed(with: $1, share: strangeness)
        }
        (example.image, example.label, example.weight) = (other.image, other.label, other.weight)
      }
      if kind == .atrialFibrillation { shapes = shapes.map { $0.withoutPWave(&generator) } }
      example.features = rhythm.features(intervals, templateCorrelation: example.features.templateCorrelation)
      (example.features.primaryShape, example.features.otherShape) = (shapes[0], shapes[1])
      peak += before ?? 0
      rhythm.add(intervals, endingAt: peak)
      return example
    }
  }
}

/// A beat to be: the seconds before it, and whether it comes too early.
private struct PlannedBeat {
  var seconds: Double
  var isPremature = false

  func samples(at rate: Int) -> Int { Int((seconds * Double(rate)).rounded()) }
}

extension SimulatedRhythms.Rhythm {
  fileprivate func beats(_ count: Int, _ generator: inout SeededGenerator) -> [PlannedBeat] {
    switch self {
    case .atrialFibrillation:
      let (usual, spread) = (generator.uniform(in: 0.5...1), generator.uniform(in: 0.12...0.3))
      return (0..<count).map { _ in
        PlannedBeat(seconds: min(max(usual * exp(spread * generator.gaussian()), 0.3), 2.5))
      }
    case .atrioventricularBlock:
      let (usual, dropped) = (generator.uniform(in: 0.6...1.1), generator.uniform(in: 0.03...0.5))
      return (0..<count).map { _ in
        let interval = usual * (1 + 0.02 * generator.gaussian())
        return PlannedBeat(seconds: generator.uniform() < dropped ? 2 * interval : interval)
      }
    case .atrialRuns:
      let (usual, runs) = (generator.uniform(in: 0.8...1.3), generator.uniform(in: 0.1...0.6))
      let (length, early) = (generator.uniform(in: 1...10), generator.uniform(in: 0.5...0.78))
      var beats: [PlannedBeat] = []
      while beats.count < count {
        guard generator.uniform() < runs else {
          beats.append(PlannedBeat(seconds: usual * (1 + 0.03 * generator.gaussian())))
          continue
        }
        for _ in 0...Int(-length * log(1 - generator.uniform())) {
          beats.append(PlannedBeat(seconds: usual * early * (1 + 0.05 * generator.gaussian()), isPremature: true))
        }
        beats.append(PlannedBeat(seconds: usual * generator.uniform(in: 1...3)))
      }
      return Array(beats.prefix(count))
    }
  }
}

extension BeatShape {
  fileprivate func mixed(with other: BeatShape, share: Float) -> BeatShape {
    BeatShape(vector: zip(vector, other.vector).map { (1 - share) * $0 + share * $1 }[...])
  }

  /// Fibrillation waves in place of the P wave: its measures differ from beat to beat.
  fileprivate func withoutPWave(_ generator: inout SeededGenerator) -> BeatShape {
    var shape = self
    shape.pLikeness = Float(0.35 * generator.gaussian())
    shape.pDifference = Float(0.5 * generator.gaussian())
    shape.pEnergy = Float(0.4 * generator.gaussian())
    return shape
  }
}
