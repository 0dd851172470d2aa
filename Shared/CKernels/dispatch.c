#include "CKernels.h"

extern const resync_kernels resync_kernels_portable;

#if defined(__x86_64__)
extern const resync_kernels resync_kernels_avx512, resync_kernels_avx2;

const resync_kernels *const *resync_available_kernels(size_t *count) {
  static const resync_kernels *const all[] = {
      &resync_kernels_avx512, &resync_kernels_avx2, &resync_kernels_portable};
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const size_t first = avx2 && __builtin_cpu_supports("avx512f") ? 0 : avx2 ? 1 : 2;
  *count = 3 - first;
  return all + first;
}
#else
const resync_kernels *const *resync_available_kernels(size_t *count) {
  static const resync_kernels *const all[] = {&resync_kernels_portable};
  *count = 1;
  return all;
}
#endif
