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

#endif
