/// Examples by features, row-major [example, feature]. NaN is a missing value.
public struct FeatureTable: Hashable, Sendable {
  public let featureCount: Int
  public private(set) var values: [Double]

  public var exampleCount: Int { values.count / featureCount }

  /// - Parameter rows: one array of `featureCount` values for each example.
  public init(featureCount: Int, rows: [[Double]]) {
    precondition(featureCount > 0, "a table needs features")
    precondition(rows.allSatisfy { $0.count == featureCount }, "rows of unequal length")
    self.featureCount = featureCount
    values = rows.flatMap { $0 }
  }

  public subscript(example: Int) -> ArraySlice<Double> {
    values[example * featureCount..<(example + 1) * featureCount]
  }

  public func column(_ feature: Int) -> [Double] {
    stride(from: feature, to: values.count, by: featureCount).map { values[$0] }
  }

  /// The chosen examples, in the given order.
  public func selecting(_ examples: [Int]) -> FeatureTable {
    FeatureTable(featureCount: featureCount, rows: examples.map { Array(self[$0]) })
  }
}

/// Fills missing values with the median and gives every feature mean 0 and standard deviation 1, all of the examples that
/// it was fitted to: the training part of a fold, never more.
public struct FeaturePreparation: Hashable, Sendable {
  public let medians: [Double]
  public let means: [Double]
  /// Of the population; 1 where a feature does not vary.
  public let deviations: [Double]

  public init(fitting table: FeatureTable) {
    var (medians, means, deviations): ([Double], [Double], [Double]) = ([], [], [])
    for feature in 0..<table.featureCount {
      let column = table.column(feature)
      let known = column.filter { !$0.isNaN }
      let median = known.isEmpty ? 0 : known.median
      let filled = column.map { $0.isNaN ? median : $0 }
      let count = Double(max(1, filled.count))
      let mean = filled.reduce(0, +) / count
      let variance = filled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      medians.append(median)
      means.append(mean)
      deviations.append(variance > 0 ? variance.squareRoot() : 1)
    }
    (self.medians, self.means, self.deviations) = (medians, means, deviations)
  }

  public func prepared(_ table: FeatureTable) -> FeatureTable {
    precondition(table.featureCount == means.count, "a table of other features")
    return FeatureTable(
      featureCount: table.featureCount,
      rows: (0..<table.exampleCount).map { example in
        table[example].enumerated().map { feature, value in
          ((value.isNaN ? medians[feature] : value) - means[feature]) / deviations[feature]
        }
      })
  }
}

/// A fitted model that orders examples: the higher the score, the more a "yes".
public protocol BinaryScorer: Sendable {
  func score(_ example: ArraySlice<Double>) -> Double
}

extension BinaryScorer {
  public func scores(_ table: FeatureTable) -> [Double] { (0..<table.exampleCount).map { score(table[$0]) } }
}

/// - Throws: `ModelError` with code `invalidExamples` unless there are as many labels as examples, both labels occur and
///   every value is finite.
func checkExamples(_ table: FeatureTable, _ labels: [Bool]) throws {
  let positives = labels.count { $0 }
  guard labels.count == table.exampleCount, positives > 0, positives < labels.count else {
    throw ModelError(
      .invalidExamples,
      "\(table.exampleCount) examples and \(labels.count) labels, \(positives) of them yes; expected one each, some of both"
    )
  }
  guard table.values.allSatisfy(\.isFinite) else {
    throw ModelError(.invalidExamples, "a feature is missing or not finite; prepare the table first")
  }
}
