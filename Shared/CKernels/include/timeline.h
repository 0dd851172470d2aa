#ifndef RESYNC_TIMELINE_H
#define RESYNC_TIMELINE_H

#include <stddef.h>

/// A convolution over time.
typedef struct {
  size_t inputs;
  /// A multiple of 4.
  size_t outputs;
  size_t taps, dilation;
  /// Places that are computed.
  size_t count;
} resync_timeline;

/// output[o][p] = max(0, bias[o] + Σ weights[t][i][o] · input[i][p + t · dilation]), p < count, summed over t, then i, in
/// order and without fused operations: the same bits whatever vectors the processor has.
///
/// Rows of input and output are `stride` floats apart. Of an input row count, filled up to a multiple of 48, and
/// (taps − 1) · dilation more are read. Input and output do not overlap.
void resync_convolve_timeline(
    const float *input, size_t stride, resync_timeline shape, const float *weights, const float *bias, float *output);

/// Outputs of one phase of a resampler: output[k · output_stride] = Σ taps[t] · x[start + t + k · step], k < count, summed
/// over t in order and without fused operations. Sample n of x is lanes[(n mod step) · lane_length + n / step]; lanes are
/// read for count filled up to a multiple of 8.
void resync_resample_phase(
    const double *taps, size_t tap_count, const double *lanes, size_t lane_length, size_t step, size_t start,
    size_t count, float *output, size_t output_stride);

#endif
