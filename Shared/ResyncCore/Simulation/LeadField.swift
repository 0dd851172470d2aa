/// From the heart's dipole to the potentials of the independent leads I, II, V1–V6, and from those to twelve.
///
/// The matrix is Dower's (Dower, Machado & Osborne, J Electrocardiol 1980;13:7–12): leads synthesised from Frank's
/// X (left), Y (to the feet), Z (to the back).
package enum LeadField {
  /// Rows I, II, V1…V6; columns x, y, z.
  package static let dower: [[Double]] = [
    [0.632, -0.235, 0.059],
    [0.235, 1.066, -0.132],
    [-0.515, 0.157, -0.917],
    [0.044, 0.164, -1.387],
    [0.882, 0.098, -1.277],
    [1.213, 0.127, -0.601],
    [1.125, 0.127, -0.086],
    [0.831, 0.076, 0.230],
  ]

  /// Dower's matrix with the chest electrodes moved along the row by `shift` electrode distances (−1…1), by linear
  /// interpolation; the ends are extrapolated.
  package static func matrix(chestElectrodeShift shift: Double) -> [[Double]] {
    var moved = dower
    for row in 2..<8 {
      let forward = shift >= 0
      let from = forward ? min(row, 6) : max(row - 1, 2)
      for axis in 0..<3 { moved[row][axis] += shift * (dower[from + 1][axis] - dower[from][axis]) }
    }
    return moved
  }

  /// The twelve leads in `Lead.allCases` order from I, II and V1…V6 at one instant, mV.
  ///
  /// Einthoven: III = II − I. Goldberger: aVR = −(I + II)/2, aVL = I − II/2, aVF = II − I/2.
  package static func twelve(i: Double, ii: Double, chest: (Int) -> Double, store: (Lead, Double) -> Void) {
    store(.I, i)
    store(.II, ii)
    store(.III, ii - i)
    store(.aVR, -(i + ii) / 2)
    store(.aVL, i - ii / 2)
    store(.aVF, ii - i / 2)
    for (index, lead) in [Lead.V1, .V2, .V3, .V4, .V5, .V6].enumerated() { store(lead, chest(index)) }
  }
}
