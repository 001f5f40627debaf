#include "core/ops/map_lanes.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "core/ops/value.h"

/* Keeps NaN, as PyTorch does. */
ALWAYS_INLINE float relu_value(float v)
{
    return v < 0.0f ? 0.0f : v;
}

/* ---- affine ---------------------------------------------------------------------------------------------------------
 * One loop, specialised by constants: what is absent costs nothing. */
enum term { NONE, SHIFT, SCALE_SHIFT };

struct affine {
    const float *scale, *shift, *residual_scale, *residual_shift;
    enum term own, other;
    bool add, relu;
};

ALWAYS_INLINE void affine_vec(value *y, const value *x, const value *residual, size_t c, size_t n,
                              const struct affine *how)
{
    vec v = get_vec(x + c, n);
    if (how->own == SCALE_SHIFT)
        v = v * load(how->scale + c, n) + load(how->shift + c, n);
    else if (how->own == SHIFT)
        v = v + load(how->shift + c, n);
    if (how->add && how->other == SCALE_SHIFT)
        v = v + (get_vec(residual + c, n) * load(how->residual_scale + c, n) + load(how->residual_shift + c, n));
    else if (how->add)
        v = v + get_vec(residual + c, n);
    put_vec(y + c, how->relu ? at_least(v, 0) : v, n);
}

ALWAYS_INLINE void affine_rows(value *y, const value *x, size_t rows, size_t channels, const value *residual,
                               struct affine how)
{
    size_t whole = channels / WIDTH * WIDTH;
    for (size_t row = 0; row < rows; row++, x += channels, y += channels) {
        for (size_t c = 0; c < whole; c += WIDTH)
            affine_vec(y, x, residual, c, WIDTH, &how);
        if (whole < channels)
            affine_vec(y, x, residual, whole, channels - whole, &how);
        if (how.add)
            residual += channels;
    }
}

#define AFFINE(own, other, add)                                                                                        \
    do {                                                                                                               \
        if (relu)                                                                                                      \
            affine_rows(y, x, rows, channels, residual,                                                                \
                        (struct affine){scale, shift, residual_scale, residual_shift, own, other, add, true});         \
        else                                                                                                           \
            affine_rows(y, x, rows, channels, residual,                                                                \
                        (struct affine){scale, shift, residual_scale, residual_shift, own, other, add, false});        \
    } while (0)

static void affine(void *y, const void *x, size_t rows, size_t channels, const float *scale, const float *shift,
                   const void *residual, const float *residual_scale, const float *residual_shift, bool relu)
{
    if (!scale && !shift && !residual_scale) { /* nothing differs from channel to channel: rows of three are one row */
        channels *= rows;
        rows = channels > 0;
    }
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

/* ---- sums over rows -------------------------------------------------------------------------------------------------
 * A few rows at a time, from their beginning to their end as memory likes it, while the sums of all channels stay in
 * the first cache. Doubles fill one register: gcc makes vectors of two registers element by element. */
#if defined(__AVX512F__)
enum { SUM_WIDTH = 8 };
#elif defined(__AVX2__)
enum { SUM_WIDTH = 4 };
#else
enum { SUM_WIDTH = 2 };
#endif
enum { SUM_ROWS = 4 };

typedef double sum_vector __attribute__((vector_size(SUM_WIDTH * sizeof(double)), aligned(8), may_alias));
typedef float sum_floats __attribute__((vector_size(SUM_WIDTH * sizeof(float)), aligned(4), may_alias));

/* On aarch64 gcc (12) would convert one number after the other. */
ALWAYS_INLINE sum_vector doubles(sum_floats v)
{
#if defined(__aarch64__)
    return (sum_vector)vcvt_f64_f32((float32x2_t)v);
#else
    return __builtin_convertvector(v, sum_vector);
#endif
}

ALWAYS_INLINE sum_floats get_some(const value *p)
{
#if defined(STORED_BF16)
    typedef uint16_t some_values __attribute__((vector_size(SUM_WIDTH * sizeof(uint16_t))));
    typedef uint32_t some_bits __attribute__((vector_size(SUM_WIDTH * sizeof(uint32_t))));
    some_values v;
    memcpy(&v, p, sizeof v);
    return (sum_floats)(__builtin_convertvector(v, some_bits) << 16);
#else
    return *(const sum_floats *)p;
#endif
}

#if defined(STORED_BF16)
/* WIDTH floats to as many doubles. */
ALWAYS_INLINE void add_floats(double *sum, vec some)
{
    for (size_t i = 0; i < WIDTH; i += SUM_WIDTH) {
        sum_floats part;
        memcpy(&part, (const float *)&some + i, sizeof part);
        *(sum_vector *)(sum + i) += doubles(part);
    }
}
#endif

/* Values of bfloat16 are added as floats over the few rows, which costs less than their own rounding by far (2^-24
 * beside 2^-9), and then to the doubles. `rows` is a constant after inlining wherever there are SUM_ROWS. */
ALWAYS_INLINE void moments_rows(double *sum, double *squares, const value *x, size_t rows, size_t channels)
{
    size_t c = 0;
#if defined(STORED_BF16)
    for (; c + WIDTH <= channels; c += WIDTH) {
        vec some = {0}, some_squares = {0};
        for (size_t row = 0; row < rows; row++) {
            vec v = vec_of_bf16(x + row * channels + c);
            some += v;
            some_squares += v * v;
        }
        add_floats(sum + c, some);
        add_floats(squares + c, some_squares);
    }
#else
    for (; c + SUM_WIDTH <= channels; c += SUM_WIDTH) {
        sum_vector s = *(const sum_vector *)(sum + c), q = *(const sum_vector *)(squares + c);
        for (size_t row = 0; row < rows; row++) {
            sum_vector v = doubles(get_some(x + row * channels + c));
            s += v;
            q += v * v;
        }
        *(sum_vector *)(sum + c) = s;
        *(sum_vector *)(squares + c) = q;
    }
#endif
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = get(x[row * channels + c]);
            sum[c] += v;
            squares[c] += v * v;
        }
}

