import Foundation

/// What the rules for bundle branch blocks read from the QRS waves; nil where a lead is missing.
package struct BundleBranchValues: Hashable, Sendable {
  /// Height of the largest positive wave over that of the largest negative one, the larger of V1 and V2; at most 10.
  package let rShareV1V2: Double?
  package let rShareV1: Double?
  /// Positive wave that ends the complex or comes after a negative one, mV; larger of V1 and V2.
  package let lateRV1V2: Double?
  /// The same, but a dominant R counts as well, as RBBB without an S has it.
  package let largestLateR: Double?
  /// Leads of V1, V2, V5, V6, I and aVL with a notch or slur in the middle of the complex.
  package let notchedLeads: Double?
  /// Second largest notching of these six.
  package let secondNotching: Double?
  /// Median of the notching of the R in I, aVL, V5 and V6.
  package let lateralNotching: Double?
  /// Median width of the largest R in I, aVL, V5 and V6, ms; a lead without a dominant R counts 0.
  package let broadRLateral: Double?
  /// Largest q in I, V5 and V6, and in V5 and V6, mV.
  package let qLateral: Double?
  package let qV5V6: Double?
  /// From the onset to the peak of the R, ms; smaller of V5 and V6.
  package let rPeakTimeV5V6: Double?
  /// Width of the S that ends the complex, ms; smaller of I and V6; 0 without one.
  package let broadSLateral: Double?

  private static let notched = 0.5

  package init(waves: [Lead: QRSWaves]) {
    func all(_ leads: [Lead], _ measure: (QRSWaves) -> Double) -> [Double]? {
      let values = leads.compactMap { waves[$0].map(measure) }
      return values.count == leads.count ? values : nil
    }
    func ratio(_ waves: QRSWaves) -> Double { min(10, waves.r / max(0.02, waves.s)) }
    rShareV1V2 = all([.V1, .V2], ratio)?.max()
    rShareV1 = all([.V1], ratio)?.first
    lateRV1V2 = all([.V1, .V2], Self.lateR)?.max()
    largestLateR = all([.V1, .V2]) { max(Self.lateR($0), $0.s < $0.r / 2 && $0.rPeakMilliseconds > 50 ? $0.r : 0) }?
      .max()
    let six = all([.V1, .V2, .V5, .V6, .I, .aVL], \.notching)
    notchedLeads = six.map { Double($0.count { $0 >= Self.notched }) }
    secondNotching = six.map { $0.sorted(by: >)[1] }
    lateralNotching = all([.I, .aVL, .V5, .V6]) { $0.r >= $0.s ? $0.notching : 0 }?.median
    broadRLateral =
      all([.I, .aVL, .V5, .V6]) { lead in
        lead.r >= lead.s ? lead.waves.max { $0.millivolts < $1.millivolts }?.milliseconds ?? 0 : 0
      }?.median
    qLateral = all([.I, .V5, .V6], \.q)?.max()
    qV5V6 = all([.V5, .V6], \.q)?.max()
    rPeakTimeV5V6 = all([.V5, .V6], \.rPeakMilliseconds)?.min()
    broadSLateral = all([.I, .V6]) { $0.waves.last.map { $0.millivolts < 0 ? $0.milliseconds : 0 } ?? 0 }?.min()
  }

  private static func lateR(_ lead: QRSWaves) -> Double {
    guard let number = lead.waves.lastIndex(where: { $0.millivolts > 0 }), number > 0 else { return 0 }
    // A raised ST segment is no part of the wave.
    let isLast = number == lead.waves.count - 1
    return max(0, lead.waves[number].millivolts - (isLast ? max(0, lead.endMillivolts) : 0))
  }

  /// For fitting: all values by name.
  package var named: [(name: String, value: Double?)] {
    [
      ("rShareV1V2", rShareV1V2),
      ("rShareV1", rShareV1),
      ("lateRV1V2", lateRV1V2),
      ("largestLateR", largestLateR),
      ("notchedLeads", notchedLeads),
      ("secondNotching", secondNotching),
      ("lateralNotching", lateralNotching),
      ("broadRLateral", broadRLateral),
      ("qLateral", qLateral),
      ("qV5V6", qV5V6),
      ("rPeakTimeV5V6", rPeakTimeV5V6),
      ("broadSLateral", broadSLateral),
    ]
  }
}
