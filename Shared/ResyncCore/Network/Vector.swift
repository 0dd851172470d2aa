/// Sums over floats in a fixed order: sixteen partial sums, then the rest. The order depends on the count only.
package enum Vector {
  private typealias Lanes = SIMD16<Float>
  private static let width = 16

  @inline(__always)
  private static func load(_ p: UnsafePointer<Float>) -> Lanes { UnsafeRawPointer(p).loadUnaligned(as: Lanes.self) }

  package static func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Lanes.zero
    var i = 0
    while i + width <= count {
      lanes += load(x + i)
      i += width
    }
    var total = lanes.sum()
    while i < count {
      total += x[i]
      i += 1
    }
    return total
  }

  /// Σ (x − centre)².
  package static func squaredDeviation(_ x: UnsafePointer<Float>, _ count: Int, from centre: Float) -> Float {
    var lanes = Lanes.zero
    let middle = Lanes(repeating: centre)
    var i = 0
    while i + width <= count {
      let d = load(x + i) - middle
      lanes += d * d
      i += width
    }
    var total = lanes.sum()
    while i < count {
      let d = x[i] - centre
      total += d * d
      i += 1
    }
    return total
  }

  package static func dot(_ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = Lanes.zero
    var i = 0
    while i + width <= count {
      lanes += load(x + i) * load(y + i)
      i += width
    }
    var total = lanes.sum()
    while i < count {
      total += x[i] * y[i]
      i += 1
    }
    return total
  }

  /// Σ g and Σ g (x − centre), in one pass.
  package static func sums(
    of g: UnsafePointer<Float>, along x: UnsafePointer<Float>, centre: Float, _ count: Int
  ) -> (plain: Float, along: Float) {
    var plain = Lanes.zero
    var along = Lanes.zero
    let middle = Lanes(repeating: centre)
    var i = 0
    while i + width <= count {
      let v = load(g + i)
      plain += v
      along += v * (load(x + i) - middle)
      i += width
    }
    var total = (plain: plain.sum(), along: along.sum())
    while i < count {
      total.plain += g[i]
      total.along += g[i] * (x[i] - centre)
      i += 1
    }
    return total
  }

  /// y += x.
  package static func add(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, _ count: Int) {
    for i in 0..<count { y[i] += x[i] }
  }
}
