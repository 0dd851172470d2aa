// Normalisation, pooling and optimisers: what is bound by memory, each in as few passes as can be.

/// Vectors of channels that a pass over rows keeps sums for.
enum { GROUP = 64 / LANES > 8 ? 8 : 64 / LANES };

#define FOR_GROUPS(body)                                                                                              \
  size_t c = 0;                                                                                                       \
  for (; c + GROUP * LANES <= channels; c += GROUP * LANES) body(GROUP);                                              \
  for (; c < channels; c += LANES) body(1);

static void moments(
    const float *x, size_t rows, size_t channels, const float *pivot, float *sums, float *squares) {
#define BODY(group)                                                                                                   \
  do {                                                                                                                \
    vec sum[group], square[group], middle[group];                                                                     \
    UNROLL for (size_t j = 0; j < group; j++) {                                                                       \
      sum[j] = load(sums + c + j * LANES);                                                                            \
      square[j] = load(squares + c + j * LANES);                                                                      \
      middle[j] = load(pivot + c + j * LANES);                                                                        \
    }                                                                                                                 \
    for (size_t row = 0; row < rows; row++) {                                                                         \
      UNROLL for (size_t j = 0; j < group; j++) {                                                                     \
        const vec d = load(x + row * channels + c + j * LANES) - middle[j];                                           \
        sum[j] += d;                                                                                                  \
        square[j] = fused(d, d, square[j]);                                                                           \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLL for (size_t j = 0; j < group; j++) {                                                                       \
      store(sums + c + j * LANES, sum[j]);                                                                            \
      store(squares + c + j * LANES, square[j]);                                                                      \
    }                                                                                                                 \
  } while (0)
  FOR_GROUPS(BODY)
#undef BODY
}

static void normalise(
    const float *x, size_t rows, size_t channels, const float *scale, const float *shift, const float *residual,
    bool rectify, float *y) {
  for (size_t row = 0; row < rows; row++) {
    const size_t at = row * channels;
    for (size_t c = 0; c < channels; c += LANES) {
      vec v = fused(load(x + at + c), load(scale + c), load(shift + c));
      if (residual) v += load(residual + at + c);
      if (rectify) v = above(v);
      store(y + at + c, v);
    }
  }
}

static void normalise_sums(
    const float *gradient, const float *output, const float *x, size_t rows, size_t channels, const float *centre,
    float *masked, float *sums, float *products) {
#define BODY(group)                                                                                                   \
  do {                                                                                                                \
    vec sum[group], product[group], middle[group];                                                                    \
    UNROLL for (size_t j = 0; j < group; j++) {                                                                       \
      sum[j] = load(sums + c + j * LANES);                                                                            \
      product[j] = load(products + c + j * LANES);                                                                    \
      middle[j] = load(centre + c + j * LANES);                                                                       \
    }                                                                                                                 \
    for (size_t row = 0; row < rows; row++) {                                                                         \
      UNROLL for (size_t j = 0; j < group; j++) {                                                                     \
        const size_t at = row * channels + c + j * LANES;                                                             \
        vec g = load(gradient + at);                                                                                  \
        if (output) g = where(load(output + at), g);                                                                  \
        if (masked) store(masked + at, g);                                                                            \
        sum[j] += g;                                                                                                  \
        product[j] = fused(g, load(x + at) - middle[j], product[j]);                                                  \
      }                                                                                                               \
    }                                                                                                                 \
    UNROLL for (size_t j = 0; j < group; j++) {                                                                       \
      store(sums + c + j * LANES, sum[j]);                                                                            \
      store(products + c + j * LANES, product[j]);                                                                    \
    }                                                                                                                 \
  } while (0)
  FOR_GROUPS(BODY)
#undef BODY
}

static void normalise_backward(
    const float *gradient, const float *output, const float *x, size_t rows, size_t channels, const float *a,
    const float *b, const float *c, float *result) {
  for (size_t row = 0; row < rows; row++) {
    for (size_t channel = 0; channel < channels; channel += LANES) {
      const size_t at = row * channels + channel;
      vec g = load(gradient + at);
      if (output) g = where(load(output + at), g);
      const vec slope = fused(load(b + channel), load(x + at), load(c + channel));
      store(result + at, fused(load(a + channel), g, slope));
    }
  }
}

// MARK: - Pooling

/// Calls for each tap of the window of output (y, x) that lies inside the map, in reading order.
#define FOR_WINDOW(body)                                                                                              \
  for (size_t ky = 0; ky < 3; ky++) {                                                                                 \
    const size_t row = 2 * y + ky - 1;                                                                                \
    if (row >= height) continue;                                                                                      \
    for (size_t kx = 0; kx < 3; kx++) {                                                                               \
      const size_t column = 2 * x + kx - 1;                                                                           \
      if (column >= width) continue;                                                                                  \
      const size_t at = (row * width + column) * channels + c;                                                        \
      body                                                                                                            \
    }                                                                                                                 \
  }

static void maximum(const float *image, size_t height, size_t width, size_t channels, float *output) {
  for (size_t y = 0; y < (height + 1) / 2; y++) {
    for (size_t x = 0; x < (width + 1) / 2; x++, output += channels) {
      for (size_t c = 0; c < channels; c += LANES) {
        vec best = all(-__builtin_inff());
        FOR_WINDOW(best = __builtin_elementwise_max(load(image + at), best);)
        store(output + c, best);
      }
    }
  }
}

static void maximum_backward(
    const float *image, const float *output, const float *gradient, size_t height, size_t width, size_t channels,
    float *image_gradient) {
  memset(image_gradient, 0, height * width * channels * sizeof(float));
  for (size_t y = 0; y < (height + 1) / 2; y++) {
    for (size_t x = 0; x < (width + 1) / 2; x++, output += channels, gradient += channels) {
      for (size_t c = 0; c < channels; c += LANES) {
        const vec best = load(output + c);
        // What of the gradient has found no place yet.
        bits left = (bits)load(gradient + c);
        FOR_WINDOW({
          const bits here = (bits)(load(image + at) == best);
          store(image_gradient + at, load(image_gradient + at) + (vec)(left & here));
          left &= ~here;
        })
      }
    }
  }
}

// MARK: - Optimisers


INLINE void adam_vector(const resync_adam_rule *r, float *p, const float *g, float *m, float *v) {
  const vec parameter = load(p), gradient = fused(all(r->coupled_decay), parameter, load(g));
  const vec first = fused(all(1 - r->beta1), gradient - load(m), load(m));
  const vec second = fused(all(r->beta2), load(v), all(1 - r->beta2) * gradient * gradient);
  store(m, first);
  store(v, second);
  const vec divisor = fused(__builtin_elementwise_sqrt(second), all(r->second_correction), all(r->epsilon));
  store(p, all(r->shrinkage) * parameter - all(r->step_size) * first / divisor);
}

static void adam(
    const resync_adam_rule *r, float *p, const float *g, float *m, float *v, size_t count) {
  size_t i = 0;
  for (; i + LANES <= count; i += LANES) adam_vector(r, p + i, g + i, m + i, v + i);
  if (i == count) return;
  const size_t rest = (count - i) * sizeof(float);
  float part[4][LANES] = {0};
  memcpy(part[0], p + i, rest);
  memcpy(part[1], g + i, rest);
  memcpy(part[2], m + i, rest);
  memcpy(part[3], v + i, rest);
  adam_vector(r, part[0], part[1], part[2], part[3]);
  memcpy(p + i, part[0], rest);
  memcpy(m + i, part[2], rest);
  memcpy(v + i, part[3], rest);
}

static void sgd(
    float momentum, float decay, float rate, float *p, const float *g, float *velocity, size_t count) {
  for (size_t i = 0; i < count; i++) {
    velocity[i] = momentum * velocity[i] + g[i] + decay * p[i];
    p[i] -= rate * velocity[i];
  }
}
