#include "core/ops/map_lanes.h"

#include "core/ops/value.h"

/* ---- affine ---------------------------------------------------------------------------------------------------------
 * One loop, specialised by constants: what is absent costs nothing. */
enum term { NONE, SHIFT, SCALE_SHIFT };

/* Keeps NaN, as PyTorch does. */
ALWAYS_INLINE float relu_value(float v)
{
    return v < 0.0f ? 0.0f : v;
}

ALWAYS_INLINE void affine_rows(value *y, const value *x, size_t rows, size_t channels, const float *scale,
                               const float *shift, const value *residual, const float *residual_scale,
                               const float *residual_shift, enum term own, enum term other, bool add, bool relu)
{
    for (size_t row = 0; row < rows; row++) {
        INDEPENDENT
        for (size_t c = 0; c < channels; c++) {
            float v = get(x[c]);
            if (own == SCALE_SHIFT)
                v = v * scale[c] + shift[c];
            else if (own == SHIFT)
                v = v + shift[c];
            if (add && other == SCALE_SHIFT)
                v = v + (get(residual[c]) * residual_scale[c] + residual_shift[c]);
            else if (add)
                v = v + get(residual[c]);
            y[c] = put(relu ? relu_value(v) : v);
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

static void affine(void *y, const void *x, size_t rows, size_t channels, const float *scale, const float *shift,
                   const void *residual, const float *residual_scale, const float *residual_shift, bool relu)
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
static void moments(double *sum, double *squares, const void *map, size_t rows, size_t channels)
{
    const value *x = map;
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        wide s = {0}, q = {0};
        const value *at = x + c;
        for (size_t row = 0; row < rows; row++, at += channels) {
            vector x_vector;
            get_vector(&x_vector, at);
            wide v = __builtin_convertvector(x_vector, wide);
            s += v;
            q += v * v;
        }
        *(wide_unaligned *)(sum + c) += s;
        *(wide_unaligned *)(squares + c) += q;
    }
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = get(x[row * channels + c]);
            sum[c] += v;
            squares[c] += v * v;
        }
}

static void gradient_sums(double *sum, double *product, const void *gradient, const void *stored, const float *mean,
                          size_t rows, size_t channels)
{
    const value *g = gradient, *z = stored;
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES) {
        wide s = {0}, p = {0};
        vector m = *(const vector_unaligned *)(mean + c);
        for (size_t row = 0; row < rows; row++) {
            vector g_vector, d;
            get_vector(&g_vector, g + row * channels + c);
            get_vector(&d, z + row * channels + c);
            d -= m;
            wide v = __builtin_convertvector(g_vector, wide);
            s += v;
            p += v * __builtin_convertvector(d, wide);
        }
        *(wide_unaligned *)(sum + c) += s;
        *(wide_unaligned *)(product + c) += p;
    }
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = get(g[row * channels + c]);
            sum[c] += v;
            product[c] += v * (double)(get(z[row * channels + c]) - mean[c]);
        }
}

/* ---- backward, element by element -------------------------------------------------------------------------------- */
static void mask(void *gradient, const void *map, size_t rows, size_t channels)
{
    value *g = gradient;
    const value *y = map;
    INDEPENDENT
    for (size_t i = 0; i < rows * channels; i++)
        g[i] = get(y[i]) > 0.0f ? g[i] : (value)0;
}

static void mask_affine(void *gradient, const void *stored, size_t rows, size_t channels, const float *scale,
                        const float *shift)
{
    value *g = gradient;
    const value *z = stored;
    if (!scale) {
        mask(g, z, rows, channels);
        return;
    }
    for (size_t row = 0; row < rows; row++, g += channels, z += channels) {
        INDEPENDENT
        for (size_t c = 0; c < channels; c++)
            g[c] = get(z[c]) * scale[c] + shift[c] > 0.0f ? g[c] : (value)0;
    }
}

static void gradient_apply(void *out, const void *gradient, const void *stored, const float *a, const float *b,
                           const float *c, size_t rows, size_t channels)
{
    value *dz = out;
    const value *g = gradient, *z = stored;
    for (size_t row = 0; row < rows; row++, dz += channels, g += channels, z += channels) {
        if (b) {
            INDEPENDENT
            for (size_t i = 0; i < channels; i++)
                dz[i] = put(get(g[i]) * a[i] + (get(z[i]) * b[i] + c[i]));
        } else {
            INDEPENDENT
            for (size_t i = 0; i < channels; i++)
                dz[i] = put(get(g[i]) * a[i]);
        }
    }
}

