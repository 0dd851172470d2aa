import Foundation

/// Draws one patient: latents, then outcome, what the clinic sees, and the ECG's recipe.
struct PatientDraw {
  let model: SubstrateModel
  let configuration: CohortSimulatorConfiguration

  // Table 1 of arXiv 2306.01210, overall column; scar's deviation is the pooled one (the 2.1 printed is a misprint).
  private static let age = TruncatedNormal(mean: 61.8, deviation: 12.6, range: 22...92)
  private static let weightKg = TruncatedNormal(mean: 67.8, deviation: 14.7, range: 38...130)
  private static let lvef = TruncatedNormal(mean: 26.9, deviation: 5.1, range: 10...34.9)
  private static let scar = TruncatedNormal(mean: 26.3, deviation: 12.1, range: 0...65)
  private static let qrs = TruncatedNormal(mean: 172, deviation: 23.4, range: 120...220)
  private static let lvedv = (mean: 286.1, deviation: 85.2)
  private static let maleShare = 56.0 / 71
  private static let lbbbShare = 57.0 / 71

  /// Slope of LBBB on electrical dyssynchrony (probit).
  private static let lbbbSlope = 0.9
  /// For equal dyssynchrony of the left ventricle another pattern is wider, in deviations: part of its width is the
  /// right ventricle's. So at equal width LBBB is the more dyssynchronous one.
  private static let otherPatternWidening = 0.5
  /// Logarithm of the LVESV ratio for each unit of the outcome score; gives a mean fall of about 24 %.
  private static let remodelling = 0.30
  /// Outcome score below which an event comes before follow-up: about 3 % of patients, all non-responders.
  private static let eventScore = -1.9

  func patient(
    id: String, seed: UInt64, using generator: inout SeededGenerator
  ) -> SimulatedPatient {
    let dyssynchrony = generator.gaussian()
    let scar = generator.gaussian()
    let reserve = generator.gaussian()
    let rest = generator.gaussian()
    let substrateScore =
      model.dyssynchronyWeight * dyssynchrony - model.scarWeight * scar + model.reserveWeight * reserve
      + model.restWeight * rest
    let independentScore = generator.gaussian()
    let score = model.link == .nullOutcome ? independentScore : substrateScore

    let shownDyssynchrony = blend(SubstrateModel.electricalExpression, dyssynchrony, &generator)
    let shownScar = blend(SubstrateModel.scarExpression, scar, &generator)
    let nuisance = (generator.gaussian(), generator.gaussian())
    let electrical = model.link == .nuisanceOnlyECG ? nuisance : (shownDyssynchrony, shownScar)
    let latents = SimulatedPatient.Latents(
      dyssynchrony: dyssynchrony, scar: scar, reserve: reserve, electricalDyssynchrony: electrical.0,
      electricalScar: electrical.1)

    let recipe = recipe(for: latents, seed: seed, using: &generator)
    let sex: SimulatedPatient.Sex = generator.uniform() < Self.maleShare ? .male : .female
    let age = Self.age.value(at: generator.gaussian()).rounded()
    let baselines = baselines(latents, recipe, sex, using: &generator)
    let outcome = outcome(score: score, lvesvMl: baselines.lvesvMl, using: &generator)
    return SimulatedPatient(
      id: id, ageYears: age, sex: sex, baselines: baselines, outcome: outcome, latents: latents, recipe: recipe)
  }

  private func baselines(
    _ latents: SimulatedPatient.Latents, _ recipe: ElectrocardiogramRecipe, _ sex: SimulatedPatient.Sex,
    using generator: inout SeededGenerator
  ) -> SimulatedPatient.Baselines {
    let scarScore = blend(SubstrateModel.scarImaging, latents.scar, &generator)
    let ef = SubstrateModel.lvef
    let efRest = (1 - ef.reserve * ef.reserve - ef.scar * ef.scar).squareRoot()
    let efScore = ef.reserve * latents.reserve + ef.scar * latents.scar + efRest * generator.gaussian()
    let ed = SubstrateModel.lvedv
    let edShown = ed.lvef * efScore + ed.reserve * latents.reserve + ed.scar * latents.scar
    let edVariance =
      ed.lvef * ed.lvef + ed.reserve * ed.reserve + ed.scar * ed.scar
      + 2 * ed.lvef * (ed.reserve * ef.reserve + ed.scar * ef.scar)
    let edScore = edShown + (1 - edVariance).squareRoot() * generator.gaussian()

    let logVariance = log(1 + pow(Self.lvedv.deviation / Self.lvedv.mean, 2))
    let logMean = log(Self.lvedv.mean) - logVariance / 2
    let lvedv = tenths(exp(logMean + logVariance.squareRoot() * edScore))
    let lvesv = tenths(lvedv * (1 - Self.lvef.value(at: efScore) / 100))

    // Aetiology and class depend on what imaging shows already and add nothing to it: the ceiling stays exact.
    let ischaemic = blend(0.6, scarScore, &generator) > 0.13
    let symptoms = blend(0.4, -efScore, &generator)
    let reading = (recipe.qrsDurationMs + 3 * generator.gaussian()).rounded()
    let height = (sex == .male ? 169.2 : 159.3) + 5.9 * generator.gaussian()
    var factors: Set<SimulatedPatient.ClinicalFactor> = []
    for factor in SimulatedPatient.ClinicalFactor.allCases where generator.uniform() < factor.share {
      factors.insert(factor)
    }
    return SimulatedPatient.Baselines(
      heightCm: height.rounded(), weightKg: Self.weightKg.value(at: generator.gaussian()).rounded(),
      nyha: symptoms < -0.4 ? 2 : symptoms < 1.4 ? 3 : 4, ischaemic: ischaemic,
      lvefPercent: 100 * (lvedv - lvesv) / lvedv, lvedvMl: lvedv, lvesvMl: lvesv,
      scarPercent: tenths(Self.scar.value(at: scarScore)), qrsDurationMs: max(120, reading),
      lbbb: recipe.pattern == .leftBundleBranchBlock, rhythm: recipe.rhythm, factors: factors)
  }

