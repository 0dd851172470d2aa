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
