import Foundation

/// Chebyshev type I band-pass of fourth order (two biquads), `scipy.signal.cheby1(2, ripple, [low, high], "bandpass")`.
/// For detection only: its phase is not linear.
package struct BandPass: Sendable {
  /// a1, a2 of each biquad; the numerators are 1 − z⁻².
  let denominators: [(Double, Double)]
  let gain: Double
  /// Transposed direct form II: two values for each biquad.
  var state: [Double] = [0, 0, 0, 0]

  package init(lowHz: Double, highHz: Double, rippleDecibels: Double, rateHz: Double) {
    let epsilon = (pow(10, rippleDecibels / 10) - 1).squareRoot()
    let mu = asinh(1 / epsilon) / 2
    // The prototype's pole in the upper half plane.
    let pole = Complex(-sinh(mu) * sin(.pi / 4), cosh(mu) * cos(.pi / 4))
    let low = 2 * rateHz * tan(.pi * lowHz / rateHz)
    let high = 2 * rateHz * tan(.pi * highHz / rateHz)
    // Low-pass to band-pass: s² − B·p·s + ω₀² = 0.
    let middle = pole * Complex((high - low) / 2, 0)
    let root = (middle * middle - Complex(low * high, 0)).squareRoot()
    let denominators = [middle + root, middle - root].map { s -> (Double, Double) in
      let z = (Complex(2 * rateHz, 0) + s) / (Complex(2 * rateHz, 0) - s)
      return (-2 * z.re, z.re * z.re + z.im * z.im)
    }
    self.denominators = denominators
    // An even-order Chebyshev is at the bottom of its ripple at the centre of the band.
    let centre = 2 * atan((low * high).squareRoot() / (2 * rateHz))
    let back = Complex(cos(centre), -sin(centre))
    let raw = denominators.reduce(Complex(1, 0)) { product, a in
      product * (Complex(1, 0) - back * back)
        / (Complex(1, 0) + back * Complex(a.0, 0) + back * back * Complex(a.1, 0))
    }
    gain = 1 / ((1 + epsilon * epsilon).squareRoot() * (raw.re * raw.re + raw.im * raw.im).squareRoot())
  }

  package mutating func step(_ input: Double) -> Double {
    var value = input * gain
    for index in 0..<2 {
      let (a1, a2) = denominators[index]
      let output = value + state[2 * index]
      state[2 * index] = state[2 * index + 1] - a1 * output
      state[2 * index + 1] = -value - a2 * output
      value = output
    }
    return value
  }
}

private struct Complex {
  var re: Double
  var im: Double

  init(_ re: Double, _ im: Double) { (self.re, self.im) = (re, im) }

  static func + (a: Complex, b: Complex) -> Complex { Complex(a.re + b.re, a.im + b.im) }
  static func - (a: Complex, b: Complex) -> Complex { Complex(a.re - b.re, a.im - b.im) }
  static func * (a: Complex, b: Complex) -> Complex { Complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re) }

  static func / (a: Complex, b: Complex) -> Complex {
    let norm = b.re * b.re + b.im * b.im
    return Complex((a.re * b.re + a.im * b.im) / norm, (a.im * b.re - a.re * b.im) / norm)
  }

  func squareRoot() -> Complex {
    let size = (re * re + im * im).squareRoot()
    let half = Complex(max(0, (size + re) / 2).squareRoot(), max(0, (size - re) / 2).squareRoot())
    return Complex(half.re, im < 0 ? -half.im : half.im)
  }
}
