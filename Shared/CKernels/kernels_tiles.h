// Transforms of tiles. Each side is transformed alone: first every column, then every row.
//
// With d the inputs, g the filter and m the products at the points: outputs = Aᵀ [(G g) ∘ (Bᵀ d)]. For tiles of four the
// points are 0, ±1, ±2 and infinity, and the matrices those of Lavin & Gray (2016), but that the fractions of G's rows are
// moved to Bᵀ's: where tiles are few, the transform of the weights is what costs.

/// Bᵀ d
INLINE void input_4(const vec *d, size_t step, vec *o, size_t by) {
  const vec d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  const vec even = fused(all(2.0f / 3), d2, all(-1.0f / 6) * d4), odd = fused(all(2.0f / 3), d1, all(-1.0f / 6) * d3);
  const vec near = all(1.0f / 24) * (d4 - d2), far = all(1.0f / 12) * (d3 - d1);
  o[0] = fused(all(-1.25f), d2, fused(all(0.25f), d4, d0));
  o[by] = even + odd;
  o[2 * by] = even - odd;
  o[3 * by] = near + far;
  o[4 * by] = near - far;
  o[5 * by] = fused(all(4), d1, fused(all(-5), d3, d5));
}

/// Aᵀ m
INLINE void output_4(const vec *m, size_t step, vec *o, size_t by) {
  const vec m0 = m[0], m1 = m[step], m2 = m[2 * step], m3 = m[3 * step], m4 = m[4 * step], m5 = m[5 * step];
  const vec s1 = m1 + m2, d1 = m1 - m2, s2 = m3 + m4, d2 = m3 - m4;
  o[0] = m0 + s1 + s2;
  o[by] = fused(all(2), d2, d1);
  o[2 * by] = fused(all(4), s2, s1);
  o[3 * by] = fused(all(8), d2, d1) + m5;
}

/// A y
INLINE void gradient_4(const vec *y, size_t step, vec *o, size_t by) {
  const vec y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  const vec even = y0 + y2, odd = y1 + y3;
  const vec wide = fused(all(4), y2, y0), tall = fused(all(8), y3, all(2) * y1);
  o[0] = y0;
  o[by] = even + odd;
  o[2 * by] = even - odd;
  o[3 * by] = wide + tall;
  o[4 * by] = wide - tall;
  o[5 * by] = y3;
}

/// Rows of G g, two by two: the first and the last, the second and the third, the two others.
INLINE void weights_4_pair(const size_t pair, vec g0, vec g1, vec g2, vec *low, vec *high) {
  if (pair == 0) {
    *low = g0;
    *high = g2;
  } else if (pair == 1) {
    const vec ends = g0 + g2;
    *low = ends + g1;
    *high = ends - g1;
  } else {
    const vec ends = fused(all(4), g2, g0);
    *low = fused(all(2), g1, ends);
    *high = fused(all(-2), g1, ends);
  }
}

enum { PAIRS = 3 };
static const size_t pairs_4[PAIRS][2] = {{0, 5}, {1, 2}, {3, 4}};

/// G g
INLINE void weights_4(const vec *g, size_t step, vec *o, size_t by) {
  UNROLL for (size_t pair = 0; pair < PAIRS; pair++) {
    weights_4_pair(pair, g[0], g[step], g[2 * step], o + pairs_4[pair][0] * by, o + pairs_4[pair][1] * by);
  }
}

/// Gᵀ u
INLINE void weight_gradient_4(const vec *u, size_t step, vec *o, size_t by) {
  const vec u0 = u[0], u1 = u[step], u2 = u[2 * step], u3 = u[3 * step], u4 = u[4 * step], u5 = u[5 * step];
  const vec near = u1 + u2, far = u3 + u4;
  o[0] = u0 + near + far;
  o[by] = fused(all(2), u3 - u4, u1 - u2);
  o[2 * by] = fused(all(4), far, near) + u5;
}

// The map of two has y₀ = g₁ d₀ + g₂ d₁ and y₁ = g₀ d₀ + g₁ d₁, which is g₁ (d₀ + d₁) plus one product each.

