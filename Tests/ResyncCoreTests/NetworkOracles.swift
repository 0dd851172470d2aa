import ResyncCore

/// Values that look random and are the same in every run and in make_golden.py: SplitMix64 seeded with the FNV-1a hash of
/// the name, uniform in [-1, 1).
func filled(_ name: String, _ count: Int) -> [Float] {
  var hash: UInt64 = 0xCBF2_9CE4_8422_2325
  for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
  var generator = SeededGenerator(seed: hash)
  return (0..<count).map { _ in Float(generator.next() >> 40) * 0x1p-23 - 1 }
}

/// Equality of large values: `#expect(a == b)` would look for the shortest edit between them, which takes minutes.
func same<T: Equatable>(_ a: T, _ b: T) -> Bool { a == b }

/// The largest difference relative to the largest magnitude expected.
func relativeError(_ actual: [Float], _ expected: [Double]) -> Double {
  precondition(actual.count == expected.count, "\(actual.count) values against \(expected.count)")
  let scale = max(expected.map { abs($0) }.max() ?? 0, 1e-30)
  return zip(actual, expected).map { abs(Double($0) - $1) }.max().map { $0 / scale } ?? 0
}

/// A buffer filled by name.
func filledBuffer(_ name: String, _ count: Int) -> FloatBuffer {
  let buffer = FloatBuffer(count: count)
  buffer.store(filled(name, count))
  return buffer
}

/// [channel, image, row, column], as the oracles have it, and [image, row, column, channel], as the network does.
enum ChannelLayout {
  /// - Parameter stride: floats from one pixel to the next; those beyond the channels are 0.
  static func interleaved(_ values: [Float], channels: Int, stride: Int) -> FloatBuffer {
    let pixels = values.count / channels
    let buffer = FloatBuffer(count: pixels * stride)
    for channel in 0..<channels {
      for pixel in 0..<pixels { buffer.start[pixel * stride + channel] = values[channel * pixels + pixel] }
    }
    return buffer
  }

  static func planar(_ buffer: FloatBuffer, channels: Int, stride: Int) -> [Float] {
    let pixels = buffer.count / stride
    return (0..<channels).flatMap { channel in (0..<pixels).map { buffer.start[$0 * stride + channel] } }
  }
}

/// The definitions, written as loops in double precision over [channel, image, row, column].
enum Oracle {
  /// Calls `body` with the flat indices of output, weight and input of every product of a convolution.
  static func forEachProduct(
    _ c: Convolution, _ g: Geometry, _ body: (_ output: Int, _ weight: Int, _ input: Int) -> Void
  ) {
    let out = c.output(g)
    for o in 0..<c.outputChannels {
      for image in 0..<g.images {
        for oy in 0..<out.height {
          for ox in 0..<out.width {
            let output = o * out.pixels + image * out.plane + oy * out.width + ox
            for i in 0..<c.inputChannels {
              for ky in 0..<c.kernel {
                for kx in 0..<c.kernel {
                  let (y, x) = (oy * c.stride + ky - c.padding, ox * c.stride + kx - c.padding)
                  guard y >= 0, y < g.height, x >= 0, x < g.width else { continue }
                  let weight = ((o * c.inputChannels + i) * c.kernel + ky) * c.kernel + kx
                  body(output, weight, i * g.pixels + image * g.plane + y * g.width + x)
                }
              }
            }
          }
        }
      }
    }
  }

  static func convolution(_ c: Convolution, _ g: Geometry, input: [Float], weights: [Float]) -> [Double] {
    var output = [Double](repeating: 0, count: c.outputChannels * c.output(g).pixels)
    forEachProduct(c, g) { output[$0] += Double(weights[$1]) * Double(input[$2]) }
    return output
  }

  static func convolutionGradients(
    _ c: Convolution, _ g: Geometry, input: [Float], weights: [Float], outputGradient: [Float]
  ) -> (weights: [Double], input: [Double]) {
    var byWeight = [Double](repeating: 0, count: weights.count)
    var byInput = [Double](repeating: 0, count: input.count)
    forEachProduct(c, g) { o, w, i in
      byWeight[w] += Double(outputGradient[o]) * Double(input[i])
      byInput[i] += Double(outputGradient[o]) * Double(weights[w])
    }
    return (byWeight, byInput)
  }

  /// Batch normalisation of one channel, then ReLU.
  static func normalised(_ x: [Double], gain: Double, bias: Double) -> [Double] {
    let n = Double(x.count)
    let mean = x.reduce(0, +) / n
    let variance = x.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / n
    return x.map { ($0 - mean) / (variance + 1e-5).squareRoot() * gain + bias }
  }

  static func maximumPool(_ g: Geometry, plane: [Double]) -> [Double] {
    let out = Pooling.output(g)
    return (0..<out.plane).map { index in
      let (oy, ox) = (index / out.width, index % out.width)
      var best = -Double.infinity
      for y in oy * 2 - 1...oy * 2 + 1 where y >= 0 && y < g.height {
        for x in ox * 2 - 1...ox * 2 + 1 where x >= 0 && x < g.width {
          best = max(best, plane[y * g.width + x])
        }
      }
      return best
    }
  }
}

/// (f(x + h) − f(x − h)) / 2h for each element of x.
func centralDifferences(_ x: [Double], step: Double, _ f: ([Double]) -> Double) -> [Double] {
  x.indices.map { i in
    var (above, below) = (x, x)
    above[i] += step
    below[i] -= step
    return (f(above) - f(below)) / (2 * step)
  }
}
