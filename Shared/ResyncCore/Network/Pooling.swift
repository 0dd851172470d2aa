/// Maximum over 3×3 windows, stride 2, padding 1; and the mean over a map. Maps are `[row, column, channel]`.
package enum Pooling {
  package static func output(_ g: Geometry) -> Geometry {
    Geometry(images: g.images, height: (g.height + 1) / 2, width: (g.width + 1) / 2)
  }

  /// - Parameters:
  ///   - images: which of them.
  ///   - channels: floats from one pixel to the next.
  package static func maximum(
    images: Range<Int>, _ input: UnsafePointer<Float>, _ g: Geometry, channels: Int,
    into output: UnsafeMutablePointer<Float>, _ kernels: Kernels = .best
  ) {
    let (from, to) = (g.plane * channels, self.output(g).plane * channels)
    for image in images {
      kernels.table.maximum(input + image * from, g.height, g.width, channels, output + image * to)
    }
  }

  /// Overwrites the input gradient of the images.
  package static func maximumBackward(
    images: Range<Int>, _ input: UnsafePointer<Float>, output: UnsafePointer<Float>, gradient: UnsafePointer<Float>,
    _ g: Geometry, channels: Int, into inputGradient: UnsafeMutablePointer<Float>, _ kernels: Kernels = .best
  ) {
    let (from, to) = (g.plane * channels, self.output(g).plane * channels)
    for image in images {
      kernels.table.maximum_backward(
        input + image * from, output + image * to, gradient + image * to, g.height, g.width, channels,
        inputGradient + image * from)
    }
  }

  /// Mean of each channel of one image, pixel after pixel.
  /// - Parameters:
  ///   - channels: floats from one pixel to the next.
  ///   - count: means wanted.
  package static func mean(
    _ map: UnsafePointer<Float>, plane: Int, channels: Int, count: Int, into means: UnsafeMutablePointer<Float>
  ) {
    means.update(from: map, count: count)
    for pixel in 1..<max(1, plane) {
      let row = map + pixel * channels
      for channel in 0..<count { means[channel] += row[channel] }
    }
    let share = 1 / Float(plane)
    for channel in 0..<count { means[channel] *= share }
  }
}
