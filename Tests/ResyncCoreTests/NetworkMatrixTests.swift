import ResyncCore
import Testing

@Suite("Matrix products")
struct NetworkMatrixTests {
  /// Rows, columns and length around the kernels' tiles and blocks.
  private static let shapes = [
    (1, 1, 1), (3, 5, 7), (8, 32, 16), (9, 33, 257), (16, 100, 144), (130, 40, 300), (5, 1030, 20), (64, 96, 512),
  ]

  private struct Case {
    var m: Int, n: Int, k: Int
    var a: [Float], b: [Float], c: [Float]

    init(_ shape: (Int, Int, Int), seed: UInt64) {
      (m, n, k) = shape
      var generator = SeededGenerator(seed: seed)
      func values(_ count: Int) -> [Float] { (0..<count).map { _ in Float(generator.gaussian()) } }
      (a, b, c) = (values(m * k), values(k * n), values(m * n))
    }

    func product(
      _ engine: Matrix.Engine, transposed: (Bool, Bool) = (false, false), beta: Float = 0
    ) -> [Float] {
      var result = c
      let storedA = transposed.0 ? transpose(a, m, k) : a
      let storedB = transposed.1 ? transpose(b, k, n) : b
      Matrix.multiply(
        .init(storedA, stride: transposed.0 ? m : k, transposed: transposed.0),
        .init(storedB, stride: transposed.1 ? k : n, transposed: transposed.1), into: &result, stride: n, m: m, n: n,
        k: k, beta: beta, engine: engine)
      return result
    }

    private func transpose(_ values: [Float], _ rows: Int, _ columns: Int) -> [Float] {
      (0..<columns).flatMap { column in (0..<rows).map { values[$0 * columns + column] } }
    }

    /// In double precision, with the sum of magnitudes that bounds the error.
    func naive(beta: Float) -> [(value: Double, magnitude: Double)] {
      (0..<m * n).map { index in
        let (i, j) = (index / n, index % n)
        var sum = Double(beta) * Double(c[index])
        var magnitude = abs(sum)
        for p in 0..<k {
          let term = Double(a[i * k + p]) * Double(b[p * n + j])
          sum += term
          magnitude += abs(term)
        }
        return (sum, magnitude)
      }
    }
  }

  @Test(
    "every engine agrees with the naive product, for any shape, transposition and beta",
    arguments: Matrix.Engine.available)
  func naive(engine: Matrix.Engine) {
    for (number, shape) in Self.shapes.enumerated() {
      let sample = Case(shape, seed: UInt64(number))
      for beta in [Float(0), 1, -0.5] {
        let expected = sample.naive(beta: beta)
        for transposed in [(false, false), (true, false), (false, true), (true, true)] {
          let result = sample.product(engine, transposed: transposed, beta: beta)
          let worst = zip(result, expected).map { abs(Double($0) - $1.value) / $1.magnitude }.max() ?? 0
          #expect(worst < 1e-5, "\(engine), \(shape), beta \(beta), transposed \(transposed)")
        }
      }
    }
  }

  @Test("vectors of any width give the same bits", .enabled(if: Matrix.Engine.available.contains(.avx512)))
  func width() {
    for (number, shape) in Self.shapes.enumerated() {
      let sample = Case(shape, seed: UInt64(number))
      #expect(sample.product(.avx512, beta: 1) == sample.product(.avx2, beta: 1), "\(shape)")
    }
  }

  @Test(
    "an element's bits do not depend on the rows and columns beside it",
    .enabled(if: Matrix.Engine.best != .openBLAS))
  func company() {
    let whole = Case((70, 1100, 300), seed: 9)
    let product = whole.product(.best)
    for (row, column) in [(0, 0), (69, 1099), (33, 517), (8, 1024)] {
      var alone = whole
      (alone.m, alone.n) = (1, 1)
      alone.a = Array(whole.a[row * 300..<(row + 1) * 300])
      alone.b = (0..<300).map { whole.b[$0 * 1100 + column] }
      alone.c = [0]
      #expect(alone.product(.best) == [product[row * 1100 + column]])
    }
  }
}
