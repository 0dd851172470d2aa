/// A patient who never lived: baselines, outcome and the recipe of the ECG, all from one latent substrate.
///
/// Synthetic. Never to share a table with real patients.
public struct SimulatedPatient: Codable, Hashable, Sendable, Identifiable {
  public enum Sex: String, CaseIterable, Codable, Hashable, Sendable { case female, male }
  public enum Rhythm: String, CaseIterable, Codable, Hashable, Sendable {
    case sinus
    case atrialFibrillation = "atrial-fibrillation"
  }

  /// Comorbidity, habit and drugs of the paper's Table 1, with its overall frequencies; independent of all else.
  public enum ClinicalFactor: String, CaseIterable, Codable, Hashable, Sendable {
    case aceInhibitorOrARB = "acei-arb"
    case chronicKidneyDisease = "ckd"
    case diabetes, hypertension, smoking
    case betaBlocker = "beta-blocker"
    case spironolactone, digoxin, diuretic
  }

  public struct Baselines: Codable, Hashable, Sendable {
    public var heightCm: Double
    public var weightKg: Double
    /// New York Heart Association class, 2 to 4.
    public var nyha: Int
    public var ischaemic: Bool
    /// (LVEDV − LVESV) / LVEDV, percent; at most 35.
    public var lvefPercent: Double
    public var lvedvMl: Double
    public var lvesvMl: Double
    /// Scar burden as scintigraphy shows it, percent of the left ventricle.
    public var scarPercent: Double
    /// As a reader would give it: the true width with reading error; at least 120.
    public var qrsDurationMs: Double
    public var lbbb: Bool
    public var rhythm: Rhythm
    public var factors: Set<ClinicalFactor>
  }

  public struct Outcome: Codable, Hashable, Sendable {
    public enum Event: String, CaseIterable, Codable, Hashable, Sendable {
      case death, transplant
      case leftVentricularAssistDevice = "lvad"
    }
    /// nil when an event came before the follow-up echo.
    public var lvesvAfterMl: Double?
    /// Time of the follow-up echo, or of the event.
    public var followupMonths: Double
    public var event: Event?
  }

  /// Standard normal scores that no clinician sees.
  public struct Latents: Codable, Hashable, Sendable {
    public var dyssynchrony: Double
    public var scar: Double
    public var reserve: Double
    /// What the ECG shows of dyssynchrony and of scar.
    public var electricalDyssynchrony: Double
    public var electricalScar: Double
  }

  /// `SYN-` and the seeds: says synthetic wherever it is printed.
  public var id: String
  public var ageYears: Double
  public var sex: Sex
  public var baselines: Baselines
  public var outcome: Outcome
  public var latents: Latents
  public var recipe: ElectrocardiogramRecipe

  public var isSynthetic: Bool { true }

  /// Fall of LVESV in percent of its baseline; nil when an event came before follow-up.
  public var lvesvReductionPercent: Double? {
    outcome.lvesvAfterMl.map { 100 * (baselines.lvesvMl - $0) / baselines.lvesvMl }
  }

  /// LVESV reduced by more than 15 %; an event before follow-up counts as non-response.
  public var responded: Bool {
    (lvesvReductionPercent ?? -.infinity) > CohortSimulatorConfiguration.responseThresholdPercent
  }
}

extension SimulatedPatient.ClinicalFactor {
  /// Overall frequency in the paper's Table 1.
  package var share: Double {
    switch self {
    case .aceInhibitorOrARB: 58.0 / 71
    case .chronicKidneyDisease: 5.0 / 71
    case .diabetes: 15.0 / 71
    case .hypertension: 33.0 / 71
    case .smoking: 30.0 / 71
    case .betaBlocker: 64.0 / 71
    case .spironolactone: 61.0 / 71
    case .digoxin: 14.0 / 71
    case .diuretic: 61.0 / 71
    }
  }
}
