/// A classification tree (CART, Breiman et al. 1984): splits of largest decrease in Gini impurity.
public struct DecisionTree: BinaryScorer, Hashable, Sendable {
  public struct Configuration: Codable, Hashable, Sendable {
    /// Splits on the way to a leaf; nil for no limit.
    public var maximumDepth: Int?
    public var leastLeafExamples: Int
    /// Features drawn for each split; nil for all.
    public var featuresPerSplit: Int?

    public init(maximumDepth: Int? = nil, leastLeafExamples: Int = 1, featuresPerSplit: Int? = nil) {
      self.maximumDepth = maximumDepth
      self.leastLeafExamples = leastLeafExamples
      self.featuresPerSplit = featuresPerSplit
    }
  }

  private enum Node: Hashable, Sendable {
    /// Share of "yes" among the leaf's examples.
    case leaf(Double)
    /// To `below` when the feature is at most the threshold, else to `above`; both are places in `nodes`.
    case split(feature: Int, threshold: Double, below: Int, above: Int)
  }

  private var nodes: [Node] = []

  /// - Parameter examples: which of the table, with repeats; all when nil.
  /// - Throws: `ModelError` with code `invalidExamples`.
  public init(
    fitting table: FeatureTable, labels: [Bool], examples: [Int]? = nil, configuration: Configuration = .init(),
    generator: inout SeededGenerator
  ) throws {
    try checkExamples(table, labels)
    _ = grow(
      table, labels, examples ?? Array(labels.indices), depth: 0, configuration: configuration, generator: &generator)
  }

  /// Share of "yes" in the leaf that the example falls into.
  public func score(_ example: ArraySlice<Double>) -> Double {
    var place = 0
    while true {
      switch nodes[place] {
      case .leaf(let share): return share
      case .split(let feature, let threshold, let below, let above):
        place = example[example.startIndex + feature] <= threshold ? below : above
      }
    }
  }

  private mutating func grow(
    _ table: FeatureTable, _ labels: [Bool], _ examples: [Int], depth: Int, configuration: Configuration,
    generator: inout SeededGenerator
  ) -> Int {
    let place = nodes.count
    let positives = examples.count { labels[$0] }
    nodes.append(.leaf(Double(positives) / Double(examples.count)))
    guard positives > 0, positives < examples.count, depth < configuration.maximumDepth ?? .max,
      let split = bestSplit(table, labels, examples, configuration, &generator)
    else { return place }
    let isBelow = { table[$0][table[$0].startIndex + split.feature] <= split.threshold }
    let below = grow(
      table, labels, examples.filter(isBelow), depth: depth + 1, configuration: configuration, generator: &generator)
    let above = grow(
      table, labels, examples.filter { !isBelow($0) }, depth: depth + 1, configuration: configuration,
      generator: &generator)
    nodes[place] = .split(feature: split.feature, threshold: split.threshold, below: below, above: above)
    return place
  }

  /// Nil when no drawn feature separates the examples. Features that do not vary are drawn over.
  private func bestSplit(
    _ table: FeatureTable, _ labels: [Bool], _ examples: [Int], _ configuration: Configuration,
    _ generator: inout SeededGenerator
  ) -> (feature: Int, threshold: Double)? {
    let all = Array(0..<table.featureCount)
    let wanted = configuration.featuresPerSplit ?? all.count
    let order = wanted < all.count ? all.shuffled(using: &generator) : all
    var best: (feature: Int, threshold: Double)?
    var (largest, tried) = (-Double.infinity, 0)
    for feature in order where tried < wanted {
      let sorted = examples.map { (value: table.values[$0 * table.featureCount + feature], label: labels[$0]) }
        .sorted { $0.value < $1.value }
      guard sorted[0].value < sorted[sorted.count - 1].value else { continue }
      tried += 1
      let total = sorted.count { $0.label }
      var positives = 0
      for below in 1..<sorted.count {
        positives += sorted[below - 1].label ? 1 : 0
        let above = sorted.count - below
        guard sorted[below].value > sorted[below - 1].value, min(below, above) >= configuration.leastLeafExamples else {
          continue
        }
        // Largest sum of squares over size is smallest impurity.
        let purity =
          squares(positives, of: below) + squares(total - positives, of: above)
        if purity > largest {
          let middle = sorted[below - 1].value / 2 + sorted[below].value / 2
          // The middle of neighbouring numbers may round up to the upper one.
          (largest, best) = (purity, (feature, middle < sorted[below].value ? middle : sorted[below - 1].value))
        }
      }
    }
    return best
  }

  private func squares(_ positives: Int, of count: Int) -> Double {
    let (p, n) = (Double(positives), Double(count - positives))
    return (p * p + n * n) / Double(count)
  }
}