INLINE void input_2(const vec *d, size_t step, vec *o, size_t by) {
  const vec d0 = d[0], d1 = d[step];
  o[0] = d0 + d1;
  o[by] = d1;
  o[2 * by] = d0;
}

INLINE void output_2(const vec *m, size_t step, vec *o, size_t by) {
  const vec m0 = m[0], m1 = m[step], m2 = m[2 * step];
  o[0] = m0 + m1;
  o[by] = m0 + m2;
}

INLINE void gradient_2(const vec *y, size_t step, vec *o, size_t by) {
  const vec y0 = y[0], y1 = y[step];
  o[0] = y0 + y1;
  o[by] = y0;
  o[2 * by] = y1;
}

INLINE void weights_2(const vec *g, size_t step, vec *o, size_t by) {
  const vec g0 = g[0], g1 = g[step], g2 = g[2 * step];
  o[0] = g1;
  o[by] = g2 - g1;
  o[2 * by] = g0 - g1;
}

INLINE void weight_gradient_2(const vec *u, size_t step, vec *o, size_t by) {
  const vec u0 = u[0], u1 = u[step], u2 = u[2 * step];
  o[0] = u2;
  o[by] = u0 - u1 - u2;
  o[2 * by] = u1;
}

/// Applies a transform from `from` to `to` elements a side to both sides of a square.
#define BOTH_SIDES(transform, from, to, source, target)                                                               \
  do {                                                                                                                \
    vec half[(to) * (from)];                                                                                          \
    UNROLL for (size_t column = 0; column < (from); column++) {                                                       \
      transform((source) + column, from, half + column, from);                                                        \
    }                                                                                                                 \
    UNROLL for (size_t row = 0; row < (to); row++) {                                                                  \
      transform(half + row * (from), 1, (target) + row * (to), 1);                                                    \
    }                                                                                                                 \
  } while (0)

static const float zeros[RESYNC_MOST_CHANNELS] __attribute__((aligned(64)));

/// The pixels of a square of `side` from (top, left), those outside the map as zeros.
INLINE void locate(
    const float **pixels, const size_t side, ptrdiff_t top, ptrdiff_t left, resync_place place, const float *image) {
  for (size_t i = 0; i < side; i++) {
    for (size_t j = 0; j < side; j++) {
      const ptrdiff_t y = top + (ptrdiff_t)i, x = left + (ptrdiff_t)j;
      const bool outside = y < 0 || x < 0 || y >= (ptrdiff_t)place.height || x >= (ptrdiff_t)place.width;
      pixels[i * side + j] =
          outside ? zeros : image + (y * (ptrdiff_t)place.width + x) * (ptrdiff_t)place.stride;
    }
  }
}

/// Pixels of a square → points.
#define TILE_TO_POINTS(transform, side, points_side, top, left)                                                       \
  do {                                                                                                                \
    const float *pixels[(side) * (side)];                                                                             \
    locate(pixels, side, top, left, place, image);                                                                    \
    for (size_t c = 0; c < place.channels; c += LANES) {                                                              \
      vec square[(side) * (side)], result[(points_side) * (points_side)];                                             \
      UNROLL for (size_t i = 0; i < (side) * (side); i++) square[i] = load(pixels[i] + c);                            \
      BOTH_SIDES(transform, side, points_side, square, result);                                                       \
      UNROLL for (size_t i = 0; i < (points_side) * (points_side); i++) store(points + i * stride + c, result[i]);    \
    }                                                                                                                 \
  } while (0)

static void tile_input(
    resync_tiles tiles, resync_place place, const float *image, float *points, size_t stride) {
  if (tiles == RESYNC_TILES_4) {
    TILE_TO_POINTS(
        input_4, 6, 6, (ptrdiff_t)(4 * place.tile_row) - 1, (ptrdiff_t)(4 * place.tile_column) - 1);
  } else {
    TILE_TO_POINTS(input_2, 2, 3, 0, 0);
  }
}

static void tile_gradient(
    resync_tiles tiles, resync_place place, const float *image, float *points, size_t stride) {
  if (tiles == RESYNC_TILES_4) {
    TILE_TO_POINTS(gradient_4, 4, 6, (ptrdiff_t)(4 * place.tile_row), (ptrdiff_t)(4 * place.tile_column));
  } else {
    TILE_TO_POINTS(gradient_2, 2, 3, 0, 0);
  }
}

