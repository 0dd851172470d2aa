#include "timeline.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

// Outputs and vectors of places that are computed at once: their sums stay in registers.
enum { LANES = 16, VECTORS = 3, OUTPUTS = 4 };
typedef float vector __attribute__((vector_size(4 * LANES)));

enum { DOUBLES = 8 };
typedef double doubles __attribute__((vector_size(8 * DOUBLES)));

FOR_EACH_PROCESSOR
void resync_convolve_timeline(
    const float *restrict input, size_t stride, resync_timeline shape, const float *restrict weights,
    const float *restrict bias, float *restrict output) {
  for (size_t target = 0; target < shape.outputs; target += OUTPUTS) {
    for (size_t place = 0; place < shape.count; place += LANES * VECTORS) {
      vector sums[OUTPUTS][VECTORS];
      for (size_t t = 0; t < OUTPUTS; t++) {
        for (size_t v = 0; v < VECTORS; v++) sums[t][v] = bias[target + t] - (vector){};
      }
      for (size_t tap = 0; tap < shape.taps; tap++) {
        const float *seen = input + place + tap * shape.dilation;
        const float *scales = weights + tap * shape.inputs * shape.outputs + target;
        for (size_t source = 0; source < shape.inputs; source++) {
          vector values[VECTORS];
          memcpy(values, seen + source * stride, sizeof values);
          for (size_t t = 0; t < OUTPUTS; t++) {
            for (size_t v = 0; v < VECTORS; v++) sums[t][v] += scales[source * shape.outputs + t] * values[v];
          }
        }
      }
      const size_t left = shape.count - place;
      const size_t width = left < LANES * VECTORS ? left : LANES * VECTORS;
      for (size_t t = 0; t < OUTPUTS; t++) {
        for (size_t v = 0; v < VECTORS; v++) sums[t][v] = __builtin_elementwise_max(sums[t][v], (vector){});
        memcpy(output + (target + t) * stride + place, sums[t], width * sizeof(float));
      }
    }
  }
}

FOR_EACH_PROCESSOR
void resync_resample_phase(
    const double *restrict taps, size_t tap_count, const double *restrict lanes, size_t lane_length, size_t step,
    size_t start, size_t count, float *restrict output, size_t output_stride) {
  for (size_t k = 0; k < count; k += DOUBLES) {
    doubles sum = {};
    size_t lane = start % step, place = start / step + k;
    for (size_t tap = 0; tap < tap_count; tap++) {
      doubles values;
      memcpy(&values, lanes + lane * lane_length + place, sizeof values);
      sum += taps[tap] * values;
      if (++lane == step) {
        lane = 0;
        place++;
      }
    }
    const size_t width = count - k < DOUBLES ? count - k : DOUBLES;
    for (size_t n = 0; n < width; n++) output[(k + n) * output_stride] = (float)sum[n];
  }
}
