import Foundation
import ResyncCore
import Testing

@Suite("Simulation: the substrate model")
struct SimulationModelTests {
  private static let free = CohortSimulator(seed: 20_230_601).cohort(size: 20_000)

  @Test("the normal quantile inverts the distribution function into the far tails")
  func quantile() {
    for z in stride(from: -7.5, through: 5, by: 0.25) {
      #expect(abs(StandardNormal.quantile(StandardNormal.cumulative(z)) - z) < 1e-8, "z = \(z)")
    }
    #expect(abs(StandardNormal.quantile(0.975) - 1.959963984540054) < 1e-12)
  }

  @Test("a truncated normal keeps the moments asked and stays in its range")
  func truncation() {
    for (mean, deviation, range) in [(26.9, 5.1, 10.0...34.9), (172.0, 23.4, 120.0...220.0), (26.3, 12.1, 0.0...65.0)] {
      let truncated = TruncatedNormal(mean: mean, deviation: deviation, range: range)
      // Midpoint quadrature over ranks, independent of the closed form that the solver used.
      let values = (0..<20_000).map { truncated.value(at: StandardNormal.quantile((Double($0) + 0.5) / 20_000)) }
      let moments = simulationMoments(values)
      #expect(abs(moments.mean - mean) < 0.01)
      #expect(abs(moments.deviation - deviation) < 0.01)
      #expect(values.allSatisfy(range.contains))
      #expect(range.contains(truncated.value(at: 40)) && range.contains(truncated.value(at: -40)))
    }
  }

  @Test("the ceiling is the AUC and accuracy that the Bayes score reaches", arguments: [0.5, 0.6, 0.7, 0.85])
  func ceiling(asked: Double) throws {
    let simulator = CohortSimulator(seed: 5, configuration: try .init(ecgOnlyAUC: asked))
    #expect(abs(simulator.ceilingAUC - asked) < 1e-9)
    let cohort = simulator.cohort(size: 20_000)
    let responded = cohort.map(\.responded)
    let scores = cohort.map(simulator.bayesProbability)
    // Four standard errors of an AUC at n = 20,000.
    #expect(abs(simulationAUC(scores, responded) - asked) < 0.016)
    let right = zip(scores, responded).count { ($0 >= 0.5) == $1 }
    #expect(abs(Double(right) / 20_000 - simulator.ecgOnlyCeiling.accuracy) < 0.014)
    let calibration = zip(scores, responded).reduce(0) { $0 + $1.0 - ($1.1 ? 1 : 0) } / 20_000
    #expect(abs(calibration) < 0.014)
  }

  @Test("clinical variables raise the ceiling to what their linear score reaches")
  func clinicalCeiling() {
    let simulator = CohortSimulator(seed: 1)
    let expected = simulator.ecgAndClinicalCeiling
    #expect(expected.auc > simulator.ceilingAUC + 0.03)
    // Least squares on the observed variables themselves: a lower bound that comes close.
    let cohort = Self.free
    let columns: [[Double]] = [
      cohort.map(\.latents.electricalDyssynchrony), cohort.map(\.latents.electricalScar),
      cohort.map(\.baselines.scarPercent), cohort.map(\.baselines.lvefPercent),
      cohort.map { log($0.baselines.lvedvMl) },
    ].map { column in
      let moments = simulationMoments(column)
      return column.map { ($0 - moments.mean) / moments.deviation }
    }
    let labels = cohort.map { $0.responded ? 1.0 : 0.0 }
    var weights = [Double](repeating: 0, count: 5)
    let share = labels.reduce(0, +) / Double(labels.count)
    for _ in 0..<400 {
      let errors = labels.indices.map { row in
        labels[row] - share - zip(weights, columns).reduce(0) { $0 + $1.0 * $1.1[row] }
      }
      for index in weights.indices {
        weights[index] += 0.5 * zip(errors, columns[index]).reduce(0) { $0 + $1.0 * $1.1 } / Double(labels.count)
      }
    }
    let scores = labels.indices.map { row in zip(weights, columns).reduce(0) { $0 + $1.0 * $1.1[row] } }
    #expect(abs(simulationAUC(scores, cohort.map(\.responded)) - expected.auc) < 0.018)
  }

  @Test("in a null cohort nothing tells the outcome")
  func nullCohort() throws {
    let simulator = CohortSimulator(seed: 9, configuration: try .init(link: .nullOutcome))
    #expect(abs(simulator.ceilingAUC - 0.5) < 1e-12)
    #expect(abs(simulator.ecgAndClinicalCeiling.auc - 0.5) < 1e-12)
    let cohort = simulator.cohort(size: 20_000)
    let responded = cohort.map(\.responded)
    let readings: [KeyPath<SimulatedPatient, Double>] = [
      \.baselines.qrsDurationMs, \.baselines.lvefPercent, \.baselines.lvesvMl, \.baselines.scarPercent,
      \.latents.dyssynchrony, \.latents.reserve, \.recipe.scarExpression, \.recipe.gain, \.ageYears,
    ]
    for reading in readings {
      #expect(abs(simulationAUC(cohort.map { $0[keyPath: reading] }, responded) - 0.5) < 0.017, "\(reading)")
    }
    #expect(abs(Double(responded.count(where: \.self)) / 20_000 - 46.0 / 71) < 0.014)
  }