#define POINTS_TO_TILE(transform, side, points_side)                                                                  \
  do {                                                                                                                \
    const size_t top = (side) * place.tile_row, left = (side) * place.tile_column;                                    \
    for (size_t c = 0; c < place.channels; c += LANES) {                                                              \
      vec square[(points_side) * (points_side)], result[(side) * (side)];                                             \
      UNROLL for (size_t i = 0; i < (points_side) * (points_side); i++) square[i] = load(points + i * stride + c);    \
      BOTH_SIDES(transform, points_side, side, square, result);                                                       \
      UNROLL for (size_t i = 0; i < (side); i++) {                                                                    \
        UNROLL for (size_t j = 0; j < (side); j++) {                                                                  \
          if (top + i < place.height && left + j < place.width) {                                                     \
            const size_t at = ((top + i) * place.width + left + j) * place.stride + c;                                \
            const vec v = result[i * (side) + j];                                                                     \
            finish(epilogue->accumulate ? v + load(image + at) : v, image, at, c, epilogue);                          \
          }                                                                                                           \
        }                                                                                                             \
      }                                                                                                               \
    }                                                                                                                 \
  } while (0)

static void tile_output(
    resync_tiles tiles, resync_place place, const float *points, size_t stride, float *image,
    const resync_epilogue *epilogue) {
  if (tiles == RESYNC_TILES_4) {
    POINTS_TO_TILE(output_4, 4, 6);
  } else {
    POINTS_TO_TILE(output_2, 2, 3);
  }
}

// MARK: - Weights

enum {
  TAPS = 9,
  /// Rows whose filters are turned between [lane, row, tap] and [row, tap, lane] at once.
  FILTER_ROWS = 16,
};

/// Filters of up to FILTER_ROWS rows → [row, tap, lane].
INLINE void collect(
    const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *filters) {
  if (lanes == RESYNC_PANEL && row_stride == TAPS && rows == FILTER_ROWS) {
    // Each lane's filters lie one after the other, as one row of 16 · 9 columns.
    pack(weights, FILTER_ROWS * TAPS, 1, lanes, lane_stride, filters);
    return;
  }
  size_t row = 0;
  if (lanes == RESYNC_PANEL && lane_stride == TAPS && row_stride >= RESYNC_PANEL * TAPS) {
    // A row's filters lie one after the other; what is read beyond the last of them is in the next row.
    for (; row + 1 < rows; row++) {
      for (size_t lane = 0; lane < RESYNC_PANEL; lane += LANES) {
        for (size_t tap = 0; tap < TAPS; tap += LANES) {
          vec columns[LANES];
          transpose(weights + row * row_stride + lane * TAPS + tap, TAPS, columns);
          UNROLL for (size_t i = 0; i < LANES; i++) {
            if (tap + i < TAPS) store(filters + (row * TAPS + tap + i) * RESYNC_PANEL + lane, columns[i]);
          }
        }
      }
    }
  }
  for (; row < rows; row++) {
    for (size_t tap = 0; tap < TAPS; tap++) {
      float *to = filters + (row * TAPS + tap) * RESYNC_PANEL;
      const float *from = weights + row * row_stride + tap;
      for (size_t lane = 0; lane < lanes; lane++) to[lane] = from[lane * lane_stride];
      for (size_t lane = lanes; lane < RESYNC_PANEL; lane++) to[lane] = 0;
    }
  }
}

/// The way back.
INLINE void distribute(
    const float *filters, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *weights) {
  if (lanes == RESYNC_PANEL && row_stride == TAPS && rows == FILTER_ROWS) {
    unpack(filters, RESYNC_PANEL, FILTER_ROWS * TAPS, 1, lanes, lane_stride, weights);
    return;
  }
  for (size_t tap = 0; tap < TAPS; tap++) {
    unpack(filters + tap * RESYNC_PANEL, TAPS * RESYNC_PANEL, rows, row_stride, lanes, lane_stride, weights + tap);
  }
}

