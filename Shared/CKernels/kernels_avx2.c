#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNELS resync_kernels_avx2
#define NAME "avx2"
#define LANES 8
#define FUSED 1
// 12 sums of 8 lanes, two vectors of B, one of A: 15 of 16 registers.
#define TILE_ROWS 6
#define TILE_PANELS 1
#include "kernels.h"
#pragma clang attribute pop
#endif
