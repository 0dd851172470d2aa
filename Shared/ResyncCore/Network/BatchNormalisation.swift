/// Batch normalisation (Ioffe & Szegedy 2015) of one channel, `count` values in one stretch.
package enum BatchNormalisation {
  package static let epsilon: Float = 1e-5
  /// Share of the new batch in the running statistics, as in PyTorch.
  package static let momentum: Float = 0.1

  /// Mean and biased variance.
  package static func statistics(_ x: UnsafePointer<Float>, _ count: Int) -> (mean: Float, variance: Float) {
    let mean = Vector.sum(x, count) / Float(count)
    return (mean, Vector.squaredDeviation(x, count, from: mean) / Float(count))
  }

  /// Moves running statistics towards a batch's; the running variance is the unbiased one.
  package static func update(
    mean: UnsafeMutablePointer<Float>, variance: UnsafeMutablePointer<Float>,
    with batch: (mean: Float, variance: Float),
    count: Int
  ) {
    let unbiased = batch.variance * Float(count) / Float(max(1, count - 1))
    mean.pointee += momentum * (batch.mean - mean.pointee)
    variance.pointee += momentum * (unbiased - variance.pointee)
  }

  /// y = x · scale + shift (+ residual), then ReLU if asked. `y` may be `x`.
  package static func apply(
    _ x: UnsafePointer<Float>, _ count: Int, scale: Float, shift: Float, residual: UnsafePointer<Float>?,
    rectifying: Bool, into y: UnsafeMutablePointer<Float>
  ) {
    switch (residual, rectifying) {
    case (nil, false): for i in 0..<count { y[i] = x[i] * scale + shift }
    case (nil, true):
      for i in 0..<count {
        let v = x[i] * scale + shift
        y[i] = v > 0 ? v : 0
      }
    case (let r?, false): for i in 0..<count { y[i] = x[i] * scale + shift + r[i] }
    case (let r?, true):
      for i in 0..<count {
        let v = x[i] * scale + shift + r[i]
        y[i] = v > 0 ? v : 0
      }
    }
  }

  /// Zeroes the gradient where the rectified output is 0.
  package static func mask(_ gradient: UnsafeMutablePointer<Float>, by output: UnsafePointer<Float>, _ count: Int) {
    for i in 0..<count { gradient[i] = output[i] > 0 ? gradient[i] : 0 }
  }

  /// The gradient through statistics of the batch itself. `inputGradient` may be `gradient`.
  package static func backward(
    gradient: UnsafePointer<Float>, x: UnsafePointer<Float>, _ count: Int, mean: Float, deviation: Float, gain: Float,
    into inputGradient: UnsafeMutablePointer<Float>
  ) -> (gain: Float, bias: Float) {
    let sums = Vector.sums(of: gradient, along: x, centre: mean, count)
    let inverse = 1 / deviation
    let n = Float(count)
    // dx = gain/σ (g − Σg/n − x̂ Σ(g x̂)/n), written as a g + b x + c.
    let a = gain * inverse
    let b = -a * sums.along * inverse * inverse / n
    let c = -a * sums.plain / n - b * mean
    for i in 0..<count { inputGradient[i] = a * gradient[i] + b * x[i] + c }
    return (sums.along * inverse, sums.plain)
  }
}