  @Test("in a nuisance-only cohort the ECG tells nothing while the clinic still does")
  func nuisanceOnly() throws {
    let simulator = CohortSimulator(seed: 10, configuration: try .init(link: .nuisanceOnlyECG))
    #expect(abs(simulator.ceilingAUC - 0.5) < 1e-12)
    #expect(simulator.ecgAndClinicalCeiling.auc > 0.6)
    let cohort = simulator.cohort(size: 20_000)
    let responded = cohort.map(\.responded)
    for reading in [\SimulatedPatient.recipe.qrsDurationMs, \.recipe.scarExpression, \.recipe.lateForceGain] {
      #expect(abs(simulationAUC(cohort.map { $0[keyPath: reading] }, responded) - 0.5) < 0.017)
    }
    #expect(simulationAUC(cohort.map { -$0.baselines.scarPercent }, responded) > 0.6)
  }

  @Test("a free cohort has the overall moments of the paper's Table 1")
  func tableOne() {
    let cohort = Self.free
    let expected: [(String, KeyPath<SimulatedPatient, Double>, Double, Double)] = [
      ("age", \.ageYears, 61.8, 12.6), ("LVEF", \.baselines.lvefPercent, 26.9, 5.1),
      ("LVEDV", \.baselines.lvedvMl, 286.1, 85.2), ("LVESV", \.baselines.lvesvMl, 211.4, 74.5),
      ("QRS", \.baselines.qrsDurationMs, 172, 23.4), ("scar", \.baselines.scarPercent, 26.3, 12.1),
      ("height", \.baselines.heightCm, 167.1, 7.1), ("weight", \.baselines.weightKg, 67.8, 14.7),
    ]
    for (name, path, mean, deviation) in expected {
      let moments = simulationMoments(cohort.map { $0[keyPath: path] })
      #expect(abs(moments.mean - mean) < 0.03 * deviation + 0.3, "\(name) \(moments)")
      #expect(abs(moments.deviation / deviation - 1) < 0.03, "\(name) \(moments)")
    }
    func share(_ condition: (SimulatedPatient) -> Bool) -> Double { Double(cohort.count(where: condition)) / 20_000 }
    #expect(abs(share(\.responded) - 46.0 / 71) < 0.014)
    #expect(abs(share(\.baselines.lbbb) - 57.0 / 71) < 0.012)
    #expect(abs(share { $0.sex == .male } - 56.0 / 71) < 0.012)
    #expect(abs(share { $0.baselines.factors.contains(.diabetes) } - 15.0 / 71) < 0.012)
    #expect(abs(share { $0.baselines.rhythm == .atrialFibrillation } - 0.08) < 0.008)
  }

  @Test("every patient meets the inclusion limits and the definitions of LVEF and response")
  func consistency() {
    for patient in Self.free {
      let b = patient.baselines
      #expect(abs(b.lvefPercent - 100 * (b.lvedvMl - b.lvesvMl) / b.lvedvMl) < 1e-9)
      #expect(b.lvefPercent <= 35.1 && b.qrsDurationMs >= 120 && (2...4).contains(b.nyha))
      #expect((120...220).contains(patient.recipe.qrsDurationMs))
      #expect(b.lbbb == (patient.recipe.pattern == .leftBundleBranchBlock))
      #expect((patient.outcome.event == nil) == (patient.outcome.lvesvAfterMl != nil))
      if let after = patient.outcome.lvesvAfterMl {
        #expect(patient.responded == ((b.lvesvMl - after) / b.lvesvMl > 0.15))
      } else {
        #expect(!patient.responded && patient.outcome.followupMonths < 6)
      }
      #expect(patient.id.hasPrefix("SYN-") && patient.isSynthetic)
    }
  }

  @Test("LBBB, wide QRS and little scar go with response, as in the paper")
  func directions() {
    let responded = Self.free.map(\.responded)
    #expect(simulationAUC(Self.free.map { $0.baselines.lbbb ? 1 : 0 }, responded) > 0.54)
    #expect(simulationAUC(Self.free.map(\.baselines.qrsDurationMs), responded) > 0.6)
    #expect(simulationAUC(Self.free.map(\.baselines.scarPercent), responded) < 0.42)
    #expect(simulationAUC(Self.free.map(\.baselines.lvefPercent), responded) > 0.55)
  }
}