#define WEIGHTS_TO_POINTS(transform, points_side)                                                                     \
  for (size_t v = 0; v < RESYNC_PANEL; v += LANES) {                                                                  \
    vec filter[TAPS], result[(points_side) * (points_side)];                                                          \
    UNROLL for (size_t t = 0; t < TAPS; t++) filter[t] = load(from + (turned ? TAPS - 1 - t : t) * RESYNC_PANEL + v); \
    BOTH_SIDES(transform, 3, points_side, filter, result);                                                            \
    UNROLL for (size_t i = 0; i < (points_side) * (points_side); i++) store(to + i * stride + v, result[i]);          \
  }

static void tile_weights(
    resync_tiles tiles, const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride,
    bool turned, float *points, size_t stride) {
  float filters[FILTER_ROWS * TAPS * RESYNC_PANEL] __attribute__((aligned(64)));
  for (size_t first = 0; first < rows; first += FILTER_ROWS) {
    const size_t count = MINIMUM(FILTER_ROWS, rows - first);
    collect(weights + first * row_stride, count, row_stride, lanes, lane_stride, filters);
    for (size_t row = 0; row < count; row++) {
      const float *from = filters + row * TAPS * RESYNC_PANEL;
      float *to = points + (first + row) * RESYNC_PANEL;
      if (tiles == RESYNC_TILES_4) {
        WEIGHTS_TO_POINTS(weights_4, 6)
      } else {
        WEIGHTS_TO_POINTS(weights_2, 3)
      }
    }
  }
}

static void tile_filters(
    const float *weights, size_t rows, size_t row_stride, size_t lanes, size_t lane_stride, float *filters) {
  for (size_t first = 0; first < rows; first += FILTER_ROWS) {
    collect(weights + first * row_stride, MINIMUM(FILTER_ROWS, rows - first), row_stride, lanes, lane_stride,
            filters + first * TAPS * RESYNC_PANEL);
  }
}

enum {
  /// Points on a side of a tile of four, and of the tile.
  SIDE = 6,
  POINTS = SIDE * SIDE,
  /// Rows of filters that stay in the nearest cache.
  FEW_DEPTH = 32,
  /// Tiles whose sums are kept in registers.
  FEW_ROWS = LANES == 16 ? 4 : 2,
};

/// Adds up `lines` lines of points, six each, of `rows` tiles, `depth` further along k. The weights at the points are made
/// from the filters and used at once: none is stored.
INLINE void few(
    const size_t rows, const size_t pair, const size_t line, const size_t lines, size_t depth, bool first,
    const float *turned, const float *filters, float *c, size_t c_stride, size_t ldc) {
  vec sum[2][SIDE][FEW_ROWS];
  UNROLL for (size_t l = 0; l < lines; l++) {
    UNROLL for (size_t q = 0; q < SIDE; q++) {
      const size_t point = pairs_4[pair][line + l] * SIDE + q;
      UNROLL for (size_t i = 0; i < rows; i++) {
        sum[l][q][i] = first ? (vec){} : load(c + point * c_stride + i * ldc);
      }
    }
  }
  for (size_t p = 0; p < depth; p++) {
    const float *g = filters + p * TAPS * RESYNC_PANEL;
    vec half[2][3];
    UNROLL for (size_t column = 0; column < 3; column++) {
      weights_4_pair(
          pair, load(g + column * RESYNC_PANEL), load(g + (3 + column) * RESYNC_PANEL),
          load(g + (6 + column) * RESYNC_PANEL), &half[0][column], &half[1][column]);
    }
    UNROLL for (size_t l = 0; l < lines; l++) {
      vec weights[SIDE];
      weights_4(half[line + l], 1, weights, 1);
      UNROLL for (size_t q = 0; q < SIDE; q++) {
        const size_t point = pairs_4[pair][line + l] * SIDE + q;
        UNROLL for (size_t i = 0; i < rows; i++) {
          sum[l][q][i] = fused(all(turned[(p * POINTS + point) * rows + i]), weights[q], sum[l][q][i]);
        }
      }
    }
  }
  UNROLL for (size_t l = 0; l < lines; l++) {
    UNROLL for (size_t q = 0; q < SIDE; q++) {
      const size_t point = pairs_4[pair][line + l] * SIDE + q;
      UNROLL for (size_t i = 0; i < rows; i++) store(c + point * c_stride + i * ldc, sum[l][q][i]);
    }
  }
}

