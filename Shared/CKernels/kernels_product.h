// Products of matrices and the patches that make a convolution one.

enum { VECTORS = RESYNC_PANEL / LANES };

/// Stores a vector of a result after what the epilogue adds. `offset`: of the element in the result, `column` of its first lane.
INLINE void finish(vec v, float *c, size_t offset, size_t column, const resync_epilogue *e) {
  if (e->bias) v += load(e->bias + column);
  if (e->residual) v += load(e->residual + offset);
  if (e->rectify) v = above(v);
  store(c + offset, v);
}

/// `rows` × `panels` panels of C, kept in registers while k runs. Element (i, p) of A lies at
/// `a[i · a_row + p · a_step]`, row p of panel j of B at `b + p · b_step + j · b_panel`.
INLINE void tile(
    const size_t rows, const size_t panels, size_t k, const float *a, size_t a_row, size_t a_step, const float *b,
    size_t b_step, size_t b_panel, float *c, size_t offset, size_t ldc, size_t column, const resync_epilogue *e) {
  vec sum[TILE_ROWS][TILE_PANELS * VECTORS];
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < panels * VECTORS; j++) {
      sum[i][j] = e->accumulate ? load(c + offset + i * ldc + j * LANES) : (vec){};
    }
  }
#pragma clang loop unroll_count(4)
  for (size_t p = 0; p < k; p++) {
    vec right[TILE_PANELS * VECTORS];
    UNROLL for (size_t j = 0; j < panels * VECTORS; j++) {
      right[j] = load(b + p * b_step + j / VECTORS * b_panel + j % VECTORS * LANES);
    }
    UNROLL for (size_t i = 0; i < rows; i++) {
      const vec left = all(a[i * a_row + p * a_step]);
      UNROLL for (size_t j = 0; j < panels * VECTORS; j++) sum[i][j] = fused(left, right[j], sum[i][j]);
    }
  }
  UNROLL for (size_t i = 0; i < rows; i++) {
    UNROLL for (size_t j = 0; j < panels * VECTORS; j++) {
      finish(sum[i][j], c, offset + i * ldc + j * LANES, column + j * LANES, e);
    }
  }
}

typedef void (*tile_function)(
    size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t offset, size_t ldc,
    size_t column, const resync_epilogue *e);

#define TILE(rows, panels)                                                                                            \
  static void packed_##rows##_##panels(                                                                               \
      size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t offset, size_t ldc,          \
      size_t column, const resync_epilogue *e) {                                                                      \
    tile(rows, panels, k, a, lda, 1, b, RESYNC_PANEL, ldb, c, offset, ldc, column, e);                                \
  }                                                                                                                   \
  static void transposed_##rows##_##panels(                                                                           \
      size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t offset, size_t ldc,          \
      size_t column, const resync_epilogue *e) {                                                                      \
    tile(rows, panels, k, a, 1, lda, b, ldb, RESYNC_PANEL, c, offset, ldc, column, e);                                \
  }

#define ROWS_3(DO, panels) DO(1, panels) DO(2, panels) DO(3, panels)
#define ROWS_6(DO, panels) ROWS_3(DO, panels) DO(4, panels) DO(5, panels) DO(6, panels)
#define ROWS_14(DO, panels)                                                                                           \
  ROWS_6(DO, panels) DO(7, panels) DO(8, panels) DO(9, panels) DO(10, panels) DO(11, panels) DO(12, panels)           \
  DO(13, panels) DO(14, panels)
#define PACKED(rows, panels) packed_##rows##_##panels,
#define TRANSPOSED(rows, panels) transposed_##rows##_##panels,
#define JOIN(a, b) a##b
#define EVERY_ROW_COUNT(rows) JOIN(ROWS_, rows)
#define EVERY EVERY_ROW_COUNT(TILE_ROWS)

EVERY(TILE, 1)
#if TILE_PANELS == 2
EVERY(TILE, 2)
#endif

