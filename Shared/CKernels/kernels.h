// The kernels for vectors of LANES floats. Each kernels_*.c sets the macros and includes this file, which makes one table.

#include <stdint.h>
#include <string.h>

#include "CKernels.h"

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4)));
typedef int32_t bits __attribute__((vector_size(4 * LANES), aligned(4)));

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define MINIMUM(a, b) ((a) < (b) ? (a) : (b))

INLINE vec load(const float *p) { return *(const vec *)p; }
INLINE void store(float *p, vec v) { *(vec *)p = v; }
INLINE vec all(float value) { return value - (vec){}; }
INLINE vec above(vec v) { return __builtin_elementwise_max(v, (vec){}); }
/// v where the output is above 0, else 0.
INLINE vec where(vec output, vec v) { return (vec)((bits)v & (bits)(output > 0)); }
/// a · b + c
INLINE vec fused(vec a, vec b, vec c) {
#if FUSED
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

#if LANES == 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif LANES == 8
#define LOW 0, 8, 1, 9, 2, 10, 3, 11
#define HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#endif

/// Turns rows into columns: to[i][j] = from[j · stride + i].
INLINE void transpose(const float *from, size_t stride, vec *to) {
  vec rows[2][LANES];
  UNROLL for (size_t i = 0; i < LANES; i++) rows[0][i] = load(from + i * stride);
  // Each round interleaves the halves; after as many rounds as LANES has bits, the indices have changed places.
  size_t current = 0;
  UNROLL for (size_t round = 1; round < LANES; round *= 2) {
    UNROLL for (size_t i = 0; i < LANES / 2; i++) {
      const vec a = rows[current][i], b = rows[current][i + LANES / 2];
      rows[1 - current][2 * i] = __builtin_shufflevector(a, b, LOW);
      rows[1 - current][2 * i + 1] = __builtin_shufflevector(a, b, HIGH);
    }
    current = 1 - current;
  }
  UNROLL for (size_t i = 0; i < LANES; i++) to[i] = rows[current][i];
}

#include "kernels_product.h"
#include "kernels_tiles.h"
#include "kernels_elements.h"

const resync_kernels KERNELS = {
    .name = NAME,
    .product = product,
    .transposed_product = transposed_product,
    .gather = gather,
    .scatter = scatter,
    .pack = pack,
    .unpack = unpack,
    .tile_input = tile_input,
    .tile_output = tile_output,
    .tile_gradient = tile_gradient,
    .tile_weights = tile_weights,
    .tile_filters = tile_filters,
    .tile_turn = tile_turn,
    .tile_product = tile_product,
    .tile_weight_gradient = tile_weight_gradient,
    .moments = moments,
    .normalise = normalise,
    .normalise_sums = normalise_sums,
    .normalise_backward = normalise_backward,
    .add = add,
    .maximum = maximum,
    .maximum_backward = maximum_backward,
    .adam = adam,
    .sgd = sgd,
};
