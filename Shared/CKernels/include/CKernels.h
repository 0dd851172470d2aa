#ifndef RESYNC_CKERNELS_H
#define RESYNC_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>

#if defined(__cplusplus)
extern "C" {
#endif

/// What the processor at hand can do, as far as the kernels make use of it.
typedef enum {
  RESYNC_VECTORS_NONE = 0,
  /// 256 bits, with fused multiply-add.
  RESYNC_VECTORS_AVX2 = 1,
  /// 512 bits.
  RESYNC_VECTORS_AVX512 = 2,
} resync_vectors;

/// The widest vectors that processor and operating system offer.
resync_vectors resync_widest_vectors(void);

/// C [m, n] = A [m, k] · B [k, n] + beta · C in single precision, row-major; a transposed operand is stored the other
/// way round. `lda`, `ldb`, `ldc`: floats from one stored row to the next.
///
/// Each element of C is a chain of fused multiply-adds over k in order, cut into blocks of a fixed length whose sums are
/// added in order: its bits depend on k alone, not on m, n, the vectors' width or its place in the matrix.
///
/// `vectors` must not be wider than `resync_widest_vectors()`, nor NONE. Memory for packed operands belongs to the
/// calling thread and is freed when that ends. Returns false, with C untouched, if there is none to be had.
bool resync_sgemm(
    resync_vectors vectors, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a,
    size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

#if defined(__cplusplus)
}
#endif

#endif