/// By panels and rows, each less one.
static const tile_function packed_tiles[TILE_PANELS][TILE_ROWS] = {
    {EVERY(PACKED, 1)},
#if TILE_PANELS == 2
    {EVERY(PACKED, 2)},
#endif
};
static const tile_function transposed_tiles[TILE_PANELS][TILE_ROWS] = {
    {EVERY(TRANSPOSED, 1)},
#if TILE_PANELS == 2
    {EVERY(TRANSPOSED, 2)},
#endif
};

static void product(
    size_t m, size_t k, size_t panels, const float *a, size_t lda, const float *b, float *c, size_t ldc,
    const resync_epilogue *epilogue) {
  // Rows fall into blocks that differ by one at most, so that none is left with too few sums to hide latency.
  const size_t blocks = (m + TILE_ROWS - 1) / TILE_ROWS;
  const size_t panel = k * RESYNC_PANEL;
  for (size_t j = 0; j < panels; j += TILE_PANELS) {
    const size_t width = MINIMUM(TILE_PANELS, panels - j);
    for (size_t block = 0; block < blocks; block++) {
      const size_t row = block * m / blocks, rows = (block + 1) * m / blocks - row;
      packed_tiles[width - 1][rows - 1](
          k, a + row * lda, lda, b + j * panel, panel, c, row * ldc + j * RESYNC_PANEL, ldc, j * RESYNC_PANEL,
          epilogue);
    }
  }
}

static void transposed_product(
    size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float *c, size_t ldc,
    bool accumulate) {
  // So many rows of A and B stay in the second-level cache.
  enum { DEPTH = 256 };
  const size_t blocks = (m + TILE_ROWS - 1) / TILE_ROWS, panels = n / RESYNC_PANEL;
  for (size_t p = 0; p < k; p += DEPTH) {
    const resync_epilogue epilogue = {.accumulate = accumulate || p > 0};
    const size_t depth = MINIMUM(DEPTH, k - p);
    for (size_t block = 0; block < blocks; block++) {
      const size_t row = block * m / blocks, rows = (block + 1) * m / blocks - row;
      for (size_t j = 0; j < panels; j += TILE_PANELS) {
        const size_t width = MINIMUM(TILE_PANELS, panels - j);
        transposed_tiles[width - 1][rows - 1](
            depth, a + p * lda + row, lda, b + p * ldb + j * RESYNC_PANEL, ldb, c, row * ldc + j * RESYNC_PANEL, ldc,
            0, &epilogue);
      }
    }
  }
}

// MARK: - Patches

INLINE void copy(float *to, const float *from, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, load(from + i));
  for (; i < count; i++) to[i] = from[i];
}

INLINE void clear(float *to, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(to + i, (vec){});
  for (; i < count; i++) to[i] = 0;
}

static void add(const float *x, float *y, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) store(y + i, load(y + i) + load(x + i));
  for (; i < count; i++) y[i] += x[i];
}

/// The stretch of columns of a kernel's row that lies inside the map.
typedef struct {
  ptrdiff_t first_column;
  size_t low, high;
} span;

INLINE span inside(const resync_patches *s, size_t output_column) {
  const ptrdiff_t first = (ptrdiff_t)(output_column * s->stride) - s->padding_left;
  const ptrdiff_t width = (ptrdiff_t)s->width, kernel = (ptrdiff_t)s->kernel_width;
  const ptrdiff_t low = first < 0 ? -first : 0, high = first + kernel > width ? width - first : kernel;
  if (high <= low) return (span){first, 0, 0};
  return (span){first, (size_t)low, (size_t)high};
}

