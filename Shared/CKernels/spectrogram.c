#include "spectrogram.h"

#include <string.h>

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum { LANES = 16 };
typedef float vector __attribute__((vector_size(4 * LANES)));

FOR_EACH_PROCESSOR
void resync_pack_frames(
    const float *restrict first, const float *restrict second, const float *restrict window, size_t count,
    float *restrict packed) {
  for (size_t n = 0; n < count; n++) {
    packed[2 * n] = first[n] * window[n];
    packed[2 * n + 1] = second[n] * window[n];
  }
}

/// Half the root of each value.
FOR_EACH_PROCESSOR
static void half_roots(float *values, size_t count) {
  size_t n = 0;
  for (; n + LANES <= count; n += LANES) {
    vector lanes;
    memcpy(&lanes, values + n, sizeof lanes);
    lanes = 0.5f * __builtin_elementwise_sqrt(lanes);
    memcpy(values + n, &lanes, sizeof lanes);
  }
  for (; n < count; n++) values[n] = 0.5f * __builtin_sqrtf(values[n]);
}

FOR_EACH_PROCESSOR
void resync_frame_magnitudes(
    const float *restrict spectrum, size_t length, size_t bins, float *restrict first, float *restrict second) {
  first[0] = 4 * spectrum[0] * spectrum[0];
  second[0] = 4 * spectrum[1] * spectrum[1];
  const float *mirror = spectrum + 2 * length;
  for (size_t k = 1; k < bins; k++) {
    const float re = spectrum[2 * k], im = spectrum[2 * k + 1];
    const float mirrored_re = *(mirror - 2 * k), mirrored_im = *(mirror - 2 * k + 1);
    const float even_re = re + mirrored_re, odd_re = re - mirrored_re;
    const float even_im = im + mirrored_im, odd_im = im - mirrored_im;
    first[k] = even_re * even_re + odd_im * odd_im;
    second[k] = even_im * even_im + odd_re * odd_re;
  }
  half_roots(first, bins);
  half_roots(second, bins);
}

/// Logarithm of a value from 1 up: exponent and 2 artanh(s) of the mantissa, s = (m − 1) / (m + 1), |s| < 0.172, whose
/// series is cut after s⁹.
static inline __attribute__((always_inline)) float logarithm(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  // Mantissas from √½ to √2: 0x3F3504F3 is √½.
  const uint32_t above = bits - 0x3F3504F3u;
  const float exponent = (float)((int32_t)above >> 23);
  bits = (above & 0x007FFFFFu) + 0x3F3504F3u;
  float mantissa;
  memcpy(&mantissa, &bits, sizeof mantissa);
  const float s = (mantissa - 1) / (mantissa + 1);
  const float square = s * s;
  const float series = square * (1.0f / 3 + square * (1.0f / 5 + square * (1.0f / 7 + square * (1.0f / 9))));
  return exponent * 0.693147180559945f + (2 * s + 2 * s * series);
}

FOR_EACH_PROCESSOR
void resync_log_image(
    const float *restrict magnitudes, size_t rows, size_t columns, float scale, uint16_t *restrict image) {
  // Tiles are made along the rows, where magnitudes lie side by side, and turned in the nearest cache.
  for (size_t row = 0; row < rows; row += LANES) {
    const size_t height = rows - row < LANES ? rows - row : LANES;
    for (size_t column = 0; column < columns; column += LANES) {
      const size_t width = columns - column < LANES ? columns - column : LANES;
      _Float16 tile[LANES][LANES];
      for (size_t x = 0; x < width; x++) {
        const float *place = magnitudes + (column + x) * rows + row;
        for (size_t y = 0; y < height; y++) tile[x][y] = (_Float16)logarithm(1 + scale * place[y]);
      }
      for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) memcpy(image + (row + y) * columns + column + x, &tile[x][y], 2);
      }
    }
  }
}
