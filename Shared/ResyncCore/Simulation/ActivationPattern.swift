/// How the ventricles are activated.
public enum ActivationPattern: String, CaseIterable, Codable, Hashable, Sendable {
  case normal
  case leftBundleBranchBlock = "lbbb"
  case rightBundleBranchBlock = "rbbb"
  /// Non-specific intraventricular conduction delay.
  case intraventricularDelay = "ivcd"
  /// A premature beat from the right ventricle.
  case ventricularEctopic = "ventricular-ectopic"
}

/// One Gaussian of the heart's dipole.
package struct DipoleWave: Sendable {
  /// Centre and standard deviation as parts of the QRS duration.
  package var centre: Double
  package var spread: Double
  /// mV in Frank's axes (x left, y to the feet, z to the back).
  package var x: Double
  package var y: Double
  package var z: Double
  /// A late left-ventricular force: scaled with electrical dyssynchrony.
  package var late = false
}

/// The dipole's course in one pattern: ventricular activation as Gaussians of a moving dipole (McSharry 2003 in the
/// three-dimensional form of Sameni 2007) and the direction of the T wave.
///
/// Amplitudes are ours, set so that each pattern has the signs that its definition names: LBBB (Strauss 2011) QS or rS
/// in V1–V2, no q in I, V5, V6, two peaks within the QRS; RBBB rsR′ in V1 and a broad S in I, V6; discordant T waves.
package struct ActivationTable: Sendable {
  package var waves: [DipoleWave]
  package var repolarisation: (x: Double, y: Double, z: Double)
}

extension ActivationPattern {
  package var table: ActivationTable { Self.tables[self]! }

  private static let tables: [ActivationPattern: ActivationTable] = [
    .normal: ActivationTable(
      waves: [
        DipoleWave(centre: 0.18, spread: 0.075, x: -0.12, y: 0.02, z: -0.28),
        DipoleWave(centre: 0.48, spread: 0.12, x: 1.00, y: 0.70, z: 0.45, late: true),
        DipoleWave(centre: 0.80, spread: 0.085, x: -0.10, y: -0.20, z: 0.35),
      ], repolarisation: (0.25, 0.20, -0.10)),
    .leftBundleBranchBlock: ActivationTable(
      waves: [
        DipoleWave(centre: 0.16, spread: 0.06, x: 0.35, y: 0.10, z: -0.14),
        DipoleWave(centre: 0.36, spread: 0.105, x: 0.90, y: 0.30, z: 0.70),
        DipoleWave(centre: 0.66, spread: 0.115, x: 1.00, y: 0.15, z: 1.05, late: true),
        DipoleWave(centre: 0.87, spread: 0.05, x: 0.20, y: 0.00, z: 0.25, late: true),
      ], repolarisation: (-0.25, 0.02, -0.30)),
    .rightBundleBranchBlock: ActivationTable(
      waves: [
        DipoleWave(centre: 0.12, spread: 0.05, x: -0.15, y: 0.00, z: -0.28),
        DipoleWave(centre: 0.34, spread: 0.085, x: 1.00, y: 0.60, z: 0.35, late: true),
        DipoleWave(centre: 0.72, spread: 0.115, x: -0.60, y: -0.10, z: -0.80),
      ], repolarisation: (0.25, 0.15, 0.14)),
    .intraventricularDelay: ActivationTable(
      waves: [
        DipoleWave(centre: 0.14, spread: 0.06, x: -0.14, y: 0.05, z: -0.28),
        DipoleWave(centre: 0.42, spread: 0.14, x: 1.10, y: 0.50, z: 0.60, late: true),
        DipoleWave(centre: 0.76, spread: 0.10, x: 0.35, y: -0.50, z: 0.50, late: true),
      ], repolarisation: (-0.12, 0.12, -0.20)),
    .ventricularEctopic: ActivationTable(
      waves: [
        DipoleWave(centre: 0.28, spread: 0.11, x: 0.45, y: 0.80, z: 0.35),
        DipoleWave(centre: 0.58, spread: 0.15, x: 0.60, y: 1.40, z: 0.80),
      ], repolarisation: (-0.20, -0.45, -0.30)),
  ]
}
