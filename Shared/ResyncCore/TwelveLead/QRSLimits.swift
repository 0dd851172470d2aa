import Foundation

/// Onset and offset of a QRS complex, seconds from the R-peak.
public struct QRSLimits: Hashable, Sendable {
  public var onset: Double
  public var offset: Double

  public init(onset: Double, offset: Double) {
    self.onset = onset
    self.offset = offset
  }

  public var milliseconds: Double { 1_000 * (offset - onset) }
}

/// The limits of one beat in each of its leads and for all of them.
public struct QRSDelineation: Hashable, Sendable {
  public let leads: [Lead]
  /// In the order of `leads`.
  public let limits: [QRSLimits]
  /// The third-earliest onset and third-latest offset over the twelve leads, which one lead cannot move; nil with fewer
  /// than three leads.
  public let global: QRSLimits?

  /// The earliest onset and the latest offset over the leads.
  public var widest: QRSLimits {
    QRSLimits(onset: limits.map(\.onset).min()!, offset: limits.map(\.offset).max()!)
  }

  public subscript(lead: Lead) -> QRSLimits? { leads.firstIndex(of: lead).map { limits[$0] } }

  /// Third-earliest onset and third-latest offset as they stand in a set of limits; nil with fewer than three.
  public static func global(of limits: [QRSLimits]) -> QRSLimits? {
    guard limits.count >= 3 else { return nil }
    return QRSLimits(
      onset: limits.map(\.onset).sorted()[2], offset: limits.map(\.offset).sorted(by: >)[2])
  }
}
