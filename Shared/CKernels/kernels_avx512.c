#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx2,fma"))), apply_to = function)
#define KERNELS resync_kernels_avx512
#define NAME "avx512"
#define LANES 16
#define FUSED 1
// 28 sums of 16 lanes, two vectors of B, one of A: 31 of 32 registers.
#define TILE_ROWS 14
#define TILE_PANELS 2
#include "kernels.h"
#pragma clang attribute pop
#endif
