#define KERNELS resync_kernels_portable
#define NAME "portable"
#define LANES 4
#if defined(__aarch64__)
#define FUSED 1
// 24 sums of 4 lanes, four vectors of B, one of A: 29 of 32 registers.
#define TILE_ROWS 6
#else
#define FUSED 0
#define TILE_ROWS 3
#endif
#define TILE_PANELS 1
#include "kernels.h"
