import CKernels
import COpenBLAS

/// Dense products on the calling thread; callers split the work, so that sums depend on shapes only.
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

  /// Who computes. Our own kernels choose the widest vectors at run time and give the same bits with any of them;
  /// OpenBLAS serves processors for which there is no kernel.
  package enum Engine: Hashable, Sendable {
    case avx512, avx2, openBLAS

    package static let best: Engine =
      switch resync_widest_vectors() {
      case RESYNC_VECTORS_AVX512: .avx512
      case RESYNC_VECTORS_AVX2: .avx2
      default: .openBLAS
      }

    /// What this processor can run.
    package static var available: [Engine] {
      switch best {
      case .avx512: [.avx512, .avx2, .openBLAS]
      case .avx2: [.avx2, .openBLAS]
      case .openBLAS: [.openBLAS]
      }
    }
  }

  /// C [m, n] = A [m, k] · B [k, n] + beta · C, row-major; a transposed operand is stored the other way round. `k` is
  /// at least 1.
  package static func multiply(
    _ a: Operand, _ b: Operand, into c: UnsafeMutablePointer<Float>, stride: Int, m: Int, n: Int, k: Int,
    beta: Float = 0, engine: Engine = .best
  ) {
    switch engine {
    case .avx512: own(RESYNC_VECTORS_AVX512, a, b, c, stride, m, n, k, beta)
    case .avx2: own(RESYNC_VECTORS_AVX2, a, b, c, stride, m, n, k, beta)
    case .openBLAS: openBLAS(a, b, c, stride, m, n, k, beta)
    }
  }

  private static func own(
    _ vectors: resync_vectors, _ a: Operand, _ b: Operand, _ c: UnsafeMutablePointer<Float>, _ stride: Int, _ m: Int,
    _ n: Int, _ k: Int, _ beta: Float
  ) {
    let done = resync_sgemm(
      vectors, a.transposed, b.transposed, m, n, k, a.start, a.stride, b.start, b.stride, beta, c, stride)
    precondition(done, "there is no memory for a megabyte of packed operands")
  }

  private static let singleThreaded: Void = openblas_set_num_threads(1)

  private static func openBLAS(
    _ a: Operand, _ b: Operand, _ c: UnsafeMutablePointer<Float>, _ stride: Int, _ m: Int, _ n: Int, _ k: Int,
    _ beta: Float
  ) {
    _ = singleThreaded
    cblas_sgemm(
      CblasRowMajor, a.transposed ? CblasTrans : CblasNoTrans, b.transposed ? CblasTrans : CblasNoTrans, blasint(m),
      blasint(n), blasint(k), 1, a.start, blasint(a.stride), b.start, blasint(b.stride), beta, c, blasint(stride))
  }
}
