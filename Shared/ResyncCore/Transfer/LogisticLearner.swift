/// Logistic regression with a ridge penalty; median imputation, components and scaling come from the training patients.
package struct LogisticLearner: TransferLearner {
  /// One row a patient of the task.
  package let table: FeatureTable
  /// Principal components to which the features are reduced first; nil: none.
  package let components: Int?
  /// The grid: C, ascending.
  package let inversePenalties: [Double]

  package init(table: FeatureTable, components: Int? = nil, inversePenalties: [Double]) {
    self.table = table
    self.components = components
    self.inversePenalties = inversePenalties
  }

  package var grid: [String] { inversePenalties.map { "C \($0)" } }

  package func scores(
    training patients: [Int], labels: [Bool], scored: [Int], points: [Int], seed: UInt64
  ) throws -> [[Double]] {
    var (known, new) = (table.selecting(patients), table.selecting(scored))
    if let components {
      let axes = try PrincipalComponents(fitting: known, count: components)
      (known, new) = (axes.projected(known), axes.projected(new))
    }
    let preparation = FeaturePreparation(fitting: known)
    (known, new) = (preparation.prepared(known), preparation.prepared(new))
    return try points.map {
      try LogisticRegression(fitting: known, labels: labels, inversePenalty: inversePenalties[$0]).scores(new)
    }
  }
}
