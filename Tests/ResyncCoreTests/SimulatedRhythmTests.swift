import ResyncCore
import Testing

@Suite("Simulated rhythms of real beats")
struct SimulatedRhythmTests {
  /// Two persons' beats, whose images tell class and person.
  private static let taught: [TrainingExample] = (0..<40).map { place in
    let isPremature = place % 10 == 9
    let person = place / 20
    let value = Float16(person * 2 + (isPremature ? 1 : 0))
    var vector = [Float](repeating: isPremature ? 1 : 0, count: BeatFeatures.count)
    vector[7] = 0.5
    return TrainingExample(
      id: "\(place)", group: "person-\(person)",
      image: SpectrogramImage(leadCount: 1, rows: 1, columns: 2, values: [value, value]),
      features: BeatFeatures(vector: vector)!, label: isPremature ? BeatClass.S.index : BeatClass.N.index,
      weight: isPremature ? 1 : 3)
  }

  private func examples(_ rhythm: SimulatedRhythms.Rhythm, seed: UInt64 = 1) -> [TrainingExample] {
    var simulated = SimulatedRhythms([rhythm])
    simulated.seed = seed
    return simulated.examples(from: Self.taught, canonicalRateHz: 360)
  }

  private func settled(_ examples: [TrainingExample]) -> [TrainingExample] { examples.filter { ordinal($0) > 30 } }

  private func ordinal(_ example: TrainingExample) -> Int { Int(example.id.split(separator: ":")[3])! }

  @Test("each person gets as many beats of each rhythm, with ids of their own; the seed decides them")
  func amount() {
    let all = SimulatedRhythms().examples(from: Self.taught, canonicalRateHz: 360)
    #expect(all.count == 2 * 3 * 300 && Set(all.map(\.id)).count == all.count)
    #expect(Set(all.map(\.group)) == ["person-0", "person-1"])
    #expect(examples(.atrialRuns).map(\.features) == examples(.atrialRuns).map(\.features))
    #expect(examples(.atrialRuns).map(\.features) != examples(.atrialRuns, seed: 2).map(\.features))
  }

  @Test("images, labels and weights are those of real beats; of class N the person's own")
  func beats() {
    for rhythm in SimulatedRhythms.Rhythm.allCases {
      for example in examples(rhythm) {
        let isPremature = example.label == BeatClass.S.index
        let (value, own) = (example.image.values[0], example.group == "person-1" ? Float16(2) : 0)
        #expect(isPremature ? [1, 3].contains(value) : value == own)
        #expect(example.weight == (isPremature ? 1 : 3) && example.features.templateCorrelation == 0.5)
      }
    }
  }

  @Test("in fibrillation intervals vary, P waves too, and all is class N")
  func fibrillation() {
    let found = settled(examples(.atrialFibrillation))
    #expect(found.allSatisfy { $0.label == BeatClass.N.index })
    #expect(found.allSatisfy { $0.features.variation > 0.02 && (0.299...2.501).contains($0.features.rrBefore) })
    #expect(found.contains { $0.features.rrBeforeOverMean < 0.8 })
    let likeness = found.map { Double($0.features.primaryShape.pLikeness) }
    let spread = (likeness.reduce(0) { $0 + $1 * $1 } / Double(likeness.count)).squareRoot()
    #expect((0.3...0.4).contains(spread) && found.allSatisfy { $0.features.primaryShape.qrsLikeness == 0 })
  }

  @Test("in block an interval is the usual one or twice as long, and all is class N")
  func block() {
    let found = examples(.atrioventricularBlock)
    #expect(found.allSatisfy { $0.label == BeatClass.N.index })
    for person in ["person-0", "person-1"] {
      let intervals = found.filter { $0.group == person && ordinal($0) > 0 }.map { Double($0.features.rrBefore) }
      let usual = intervals.sorted()[intervals.count / 10]
      let ratios = intervals.map { $0 / usual }
      #expect(ratios.allSatisfy { abs($0 - 1) < 0.12 || abs($0 - 2) < 0.2 })
      #expect(ratios.contains { $0 > 1.8 })
    }
  }

  @Test("in runs premature beats are of class S and hardly longer than the mean, which pauses draw up")
  func runs() {
    for seed in 1...5 as ClosedRange<UInt64> {
      let found = settled(examples(.atrialRuns, seed: seed))
      let premature = found.filter { $0.label == BeatClass.S.index }
      #expect(premature.count > 20 && found.count - premature.count > 20)
      let others = found.filter { $0.label == BeatClass.N.index }
      #expect(premature.allSatisfy { $0.features.rrBeforeOverMean < 1.05 })
      #expect(others.allSatisfy { $0.features.rrBeforeOverMean > 0.75 })
      #expect(others.contains { $0.features.rrBeforeOverMean > 1.2 })
      // A share of another's shape: between none and all.
      #expect(premature.allSatisfy { (0.2...1).contains($0.features.primaryShape.pLikeness) })
    }
  }

  @Test("nothing is made of a class that none teaches")
  func withoutClasses() {
    let normal = Self.taught.filter { $0.label == BeatClass.N.index }
    #expect(SimulatedRhythms([.atrialRuns]).examples(from: normal, canonicalRateHz: 360).isEmpty)
    let premature = Self.taught.filter { $0.label == BeatClass.S.index }
    #expect(SimulatedRhythms().examples(from: premature, canonicalRateHz: 360).isEmpty)
  }
}
