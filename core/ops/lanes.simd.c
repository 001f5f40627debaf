#include "core/ops/lanes.h"

#include <math.h>

#include "core/ops/simd.h"

/* ---- affine ---------------------------------------------------------------------------------------------------------
 * One loop, specialised by constants: what is absent costs nothing. */
enum term { NONE, SHIFT, SCALE_SHIFT };

/* Keeps NaN, as PyTorch does. */
ALWAYS_INLINE float relu_value(float v)
{
    return v < 0.0f ? 0.0f : v;
}

ALWAYS_INLINE void affine_rows(float *y, const float *x, size_t rows, size_t channels, const float *scale,
                               const float *shift, const float *residual, const float *residual_scale,
                               const float *residual_shift, enum term own, enum term other, bool add, bool relu)
{
    for (size_t row = 0; row < rows; row++) {
        INDEPENDENT
        for (size_t c = 0; c < channels; c++) {
            float v = x[c];
            if (own == SCALE_SHIFT)
                v = v * scale[c] + shift[c];
            else if (own == SHIFT)
                v = v + shift[c];
            if (add && other == SCALE_SHIFT)
                v = v + (residual[c] * residual_scale[c] + residual_shift[c]);
            else if (add)
                v = v + residual[c];
            y[c] = relu ? relu_value(v) : v;
        }
        x += channels;
        y += channels;
        if (add)
            residual += channels;
    }
}

#define AFFINE(own, other, add)                                                                                        \
    do {                                                                                                               \
        if (relu)                                                                                                      \
            affine_rows(y, x, rows, channels, scale, shift, residual, residual_scale, residual_shift, own, other, add, \
                        true);                                                                                         \
        else                                                                                                           \
            affine_rows(y, x, rows, channels, scale, shift, residual, residual_scale, residual_shift, own, other, add, \
                        false);                                                                                        \
    } while (0)

static void affine(float *y, const float *x, size_t rows, size_t channels, const float *scale, const float *shift,
                   const float *residual, const float *residual_scale, const float *residual_shift, bool relu)
{
    if (scale && residual && residual_scale)
        AFFINE(SCALE_SHIFT, SCALE_SHIFT, true);
    else if (scale && residual)
        AFFINE(SCALE_SHIFT, NONE, true);
    else if (scale)
        AFFINE(SCALE_SHIFT, NONE, false);
    else if (shift && residual && residual_scale)
        AFFINE(SHIFT, SCALE_SHIFT, true);
    else if (shift && residual)
        AFFINE(SHIFT, NONE, true);
    else if (shift)
        AFFINE(SHIFT, NONE, false);
    else if (residual && residual_scale)
        AFFINE(NONE, SCALE_SHIFT, true);
    else if (residual)
        AFFINE(NONE, NONE, true);
    else
        AFFINE(NONE, NONE, false);
}

/* ---- sums over rows: eight channels at a time stay in registers down all rows ------------------------------------ */
static void moments(double *sum, double *squares, const float *x, size_t rows, size_t channels)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        wide s = {0}, q = {0};
        const float *at = x + c;
        for (size_t row = 0; row < rows; row++, at += channels) {
            wide v = __builtin_convertvector(*(const vector_unaligned *)at, wide);
            s += v;
            q += v * v;
        }
        *(wide_unaligned *)(sum + c) += s;
        *(wide_unaligned *)(squares + c) += q;
    }
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = x[row * channels + c];
            sum[c] += v;
            squares[c] += v * v;
        }
}

static void gradient_sums(double *sum, double *product, const float *g, const float *z, const float *mean, size_t rows,
                          size_t channels)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        wide s = {0}, p = {0};
        vector m = *(const vector_unaligned *)(mean + c);
        for (size_t row = 0; row < rows; row++) {
            vector d = *(const vector_unaligned *)(z + row * channels + c) - m;
            wide v = __builtin_convertvector(*(const vector_unaligned *)(g + row * channels + c), wide);
            s += v;
            p += v * __builtin_convertvector(d, wide);
        }
        *(wide_unaligned *)(sum + c) += s;
        *(wide_unaligned *)(product + c) += p;
    }
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = g[row * channels + c];
            sum[c] += v;
            product[c] += v * (double)(z[row * channels + c] - mean[c]);
        }
}

/* ---- backward, element by element -------------------------------------------------------------------------------- */
static void mask(float *g, const float *y, size_t rows, size_t channels)
{
    INDEPENDENT
    for (size_t i = 0; i < rows * channels; i++)
        g[i] = y[i] > 0.0f ? g[i] : 0.0f;
}

static void mask_affine(float *g, const float *z, size_t rows, size_t channels, const float *scale, const float *shift)
{
    if (!scale) {
        mask(g, z, rows, channels);
        return;
    }
    for (size_t row = 0; row < rows; row++, g += channels, z += channels) {
        INDEPENDENT
        for (size_t c = 0; c < channels; c++)
            g[c] = z[c] * scale[c] + shift[c] > 0.0f ? g[c] : 0.0f;
    }
}

