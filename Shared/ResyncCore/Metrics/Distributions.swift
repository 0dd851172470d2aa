import Foundation

/// Tail probabilities of the distributions that tests refer to.
enum Distributions {
  /// P(|T| ≥ |t|) for Student's t.
  static func studentTwoSided(_ t: Double, degreesOfFreedom: Double) -> Double {
    let v = degreesOfFreedom
    return incompleteBeta(v / (v + t * t), v / 2, 0.5)
  }

  /// P(X ≥ x) for χ².
  static func chiSquareAbove(_ x: Double, degreesOfFreedom: Double) -> Double {
    upperIncompleteGamma(degreesOfFreedom / 2, x / 2)
  }

  /// P(|Z| ≥ |z|) for the standard normal.
  static func normalTwoSided(_ z: Double) -> Double { erfc(abs(z) / 2.squareRoot()) }

  /// Regularised incomplete beta function I_x(a, b): its continued fraction (DLMF 8.17.22) by Lentz's method.
  static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double) -> Double {
    guard x > 0 else { return 0 }
    guard x < 1 else { return 1 }
    // The fraction converges fast below the mean; above it the other tail is taken.
    guard x < (a + 1) / (a + b + 2) else { return 1 - incompleteBeta(1 - x, b, a) }
    let front = exp(a * log(x) + b * log1p(-x) + lgamma(a + b) - lgamma(a) - lgamma(b)) / a
    return front
      / continuedFraction { term in
        guard term > 0 else { return 1 }
        let m = Double(term / 2)
        return term % 2 == 0
          ? m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
          : -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
      }
  }

  /// Regularised upper incomplete gamma function Q(a, x): series below a + 1 (DLMF 8.7.1), Legendre's continued fraction
  /// above (DLMF 8.9.2).
  static func upperIncompleteGamma(_ a: Double, _ x: Double) -> Double {
    guard x > 0 else { return 1 }
    let front = exp(a * log(x) - x - lgamma(a))
    if x < a + 1 {
      var (term, sum) = (1 / a, 1 / a)
      var n = a
      while term > sum * 1e-17 {
        n += 1
        term *= x / n
        sum += term
      }
      return 1 - front * sum
    }
    var (fraction, n) = (0.0, 2_000)
    // From the far end: x + 1 − a − 1(1 − a)/(x + 3 − a − 2(2 − a)/(…)).
    while n > 0 {
      fraction = Double(n) * (Double(n) - a) / (x + Double(2 * n + 1) - a - fraction)
      n -= 1
    }
    return front / (x + 1 - a - fraction)
  }

  /// 1 + c₁/(1 + c₂/(1 + …)) by the modified method of Lentz; `coefficient(0)` is the leading 1.
  private static func continuedFraction(_ coefficient: (Int) -> Double) -> Double {
    let tiny = 1e-300
    var (value, c, d) = (coefficient(0), coefficient(0), 0.0)
    for term in 1...10_000 {
      let a = coefficient(term)
      d = 1 + a * d
      c = 1 + a / c
      if abs(d) < tiny { d = tiny }
      if abs(c) < tiny { c = tiny }
      d = 1 / d
      value *= c * d
      if abs(c * d - 1) < 1e-16 { break }
    }
    return value
  }
}
