/// What a guideline says of CRT for a patient in sinus rhythm with symptoms and an LVEF of at most 35 %.
public enum GuidelineClass: String, Codable, CaseIterable, Hashable, Sendable {
  case one = "I"
  case twoA = "IIa"
  case twoB = "IIb"
  case three = "III"
  /// Not in sinus rhythm, without symptoms, or LVEF above 35 %: these recommendations are not about this patient.
  case outOfScope = "out of scope"
  /// A variable that decides is not known.
  case notAssessable = "not assessable"
}

/// A guideline's classes by QRS duration and morphology.
public enum CRTGuideline: String, Codable, CaseIterable, Hashable, Sendable {
  /// Glikson et al., Eur Heart J 42:3427, 2021.
  case esc2021 = "esc-2021"
  /// Heidenreich et al., AHA/ACC/HFSA, Circulation 145:e895, 2022.
  case aha2022 = "acc-aha-2022"

  private static let wideMs = 150.0
  private static let mostLVEF = 35.0
  /// NYHA classes that count as symptomatic.
  private static let symptomatic = 2...4

  /// Below it no class speaks for CRT, ms.
  private var narrowestMs: Double {
    switch self {
    case .esc2021: 130
    case .aha2022: 120
    }
  }

  /// How the guideline's own world tells a left bundle branch block.
  package var lbbbRule: BundleBranchRule {
    switch self {
    case .esc2021: .lbbbESC
    case .aha2022: .lbbbAHA
    }
  }

  /// - Parameters: nil where a variable is not known.
  ///   - nyha: 1 to 4.
  public func classification(
    sinusRhythm: Bool?, nyha: Int?, lvefPercent: Double?, qrsDurationMs: Double?, lbbb: Bool?
  ) -> GuidelineClass {
    // One variable out of scope decides, whatever else is unknown.
    let inScope = [sinusRhythm, nyha.map(Self.symptomatic.contains), lvefPercent.map { $0 <= Self.mostLVEF }]
    if inScope.contains(false) { return .outOfScope }
    guard !inScope.contains(nil), let qrsDurationMs else { return .notAssessable }
    guard qrsDurationMs >= narrowestMs else { return .three }
    guard let lbbb else { return .notAssessable }
    return switch (lbbb, qrsDurationMs >= Self.wideMs) {
    case (true, true): .one
    case (true, false), (false, true): .twoA
    case (false, false): .twoB
    }
  }
}
