/// The directions in which examples vary most, found from the products of centred examples with one another: quick where
/// there are more features than examples.
package struct PrincipalComponents: Hashable, Sendable {
  package let means: [Double]
  /// [component][feature], unit length, by falling variance; as many as asked for and the examples span.
  package let axes: [[Double]]

  /// Variances below this share of the largest are rounding.
  private static let smallest = 1e-10

  /// - Parameters:
  ///   - table: complete and finite.
  ///   - count: largest number of components.
  /// - Throws: `ModelError` with code `invalidExamples` for values that are missing or not finite.
  package init(fitting table: FeatureTable, count: Int) throws {
    guard table.exampleCount > 0, table.values.allSatisfy(\.isFinite) else {
      throw ModelError(.invalidExamples, "principal components: a value is missing or not finite, expected none")
    }
    let (rows, width) = (table.exampleCount, table.featureCount)
    let means = (0..<width).map { table.column($0).reduce(0, +) / Double(rows) }
    var centred = table.values
    for i in centred.indices { centred[i] -= means[i % width] }
    let (values, vectors) = DenseAlgebra.eigen(
      symmetric: DenseAlgebra.products(centred, width: width), count: rows)
    let largest = values[rows - 1]
    self.means = means
    axes = (0..<rows).reversed().filter { values[$0] > largest * Self.smallest }.prefix(count).map { component in
      var axis = [Double](repeating: 0, count: width)
      for row in 0..<rows {
        let weight = vectors[component * rows + row] / values[component].squareRoot()
        for feature in 0..<width { axis[feature] += weight * centred[row * width + feature] }
      }
      return axis
    }
  }

  /// Coordinates along the axes.
  package func projected(_ table: FeatureTable) -> FeatureTable {
    precondition(table.featureCount == means.count, "a table of other features")
    return FeatureTable(
      featureCount: max(1, axes.count),
      rows: (0..<table.exampleCount).map { example in
        let row = zip(table[example], means).map { $0 - $1 }
        return axes.isEmpty ? [0] : axes.map { axis in zip(axis, row).reduce(0) { $0 + $1.0 * $1.1 } }
      })
  }
}