static void moments(double *sum, double *squares, const void *map, size_t rows, size_t channels)
{
    const value *x = map;
    for (; rows >= SUM_ROWS; rows -= SUM_ROWS, x += SUM_ROWS * channels)
        moments_rows(sum, squares, x, SUM_ROWS, channels);
    moments_rows(sum, squares, x, rows, channels);
}

ALWAYS_INLINE void gradient_rows(double *sum, double *product, const value *g, const value *z, const float *mean,
                                 size_t rows, size_t channels)
{
    size_t c = 0;
#if defined(STORED_BF16)
    for (; c + WIDTH <= channels; c += WIDTH) {
        vec some = {0}, some_products = {0}, m = load(mean + c, WIDTH);
        for (size_t row = 0; row < rows; row++) {
            vec v = vec_of_bf16(g + row * channels + c);
            some += v;
            some_products += v * (vec_of_bf16(z + row * channels + c) - m);
        }
        add_floats(sum + c, some);
        add_floats(product + c, some_products);
    }
#else
    for (; c + SUM_WIDTH <= channels; c += SUM_WIDTH) {
        sum_vector s = *(const sum_vector *)(sum + c), p = *(const sum_vector *)(product + c);
        sum_floats m = *(const sum_floats *)(mean + c);
        for (size_t row = 0; row < rows; row++) {
            sum_vector v = doubles(get_some(g + row * channels + c));
            s += v;
            p += v * doubles(get_some(z + row * channels + c) - m);
        }
        *(sum_vector *)(sum + c) = s;
        *(sum_vector *)(product + c) = p;
    }
#endif
    for (; c < channels; c++)
        for (size_t row = 0; row < rows; row++) {
            double v = get(g[row * channels + c]);
            sum[c] += v;
            product[c] += v * (double)(get(z[row * channels + c]) - mean[c]);
        }
}

static void gradient_sums(double *sum, double *product, const void *gradient, const void *stored, const float *mean,
                          size_t rows, size_t channels)
{
    const value *g = gradient, *z = stored;
    for (; rows >= SUM_ROWS; rows -= SUM_ROWS, g += SUM_ROWS * channels, z += SUM_ROWS * channels)
        gradient_rows(sum, product, g, z, mean, SUM_ROWS, channels);
    gradient_rows(sum, product, g, z, mean, rows, channels);
}

/* The mean of each channel of relu?(x * scale + shift), summed over the rows in double. */
ALWAYS_INLINE void average_channels(float *y, const value *x, size_t ld, size_t rows, size_t channels,
                                    const float *scale, const float *shift, bool affine, bool relu)
{
    size_t c = 0;
    for (; c + SUM_WIDTH <= channels; c += SUM_WIDTH) {
        sum_vector sum = {0};
        for (size_t row = 0; row < rows; row++) {
            sum_floats v = get_some(x + row * ld + c);
            if (affine)
                v = v * *(const sum_floats *)(scale + c) + *(const sum_floats *)(shift + c);
            for (size_t i = 0; relu && i < SUM_WIDTH; i++)
                v[i] = relu_value(v[i]);
            sum += doubles(v);
        }
        *(sum_floats *)(y + c) = __builtin_convertvector(sum / (double)rows, sum_floats);
    }
    for (; c < channels; c++) {
        double sum = 0;
        for (size_t row = 0; row < rows; row++) {
            float v = get(x[row * ld + c]);
            v = affine ? v * scale[c] + shift[c] : v;
            sum += relu ? relu_value(v) : v;
        }
        y[c] = (float)(sum / (double)rows);
    }
}

