import Foundation

/// The vectorcardiogram that twelve leads imply.
///
/// Kors, van Herpen, Sittig & van Bemmel, Eur Heart J 1990;11:1083–92 (regression matrix). Axes: X to the left, Y to
/// the feet, Z to the back.
public enum Vectorcardiogram {
  /// Columns of the matrix.
  public static let leads: [Lead] = [.I, .II, .V1, .V2, .V3, .V4, .V5, .V6]
  /// Rows X, Y, Z.
  public static let kors: [[Double]] = [
    [0.38, -0.07, -0.13, 0.05, -0.01, 0.14, 0.06, 0.54],
    [-0.07, 0.93, 0.06, -0.02, -0.05, 0.06, -0.17, 0.13],
    [0.11, -0.23, -0.43, -0.06, -0.14, -0.20, -0.11, 0.31],
  ]

  /// Areas of the QRS complex along each axis, µV·s, and their length, the QRS area.
  public struct QRSArea: Hashable, Sendable {
    public var x: Double
    public var y: Double
    public var z: Double
    public var length: Double { (x * x + y * y + z * z).squareRoot() }
  }

  /// van Deursen et al., Circ Arrhythm Electrophysiol 2015;8:544–52: above it, response to CRT was likelier. Found on
  /// recorded Frank leads.
  public static let publishedCutOff = 98.0

  /// √(Ax² + Ay² + Az²), A the signed area of an axis from onset to offset over the level before the complex. The
  /// matrix is linear, so the leads' areas are combined.
  ///
  /// - Parameter areas: µV·s of each lead.
  /// - Returns: nil when one of the eight leads is missing.
  public static func qrsArea(_ areas: [Lead: Double]) -> QRSArea? {
    let values = leads.compactMap { areas[$0] }
    guard values.count == leads.count else { return nil }
    let axes = kors.map { row in zip(row, values).reduce(0) { $0 + $1.0 * $1.1 } }
    return QRSArea(x: axes[0], y: axes[1], z: axes[2])
  }
}

/// The heart's electrical axis in the frontal plane.
public enum FrontalAxis {
  /// Degrees, −180 to 180, 0 to the left and 90 to the feet; from the signed areas of the QRS in I and aVF, the latter
  /// made equal in scale by 2/√3. aVF is II − I/2 where it was not recorded.
  ///
  /// - Returns: nil without the leads, or when both areas are nearly zero.
  public static func degrees(_ areas: [Lead: Double]) -> Double? {
    guard let i = areas[.I], let aVF = areas[.aVF] ?? areas[.II].map({ $0 - i / 2 }) else { return nil }
    let y = aVF * 2 / 3.0.squareRoot()
    guard (i * i + y * y).squareRoot() > 1 else { return nil }
    return atan2(y, i) * 180 / .pi
  }
}

/// What a lead's T wave looks like.
public enum TPolarity: String, Codable, CaseIterable, Hashable, Sendable {
  case positive, negative, biphasic, flat

  /// Smaller deflections are flat, mV; the smaller of two opposite ones counts from this share of the larger up.
  private static let leastMillivolts = 0.05
  private static let biphasicShare = 0.5
  /// From so long after the QRS offset to the end of the given stretch, seconds.
  private static let pauseSeconds = 0.06

  /// - Parameters:
  ///   - lead: a beat's samples, mV.
  ///   - end: index where the T wave is over at the latest.
  init(_ lead: [Float], onset: Int, offset: Int, end: Int, rateHz: Int) {
    let baseline = QRSWaves.baseline(lead, onset: onset, rateHz: rateHz)
    let first = min(lead.count - 1, max(0, offset) + Int(Self.pauseSeconds * Double(rateHz)))
    let values = lead[first...max(first, min(end, lead.count - 1))].map { Double($0) - baseline }
    let (up, down) = (max(0, values.max()!), max(0, -values.min()!))
    self =
      switch (up, down) {
      case _ where max(up, down) < Self.leastMillivolts: .flat
      case _ where min(up, down) >= max(Self.leastMillivolts, Self.biphasicShare * max(up, down)): .biphasic
      default: up > down ? .positive : .negative
      }
  }
}