static void gradient_apply(float *dz, const float *g, const float *z, const float *a, const float *b, const float *c,
                           size_t rows, size_t channels)
{
    for (size_t row = 0; row < rows; row++, dz += channels, g += channels, z += channels) {
        if (b) {
            INDEPENDENT
            for (size_t i = 0; i < channels; i++)
                dz[i] = g[i] * a[i] + (z[i] * b[i] + c[i]);
        } else {
            INDEPENDENT
            for (size_t i = 0; i < channels; i++)
                dz[i] = g[i] * a[i];
        }
    }
}

/* ---- max pooling ------------------------------------------------------------------------------------------------- */
/* Written in vectors: compilers leave a loop alone that compares floats and keeps bytes. */
typedef int vector_mask __attribute__((vector_size(32)));
typedef int8_t byte_mask __attribute__((vector_size(8)));
typedef int8_t bytes_unaligned __attribute__((vector_size(8), aligned(1), may_alias));

ALWAYS_INLINE void larger_vector(float *best, uint8_t *where, const float *x, const float *scale, const float *shift,
                                 bool relu, uint8_t place)
{
    vector v = *(const vector_unaligned *)x, old = *(const vector_unaligned *)best;
    if (scale)
        v = v * *(const vector_unaligned *)scale + *(const vector_unaligned *)shift;
    if (relu) /* keeps NaN, as relu_value */
        v = (vector)((vector_mask)v & ~(v < (vector){0}));
    vector_mask wins = (v > old) | (v != v);
    *(vector_unaligned *)best = (vector)(((vector_mask)v & wins) | ((vector_mask)old & ~wins));
    if (!where)
        return;
    byte_mask won = __builtin_convertvector(wins, byte_mask), before = *(const bytes_unaligned *)where;
    *(bytes_unaligned *)where = (((byte_mask){0} + (int8_t)place) & won) | (before & ~won);
}

static void larger(float *best, uint8_t *where, const float *x, size_t channels, const float *scale, const float *shift,
                   bool relu, uint8_t place)
{
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        larger_vector(best + c, where ? where + c : NULL, x + c, scale ? scale + c : NULL, scale ? shift + c : NULL,
                      relu, place);
    for (; c < channels; c++) {
        float v = scale ? x[c] * scale[c] + shift[c] : x[c];
        v = relu ? relu_value(v) : v;
        bool wins = (v > best[c]) | (v != v);
        best[c] = wins ? v : best[c];
        if (where)
            where[c] = wins ? place : where[c];
    }
}

static void add(float *y, const float *x, size_t count)
{
    INDEPENDENT
    for (size_t i = 0; i < count; i++)
        y[i] += x[i];
}

static void pixels(float *y, const uint8_t *x, size_t count, const float *table)
{
    for (size_t i = 0; i < count; i++, x += 3, y += 3) {
        y[0] = table[x[0]];
        y[1] = table[256 + x[1]];
        y[2] = table[512 + x[2]];
    }
}

/* ---- optimizer steps --------------------------------------------------------------------------------------------- */
static void sgd(float *w, float *momentum, const float *dw, size_t count, float lr, float mu, float decay,
                bool nesterov, bool first)
{
    if (!momentum) {
        INDEPENDENT
        for (size_t i = 0; i < count; i++)
            w[i] -= lr * (dw[i] + decay * w[i]);
        return;
    }
    float kept = first ? 0.0f : mu;
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float d = dw[i] + decay * w[i];
        float v = kept * momentum[i] + d;
        momentum[i] = v;
        w[i] -= lr * (nesterov ? d + mu * v : v);
    }
}

static void adam(float *w, float *m, float *v, const float *dw, size_t count, const struct adam_step *step)
{
    struct adam_step s = *step; /* a copy, so that no store to w can change it */
    INDEPENDENT
    for (size_t i = 0; i < count; i++) {
        float x = w[i] * s.shrink;
        float d = dw[i] + s.decay * x;
        float first = m[i] + s.rest1 * (d - m[i]);
        float second = v[i] * s.beta2 + s.rest2 * (d * d);
        m[i] = first;
        v[i] = second;
        w[i] = x - s.rate * first / (sqrtf(second) / s.correction2_root + s.eps);
    }
}

extern const struct lanes SIMD_NAME(lanes);
const struct lanes SIMD_NAME(lanes) = {
    .affine = affine,
    .moments = moments,
    .mask = mask,
    .mask_affine = mask_affine,
    .gradient_sums = gradient_sums,
    .gradient_apply = gradient_apply,
    .larger = larger,
    .add = add,
    .pixels = pixels,
    .sgd = sgd,
    .adam = adam,
};
