/// Maximum over 3×3 windows, stride 2, padding 1, of `[channel, image, row, column]`; and the mean over a plane.
package enum Pooling {
  private static let kernel = 3
  private static let stride = 2
  private static let padding = 1

  package static func output(_ g: Geometry) -> Geometry {
    func side(_ length: Int) -> Int { (length + 2 * padding - kernel) / stride + 1 }
    return Geometry(images: g.images, height: side(g.height), width: side(g.width))
  }

  /// - Parameters:
  ///   - planes: which planes (channel × images + image).
  ///   - winners: receives for each output the place of its maximum in the input plane; nil when no gradient will follow.
  package static func maximum(
    planes: Range<Int>, _ input: UnsafePointer<Float>, _ g: Geometry, into output: UnsafeMutablePointer<Float>,
    winners: UnsafeMutablePointer<Int32>?
  ) {
    let out = self.output(g)
    for plane in planes {
      let source = input + plane * g.plane
      var index = plane * out.plane
      for oy in 0..<out.height {
        let rows = max(0, oy * stride - padding)..<min(g.height, oy * stride - padding + kernel)
        for ox in 0..<out.width {
          let low = max(0, ox * stride - padding)
          let high = min(g.width, ox * stride - padding + kernel)
          var best = -Float.infinity
          var place = rows.lowerBound * g.width + low
          for y in rows {
            for x in low..<high where source[y &* g.width &+ x] > best {
              place = y &* g.width &+ x
              best = source[place]
            }
          }
          output[index] = best
          if let winners { winners[index] = Int32(truncatingIfNeeded: place) }
          index &+= 1
        }
      }
    }
  }

  /// Overwrites the input gradient of the planes.
  package static func maximumBackward(
    planes: Range<Int>, gradient: UnsafePointer<Float>, winners: UnsafePointer<Int32>, _ g: Geometry,
    into inputGradient: UnsafeMutablePointer<Float>
  ) {
    let out = output(g)
    for plane in planes {
      let target = inputGradient + plane * g.plane
      target.update(repeating: 0, count: g.plane)
      let first = plane * out.plane
      for i in first..<first + out.plane { target[Int(winners[i])] += gradient[i] }
    }
  }

  package static func mean(_ plane: UnsafePointer<Float>, _ count: Int) -> Float {
    Vector.sum(plane, count) / Float(count)
  }
}