/* ---- max pooling ------------------------------------------------------------------------------------------------- */
/* Written in vectors: compilers leave a loop alone that compares floats and keeps bytes. */
typedef int vector_mask __attribute__((vector_size(32)));
typedef int8_t byte_mask __attribute__((vector_size(8)));
typedef int8_t bytes_unaligned __attribute__((vector_size(8), aligned(1), may_alias));

/* As the map would hold it. */
ALWAYS_INLINE void round_vector(vector *v)
{
    value stored[LANES];
    put_vector(stored, v);
    get_vector(v, stored);
}

ALWAYS_INLINE void larger_vector(value *best, uint8_t *where, const value *x, const float *scale, const float *shift,
                                 bool relu, uint8_t place)
{
    vector v, old;
    get_vector(&v, x);
    get_vector(&old, best);
    if (scale) {
        v = v * *(const vector_unaligned *)scale + *(const vector_unaligned *)shift;
        round_vector(&v);
    }
    if (relu) /* keeps NaN, as relu_value */
        v = (vector)((vector_mask)v & ~(v < (vector){0}));
    vector_mask wins = (v > old) | (v != v);
    vector larger = (vector)(((vector_mask)v & wins) | ((vector_mask)old & ~wins));
    put_vector(best, &larger);
    if (!where)
        return;
    byte_mask won = __builtin_convertvector(wins, byte_mask), before = *(const bytes_unaligned *)where;
    *(bytes_unaligned *)where = (((byte_mask){0} + (int8_t)place) & won) | (before & ~won);
}

static void larger(void *most, uint8_t *where, const void *map, size_t channels, const float *scale, const float *shift,
                   bool relu, uint8_t place)
{
    value *best = most;
    const value *x = map;
    size_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        larger_vector(best + c, where ? where + c : NULL, x + c, scale ? scale + c : NULL, scale ? shift + c : NULL,
                      relu, place);
    for (; c < channels; c++) {
        float v = scale ? get(put(get(x[c]) * scale[c] + shift[c])) : get(x[c]);
        v = relu ? relu_value(v) : v;
        bool wins = (v > get(best[c])) | (v != v);
        best[c] = wins ? put(v) : best[c];
        if (where)
            where[c] = wins ? place : where[c];
    }
}

static void winners(float *sum, const void *gradient, const uint8_t *where, size_t channels, uint8_t place)
{
    const value *dy = gradient;
    INDEPENDENT
    for (size_t c = 0; c < channels; c++)
        sum[c] += where[c] == place ? get(dy[c]) : 0.0f;
}

/* ---- values for themselves --------------------------------------------------------------------------------------- */
static void add(void *to, const void *map, size_t count)
{
    value *y = to;
    const value *x = map;
    INDEPENDENT
    for (size_t i = 0; i < count; i++)
        y[i] = put(get(y[i]) + get(x[i]));
}

static void pixels(void *to, const uint8_t *x, size_t count, const float *table)
{
    value *y = to;
    for (size_t i = 0; i < count; i++, x += 3, y += 3) {
        y[0] = put(table[x[0]]);
        y[1] = put(table[256 + x[1]]);
        y[2] = put(table[512 + x[2]]);
    }
}

static void narrow(void *to, const float *x, size_t count)
{
    value *y = to;
    INDEPENDENT
    for (size_t i = 0; i < count; i++)
        y[i] = put(x[i]);
}

static void widen(float *y, const void *map, size_t count)
{
    const value *x = map;
    INDEPENDENT
    for (size_t i = 0; i < count; i++)
        y[i] = get(x[i]);
}

extern const struct map_lanes MAP_NAME(map_lanes);
const struct map_lanes MAP_NAME(map_lanes) = {
    .affine = affine,
    .moments = moments,
    .mask = mask,
    .mask_affine = mask_affine,
    .gradient_sums = gradient_sums,
    .gradient_apply = gradient_apply,
    .larger = larger,
    .winners = winners,
    .add = add,
    .pixels = pixels,
    .narrow = narrow,
    .widen = widen,
};
