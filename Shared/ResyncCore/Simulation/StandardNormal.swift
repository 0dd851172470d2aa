import Foundation

/// The standard normal distribution.
package enum StandardNormal {
  package static func density(_ z: Double) -> Double { exp(-z * z / 2) / (2 * .pi).squareRoot() }

  package static func cumulative(_ z: Double) -> Double { erfc(-z / 2.squareRoot()) / 2 }

  /// Inverse of `cumulative`: Newton steps on the tail's side, where `erfc` keeps its relative precision.
  ///
  /// - Parameter p: strictly between 0 and 1.
  package static func quantile(_ p: Double) -> Double {
    precondition(p > 0 && p < 1, "a quantile needs a probability strictly between 0 and 1")
    if p > 0.5 { return -quantile(1 - p) }
    if p == 0.5 { return 0 }
    // Start from the tail's asymptote; ln Φ is concave, so that Newton's method on it does not overshoot for long.
    var z = -(-2 * log(p)).squareRoot()
    for _ in 0..<60 {
      let here = cumulative(z)
      let step = here * (log(here) - log(p)) / density(z)
      z -= step
      if abs(step) < 1e-14 * max(1, abs(z)) { break }
    }
    return z
  }
}

/// A normal distribution cut to an interval, such that its mean and standard deviation after the cut are those asked.
///
/// So inclusion limits (LVEF ≤ 35 %, QRS ≥ 120 ms) truncate without moving the published moments.
package struct TruncatedNormal: Sendable {
  package let range: ClosedRange<Double>
  /// Location and scale of the normal before the cut.
  package let location: Double
  package let scale: Double

  /// Solves for location and scale by Newton's method with numerical derivatives.
  ///
  /// - Precondition: moments that a truncated normal on `range` can have; the tables in this module are tested.
  package init(mean: Double, deviation: Double, range: ClosedRange<Double>) {
    var (m, s) = (mean, deviation)
    for _ in 0..<200 {
      let now = Self.moments(m, s, range)
      let error = (now.mean - mean, now.deviation - deviation)
      if abs(error.0) + abs(error.1) < 1e-9 * deviation { break }
      let h = 1e-5 * deviation
      let dm = Self.moments(m + h, s, range)
      let ds = Self.moments(m, s + h, range)
      let a = (dm.mean - now.mean) / h
      let b = (ds.mean - now.mean) / h
      let c = (dm.deviation - now.deviation) / h
      let d = (ds.deviation - now.deviation) / h
      let determinant = a * d - b * c
      let stepM = (d * error.0 - b * error.1) / determinant
      let stepS = (a * error.1 - c * error.0) / determinant
      // Half a deviation a step at most: far out the moments flatten and a full step would leave the basin.
      let damping = min(1, 0.5 * deviation / max(abs(stepM), abs(stepS), 1e-300))
      m -= damping * stepM
      s = max(s - damping * stepS, 0.1 * deviation)
    }
    self.range = range
    location = m
    scale = s
  }

  /// The value at the standard normal score `z`: equal rank in both distributions, so dependence is kept.
  package func value(at z: Double) -> Double {
    let low = StandardNormal.cumulative((range.lowerBound - location) / scale)
    let high = StandardNormal.cumulative((range.upperBound - location) / scale)
    let p = low + (high - low) * StandardNormal.cumulative(z)
    let score = StandardNormal.quantile(min(max(p, 1e-300), 1 - 1e-16))
    return min(max(location + scale * score, range.lowerBound), range.upperBound)
  }

  package static func moments(
    _ location: Double, _ scale: Double, _ range: ClosedRange<Double>
  ) -> (mean: Double, deviation: Double) {
    let a = (range.lowerBound - location) / scale
    let b = (range.upperBound - location) / scale
    let mass = StandardNormal.cumulative(b) - StandardNormal.cumulative(a)
    let (fa, fb) = (StandardNormal.density(a), StandardNormal.density(b))
    let shift = (fa - fb) / mass
    let variance = 1 + (a * fa - b * fb) / mass - shift * shift
    return (location + scale * shift, scale * max(variance, 0).squareRoot())
  }
}
