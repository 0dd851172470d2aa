/// A random forest (Breiman, Machine Learning 45:5, 2001): trees on bootstrap samples, a few features drawn for each split,
/// the mean of the leaves' shares.
public struct RandomForest: BinaryScorer, Hashable, Sendable {
  public struct Configuration: Codable, Hashable, Sendable {
    public var trees: Int
    public var tree: DecisionTree.Configuration
    public var seed: UInt64

    /// Without `featuresPerSplit` the root of the number of features is drawn.
    public init(trees: Int = 500, tree: DecisionTree.Configuration = .init(), seed: UInt64 = 0) {
      self.trees = trees
      self.tree = tree
      self.seed = seed
    }
  }

  private let trees: [DecisionTree]

  /// - Throws: `ModelError`: `invalidExamples`, `invalidConfiguration`.
  public init(fitting table: FeatureTable, labels: [Bool], configuration: Configuration = .init()) throws {
    try checkExamples(table, labels)
    guard (1...10_000).contains(configuration.trees) else {
      throw ModelError(.invalidConfiguration, "trees is \(configuration.trees), expected 1 to 10000")
    }
    var tree = configuration.tree
    tree.featuresPerSplit = tree.featuresPerSplit ?? max(1, Int(Double(table.featureCount).squareRoot()))
    var generator = SeededGenerator(seed: configuration.seed)
    trees = try (0..<configuration.trees).map { _ in
      let drawn = labels.indices.map { _ in Int.random(in: labels.indices, using: &generator) }
      return try DecisionTree(
        fitting: table, labels: labels, examples: drawn, configuration: tree, generator: &generator)
    }
  }

  /// Mean share of "yes".
  public func score(_ example: ArraySlice<Double>) -> Double {
    trees.reduce(0) { $0 + $1.score(example) } / Double(trees.count)
  }
}
