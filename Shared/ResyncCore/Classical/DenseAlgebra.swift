import COpenBLAS

/// Dense linear algebra in double precision by OpenBLAS, row-major. The only caller of OpenBLAS, which is kept to the
/// calling thread: threads are shared out elsewhere.
enum DenseAlgebra {
  private static let singleThreaded: Void = openblas_set_num_threads(1)

  /// Aᵀ A of A [rows, width]: [width, width], of which the lower triangle is filled.
  static func lowerGram(_ a: [Double], width: Int) -> [Double] {
    _ = singleThreaded
    var product = [Double](repeating: 0, count: width * width)
    cblas_dsyrk(
      CblasRowMajor, CblasLower, CblasTrans, blasint(width), blasint(a.count / width), 1, a, blasint(width), 0,
      &product, blasint(width))
    return product
  }

  /// A Aᵀ of A [rows, width]: [rows, rows].
  static func products(_ a: [Double], width: Int) -> [Double] {
    _ = singleThreaded
    let rows = a.count / width
    var product = [Double](repeating: 0, count: rows * rows)
    cblas_dgemm(
      CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(rows), blasint(width), 1, a, blasint(width), a,
      blasint(width), 0, &product, blasint(rows))
    return product
  }

  /// x of A x = b for a symmetric positive definite A whose lower triangle is given; nil when it is not definite.
  static func solve(lower matrix: [Double], _ right: [Double]) -> [Double]? {
    _ = singleThreaded
    var (a, x) = (matrix, right)
    var (n, columns, info) = (CInt(right.count), CInt(1), CInt(0))
    // LAPACK reads columns: a lower triangle by rows is an upper one by columns.
    dposv_("U", &n, &columns, &a, &n, &x, &n, &info, 1)
    return info == 0 ? x : nil
  }

  /// Eigenvalues, ascending, and unit eigenvectors, one after the other, of a symmetric matrix [n, n].
  static func eigen(symmetric matrix: [Double], count: Int) -> (values: [Double], vectors: [Double]) {
    _ = singleThreaded
    var (a, values) = (matrix, [Double](repeating: 0, count: count))
    var (n, info, length) = (CInt(count), CInt(0), CInt(8 * count))
    var work = [Double](repeating: 0, count: Int(length))
    dsyev_("V", "U", &n, &a, &n, &values, &work, &length, &info, 1, 1)
    precondition(info == 0, "eigenvalues of a finite symmetric matrix always converge")
    return (values, a)
  }
}
