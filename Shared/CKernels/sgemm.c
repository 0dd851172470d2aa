#include "CKernels.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// The scheme is that of Goto and van de Geijn (ACM Trans. Math. Softw. 34(3), 2008): a block of B is packed into panels
// of NR columns and a block of A into panels of MR rows, so that the inner kernel reads both from the nearest caches, one
// after the other, and keeps an MR × NR tile of C in registers.

enum {
  /// Length of a chain of multiply-adds: a panel of B then takes 32 KB.
  BLOCK_K = 256,
  /// Rows of a packed block of A: 128 KB, part of a core's second-level cache.
  BLOCK_M = 128,
  /// Columns of a packed block of B: 1 MB.
  BLOCK_N = 1024,
  LARGEST_TILE = 8 * 32,
};

/// tile [rows, columns] = packed A · packed B over `k`; `columns` floats apart.
typedef void (*tile_kernel)(size_t k, const float *a, const float *b, float *tile, size_t stride);

typedef struct {
  size_t rows, columns;
  tile_kernel run;
} kernel;

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static void tile_avx512(
    size_t k, const float *a, const float *b, float *tile, size_t stride) {
  __m512 sum[8][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) sum[i][0] = sum[i][1] = _mm512_setzero_ps();
  for (size_t p = 0; p < k; p++, a += 8, b += 32) {
    const __m512 b0 = _mm512_load_ps(b), b1 = _mm512_load_ps(b + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; i++) {
      const __m512 ai = _mm512_set1_ps(a[i]);
      sum[i][0] = _mm512_fmadd_ps(ai, b0, sum[i][0]);
      sum[i][1] = _mm512_fmadd_ps(ai, b1, sum[i][1]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i++) {
    _mm512_storeu_ps(tile + i * stride, sum[i][0]);
    _mm512_storeu_ps(tile + i * stride + 16, sum[i][1]);
  }
}

__attribute__((target("avx2,fma"))) static void tile_avx2(
    size_t k, const float *a, const float *b, float *tile, size_t stride) {
  __m256 sum[4][3];
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) sum[i][0] = sum[i][1] = sum[i][2] = _mm256_setzero_ps();
  for (size_t p = 0; p < k; p++, a += 4, b += 24) {
    const __m256 b0 = _mm256_load_ps(b), b1 = _mm256_load_ps(b + 8), b2 = _mm256_load_ps(b + 16);
#pragma clang loop unroll(full)
    for (int i = 0; i < 4; i++) {
      const __m256 ai = _mm256_broadcast_ss(a + i);
      sum[i][0] = _mm256_fmadd_ps(ai, b0, sum[i][0]);
      sum[i][1] = _mm256_fmadd_ps(ai, b1, sum[i][1]);
      sum[i][2] = _mm256_fmadd_ps(ai, b2, sum[i][2]);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    for (int j = 0; j < 3; j++) _mm256_storeu_ps(tile + i * stride + 8 * j, sum[i][j]);
  }
}

static const kernel kernels[] = {
    [RESYNC_VECTORS_AVX2] = {4, 24, tile_avx2},
    [RESYNC_VECTORS_AVX512] = {8, 32, tile_avx512},
};

resync_vectors resync_widest_vectors(void) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return RESYNC_VECTORS_AVX512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return RESYNC_VECTORS_AVX2;
  return RESYNC_VECTORS_NONE;
}
#else
static const kernel kernels[] = {{0, 0, NULL}, {0, 0, NULL}, {0, 0, NULL}};

resync_vectors resync_widest_vectors(void) { return RESYNC_VECTORS_NONE; }
#endif

// MARK: - Memory of a thread

static pthread_key_t memory_key;
static pthread_once_t memory_once = PTHREAD_ONCE_INIT;

static void make_key(void) { pthread_key_create(&memory_key, free); }

/// A block of A and, after it, one of B; rounded up to whole panels.
static float *memory_of_thread(void) {
  pthread_once(&memory_once, make_key);
  float *memory = pthread_getspecific(memory_key);
  if (memory == NULL) {
    const size_t floats = (size_t)BLOCK_K * (BLOCK_M + 8 + BLOCK_N + 32);
    if (posix_memalign((void **)&memory, 64, floats * sizeof(float)) != 0) return NULL;
    pthread_setspecific(memory_key, memory);
  }
  return memory;
}

// MARK: - Packing

/// Panels of `width` lanes, each `k` long and filled up with zeros: packed[panel][p][lane].
/// A lane is `lane_stride` floats from the next, a step of p `step` floats.
static void pack(
    const float *source, size_t lanes, size_t lane_stride, size_t k, size_t step, size_t width, float *packed) {
  for (size_t first = 0; first < lanes; first += width, packed += width * k) {
    const size_t count = lanes - first < width ? lanes - first : width;
    const float *from = source + first * lane_stride;
    if (lane_stride == 1) {
      for (size_t p = 0; p < k; p++) {
        memcpy(packed + p * width, from + p * step, count * sizeof(float));
        memset(packed + p * width + count, 0, (width - count) * sizeof(float));
      }
    } else {
      for (size_t lane = 0; lane < count; lane++) {
        for (size_t p = 0; p < k; p++) packed[p * width + lane] = from[lane * lane_stride + p * step];
      }
      for (size_t lane = count; lane < width; lane++) {
        for (size_t p = 0; p < k; p++) packed[p * width + lane] = 0;
      }
    }
  }
}

// MARK: - Product

/// C = beta · C + tile for the rows and columns that exist.
static void add_tile(
    const float *tile, size_t stride, size_t rows, size_t columns, float beta, float *c, size_t ldc) {
  for (size_t i = 0; i < rows; i++, tile += stride, c += ldc) {
    if (beta == 0) {
      memcpy(c, tile, columns * sizeof(float));
    } else if (beta == 1) {
      for (size_t j = 0; j < columns; j++) c[j] += tile[j];
    } else {
      for (size_t j = 0; j < columns; j++) c[j] = c[j] * beta + tile[j];
    }
  }
}

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

bool resync_sgemm(
    resync_vectors vectors, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a,
    size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc) {
  const kernel kernel = kernels[vectors];
  float *packed_a = memory_of_thread();
  if (packed_a == NULL) return false;
  float *packed_b = packed_a + (size_t)BLOCK_K * (BLOCK_M + 8);
  const size_t a_row = transpose_a ? 1 : lda, a_step = transpose_a ? lda : 1;
  const size_t b_column = transpose_b ? ldb : 1, b_step = transpose_b ? 1 : ldb;
  float tile[LARGEST_TILE] __attribute__((aligned(64)));

  for (size_t jc = 0; jc < n; jc += BLOCK_N) {
    const size_t nc = smaller(BLOCK_N, n - jc);
    for (size_t pc = 0; pc < k; pc += BLOCK_K) {
      const size_t kc = smaller(BLOCK_K, k - pc);
      const float scale = pc == 0 ? beta : 1;
      pack(b + jc * b_column + pc * b_step, nc, b_column, kc, b_step, kernel.columns, packed_b);
      for (size_t ic = 0; ic < m; ic += BLOCK_M) {
        const size_t mc = smaller(BLOCK_M, m - ic);
        pack(a + ic * a_row + pc * a_step, mc, a_row, kc, a_step, kernel.rows, packed_a);
        for (size_t jr = 0; jr < nc; jr += kernel.columns) {
          const size_t columns = smaller(kernel.columns, nc - jr);
          for (size_t ir = 0; ir < mc; ir += kernel.rows) {
            const size_t rows = smaller(kernel.rows, mc - ir);
            kernel.run(kc, packed_a + ir * kc, packed_b + jr * kc, tile, kernel.columns);
            add_tile(tile, kernel.columns, rows, columns, scale, c + (ic + ir) * ldc + jc + jr, ldc);
          }
        }
      }
    }
  }
  return true;
}