static void average(float *y, const void *x, size_t ld, size_t rows, size_t channels, const float *scale,
                    const float *shift, bool relu)
{
    if (!scale && !relu)
        average_channels(y, x, ld, rows, channels, NULL, NULL, false, false);
    else if (!scale)
        average_channels(y, x, ld, rows, channels, NULL, NULL, false, true);
    else if (!relu)
        average_channels(y, x, ld, rows, channels, scale, shift, true, false);
    else
        average_channels(y, x, ld, rows, channels, scale, shift, true, true);
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

ALWAYS_INLINE void apply_vec(value *dz, const value *g, const value *z, const float *a, const float *b, const float *c,
                             size_t i, size_t n)
{
    vec v = get_vec(g + i, n) * load(a + i, n);
    if (b)
        v = get_vec(g + i, n) * load(a + i, n) + (get_vec(z + i, n) * load(b + i, n) + load(c + i, n));
    put_vec(dz + i, v, n);
}

ALWAYS_INLINE void apply_rows(value *dz, const value *g, const value *z, const float *a, const float *b, const float *c,
                              size_t rows, size_t channels)
{
    size_t whole = channels / WIDTH * WIDTH;
    for (size_t row = 0; row < rows; row++, dz += channels, g += channels, z += channels) {
        for (size_t i = 0; i < whole; i += WIDTH)
            apply_vec(dz, g, z, a, b, c, i, WIDTH);
        if (whole < channels)
            apply_vec(dz, g, z, a, b, c, whole, channels - whole);
    }
}

static void gradient_apply(void *dz, const void *g, const void *z, const float *a, const float *b, const float *c,
                           size_t rows, size_t channels)
{
    if (b)
        apply_rows(dz, g, z, a, b, c, rows, channels);
    else
        apply_rows(dz, g, z, a, NULL, NULL, rows, channels);
}

/* ---- max pooling ------------------------------------------------------------------------------------------------- */
/* Written in vectors: compilers leave a loop alone that compares floats and keeps bytes. */
typedef int8_t place_vector __attribute__((vector_size(WIDTH)));

/* The largest of `count` values for each of n <= WIDTH channels, which is a constant after inlining where there are
 * WIDTH. */
ALWAYS_INLINE void largest_vector(value *y, uint8_t *where, const void *const *x, const uint8_t *place, size_t count,
                                  size_t c, size_t n, const float *scale, const float *shift, bool relu)
{
    vec best = {0}, factor = {0}, term = {0};
    place_vector won = {0};
    if (scale) {
        factor = load(scale + c, n);
        term = load(shift + c, n);
    }
    for (size_t i = 0; i < count; i++) {
        vec v = get_vec((const value *)x[i] + c, n);
        if (scale)
            v = round_vec(v * factor + term);
        if (relu)
            v = at_least(v, 0);
        vec_mask wins = i == 0 ? ~(vec_mask){0} : (vec_mask)(v > best) | (vec_mask)(v != v);
        place_vector keeps = ~__builtin_convertvector(wins, place_vector);
        best = (vec)(((vec_mask)v & wins) | ((vec_mask)best & ~wins));
        won = (((place_vector){0} + (int8_t)place[i]) & ~keeps) | (won & keeps);
    }
    put_vec(y + c, best, n);
    if (where)
        memcpy(where + c, &won, n);
}

static void largest(void *y, uint8_t *where, const void *const *x, const uint8_t *place, size_t count, size_t channels,
                    const float *scale, const float *shift, bool relu)
{
    size_t c = 0;
    for (; c + WIDTH <= channels; c += WIDTH)
        largest_vector(y, where, x, place, count, c, WIDTH, scale, shift, relu);
    if (c < channels)
        largest_vector(y, where, x, place, count, c, channels - c, scale, shift, relu);
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
    size_t whole = count / WIDTH * WIDTH;
    for (size_t i = 0; i < whole; i += WIDTH)
        put_vec(y + i, get_vec(y + i, WIDTH) + get_vec(x + i, WIDTH), WIDTH);
    if (whole < count)
        put_vec(y + whole, get_vec(y + whole, count - whole) + get_vec(x + whole, count - whole), count - whole);
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
    size_t whole = count / WIDTH * WIDTH;
    for (size_t i = 0; i < whole; i += WIDTH)
        put_vec(y + i, load(x + i, WIDTH), WIDTH);
    if (whole < count)
        put_vec(y + whole, load(x + whole, count - whole), count - whole);
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
    .average = average,
    .largest = largest,
    .winners = winners,
    .add = add,
    .pixels = pixels,
    .narrow = narrow,
    .widen = widen,
};
