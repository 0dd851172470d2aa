import Foundation

/// The probability model behind a cohort, in standard normal scores.
///
/// Latents D (dyssynchrony), S (scar), R (contractile reserve) are independent. The ECG shows E (from D) and U (from S)
/// and nothing else of them; everything else in it is nuisance. The outcome score is
/// L = wD·D − wS·S + wR·R + rest, unit variance, and a patient responds exactly when L > −t.
/// So P(response | E, U) = Φ((ρ·g + t) / √(1 − ρ²)) with g the standardised combination of E and U and ρ its
/// correlation with L: the ceilings below are exact for a reader who recovers E and U from the waveform, and an upper
/// bound for everyone else.
package struct SubstrateModel: Sendable {
  /// Correlation of the electrical expression E with D, and of U with S.
  package static let electricalExpression = 0.8
  package static let scarExpression = 0.6
  /// Share of the ECG's information that lies in E; the rest in U.
  private static let dyssynchronyInformation = 0.75
  /// Part of the variance left by D and S that reserve takes.
  private static let reservePart = 0.35

  /// What echo and scintigraphy show: scores on S and R; LVEDV also on the LVEF score.
  package static let scarImaging = 0.9
  package static let lvef = (reserve: 0.45, scar: -0.35)
  package static let lvedv = (lvef: -0.45, reserve: -0.3, scar: 0.1)

  package let link: CohortSimulatorConfiguration.Link
  /// t: the threshold on L that gives the configured share of responders.
  package let offset: Double
  package let dyssynchronyWeight: Double
  package let scarWeight: Double
  package let reserveWeight: Double

  package init(_ configuration: CohortSimulatorConfiguration) {
    link = configuration.link
    offset = StandardNormal.quantile(configuration.responderShare)
    let rho = Self.correlation(forAUC: configuration.ecgOnlyAUC, offset: offset)
    dyssynchronyWeight = rho * Self.dyssynchronyInformation.squareRoot() / Self.electricalExpression
    scarWeight = rho * (1 - Self.dyssynchronyInformation).squareRoot() / Self.scarExpression
    let left = 1 - dyssynchronyWeight * dyssynchronyWeight - scarWeight * scarWeight
    precondition(left > 0, "ecgOnlyAUC asks for more than the latents can give")
    reserveWeight = (Self.reservePart * left).squareRoot()
  }

  /// Weight of what no variable shows.
  package var restWeight: Double {
    let explained =
      dyssynchronyWeight * dyssynchronyWeight + scarWeight * scarWeight + reserveWeight * reserveWeight
    return (1 - explained).squareRoot()
  }

  /// ρ for the ECG: correlation with L of the best linear reading of E and U.
  package var ecgCorrelation: Double {
    guard link == .substrate else { return 0 }
    let e = dyssynchronyWeight * Self.electricalExpression
    let u = scarWeight * Self.scarExpression
    return (e * e + u * u).squareRoot()
  }

  /// ρ for E, U, scar imaging, LVEF and LVEDV together.
  package var ecgAndClinicalCorrelation: Double {
    guard link != .nullOutcome else { return 0 }
    // Each row: loadings on D, S, R of an observed score of unit variance, then its loading on LVEF's own noise.
    let ef = Self.lvef
    let efOwn = (1 - ef.reserve * ef.reserve - ef.scar * ef.scar).squareRoot()
    let ed = Self.lvedv
    var rows: [[Double]] = [
      [0, Self.scarImaging, 0, 0],
      [0, ef.scar, ef.reserve, efOwn],
      [0, ed.scar + ed.lvef * ef.scar, ed.reserve + ed.lvef * ef.reserve, ed.lvef * efOwn],
    ]
    if link == .substrate {
      rows += [[Self.electricalExpression, 0, 0, 0], [0, Self.scarExpression, 0, 0]]
    }
    let outcome = [dyssynchronyWeight, -scarWeight, reserveWeight, 0]
    let covariance = rows.map { dot($0, outcome) }
    let gram = rows.indices.map { i in
      rows.indices.map { j in i == j ? 1 : dot(rows[i], rows[j]) }
    }
    return dot(covariance, solve(gram, covariance)).squareRoot()
  }

  /// P(response | E, U): the Bayes reader of the ECG.
  package func responseProbability(electricalDyssynchrony e: Double, electricalScar u: Double) -> Double {
    guard link == .substrate else { return StandardNormal.cumulative(offset) }
    let mean = dyssynchronyWeight * Self.electricalExpression * e - scarWeight * Self.scarExpression * u
    let rest = 1 - ecgCorrelation * ecgCorrelation
    return StandardNormal.cumulative((mean + offset) / rest.squareRoot())
  }

  /// Bayes AUC and accuracy of a standard normal score with correlation `rho` to L, by the trapezoidal rule on ±8.5
  /// (error below 1e-9: the integrands are smooth and vanish at both ends).
  package static func ceiling(correlation rho: Double, offset: Double) -> SimulationCeiling {
    let step = 1.0 / 256
    var (below, auc, responders, correct) = (0.0, 0.0, 0.0, 0.0)
    for index in -2176...2176 {
      let g = Double(index) * step
      let mass = StandardNormal.density(g) * step
      let p = StandardNormal.cumulative((rho * g + offset) / (1 - rho * rho).squareRoot())
      let nonResponder = mass * (1 - p)
      auc += mass * p * (below + nonResponder / 2)
      below += nonResponder
      responders += mass * p
      correct += mass * max(p, 1 - p)
    }
    return SimulationCeiling(auc: auc / (responders * below), accuracy: correct)
  }

  private static func correlation(forAUC auc: Double, offset: Double) -> Double {
    var (low, high) = (0.0, 0.95)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if ceiling(correlation: middle, offset: offset).auc < auc { low = middle } else { high = middle }
    }
    return (low + high) / 2
  }
}

/// The best that any reader can do on a simulated population: the Bayes classifier's AUC and accuracy.
public struct SimulationCeiling: Codable, Hashable, Sendable {
  public var auc: Double
  public var accuracy: Double
}

private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

/// Gaussian elimination without pivoting: `matrix` is a covariance, hence positive definite.
private func solve(_ matrix: [[Double]], _ right: [Double]) -> [Double] {
  var a = matrix
  var b = right
  for pivot in a.indices {
    for row in (pivot + 1)..<a.count {
      let factor = a[row][pivot] / a[pivot][pivot]
      for column in pivot..<a.count { a[row][column] -= factor * a[pivot][column] }
      b[row] -= factor * b[pivot]
    }
  }
  for row in a.indices.reversed() {
    for column in (row + 1)..<a.count { b[row] -= a[row][column] * b[column] }
    b[row] /= a[row][row]
  }
  return b
}
