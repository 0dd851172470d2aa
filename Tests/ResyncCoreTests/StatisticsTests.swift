import Foundation
import ResyncCore
import Testing

@Suite("Statistics")
struct StatisticsTests {
  private struct Calibration: Decodable {
    let scores: [Double]
    let labels: [Bool]
    let asked: [Double]
    let platt: [Double]
    let p0: [Double]
    let p1: [Double]
  }

  private struct Golden: Decodable {
    struct Proportions: Decodable {
      let counts: [[Int]]
      let statistic: Double?
      let p: Double
    }
    struct McNemar: Decodable {
      let counts: [Int]
      let p: Double
    }

    let a: [Double]
    let b: [Double]
    let welch: [Double]
    let student: [Double]
    let proportions: [Proportions]
    let mcnemar: [McNemar]
    let differences: [Double]
    let resampled: [Double]
    let first: [Double]
    let second: [Double]
    let labels: [Bool]
    let delong: [Double]
  }

  private func golden() throws -> Golden { try ClassicalFixtures.read(Golden.self, "statistics.json") }

  private func near(_ result: TestResult?, _ expected: [Double]) -> Bool {
    guard let result else { return false }
    return abs(result.statistic - expected[0]) < 1e-7 * (1 + abs(expected[0]))
      && abs(result.pValue - expected[1]) < 1e-9 + 1e-7 * expected[1]
  }

  @Test("Welch's and Student's t are SciPy's; they are none where nothing varies")
  func means() throws {
    let golden = try golden()
    #expect(near(GroupTest.welch(golden.a, golden.b), golden.welch))
    #expect(near(GroupTest.student(golden.a, golden.b), golden.student))
    #expect(GroupTest.welch([1, 1], [1, 1]) == nil && GroupTest.student([1], [2, 3]) == nil)
  }

  @Test("proportions take chi-square, and Fisher's exact test where a count is expected below 5")
  func proportions() throws {
    for golden in try golden().proportions {
      let result = try #require(GroupTest.proportions(golden.counts))
      #expect(abs(result.pValue - golden.p) < 1e-9 + 1e-7 * golden.p)
      if let statistic = golden.statistic {
        #expect(abs(result.statistic - statistic) < 1e-9 * (1 + statistic))
      } else {
        #expect(result.statistic == .infinity)
      }
    }
    #expect(GroupTest.proportions([[0, 0], [3, 4]]) == nil)
  }

  @Test(
    "the paper's p-values for proportions are Student's t on 0/1: of 46 responders and 25 non-responders",
    arguments: [
      (36, 22, 0.318), (34, 22, 0.170), (2, 3, 0.235), (6, 9, 0.024), (22, 11, 0.762), (20, 10, 0.781), (40, 24, 0.228),
      (38, 23, 0.284), (8, 6, 0.511), (40, 21, 0.737), (44, 13, 0),
    ])
  func paper(responders: Int, nonResponders: Int, pValue: Double) {
    func zeroOne(_ yes: Int, of count: Int) -> [Double] { (0..<count).map { $0 < yes ? 1 : 0 } }
    let result = GroupTest.student(zeroOne(responders, of: 46), zeroOne(nonResponders, of: 25))!
    #expect(abs(result.pValue - pValue) < 0.0006)
  }

  @Test("McNemar's exact test is the binomial one")
  func mcNemar() throws {
    for golden in try golden().mcnemar {
      let result = ModelComparison.mcNemar(onlyFirst: golden.counts[0], onlySecond: golden.counts[1])
      #expect(abs(result.pValue - golden.p) < 1e-12)
    }
    #expect(ModelComparison.mcNemar(onlyFirst: 0, onlySecond: 0).pValue == 1)
  }

  @Test("the corrected resampled t counts the overlap of training sets")
  func resampled() throws {
    let golden = try golden()
    #expect(near(ModelComparison.correctedResampledT(differences: golden.differences, folds: 5), golden.resampled))
    #expect(ModelComparison.correctedResampledT(differences: [0.1, 0.1], folds: 5) == nil)
  }

  @Test("DeLong's test agrees with the covariances of placement values")
  func deLong() throws {
    let golden = try golden()
    #expect(
      near(
        ModelComparison.deLong(first: golden.first, second: golden.second, labels: golden.labels), golden.delong))
    #expect(ModelComparison.deLong(first: golden.first, second: golden.first, labels: golden.labels) == nil)
  }

  @Test("Holm's adjustment steps down and never falls")
  func holm() {
    let adjusted = ModelComparison.holm([0.04, 0.01, 0.03, 0.5])
    #expect(zip(adjusted, [0.09, 0.04, 0.09, 0.5]).allSatisfy { abs($0 - $1) < 1e-12 })
    #expect(ModelComparison.holm([0.6, 0.7]) == [1, 1])
  }

  @Test("right probabilities have calibration slope 1, doubled log-odds one half; what no slope has, has none")
  func calibrationSlope() throws {
    // 20 patients of each probability, of whom as many respond as it says.
    let levels = [0.2, 0.5, 0.8]
    let labels = levels.flatMap { level in (0..<20).map { Double($0) < 20 * level } }
    func probabilities(_ change: (Double) -> Double) -> [Double] {
      levels.flatMap { level in
        Array(repeating: 1 / (1 + exp(-change(log(level / (1 - level))))), count: 20)
      }
    }
    func isNear(_ value: Double?, _ expected: Double) -> Bool { abs((value ?? .nan) - expected) < 1e-4 }
    func slope(_ change: (Double) -> Double) -> Double? { CalibrationSlope.slope(probabilities(change), labels) }
    #expect(isNear(slope { $0 }, 1) && isNear(slope { 2 * $0 }, 0.5))
    #expect(isNear(slope { 2 * $0 + 1 }, 0.5) && isNear(slope { -$0 }, -1))
    #expect(isNear(CalibrationSlope.inTheLarge(probabilities { $0 }, labels), 0))
    // Mean of 1 / (1 + exp(−1 − log-odds)) over the three levels.
    let predicted = (0.404610 + 0.731059 + 0.915776) / 3
    #expect(isNear(CalibrationSlope.inTheLarge(probabilities { $0 + 1 }, labels), 0.5 - predicted))
    #expect(CalibrationSlope.slope(probabilities { _ in 0.3 }, labels) == nil)
    #expect(CalibrationSlope.slope([0.1, 0.4, 0.6, 1], [false, false, true, true]) == nil)
    #expect(CalibrationSlope.slope([0.1, 0.4], [true, true]) == nil && CalibrationSlope.inTheLarge([], []) == nil)
  }

  @Test("Platt's probabilities are scikit-learn's, Venn–Abers's limits those of two isotonic fits")
  func calibration() throws {
    let golden = try ClassicalFixtures.read(Calibration.self, "calibration.json")
    let platt = try PlattScaling(scores: golden.scores, labels: golden.labels)
    let abers = try VennAbers(scores: golden.scores, labels: golden.labels)
    for (index, score) in golden.asked.enumerated() {
      #expect(abs(platt.probability(score) - golden.platt[index]) < 1e-4)
      let interval = abers.interval(score)
      #expect(abs(interval.lowerBound - golden.p0[index]) < 1e-9 && abs(interval.upperBound - golden.p1[index]) < 1e-9)
    }
    #expect(throws: ModelError.self) { try PlattScaling(scores: [1, 2], labels: [true, true]) }
    #expect(throws: ModelError.self) { try VennAbers(scores: [], labels: []) }
  }
}
