/// Where an activation lies: `[channel, image, row, column]`. A channel of all images is one stretch of memory, so batch
/// statistics are plain sums, and for one image this is the usual [channel, row, column].
package struct Geometry: Hashable, Sendable {
  package var images: Int
  package var height: Int
  package var width: Int

  package init(images: Int, height: Int, width: Int) {
    self.images = images
    self.height = height
    self.width = width
  }

  /// Floats of one channel of one image.
  package var plane: Int { height * width }
  /// Floats of one channel.
  package var columns: Int { images * plane }
}

/// A square convolution without bias: weights [outputChannels, inputChannels, kernel, kernel].
///
/// Patches are gathered into a matrix [inputChannels × kernel², columns], a chunk of images at a time, and multiplied.
package struct Convolution: Hashable, Sendable {
  package let inputChannels: Int
  package let outputChannels: Int
  package let kernel: Int
  package let stride: Int
  package let padding: Int

  package init(inputChannels: Int, outputChannels: Int, kernel: Int, stride: Int, padding: Int) {
    self.inputChannels = inputChannels
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
  }

  package var patch: Int { inputChannels * kernel * kernel }
  package var weightCount: Int { outputChannels * patch }

  package func output(_ g: Geometry) -> Geometry {
    func side(_ length: Int) -> Int { (length + 2 * padding - kernel) / stride + 1 }
    return Geometry(images: g.images, height: side(g.height), width: side(g.width))
  }

  /// Floats of gathered patches that stay in a core's second-level cache.
  private static let chunkFloats = 128 * 1024

  /// Images whose patches are gathered at once; more of them make the products larger and so faster.
  private func chunk(_ g: Geometry) -> Int { max(1, Self.chunkFloats / (patch * output(g).plane)) }

  /// Floats of scratch that `forward` and `backward` need.
  package func scratchCount(_ g: Geometry) -> Int { patch * output(g).plane * min(max(g.images, 1), chunk(g)) }

  /// The input itself is already the matrix of patches.
  private var isPointwise: Bool { kernel == 1 && stride == 1 && padding == 0 }

  /// Calls `body` with the ranges into which `images` falls.
  private func forEachChunk(_ images: Range<Int>, _ g: Geometry, _ body: (Range<Int>) -> Void) {
    let size = chunk(g)
    var low = images.lowerBound
    while low < images.upperBound {
      let high = min(images.upperBound, low + size)
      body(low..<high)
      low = high
    }
  }

  /// output [outputChannels, image, …] = weights ∗ input [inputChannels, image, …], for some of the images.
  package func forward(
    images: Range<Int>, input: UnsafePointer<Float>, _ g: Geometry, weights: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let out = self.output(g)
    forEachChunk(images, g) { chunk in
      let columns = chunk.count * out.plane
      let first = chunk.lowerBound * out.plane
      Matrix.multiply(
        .init(weights, stride: patch), patches(chunk, input, g, scratch), into: output + first, stride: out.columns,
        m: outputChannels, n: columns, k: patch)
    }
  }

  /// Gradients of some of the images.
  /// - Parameters:
  ///   - weightGradient: overwritten with the sum over `images`; nil when not wanted.
  ///   - inputGradient: nil when not wanted; added to when `accumulating`, overwritten otherwise.
  package func backward(
    images: Range<Int>, input: UnsafePointer<Float>, _ g: Geometry, weights: UnsafePointer<Float>,
    outputGradient: UnsafePointer<Float>, weightGradient: UnsafeMutablePointer<Float>?,
    inputGradient: UnsafeMutablePointer<Float>?, accumulating: Bool, scratch: UnsafeMutablePointer<Float>
  ) {
    let out = self.output(g)
    var beta: Float = 0
    forEachChunk(images, g) { chunk in
      let columns = chunk.count * out.plane
      let gradient = Matrix.Operand(outputGradient + chunk.lowerBound * out.plane, stride: out.columns)
      if let weightGradient {
        var columnsOfPatches = patches(chunk, input, g, scratch)
        columnsOfPatches.transposed = true
        Matrix.multiply(
          gradient, columnsOfPatches, into: weightGradient, stride: patch, m: outputChannels, n: patch, k: columns,
          beta: beta)
        beta = 1
      }
      guard let inputGradient else { return }
      let transposedWeights = Matrix.Operand(weights, stride: patch, transposed: true)
      if isPointwise {
        Matrix.multiply(
          transposedWeights, gradient, into: inputGradient + chunk.lowerBound * out.plane, stride: g.columns,
          m: patch, n: columns, k: outputChannels, beta: accumulating ? 1 : 0)
      } else {
        Matrix.multiply(
          transposedWeights, gradient, into: scratch, stride: columns, m: patch, n: columns, k: outputChannels)
        if !accumulating { clear(chunk, inputGradient, g) }
        scatter(chunk, scratch, g, into: inputGradient)
      }
    }
  }

  /// The matrix of patches of a chunk of images: the input itself, or gathered into scratch.
  private func patches(
    _ images: Range<Int>, _ input: UnsafePointer<Float>, _ g: Geometry, _ scratch: UnsafeMutablePointer<Float>
  ) -> Matrix.Operand {
    let out = output(g)
    guard !isPointwise else { return .init(input + images.lowerBound * g.plane, stride: g.columns) }
    gather(images, input, g, into: scratch)
    return .init(scratch, stride: images.count * out.plane)
  }

  private func clear(_ images: Range<Int>, _ gradient: UnsafeMutablePointer<Float>, _ g: Geometry) {
    for channel in 0..<inputChannels {
      (gradient + channel * g.columns + images.lowerBound * g.plane).update(repeating: 0, count: images.count * g.plane)
    }
  }

  /// Output positions along one side whose tap `offset` falls inside an input of `length`.
  private func inside(_ offset: Int, _ length: Int, _ outputs: Int) -> Range<Int> {
    let shift = offset - padding
    let low = shift >= 0 ? 0 : (-shift + stride - 1) / stride
    let last = length - 1 - shift
    let high = last < 0 ? 0 : min(outputs, last / stride + 1)
    return low < high ? low..<high : 0..<0
  }

  private func gather(
    _ images: Range<Int>, _ input: UnsafePointer<Float>, _ g: Geometry, into matrix: UnsafeMutablePointer<Float>
  ) {
    let out = output(g)
    var target = matrix
    for channel in 0..<inputChannels {
      for ky in 0..<kernel {
        let rows = inside(ky, g.height, out.height)
        for kx in 0..<kernel {
          let columns = inside(kx, g.width, out.width)
          for image in images {
            let plane = input + channel * g.columns + image * g.plane
            gatherTap(plane, g, out, rows, columns, ky - padding, kx - padding, target)
            target += out.plane
          }
        }
      }
    }
  }

  /// One tap of one channel of one image: the input shifted, zero outside.
  @inline(__always)
  private func gatherTap(
    _ plane: UnsafePointer<Float>, _ g: Geometry, _ out: Geometry, _ rows: Range<Int>, _ columns: Range<Int>,
    _ shiftY: Int, _ shiftX: Int, _ target: UnsafeMutablePointer<Float>
  ) {
    target.update(repeating: 0, count: rows.lowerBound * out.width)
    for oy in rows {
      let row = plane + ((oy &* stride &+ shiftY) &* g.width)
      let line = target + oy &* out.width
      var ox = 0
      while ox < columns.lowerBound {
        line[ox] = 0
        ox &+= 1
      }
      if stride == 1 {
        let shifted = row + shiftX
        while ox < columns.upperBound {
          line[ox] = shifted[ox]
          ox &+= 1
        }
      } else {
        while ox < columns.upperBound {
          line[ox] = row[ox &* stride &+ shiftX]
          ox &+= 1
        }
      }
      while ox < out.width {
        line[ox] = 0
        ox &+= 1
      }
    }
    let end = rows.upperBound * out.width
    (target + end).update(repeating: 0, count: out.plane - end)
  }

  /// Adds a matrix of patches back to the places it was gathered from.
  private func scatter(
    _ images: Range<Int>, _ matrix: UnsafePointer<Float>, _ g: Geometry, into gradient: UnsafeMutablePointer<Float>
  ) {
    let out = output(g)
    var source = matrix
    for channel in 0..<inputChannels {
      for ky in 0..<kernel {
        let rows = inside(ky, g.height, out.height)
        for kx in 0..<kernel {
          let columns = inside(kx, g.width, out.width)
          for image in images {
            let plane = gradient + channel * g.columns + image * g.plane
            for oy in rows {
              let row = plane + ((oy &* stride &+ ky &- padding) &* g.width &+ kx &- padding)
              let line = source + oy &* out.width
              if stride == 1 {
                for ox in columns { row[ox] += line[ox] }
              } else {
                for ox in columns { row[ox &* stride] += line[ox] }
              }
            }
            source += out.plane
          }
        }
      }
    }
  }
}
