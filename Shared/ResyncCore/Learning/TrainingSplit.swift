/// Which examples train and which are held out, whole groups at a time; decided by the groups' names, the labels and the
/// seed, never by the order of arrival.
package struct TrainingSplit: Hashable, Sendable {
  /// Indices of examples, ascending.
  package let training: [Int]
  package let validation: [Int]

  private static let draws = 256

  /// - Parameters:
  ///   - examples: ordered by id.
  ///   - share: of the groups to hold out; 0, or fewer than two groups, holds out nothing.
  package init(_ examples: [TrainingExample], share: Double, seed: UInt64) {
    let groups = Dictionary(grouping: examples.indices) { examples[$0].group }.sorted { $0.key < $1.key }.map(\.value)
    var generator = SeededGenerator(seed: seed)
    var held: Set<Int> = []
    if share > 0, groups.count > 1 {
      let labels = groups.map { Set($0.map { examples[$0].label }) }
      if labels.allSatisfy({ $0.count == 1 }) {
        held = Self.stratified(labels.map { $0.first! }, share, &generator)
      } else {
        held = Self.mostAlike(groups.map { $0.map { examples[$0].label } }, share, &generator)
      }
    }
    training = groups.indices.filter { !held.contains($0) }.flatMap { groups[$0] }.sorted()
    validation = groups.indices.filter { held.contains($0) }.flatMap { groups[$0] }.sorted()
  }

  /// The share of each label's groups, rounded; a label of two or more groups is on both sides.
  private static func stratified(
    _ labelOfGroup: [Int], _ share: Double, _ generator: inout SeededGenerator
  ) -> Set<Int> {
    var held: Set<Int> = []
    for label in Set(labelOfGroup).sorted() {
      let members = labelOfGroup.indices.filter { labelOfGroup[$0] == label }.shuffled(using: &generator)
      guard members.count > 1 else { continue }
      held.formUnion(members.prefix(count(members.count, share)))
    }
    return held
  }

  private static func count(_ groups: Int, _ share: Double) -> Int {
    min(groups - 1, max(1, Int((Double(groups) * share).rounded())))
  }

  /// Of many random draws of groups the one whose part of every label comes nearest to the share: a rare label must not
  /// fall wholly on one side.
  private static func mostAlike(
    _ labelsOfGroup: [[Int]], _ share: Double, _ generator: inout SeededGenerator
  ) -> Set<Int> {
    let classes = (labelsOfGroup.joined().max() ?? 0) + 1
    let counts = labelsOfGroup.map { labels in
      labels.reduce(into: [Double](repeating: 0, count: classes)) { $0[$1] += 1 }
    }
    let totals = (0..<classes).map { label in counts.reduce(0) { $0 + $1[label] } }
    let wanted = count(labelsOfGroup.count, share)
    var best: (deviation: Double, groups: [Int]) = (.infinity, [])
    for _ in 0..<draws {
      let drawn = labelsOfGroup.indices.shuffled(using: &generator).prefix(wanted)
      var deviation = 0.0
      for label in 0..<classes where totals[label] > 0 {
        deviation += abs(drawn.reduce(0) { $0 + counts[$1][label] } / totals[label] - share)
      }
      if deviation < best.deviation { best = (deviation, Array(drawn)) }
    }
    return Set(best.groups)
  }
}

/// What an example weighs in the loss: mean 1 over the training part.
package enum SampleWeights {
  /// - Returns: one weight for each of `indices`.
  package static func make(
    _ examples: [TrainingExample], _ indices: [Int], specification: TrainingSpecification
  ) -> [Float] {
    var weights = base(examples, indices, task: specification.task)
    let classes = specification.task.classNames.count
    var perClass = [Double](repeating: 0, count: classes)
    for (i, weight) in zip(indices, weights) { perClass[examples[i].label] += weight }
    let factors = perClass.map { specification.classWeighting.factor(total: $0) }
    weights = zip(indices, weights).map { factors[examples[$0].label] * $1 }
    let mean = weights.reduce(0, +) / Double(max(1, weights.count))
    return weights.map { Float($0 / mean) }
  }

  /// Before class weighting. A response is a patient's, so all beats of a patient together weigh 1.
  package static func base(_ examples: [TrainingExample], _ indices: [Int], task: ModelTask) -> [Double] {
    switch task {
    case .beatClass: return indices.map { Double(examples[$0].weight) }
    case .crtResponse:
      var totals: [String: Double] = [:]
      for i in indices { totals[examples[i].group, default: 0] += Double(examples[i].weight) }
      return indices.map { Double(examples[$0].weight) / totals[examples[$0].group]! }
    }
  }
}

extension ClassWeighting {
  /// - Parameter total: what all examples of the class weigh; 0 when there are none.
  fileprivate func factor(total: Double) -> Double {
    guard total > 0 else { return 0 }
    switch self {
    case .none: return 1
    case .balanced: return 1 / total
    case .sqrtBalanced: return 1 / total.squareRoot()
    }
  }
}
