#ifndef RESYNC_CKERNELS_H
#define RESYNC_CKERNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "spectrogram.h"
#include "timeline.h"

#if defined(__cplusplus)
extern "C" {
#endif

/// Activations are `[pixel, channel]` with the channels of a pixel side by side, their number filled up with zeros to a
/// multiple of this. Weights of a product are packed in panels of as many columns.
#define RESYNC_PANEL 16
/// The most channels, filled up, that a transform of tiles takes.
#define RESYNC_MOST_CHANNELS 8192

/// What happens to a product before it is stored; pointers may be null.
typedef struct {
  /// Added to every row; as many floats as columns.
  const float *bias;
  /// Added element by element; rows as far apart as those of the result.
  const float *residual;
  /// Goes on from what is stored instead of from 0.
  bool accumulate;
  /// Negative values become 0.
  bool rectify;
} resync_epilogue;

/// How a 3×3 convolution with stride 1 and padding 1 is cut into tiles (Winograd 1980; Lavin & Gray 2016). Each tile
/// becomes `points` products of matrices instead of nine for every pixel.
typedef enum {
  /// F(4×4, 3×3): tiles of 4×4 outputs from 6×6 inputs, 36 points.
  RESYNC_TILES_4 = 0,
  /// A whole map of 2×2: nine points, since along each side three products give both outputs of the 2×2 Toeplitz matrix
  /// that is left of the filter.
  RESYNC_TILES_2 = 1,
} resync_tiles;

/// One image and where in it a tile lies.
typedef struct {
  size_t height, width;
  /// Floats from one pixel to the next, and channels to be computed: multiples of RESYNC_PANEL.
  size_t stride, channels;
  /// Of the tile among the map's tiles.
  size_t tile_row, tile_column;
} resync_place;

/// A convolution's shape for the gathering of patches.
typedef struct {
  size_t height, width;
  /// Floats from one input pixel to the next; all of them are gathered.
  size_t channels;
  size_t kernel_height, kernel_width, stride;
  /// Rows above and columns left of the map that the first output sees; the kernel may begin inside the map.
  ptrdiff_t padding_top, padding_left;
  size_t output_height, output_width;
} resync_patches;

/// Constants of one step of Adam.
typedef struct {
  float beta1, beta2, epsilon, step_size, second_correction;
  /// Added to the gradient as a share of the parameter.
  float coupled_decay;
  /// What is left of the parameter before the step.
  float shrinkage;
} resync_adam_rule;

/// One implementation of everything for one width of vectors. All kernels work on the calling thread and own no memory.
/// Every element of a result is computed by the same operations in the same order, whatever rows and columns are
/// computed beside it and whatever the width; only processors without fused multiply-add round differently.
typedef struct {
  const char *name;

  /// C [m, 16 · panels] = A [m, k] · B, B packed as [panels][k][16]. `lda`, `ldc`: floats from row to row.
  void (*product)(
      size_t m, size_t k, size_t panels, const float *a, size_t lda, const float *b, float *c, size_t ldc,
      const resync_epilogue *epilogue);
  /// C [m, n] = Aᵀ · B of A [k, m] and B [k, n], both as they lie; n is a multiple of 16.
  void (*transposed_product)(
      size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
      bool accumulate);

  /// Patches of `count` output pixels, numbered through all images from `first`, as rows [kernel_height, kernel_width,
  /// channels]; zero outside the map.
  void (*gather)(const resync_patches *shape, const float *input, size_t first, size_t count, float *rows, size_t ld);
  /// Adds rows of patches back to the places in `input` that `gather` takes them from.
  void (*scatter)(const resync_patches *shape, float *input, size_t first, size_t count, const float *rows, size_t ld);

  /// packed[row · 16 + lane] = weights[row · row_stride + lane · lane_stride]; lanes from `lanes` on are 0.
  void (*pack)(
      const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *packed);
  /// The way back: weights[row · row_stride + lane · lane_stride] = rows[row · ld + lane].
  void (*unpack)(
      const float *from, size_t ld, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *weights);

  /// Input tile of an image → points, `stride` floats apart.
  void (*tile_input)(resync_tiles tiles, resync_place place, const float *image, float *points, size_t stride);
  /// Points → output tile of an image, with the epilogue; its residual lies as the image does.
  void (*tile_output)(
      resync_tiles tiles, resync_place place, const float *points, size_t stride, float *image,
      const resync_epilogue *epilogue);
  /// The adjoint of `tile_output`: gradient of an output tile → gradients of the points.
  void (*tile_gradient)(resync_tiles tiles, resync_place place, const float *gradient, float *points, size_t stride);
  /// Weights of one panel → points, `stride` floats apart, each [rows, 16]. Element (row, lane) of tap t is
  /// `weights[row · row_stride + lane · lane_stride + t]`, or the filter turned by 180° when `turned`; lanes from `lanes`
  /// on are 0.
  void (*tile_weights)(
      resync_tiles tiles, const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride,
      bool turned, float *points, size_t stride);
  /// Weights of one panel as in `tile_weights` → filters [rows, 9, 16].
  void (*tile_filters)(
      const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *filters);
  /// Turns channels `first` to `first + count` of the points [m, k] of m tiles of 4, `stride` floats apart, so that all
  /// that `tile_product` reads at once lies together: 36 · m · k floats.
  void (*tile_turn)(
      size_t m, size_t k, size_t first, size_t count, const float *points, size_t stride, size_t ld, float *turned);
  /// For tiles of 4: C [m, 16] = A [m, k] · B at each point, where A was turned and B is what `tile_weights` makes of
  /// `filters`. For few tiles it is faster to transform weights again than to read them transformed; the bits are the
  /// same.
  void (*tile_product)(
      size_t m, size_t k, const float *turned, const float *filters, float *c, size_t c_stride, size_t ldc);
  /// Gradients of the points, each [rows, ld] from one panel's first column → gradient of the weights, laid out as in
  /// `tile_weights`.
  void (*tile_weight_gradient)(
      resync_tiles tiles, const float *points, size_t stride, size_t ld, size_t rows, size_t row_stride, size_t lanes,
      size_t lane_stride, float *gradient);

  /// sums += Σ (x − pivot), squares += Σ (x − pivot)² of each channel over rows [rows, channels].
  void (*moments)(
      const float *x, size_t rows, size_t channels, const float *pivot, float *sums, float *squares);
  /// y = x · scale + shift (+ residual), then ReLU if asked. `y` may be `x`; residual may be null.
  void (*normalise)(
      const float *x, size_t rows, size_t channels, const float *scale, const float *shift, const float *residual,
      bool rectify, float *y);
  /// With g the gradient where the output (null: everywhere) is above 0 and 0 elsewhere:
  /// sums += Σ g, products += Σ g (x − centre). g is stored in `masked` if that is not null; it may be `gradient`.
  void (*normalise_sums)(
      const float *gradient, const float *output, const float *x, size_t rows, size_t channels, const float *centre,
      float *masked, float *sums, float *products);
  /// result = a g + b x + c, with g as above. `result` may be `gradient`.
  void (*normalise_backward)(
      const float *gradient, const float *output, const float *x, size_t rows, size_t channels, const float *a,
      const float *b, const float *c, float *result);
  /// y += x.
  void (*add)(const float *x, float *y, size_t count);

  /// Maximum over 3×3, stride 2, padding 1 of one image.
  void (*maximum)(const float *image, size_t height, size_t width, size_t channels, float *output);
  /// Gradient of `maximum`: to the first of the largest values of each window.
  void (*maximum_backward)(
      const float *image, const float *output, const float *gradient, size_t height, size_t width, size_t channels,
      float *image_gradient);

  void (*adam)(
      const resync_adam_rule *rule, float *parameters, const float *gradients, float *first, float *second,
      size_t count);
  /// velocity = momentum · velocity + gradient + decay · parameter; parameter −= rate · velocity.
  void (*sgd)(
      float momentum, float decay, float rate, float *parameters, const float *gradients, float *velocity,
      size_t count);
} resync_kernels;

/// Tells the processor that the thread only waits.
static inline void resync_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Implementations that this processor can run, the fastest first; the last one is plain C. Sets `count`.
const resync_kernels *const *resync_available_kernels(size_t *count);

#if defined(__cplusplus)
}
#endif

#endif
