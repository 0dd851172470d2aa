/// Left ventricular volume from one diameter (Teichholz et al., Am J Cardiol 37:7, 1976).
public enum Teichholz {
  /// V = 7 D³ / (2.4 + D) with D in cm, in mL, to a hundredth: a diameter in millimetres tells no more.
  public static func volumeMl(diameterMm: Double) -> Double {
    let d = diameterMm / 10
    return (100 * 7 * d * d * d / (2.4 + d)).rounded() / 100
  }
}