static void gather(
    const resync_patches *s, const float *input, size_t first, size_t count, float *rows, size_t ld) {
  const size_t line = s->kernel_width * s->channels, plane = s->output_height * s->output_width;
  for (size_t pixel = first; pixel < first + count; pixel++, rows += ld) {
    const size_t image = pixel / plane, y = pixel % plane / s->output_width, x = pixel % s->output_width;
    const float *map = input + image * s->height * s->width * s->channels;
    const span columns = inside(s, x);
    float *to = rows;
    for (size_t ky = 0; ky < s->kernel_height; ky++, to += line) {
      const ptrdiff_t row = (ptrdiff_t)(y * s->stride + ky) - s->padding_top;
      if (row < 0 || row >= (ptrdiff_t)s->height || columns.low == columns.high) {
        clear(to, line);
        continue;
      }
      const ptrdiff_t from = row * (ptrdiff_t)s->width + columns.first_column + (ptrdiff_t)columns.low;
      clear(to, columns.low * s->channels);
      copy(to + columns.low * s->channels, map + from * (ptrdiff_t)s->channels,
           (columns.high - columns.low) * s->channels);
      clear(to + columns.high * s->channels, line - columns.high * s->channels);
    }
  }
}

static void scatter(
    const resync_patches *s, float *input, size_t first, size_t count, const float *rows, size_t ld) {
  const size_t line = s->kernel_width * s->channels, plane = s->output_height * s->output_width;
  for (size_t pixel = first; pixel < first + count; pixel++, rows += ld) {
    const size_t image = pixel / plane, y = pixel % plane / s->output_width, x = pixel % s->output_width;
    float *map = input + image * s->height * s->width * s->channels;
    const span columns = inside(s, x);
    const float *from = rows;
    for (size_t ky = 0; ky < s->kernel_height; ky++, from += line) {
      const ptrdiff_t row = (ptrdiff_t)(y * s->stride + ky) - s->padding_top;
      if (row < 0 || row >= (ptrdiff_t)s->height) continue;
      const ptrdiff_t to = row * (ptrdiff_t)s->width + columns.first_column + (ptrdiff_t)columns.low;
      add(from + columns.low * s->channels, map + to * (ptrdiff_t)s->channels,
          (columns.high - columns.low) * s->channels);
    }
  }
}

// MARK: - Weights

static void pack(
    const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *packed) {
  size_t row = 0;
  if (lanes == RESYNC_PANEL && row_stride == 1) {
    for (; row + LANES <= rows; row += LANES) {
      for (size_t lane = 0; lane < RESYNC_PANEL; lane += LANES) {
        vec columns[LANES];
        transpose(weights + lane * lane_stride + row, lane_stride, columns);
        UNROLL for (size_t i = 0; i < LANES; i++) store(packed + (row + i) * RESYNC_PANEL + lane, columns[i]);
      }
    }
  } else if (lanes == RESYNC_PANEL && lane_stride == 1) {
    for (; row < rows; row++) copy(packed + row * RESYNC_PANEL, weights + row * row_stride, RESYNC_PANEL);
  }
  for (; row < rows; row++) {
    float *to = packed + row * RESYNC_PANEL;
    const float *from = weights + row * row_stride;
    for (size_t lane = 0; lane < lanes; lane++) to[lane] = from[lane * lane_stride];
    for (size_t lane = lanes; lane < RESYNC_PANEL; lane++) to[lane] = 0;
  }
}

static void unpack(
    const float *from, size_t ld, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *weights) {
  size_t row = 0;
  if (lanes == RESYNC_PANEL && row_stride == 1) {
    for (; row + LANES <= rows; row += LANES) {
      for (size_t lane = 0; lane < RESYNC_PANEL; lane += LANES) {
        vec columns[LANES];
        transpose(from + row * ld + lane, ld, columns);
        UNROLL for (size_t i = 0; i < LANES; i++) store(weights + (lane + i) * lane_stride + row, columns[i]);
      }
    }
  }
  for (; row < rows; row++) {
    float *to = weights + row * row_stride;
    for (size_t lane = 0; lane < lanes; lane++) to[lane * lane_stride] = from[row * ld + lane];
  }
}
