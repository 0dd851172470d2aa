import Foundation
import ResyncCore
import Testing

enum ClassicalFixtures {
  static let folder = SignalFixtures.tests.appendingPathComponent("Fixtures/classical")

  static func read<T: Decodable>(_ type: T.Type, _ name: String) throws -> T {
    try SignalFixtures.json(type, folder, name)
  }

  static func table(_ rows: [[Double]]) -> FeatureTable { FeatureTable(featureCount: rows[0].count, rows: rows) }
}

@Suite("Classical learning")
struct ClassicalTests {
  private struct Logistic: Decodable {
    let x: [[Double]]
    let y: [Bool]
    let c: Double
    let weights: [Double]
    let intercept: Double
  }

  private struct Vectors: Decodable {
    let x: [[Double]]
    let y: [Bool]
    let c: Double
    let gamma: Double
    let test: [[Double]]
    let scores: [Double]
    let vectors: Int
  }

  private struct Trees: Decodable {
    let x: [[Double]]
    let y: [Bool]
    let test: [[Double]]
    let labels: [Bool]
    let tree: [Double]
    let forest: [Double]
    let auc: Double
  }

  private func trees() throws -> Trees { try ClassicalFixtures.read(Trees.self, "trees.json") }

  @Test("logistic regression has scikit-learn's weights, also with more features than examples")
  func logistic() throws {
    for golden in try ClassicalFixtures.read([Logistic].self, "logistic.json") {
      let model = try LogisticRegression(
        fitting: ClassicalFixtures.table(golden.x), labels: golden.y, inversePenalty: golden.c)
      let worst = zip(model.weights, golden.weights).map { abs($0 - $1) }.max()!
      #expect(worst < 1e-5 && abs(model.intercept - golden.intercept) < 1e-5)
      #expect(
        abs(model.score(golden.x[0][...]) - zip(golden.weights, golden.x[0]).map(*).reduce(golden.intercept, +)) < 1e-4)
    }
  }

  @Test("support vector machines have scikit-learn's decision values and number of support vectors")
  func vectors() throws {
    for golden in try ClassicalFixtures.read([Vectors].self, "vectors.json") {
      let model = try SupportVectorMachine(
        fitting: ClassicalFixtures.table(golden.x), labels: golden.y,
        kernel: golden.gamma == 0 ? .linear : .radial(gamma: golden.gamma), cost: golden.c, tolerance: 1e-9)
      let scores = model.scores(ClassicalFixtures.table(golden.test))
      #expect(zip(scores, golden.scores).allSatisfy { abs($0 - $1) < 1e-5 })
      #expect(model.coefficients.count == golden.vectors)
      #expect(abs(model.coefficients.reduce(0, +)) < 1e-9)
      #expect(model.coefficients.allSatisfy { abs($0) <= golden.c })
    }
  }

  @Test("a tree without chance is scikit-learn's")
  func tree() throws {
    let golden = try trees()
    var generator = SeededGenerator(seed: 0)
    let tree = try DecisionTree(
      fitting: ClassicalFixtures.table(golden.x), labels: golden.y,
      configuration: .init(maximumDepth: 4, leastLeafExamples: 7), generator: &generator)
    #expect(zip(tree.scores(ClassicalFixtures.table(golden.test)), golden.tree).allSatisfy { abs($0 - $1) < 1e-8 })
  }

  @Test("a forest's probabilities are scikit-learn's but for chance; the same seed gives the same forest")
  func forest() throws {
    let golden = try trees()
    let table = ClassicalFixtures.table(golden.x)
    let forest = try RandomForest(fitting: table, labels: golden.y)
    let scores = forest.scores(ClassicalFixtures.table(golden.test))
    let differences = zip(scores, golden.forest).map { abs($0 - $1) }
    // A share of 500 trees has a standard error of at most .022.
    #expect(differences.reduce(0, +) / Double(differences.count) < 0.02)
    #expect(differences.max()! < 0.09)
    #expect(abs(try ROCCurve(scores: scores, labels: golden.labels).auc - golden.auc) < 0.02)
    let again = try RandomForest(fitting: table, labels: golden.y)
    #expect(forest == again)
    let other = try RandomForest(fitting: table, labels: golden.y, configuration: .init(seed: 1))
    #expect(forest != other)
  }

  @Test("preparation knows its own examples only: medians fill, constant features stay 0")
  func preparation() {
    let fitted = FeaturePreparation(
      fitting: FeatureTable(featureCount: 3, rows: [[1, 5, .nan], [.nan, 5, .nan], [3, 5, .nan], [8, 5, .nan]]))
    #expect(fitted.medians == [3, 5, 0])
    let prepared = fitted.prepared(FeatureTable(featureCount: 3, rows: [[.nan, 5, 2], [3.75, 6, .nan]]))
    #expect(abs(prepared[0][0] - (3 - 3.75) / fitted.deviations[0]) < 1e-12)
    #expect(Array(prepared[1]) == [0, 1, 0])
    #expect(prepared[0][2 + prepared[0].startIndex] == 2)
  }

  @Test("one label only, missing values, and settings out of range are refused")
  func refusals() {
    let table = FeatureTable(featureCount: 1, rows: [[0], [1], [2]])
    let missing = FeatureTable(featureCount: 1, rows: [[0], [.nan], [2]])
    let mixed = [true, false, true]
    for (examples, labels) in [(table, [true, true, true]), (missing, mixed), (table, [true, false])] {
      #expect(throws: ModelError.self) { try LogisticRegression(fitting: examples, labels: labels) }
      #expect(throws: ModelError.self) {
        try SupportVectorMachine(fitting: examples, labels: labels, kernel: .linear)
      }
      #expect(throws: ModelError.self) { try RandomForest(fitting: examples, labels: labels) }
    }
    #expect(throws: ModelError.self) { try LogisticRegression(fitting: table, labels: mixed, inversePenalty: 0) }
    #expect(throws: ModelError.self) {
      try SupportVectorMachine(fitting: table, labels: mixed, kernel: .linear, cost: -1)
    }
    #expect(throws: ModelError.self) {
      try RandomForest(fitting: table, labels: mixed, configuration: .init(trees: 0))
    }
  }
}
