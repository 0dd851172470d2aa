import Foundation

/// Draws cohorts of synthetic CRT patients whose ECG and outcome share a latent substrate.
///
/// Overall moments follow Table 1 of arXiv 2306.01210 (LVEF 26.9 ± 5.1 %, LVEDV 286 ± 85 mL, QRS 172 ± 23 ms, LBBB 80 %,
/// age 61.8 ± 12.6, 79 % men, scar 26.3 ± 12.1 %), inclusion limits included; differences between responders and
/// non-responders follow from the substrate and the configured ECG-only AUC, not from that table. The same seed gives
/// the same cohort.
public struct CohortSimulator: Sendable {
  public let seed: UInt64
  public let configuration: CohortSimulatorConfiguration
  /// The best that any reader of the ECG alone can do.
  public let ecgOnlyCeiling: SimulationCeiling
  /// The best with LVEF, LVEDV and scar imaging as well.
  public let ecgAndClinicalCeiling: SimulationCeiling
  private let model: SubstrateModel

  public init(seed: UInt64, configuration: CohortSimulatorConfiguration = .init()) {
    self.seed = seed
    self.configuration = configuration
    model = SubstrateModel(configuration)
    ecgOnlyCeiling = SubstrateModel.ceiling(correlation: model.ecgCorrelation, offset: model.offset)
    ecgAndClinicalCeiling = SubstrateModel.ceiling(correlation: model.ecgAndClinicalCorrelation, offset: model.offset)
  }

  /// Bayes AUC of the ECG alone.
  public var ceilingAUC: Double { ecgOnlyCeiling.auc }

  /// P(response | what the ECG shows): the score that reaches `ceilingAUC`.
  public func bayesProbability(of patient: SimulatedPatient) -> Double {
    model.responseProbability(
      electricalDyssynchrony: patient.latents.electricalDyssynchrony, electricalScar: patient.latents.electricalScar)
  }

  /// - Throws: `SimulationError` when `cohort(size:responders:)` would refuse these numbers.
  public static func validate(size: Int, responders: Int?) throws(SimulationError) {
    guard (1...1_000_000).contains(size) else {
      throw SimulationError(key: "size", value: "\(size)", expected: "1 to 1000000 patients")
    }
    if let responders, !(0...size).contains(responders) {
      throw SimulationError(key: "responders", value: "\(responders)", expected: "0 to \(size), the cohort's size")
    }
  }

  /// Draws `size` patients.
  ///
  /// - Parameter responders: exactly so many respond (the paper: 46 of 71). Patients are drawn until both quotas are
  ///   full and the surplus is dropped, so within each class the patients are those of the free population and the link
  ///   from substrate to ECG and outcome stays. nil: as many as chance gives.
  /// - Precondition: what `validate(size:responders:)` accepts.
  public func cohort(size: Int, responders: Int? = nil) -> [SimulatedPatient] {
    precondition((1...1_000_000).contains(size), "size must be 1 to 1000000")
    precondition(responders.map { (0...size).contains($0) } ?? true, "responders must be 0 to size")
    var quota = responders.map { [true: $0, false: size - $0] }
    var patients: [SimulatedPatient] = []
    var draw: UInt64 = 0
    while patients.count < size {
      let patient = patient(draw: draw)
      draw += 1
      if let left = quota?[patient.responded] {
        guard left > 0 else { continue }
        quota?[patient.responded] = left - 1
      }
      patients.append(patient)
    }
    // With quotas the last patients are all of one class: order must not tell the outcome.
    if responders != nil {
      var generator = SeededGenerator(seed: seed ^ 0x5DEE_CE66_D1CE_5EED)
      patients.shuffle(using: &generator)
    }
    return patients
  }

  /// Twelve leads in `Lead.allCases` order, mV, `[lead][sample]`; a function of the patient's recipe alone.
  ///
  /// - Parameters: `seconds` up to 3,600; `sampleRateHz` 100 to 2,000.
  public func ecg(for patient: SimulatedPatient, seconds: Double = 10, sampleRateHz: Double = 500) -> [[Float]] {
    patient.recipe.recording(seconds: seconds, sampleRateHz: sampleRateHz).samples
  }

  private func patient(draw: UInt64) -> SimulatedPatient {
    var mixer = SeededGenerator(seed: seed &+ draw &* 0xD1B5_4A32_D192_ED03)
    let patientSeed = mixer.next()
    var generator = SeededGenerator(seed: patientSeed)
    let id = "SYN-\(String(seed, radix: 16))-\(String(draw + 1))"
    return PatientDraw(model: model, configuration: configuration).patient(
      id: id, seed: patientSeed, using: &generator)
  }
}
