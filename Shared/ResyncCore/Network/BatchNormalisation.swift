import CKernels

/// Batch normalisation (Ioffe & Szegedy 2015) of rows `[pixel, channel]`, with what follows it: residual and ReLU.
///
/// Sums over pixels fall into parts by the number of pixels alone, and parts are added in order in double precision: no
/// bit depends on the thread count. Of its arrays each has a float for each channel, filled up ones included.
package struct BatchNormalisation {
  package static let epsilon: Float = 1e-5
  /// Share of the new batch in the running statistics, as in PyTorch.
  package static let momentum: Float = 0.1

  /// The unit's own numbers, by channel; `channels` of them, filled up ones not included.
  package struct Parameters {
    package let channels: Int
    package let gain, bias: UnsafePointer<Float>
    package let runningMean, runningVariance: UnsafeMutablePointer<Float>
    /// Uses and keeps the running statistics.
    package let frozen: Bool

    package init(
      channels: Int, gain: UnsafePointer<Float>, bias: UnsafePointer<Float>, runningMean: UnsafeMutablePointer<Float>,
      runningVariance: UnsafeMutablePointer<Float>, frozen: Bool
    ) {
      self.channels = channels
      self.gain = gain
      self.bias = bias
      self.runningMean = runningMean
      self.runningVariance = runningVariance
      self.frozen = frozen
    }
  }

  /// What the forward pass leaves for the backward pass.
  package struct Memory: Sendable {
    package let mean, deviation: FloatBuffer

    package init(channels: Int) {
      mean = FloatBuffer(count: Kernels.padded(channels))
      deviation = FloatBuffer(count: Kernels.padded(channels))
    }
  }

  private let pixels: Int
  /// Floats from one pixel to the next.
  private let stride: Int
  private let kernels: Kernels
  private let scratch: FloatBuffer

  /// - Parameter scratch: at least `scratchCount` floats, free for other use between calls.
  package init(pixels: Int, channels: Int, scratch: FloatBuffer, kernels: Kernels = .best) {
    self.pixels = pixels
    stride = Kernels.padded(channels)
    self.kernels = kernels
    self.scratch = scratch
  }

  package static func scratchCount(channels: Int) -> Int { (2 * mostParts + 3) * Kernels.padded(channels) }

  private static let mostParts = 32
  private var parts: Int { max(1, min(Self.mostParts, pixels / 64)) }

  // MARK: - Forward

  /// y = normalised x · gain + bias (+ residual), then ReLU if asked; moves the running statistics.
  package func forward(
    _ x: UnsafePointer<Float>, _ p: Parameters, _ memory: Memory, residual: UnsafePointer<Float>?, rectifying: Bool,
    into y: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    if p.frozen {
      for channel in 0..<p.channels {
        memory.mean.start[channel] = p.runningMean[channel]
        memory.deviation.start[channel] = (p.runningVariance[channel] + Self.epsilon).squareRoot()
      }
    } else {
      measure(x, p, memory, crew)
    }
    let (scale, shift) = (scratch.start, scratch.start + stride)
    for channel in 0..<stride {
      let exists = channel < p.channels
      scale[channel] = exists ? p.gain[channel] / memory.deviation.start[channel] : 0
      shift[channel] = exists ? p.bias[channel] - memory.mean.start[channel] * scale[channel] : 0
    }
    crew.split(pixels, grain: 8) { [self] rows in
      let offset = rows.lowerBound * stride
      kernels.table.normalise(
        x + offset, rows.count, stride, scale, shift, residual.map { $0 + offset }, rectifying, y + offset)
    }
  }

  /// Mean and variance of the batch. Sums are taken about a pivot near the mean, so that the variance does not drown in
  /// the square of the mean.
  private func measure(_ x: UnsafePointer<Float>, _ p: Parameters, _ memory: Memory, _ crew: Crew) {
    let pivot = scratch.start
    let samples = min(pixels, 16)
    pivot.update(repeating: 0, count: stride)
    for sample in 0..<samples {
      let row = x + sample * pixels / samples * stride
      for channel in 0..<stride { pivot[channel] += row[channel] / Float(samples) }
    }
    let totals = sum(crew) { [self] rows, sums, squares in
      kernels.table.moments(x + rows.lowerBound * stride, rows.count, stride, pivot, sums, squares)
    }
    let n = Double(pixels)
    for channel in 0..<p.channels {
      let (sum, squares) = (totals.first(channel), totals.second(channel))
      let mean = Float(Double(pivot[channel]) + sum / n)
      let variance = max(0, (squares - sum * sum / n) / n)
      memory.mean.start[channel] = mean
      memory.deviation.start[channel] = (Float(variance) + Self.epsilon).squareRoot()
      p.runningMean[channel] += Self.momentum * (mean - p.runningMean[channel])
      // The running variance is the unbiased one.
      let unbiased = Float(variance * n / max(1, n - 1))
      p.runningVariance[channel] += Self.momentum * (unbiased - p.runningVariance[channel])
    }
  }

  /// Two sums over pixels for each channel, in double precision over the parts.
  private struct Totals {
    let sums: UnsafePointer<Float>
    let stride, parts: Int

    func first(_ channel: Int) -> Double { total(channel) }
    func second(_ channel: Int) -> Double { total(stride + channel) }

    private func total(_ offset: Int) -> Double {
      var total = 0.0
      for part in 0..<parts { total += Double(sums[2 * part * stride + offset]) }
      return total
    }
  }

  /// Calls `body` for each part with its rows and two arrays of zeros to sum into.
  private func sum(
    _ crew: Crew, _ body: @escaping (Range<Int>, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  ) -> Totals {
    let (parts, pixels, stride) = (parts, pixels, stride)
    let sums = scratch.start + 3 * stride
    crew.run(parts) { part, _ in
      let first = sums + 2 * part * stride
      first.update(repeating: 0, count: 2 * stride)
      body(part * pixels / parts..<(part + 1) * pixels / parts, first, first + stride)
    }
    return Totals(sums: sums, stride: stride, parts: parts)
  }

  // MARK: - Backward

  /// The gradient through ReLU and normalisation, and through the batch's own statistics unless those are frozen.
  /// - Parameters:
  ///   - gradient: of the unit's output; overwritten with what ReLU lets through when `keepingMasked`.
  ///   - output: of the unit, when ReLU follows it.
  ///   - x: before normalisation.
  ///   - parameterGradients: of gain and bias; nil when frozen.
  ///   - inputGradient: may be `gradient`, unless `keepingMasked`.
  package func backward(
    _ gradient: UnsafeMutablePointer<Float>, output: UnsafePointer<Float>?, x: UnsafePointer<Float>, _ p: Parameters,
    _ memory: Memory, keepingMasked: Bool,
    parameterGradients: (gain: UnsafeMutablePointer<Float>, bias: UnsafeMutablePointer<Float>),
    into inputGradient: UnsafeMutablePointer<Float>, _ crew: Crew
  ) {
    let totals = sum(crew) { [self] rows, sums, products in
      let offset = rows.lowerBound * stride
      kernels.table.normalise_sums(
        gradient + offset, output.map { $0 + offset }, x + offset, rows.count, stride, memory.mean.start,
        keepingMasked ? gradient + offset : nil, sums, products)
    }
    let (a, b, c) = (scratch.start, scratch.start + stride, scratch.start + 2 * stride)
    a.update(repeating: 0, count: 3 * stride)
    let n = Double(pixels)
    for channel in 0..<p.channels {
      let inverse = 1 / memory.deviation.start[channel]
      a[channel] = p.gain[channel] * inverse
      if p.frozen { continue }
      let (sum, along) = (totals.first(channel), totals.second(channel))
      parameterGradients.gain[channel] = Float(along) * inverse
      parameterGradients.bias[channel] = Float(sum)
      // dx = gain/σ (g − Σg/n − x̂ Σ(g x̂)/n), written as a g + b x + c.
      b[channel] = Float(-Double(a[channel]) * along * Double(inverse) * Double(inverse) / n)
      c[channel] = Float(-Double(a[channel]) * sum / n - Double(b[channel]) * Double(memory.mean.start[channel]))
    }
    let mask = keepingMasked ? nil : output
    crew.split(pixels, grain: 8) { [self] rows in
      let offset = rows.lowerBound * stride
      kernels.table.normalise_backward(
        gradient + offset, mask.map { $0 + offset }, x + offset, rows.count, stride, a, b, c, inputGradient + offset)
    }
  }
}
