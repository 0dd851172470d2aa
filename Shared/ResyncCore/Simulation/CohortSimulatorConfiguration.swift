/// What a simulated cohort looks like and how strongly its ECGs tell the outcome.
public struct CohortSimulatorConfiguration: Codable, Hashable, Sendable {
  /// What links the ECG with the outcome.
  public enum Link: String, CaseIterable, Codable, Hashable, Sendable {
    /// Both depend on the latent substrate.
    case substrate
    /// The outcome depends on nothing: every predictor must score AUC .5.
    case nullOutcome = "null-outcome"
    /// The ECG shows nuisance only; outcome and clinical variables still share the substrate.
    case nuisanceOnlyECG = "nuisance-only-ecg"
  }

  public let link: Link
  /// The Bayes AUC of the ECG alone that the substrate link is solved for; .5 to .85. An external ECG-only AUC of
  /// about .67–.70 is the honest state of the art.
  public let ecgOnlyAUC: Double
  /// Share of responders when the cohort is sampled freely; .05 to .95. The paper: 46 of 71.
  public let responderShare: Double
  /// Share of patients in atrial fibrillation, 0 to 1: no P waves, irregular intervals. Nuisance.
  public let atrialFibrillationShare: Double
  /// Scales electrode noise and baseline wander, 0 to 10; 1 is a fair resting recording.
  public let noiseScale: Double

  public static let responseThresholdPercent = 15.0

  /// The study cohort: ECG-only AUC .70, 46 of 71 respond, 8 % in atrial fibrillation.
  public init() {
    self.init(
      unchecked: .substrate, ecgOnlyAUC: 0.70, responderShare: 46.0 / 71.0, atrialFibrillationShare: 0.08,
      noiseScale: 1)
  }

  /// - Throws: `SimulationError` naming the first value out of its range.
  public init(
    link: Link = .substrate, ecgOnlyAUC: Double = 0.70, responderShare: Double = 46.0 / 71.0,
    atrialFibrillationShare: Double = 0.08, noiseScale: Double = 1
  ) throws(SimulationError) {
    let limits: [(String, Double, ClosedRange<Double>)] = [
      ("ecgOnlyAUC", ecgOnlyAUC, 0.5...0.85), ("responderShare", responderShare, 0.05...0.95),
      ("atrialFibrillationShare", atrialFibrillationShare, 0...1), ("noiseScale", noiseScale, 0...10),
    ]
    for (key, value, range) in limits where !range.contains(value) {
      throw SimulationError(
        key: key, value: "\(value)", expected: "a number from \(range.lowerBound) to \(range.upperBound)")
    }
    self.init(
      unchecked: link, ecgOnlyAUC: ecgOnlyAUC, responderShare: responderShare,
      atrialFibrillationShare: atrialFibrillationShare, noiseScale: noiseScale)
  }

  private init(
    unchecked link: Link, ecgOnlyAUC: Double, responderShare: Double, atrialFibrillationShare: Double,
    noiseScale: Double
  ) {
    self.link = link
    self.ecgOnlyAUC = ecgOnlyAUC
    self.responderShare = responderShare
    self.atrialFibrillationShare = atrialFibrillationShare
    self.noiseScale = noiseScale
  }

  private enum CodingKeys: String, CodingKey {
    case link, ecgOnlyAUC, responderShare, atrialFibrillationShare, noiseScale
  }

  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      link: values.decode(Link.self, forKey: .link), ecgOnlyAUC: values.decode(Double.self, forKey: .ecgOnlyAUC),
      responderShare: values.decode(Double.self, forKey: .responderShare),
      atrialFibrillationShare: values.decode(Double.self, forKey: .atrialFibrillationShare),
      noiseScale: values.decode(Double.self, forKey: .noiseScale))
  }
}
