import COpenBLAS

/// Dense products by OpenBLAS, kept to one thread: ours split the work, so that sums depend on shapes only.
package enum Matrix {
  package struct Operand {
    let start: UnsafePointer<Float>
    /// Floats from one row to the next.
    let stride: Int
    var transposed = false

    package init(_ start: UnsafePointer<Float>, stride: Int, transposed: Bool = false) {
      self.start = start
      self.stride = stride
      self.transposed = transposed
    }
  }

  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// C [m, n] = A [m, k] · B [k, n] + beta · C, row-major; a transposed operand is stored the other way round.
  package static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, m: Int, n: Int, k: Int,
    beta: Float = 0
  ) {
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans, blasint(m),
      blasint(n), blasint(k), 1, a.start, blasint(a.stride), b.start, blasint(b.stride), beta, c, blasint(stride))
  }
}