/// All points of `rows` tiles. One tile leaves registers for two lines of points at a time.
INLINE void few_tiles(
    const size_t rows, size_t depth, bool first, const float *turned, const float *filters, float *c, size_t c_stride,
    size_t ldc) {
  const size_t lines = LANES == 16 && rows == 1 ? 2 : 1;
  UNROLL for (size_t pair = 0; pair < PAIRS; pair++) {
    UNROLL for (size_t line = 0; line < 2; line += lines) {
      few(rows, pair, line, lines, depth, first, turned, filters, c, c_stride, ldc);
    }
  }
}

static void tile_turn(
    size_t m, size_t k, size_t first, size_t count, const float *points, size_t stride, size_t ld, float *turned) {
  for (size_t row = 0; row < m; row += FEW_ROWS) {
    const size_t rows = MINIMUM(FEW_ROWS, m - row);
    float *to = turned + (row * k + first * rows) * POINTS;
    for (size_t p = first; p < first + count; p++) {
      for (size_t point = 0; point < POINTS; point++) {
        for (size_t i = 0; i < rows; i++) *to++ = points[point * stride + (row + i) * ld + p];
      }
    }
  }
}

static void tile_product(
    size_t m, size_t k, const float *turned, const float *filters, float *c, size_t c_stride, size_t ldc) {
  for (size_t p = 0; p < k; p += FEW_DEPTH) {
    const size_t depth = MINIMUM(FEW_DEPTH, k - p);
    const bool first = p == 0;
    for (size_t row = 0; row < m; row += FEW_ROWS) {
      const float *from = turned + (row * k + p * MINIMUM(FEW_ROWS, m - row)) * POINTS;
      for (size_t v = 0; v < RESYNC_PANEL; v += LANES) {
        const float *block = filters + p * TAPS * RESYNC_PANEL + v;
        float *to = c + row * ldc + v;
        switch (m - row) {
          case 1: few_tiles(1, depth, first, from, block, to, c_stride, ldc); break;
#if LANES == 16
          case 2: few_tiles(2, depth, first, from, block, to, c_stride, ldc); break;
          case 3: few_tiles(3, depth, first, from, block, to, c_stride, ldc); break;
#endif
          default: few_tiles(FEW_ROWS, depth, first, from, block, to, c_stride, ldc); break;
        }
      }
    }
  }
}

#define POINTS_TO_WEIGHTS(transform, points_side)                                                                     \
  for (size_t v = 0; v < RESYNC_PANEL; v += LANES) {                                                                  \
    vec square[(points_side) * (points_side)], result[TAPS];                                                          \
    UNROLL for (size_t i = 0; i < (points_side) * (points_side); i++) square[i] = load(from + i * stride + v);        \
    BOTH_SIDES(transform, points_side, 3, square, result);                                                            \
    UNROLL for (size_t t = 0; t < TAPS; t++) store(to + t * RESYNC_PANEL + v, result[t]);                             \
  }

static void tile_weight_gradient(
    resync_tiles tiles, const float *points, size_t stride, size_t ld, size_t rows, size_t row_stride, size_t lanes,
    size_t lane_stride, float *gradient) {
  float filters[FILTER_ROWS * TAPS * RESYNC_PANEL] __attribute__((aligned(64)));
  for (size_t first = 0; first < rows; first += FILTER_ROWS) {
    const size_t count = MINIMUM(FILTER_ROWS, rows - first);
    for (size_t row = 0; row < count; row++) {
      const float *from = points + (first + row) * ld;
      float *to = filters + row * TAPS * RESYNC_PANEL;
      if (tiles == RESYNC_TILES_4) {
        POINTS_TO_WEIGHTS(weight_gradient_4, 6)
      } else {
        POINTS_TO_WEIGHTS(weight_gradient_2, 3)
      }
    }
    distribute(filters, count, row_stride, lanes, lane_stride, gradient + first * row_stride);
  }
}