  private func outcome(
    score: Double, lvesvMl: Double, using generator: inout SeededGenerator
  ) -> SimulatedPatient.Outcome {
    let months = min(max(6 + 0.7 * generator.gaussian(), 4), 9)
    let eventMonths = 0.5 + 5 * generator.uniform()
    let eventKind = generator.uniform()
    if score < Self.eventScore {
      return SimulatedPatient.Outcome(
        lvesvAfterMl: nil, followupMonths: tenths(eventMonths),
        event: eventKind < 0.7 ? .death : eventKind < 0.85 ? .transplant : .leftVentricularAssistDevice)
    }
    // A fall of exactly 15 % at the threshold of the score, so that L > −t and response are the same event.
    let threshold = 1 - CohortSimulatorConfiguration.responseThresholdPercent / 100
    let ratio = threshold * exp(-Self.remodelling * (score + model.offset))
    return SimulatedPatient.Outcome(
      lvesvAfterMl: tenths(lvesvMl * ratio), followupMonths: tenths(months), event: nil)
  }

  private func recipe(
    for latents: SimulatedPatient.Latents, seed: UInt64, using generator: inout SeededGenerator
  ) -> ElectrocardiogramRecipe {
    let e = latents.electricalDyssynchrony
    let slope = Self.lbbbSlope
    let cut = StandardNormal.quantile(Self.lbbbShare)
    let intercept = cut * (1 + slope * slope).squareRoot()
    let lbbb = generator.uniform() < StandardNormal.cumulative(intercept + slope * e)
    let other: ActivationPattern = generator.uniform() < 0.5 ? .rightBundleBranchBlock : .intraventricularDelay

    // E + widening·[not LBBB], standardised: Cov(E, not LBBB) = −slope/√(1 + slope²)·φ(cut).
    let wide = Self.otherPatternWidening
    let share = 1 - Self.lbbbShare
    let covariance = -slope / (1 + slope * slope).squareRoot() * StandardNormal.density(cut)
    let variance = 1 + wide * wide * share * (1 - share) + 2 * wide * covariance
    let width = (e + wide * ((lbbb ? 0 : 1) - share)) / variance.squareRoot()

    let fibrillates = generator.uniform() < configuration.atrialFibrillationShare
    let rate = (fibrillates ? 84 : 71) + 11 * generator.gaussian()
    let noise = configuration.noiseScale
    return ElectrocardiogramRecipe(
      seed: seed &+ 1, pattern: lbbb ? .leftBundleBranchBlock : other, qrsDurationMs: Self.qrs.value(at: width),
      lateForceGain: min(max(1 + 0.1 * e, 0.75), 1.25),
      scarExpression: StandardNormal.cumulative(latents.electricalScar),
      scarWall: Self.scarWalls[Int(generator.uniform() * Double(Self.scarWalls.count))],
      rhythm: fibrillates ? .atrialFibrillation : .sinus, heartRateBPM: min(max(rate, 48), 115),
      prIntervalMs: min(max(178 + 22 * generator.gaussian(), 130), 240),
      gain: min(max(exp(0.18 * generator.gaussian()), 0.7), 1.4),
      frontalRotationDegrees: bounded(14 * generator.gaussian(), 35),
      transverseRotationDegrees: bounded(8 * generator.gaussian(), 20),
      chestElectrodeShift: bounded(0.12 * generator.gaussian(), 0.3),
      noiseMillivolts: noise * 0.008 * exp(bounded(0.4 * generator.gaussian(), 0.8)),
      wanderMillivolts: noise * 0.06 * exp(bounded(0.5 * generator.gaussian(), 1)),
      mainsMillivolts: noise * 0.004 * generator.uniform(),
      ectopicShare: min(-0.015 * log(1 - generator.uniform()), 0.1))
  }

  private static let scarWalls: [ElectrocardiogramRecipe.Vector] = [
    .init(x: 0.30, y: 0.10, z: -0.95), .init(x: 0.95, y: 0.10, z: 0.30), .init(x: 0.10, y: 0.95, z: 0.30),
    .init(x: 0.60, y: -0.20, z: 0.77),
  ]

  /// A unit-variance score with correlation `weight` to `score`.
  private func blend(_ weight: Double, _ score: Double, _ generator: inout SeededGenerator) -> Double {
    weight * score + (1 - weight * weight).squareRoot() * generator.gaussian()
  }

  private func tenths(_ value: Double) -> Double { (value * 10).rounded() / 10 }
  private func bounded(_ value: Double, _ limit: Double) -> Double { min(max(value, -limit), limit) }
}
