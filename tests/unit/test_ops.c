/* The loops over channels, BatchNorm, pooling and the losses against their definitions in double. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/batchnorm.h"
#include "core/ops/lanes.h"
#include "core/ops/loss.h"
#include "core/ops/pooling.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few, 6e-7 for BatchNorm's gradient. */
static const double rounding = 4e-7, several = 3e-6;

static const size_t sizes[][2] = {{1, 1}, {3, 7}, {5, 8}, {2, 17}, {33, 64}, {700, 3}, {129, 33}}; /* rows, channels */
enum { SIZES = sizeof sizes / sizeof *sizes };

struct arrays {
    size_t rows, channels, count;
    float *x, *residual, *g, *scale, *shift, *other_scale, *other_shift;
};

static void arrays_init(struct arrays *a, size_t index)
{
    struct rng rng = rng_stream(21, RNG_TEST, 0, index);
    *a = (struct arrays){.rows = sizes[index][0], .channels = sizes[index][1]};
    a->count = a->rows * a->channels;
    a->x = random_floats(&rng, a->count, 1, 0.3);
    a->residual = random_floats(&rng, a->count, 1, 0);
    a->g = random_floats(&rng, a->count, 1, 0.1);
    a->scale = random_floats(&rng, a->channels, 0.4, 1);
    a->shift = random_floats(&rng, a->channels, 0.5, 0.7);
    a->other_scale = random_floats(&rng, a->channels, 0.4, 1);
    a->other_shift = random_floats(&rng, a->channels, 0.5, 0);
}

static void arrays_free(struct arrays *a)
{
    free(a->x);
    free(a->residual);
    free(a->g);
    free(a->scale);
    free(a->shift);
    free(a->other_scale);
    free(a->other_shift);
}

static double at(const float *values, size_t index, double otherwise)
{
    return values ? (double)values[index] : otherwise;
}

/* One combination of what affine may be given: bits 0 scale, 1 shift, 2 residual, 3 its scale and shift, 4 relu. */
static void check_affine(const struct arrays *a, unsigned form)
{
    const float *scale = form & 1 ? a->scale : NULL, *shift = form & 2 ? a->shift : NULL;
    const float *residual = form & 4 ? a->residual : NULL;
    const float *other_scale = form & 8 ? a->other_scale : NULL, *other_shift = form & 8 ? a->other_shift : NULL;
    double *want = calloc(a->count, sizeof *want), off = 0, norm = 0;
    for (size_t i = 0; i < a->count; i++) {
        size_t c = i % a->channels;
        want[i] = (double)a->x[i] * at(scale, c, 1) + at(shift, c, 0);
        if (residual)
            want[i] += (double)residual[i] * at(other_scale, c, 1) + at(other_shift, c, 0);
        if (form & 16 && want[i] < 0)
            want[i] = 0;
    }
    for (int in_place = 0; in_place < 3; in_place++) {
        float *y = guarded_alloc(a->count);
        if (in_place == 2 && !residual) {
            guarded_free(y);
            continue;
        }
        if (in_place)
            memcpy(y, in_place == 1 ? a->x : a->residual, a->count * sizeof *y);
        lanes()->affine(y, in_place == 1 ? y : a->x, a->rows, a->channels, scale, shift, in_place == 2 ? y : residual,
                        other_scale, other_shift, form & 16);
        assert_true(guarded_intact(y));
        off = norm = 0;
        for (size_t i = 0; i < a->count; i++) {
            off += fabs((double)y[i] - want[i]);
            norm += fabs(want[i]) + fabs((double)a->x[i]);
        }
        assert_true(off <= rounding * norm);
        guarded_free(y);
    }
    free(want);
}

static void affine_in_all_its_forms(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        for (unsigned form = 0; form < 32; form++)
            if (!((form & 1) && !(form & 2)) && !((form & 8) && !(form & 4)))
                check_affine(&a, form);
        arrays_free(&a);
    }
}

static void a_mask_is_where_the_relu_was_positive(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        a.x[0] = -a.shift[0] / a.scale[0]; /* at or next to the kink */
        float *y = guarded_alloc(a.count), *g = guarded_alloc(a.count);
        lanes()->affine(y, a.x, a.rows, a.channels, a.scale, a.shift, NULL, NULL, NULL, true);
        memcpy(g, a.g, a.count * sizeof *g);
        lanes()->mask_affine(g, a.x, a.rows, a.channels, a.scale, a.shift);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (y[j] > 0 ? a.g[j] : 0));
        memcpy(g, a.g, a.count * sizeof *g);
        lanes()->mask(g, y, a.rows, a.channels);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (y[j] > 0 ? a.g[j] : 0));
        memcpy(g, a.g, a.count * sizeof *g);
        lanes()->mask_affine(g, a.x, a.rows, a.channels, NULL, NULL);
        for (size_t j = 0; j < a.count; j++)
            assert_true(g[j] == (a.x[j] > 0 ? a.g[j] : 0));
        assert_true(guarded_intact(y) && guarded_intact(g));
        guarded_free(y);
        guarded_free(g);
        arrays_free(&a);
    }
}

static void sums_are_in_double_and_add(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        double *sums = malloc(4 * a.channels * sizeof *sums), *want = malloc(4 * a.channels * sizeof *want);
        for (size_t c = 0; c < 4 * a.channels; c++)
            sums[c] = want[c] = 0.5 * (double)c; /* what was there stays */
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            double x = (double)a.x[j], g = (double)a.g[j];
            want[c] += x;
            want[a.channels + c] += x * x;
            want[2 * a.channels + c] += g;
            want[3 * a.channels + c] += g * (double)(a.x[j] - a.shift[c]);
        }
        lanes()->moments(sums, sums + a.channels, a.x, a.rows, a.channels);
        lanes()->gradient_sums(sums + 2 * a.channels, sums + 3 * a.channels, a.g, a.x, a.shift, a.rows, a.channels);
        for (size_t c = 0; c < 4 * a.channels; c++)
            assert_true(fabs(sums[c] - want[c]) <= 1e-13 * (fabs(want[c]) + (double)a.rows));
        free(sums);
        free(want);
        arrays_free(&a);
    }
}

static void the_other_loops(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        struct arrays a;
        arrays_init(&a, i);
        float *full = guarded_alloc(a.count), *eval = guarded_alloc(a.count), *sum = guarded_alloc(a.count);
        double *want = malloc(3 * a.count * sizeof *want);
        for (size_t j = 0; j < a.count; j++) {
            size_t c = j % a.channels;
            want[a.count + j] = (double)a.g[j] * (double)a.scale[c];
            want[j] = want[a.count + j] + (double)a.x[j] * (double)a.other_scale[c] + (double)a.shift[c];
            want[2 * a.count + j] = (double)a.g[j] + (double)a.x[j];
        }
        lanes()->gradient_apply(full, a.g, a.x, a.scale, a.other_scale, a.shift, a.rows, a.channels);
        memcpy(eval, a.g, a.count * sizeof *eval);
        lanes()->gradient_apply(eval, eval, a.x, a.scale, NULL, NULL, a.rows, a.channels);
        memcpy(sum, a.g, a.count * sizeof *sum);
        lanes()->add(sum, a.x, a.count);
        assert_true(naive_error(full, want, a.count) <= rounding);
        assert_true(naive_error(eval, want + a.count, a.count) <= rounding);
        assert_true(naive_error(sum, want + 2 * a.count, a.count) <= rounding);
        assert_true(guarded_intact(full) && guarded_intact(eval) && guarded_intact(sum));
        guarded_free(full);
        guarded_free(eval);
        guarded_free(sum);
        free(want);
        arrays_free(&a);
    }
    float table[3 * 256], pixels[6];
    for (int i = 0; i < 3 * 256; i++)
        table[i] = (float)i;
    lanes()->pixels(pixels, (const uint8_t[]){0, 255, 7, 9, 0, 255}, 2, table);
    assert_memory_equal(pixels, ((float[]){0, 511, 519, 9, 256, 767}), sizeof pixels);
}

/* ---- BatchNorm ---------------------------------------- */

enum { BN_ROWS = 50, BN_CHANNELS = 19, BN_COUNT = BN_ROWS * BN_CHANNELS, BN_TILES = 3 };

struct bn_trial {
    struct batchnorm bn;
    float weight[BN_CHANNELS], bias[BN_CHANNELS], running_mean[BN_CHANNELS], running_var[BN_CHANNELS];
    float rows[7][BN_CHANNELS];
    float *x, *dy;
    double *x_wide, *dy_wide, *gamma, *beta, mean[BN_CHANNELS], var[BN_CHANNELS];
};

static void bn_init(struct bn_trial *t)
{
    struct rng rng = rng_stream(22, RNG_TEST, 0, 0);
    for (size_t c = 0; c < BN_CHANNELS; c++) {
        t->weight[c] = (float)(1 + 0.4 * rng_normal(&rng));
        t->bias[c] = (float)rng_normal(&rng);
        t->running_mean[c] = (float)rng_normal(&rng);
        t->running_var[c] = (float)(0.5 + rng_double(&rng));
    }
    t->x = random_floats(&rng, BN_COUNT, 2, 1.5);
    t->dy = random_floats(&rng, BN_COUNT, 1, 0.2);
    t->x_wide = as_doubles(t->x, BN_COUNT);
    t->dy_wide = as_doubles(t->dy, BN_COUNT);
    t->gamma = as_doubles(t->weight, BN_CHANNELS);
    t->beta = as_doubles(t->bias, BN_CHANNELS);
    t->bn = (struct batchnorm){.channels = BN_CHANNELS,
                               .weight = t->weight,
                               .bias = t->bias,
                               .running_mean = t->running_mean,
                               .running_var = t->running_var,
                               .mean = t->rows[0],
                               .inverse = t->rows[1],
                               .scale = t->rows[2],
                               .shift = t->rows[3],
                               .a = t->rows[4],
                               .b = t->rows[5],
                               .c = t->rows[6]};
}

static void bn_end(struct bn_trial *t)
{
    free(t->x);
    free(t->dy);
    free(t->x_wide);
    free(t->dy_wide);
    free(t->gamma);
    free(t->beta);
}

/* y = x * scale + shift against what is wanted. */
static void check_applied(const struct bn_trial *t, const double *want)
{
    float *y = guarded_alloc(BN_COUNT);
    lanes()->affine(y, t->x, BN_ROWS, BN_CHANNELS, t->bn.scale, t->bn.shift, NULL, NULL, NULL, false);
    assert_true(naive_error(y, want, BN_COUNT) <= several);
    guarded_free(y);
}

/* The two backward sums, in tiles, then the gradient. */
static void check_bn_backward(struct bn_trial *t, bool batch, const double *dx, const double *dgamma,
                              const double *dbeta)
{
    double sums[BN_TILES][2][BN_CHANNELS] = {{{0}}};
    for (size_t tile = 0; tile < BN_TILES; tile++) {
        size_t m = tile * 20, rows = tile == BN_TILES - 1 ? BN_ROWS - m : 20;
        lanes()->gradient_sums(sums[tile][0], sums[tile][1], t->dy + m * BN_CHANNELS, t->x + m * BN_CHANNELS,
                               t->bn.mean, rows, BN_CHANNELS);
    }
    float dweight[BN_CHANNELS], dbias[BN_CHANNELS], *dz = guarded_alloc(BN_COUNT);
    batchnorm_backward(&t->bn, dweight, dbias, &sums[0][0][0], BN_TILES, BN_ROWS, batch);
    batchnorm_backward(&t->bn, NULL, NULL, &sums[0][0][0], BN_TILES, BN_ROWS, batch);
    lanes()->gradient_apply(dz, t->dy, t->x, t->bn.a, batch ? t->bn.b : NULL, batch ? t->bn.c : NULL, BN_ROWS,
                            BN_CHANNELS);
    assert_true(naive_error(dweight, dgamma, BN_CHANNELS) <= several);
    assert_true(naive_error(dbias, dbeta, BN_CHANNELS) <= several);
    assert_true(naive_error(dz, dx, BN_COUNT) <= several);
    guarded_free(dz);
}

static void batchnorm_of_the_batch(void **state)
{
    (void)state;
    struct bn_trial t;
    bn_init(&t);
    double sums[BN_TILES][2][BN_CHANNELS] = {{{0}}}, running[2][BN_CHANNELS];
    for (size_t tile = 0; tile < BN_TILES; tile++) {
        size_t m = tile * 20, rows = tile == BN_TILES - 1 ? BN_ROWS - m : 20;
        lanes()->moments(sums[tile][0], sums[tile][1], t.x + m * BN_CHANNELS, rows, BN_CHANNELS);
    }
    naive_moments(t.mean, t.var, t.x_wide, BN_ROWS, BN_CHANNELS);
    for (size_t c = 0; c < BN_CHANNELS; c++) {
        running[0][c] = 0.9 * (double)t.running_mean[c] + 0.1 * t.mean[c];
        running[1][c] = 0.9 * (double)t.running_var[c] + 0.1 * t.var[c] * BN_ROWS / (BN_ROWS - 1);
    }
    batchnorm_from_sums(&t.bn, &sums[0][0][0], BN_TILES, BN_ROWS);
    assert_true(naive_error(t.running_mean, running[0], BN_CHANNELS) <= rounding);
    assert_true(naive_error(t.running_var, running[1], BN_CHANNELS) <= rounding);
    double *y = malloc(BN_COUNT * sizeof *y), dgamma[BN_CHANNELS], dbeta[BN_CHANNELS];
    naive_batchnorm_forward(y, t.x_wide, t.gamma, t.beta, t.mean, t.var, BATCHNORM_EPS, BN_ROWS, BN_CHANNELS);
    check_applied(&t, y);
    naive_batchnorm_backward_train(y, dgamma, dbeta, t.dy_wide, t.x_wide, t.gamma, BATCHNORM_EPS, BN_ROWS, BN_CHANNELS);
    check_bn_backward(&t, true, y, dgamma, dbeta);
    free(y);
    bn_end(&t);
}

static void batchnorm_of_the_running_statistics(void **state)
{
    (void)state;
    struct bn_trial t;
    bn_init(&t);
    for (size_t c = 0; c < BN_CHANNELS; c++) {
        t.mean[c] = (double)t.running_mean[c];
        t.var[c] = (double)t.running_var[c];
    }
    double *y = malloc(BN_COUNT * sizeof *y), dgamma[BN_CHANNELS], dbeta[BN_CHANNELS];
    float before[2][BN_CHANNELS], scale[BN_CHANNELS], shift[BN_CHANNELS];
    memcpy(before[0], t.running_mean, sizeof before[0]);
    memcpy(before[1], t.running_var, sizeof before[1]);
    batchnorm_from_running(&t.bn);
    naive_batchnorm_forward(y, t.x_wide, t.gamma, t.beta, t.mean, t.var, BATCHNORM_EPS, BN_ROWS, BN_CHANNELS);
    check_applied(&t, y);
    batchnorm_fold(scale, shift, &t.bn);
    assert_memory_equal(scale, t.bn.scale, sizeof scale);
    assert_memory_equal(shift, t.bn.shift, sizeof shift);
    naive_batchnorm_backward_eval(y, dgamma, dbeta, t.dy_wide, t.x_wide, t.gamma, t.mean, t.var, BATCHNORM_EPS, BN_ROWS,
                                  BN_CHANNELS);
    check_bn_backward(&t, false, y, dgamma, dbeta);
    assert_memory_equal(before[0], t.running_mean, sizeof before[0]);
    assert_memory_equal(before[1], t.running_var, sizeof before[1]);
    free(y);
    bn_end(&t);
}

/* sum(dy * batchnorm(x)) */
static double bn_value(const struct bn_trial *t, double *y)
{
    double mean[BN_CHANNELS], var[BN_CHANNELS], sum = 0;
    naive_moments(mean, var, t->x_wide, BN_ROWS, BN_CHANNELS);
    naive_batchnorm_forward(y, t->x_wide, t->gamma, t->beta, mean, var, BATCHNORM_EPS, BN_ROWS, BN_CHANNELS);
    for (size_t i = 0; i < BN_COUNT; i++)
        sum += t->dy_wide[i] * y[i];
    return sum;
}

static double bn_difference(const struct bn_trial *t, double *value, double *y)
{
    double kept = *value, step = 1e-4;
    *value = kept + step;
    double above = bn_value(t, y);
    *value = kept - step;
    double below = bn_value(t, y);
    *value = kept;
    return (above - below) / (2 * step);
}

static void batchnorm_gradient_matches_finite_differences(void **state)
{
    (void)state;
    struct bn_trial t;
    struct rng rng = rng_stream(23, RNG_TEST, 0, 0);
    bn_init(&t);
    double *y = malloc(BN_COUNT * sizeof *y), *dx = malloc(BN_COUNT * sizeof *dx);
    double dgamma[BN_CHANNELS], dbeta[BN_CHANNELS];
    naive_batchnorm_backward_train(dx, dgamma, dbeta, t.dy_wide, t.x_wide, t.gamma, BATCHNORM_EPS, BN_ROWS,
                                   BN_CHANNELS);
    for (size_t probe = 0; probe < 30; probe++) { /* 2e-9 measured */
        size_t i = rng_below(&rng, BN_COUNT), c = probe % BN_CHANNELS;
        assert_true(fabs(bn_difference(&t, &t.x_wide[i], y) - dx[i]) <= 2e-8);
        assert_true(fabs(bn_difference(&t, &t.gamma[c], y) - dgamma[c]) <= 2e-8);
        assert_true(fabs(bn_difference(&t, &t.beta[c], y) - dbeta[c]) <= 2e-8);
    }
    free(y);
    free(dx);
    bn_end(&t);
}

/* ---- pooling ---------------------------------------- */

static void check_maxpool(const struct conv_shape *shape, size_t images, bool affine, bool relu, uint64_t seed)
{
    struct rng rng = rng_stream(24, RNG_TEST, 0, seed);
    size_t x_count = images * shape->h * shape->w * shape->c, y_count = images * shape->p * shape->q * shape->c;
    float *x = random_floats(&rng, x_count, 1, 0.5), *dy = random_floats(&rng, y_count, 1, 0);
    float *scale = random_floats(&rng, shape->c, 0.3, 1), *shift = random_floats(&rng, shape->c, 1, 0);
    for (size_t i = 0; i < x_count; i++) /* few values, so that many are equal */
        x[i] = truncf(2 * x[i]);
    double *a = as_doubles(x, x_count), *wide = as_doubles(dy, y_count);
    double *want = calloc(y_count, sizeof *want), *want_dx = calloc(x_count, sizeof *want_dx);
    for (size_t i = 0; i < x_count; i++) {
        a[i] = affine ? a[i] * (double)scale[i % shape->c] + (double)shift[i % shape->c] : a[i];
        a[i] = relu && a[i] < 0 ? 0 : a[i];
    }
    naive_maxpool_forward(want, a, shape, images);
    naive_maxpool_backward(want_dx, wide, a, shape, images);
    struct view view = {.x = x, .scale = affine ? scale : NULL, .shift = affine ? shift : NULL, .relu = relu};
    for (size_t threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        assert_int_equal(pool_create(&pool, threads, NULL), OK);
        float *y = guarded_alloc(y_count), *dx = guarded_alloc(x_count), *again = guarded_alloc(y_count);
        uint8_t *where = malloc(y_count);
        maxpool_forward(y, where, &view, shape, images, pool);
        maxpool_forward(again, NULL, &view, shape, images, pool);
        maxpool_backward(dx, dy, where, shape, images, pool);
        assert_true(naive_error(y, want, y_count) <= rounding);
        assert_memory_equal(y, again, y_count * sizeof *y);
        assert_true(guarded_intact(y) && guarded_intact(dx) && guarded_intact(again));
        guarded_free(y);
        guarded_free(dx);
        guarded_free(again);
        free(where);
        pool_destroy(pool);
    }
    free(x);
    free(dy);
    free(scale);
    free(shift);
    free(a);
    free(wide);
    free(want);
    free(want_dx);
}

static void maxpool_takes_the_first_of_equals(void **state)
{
    (void)state;
    static const size_t shapes[][7] = {/* h, w, c, kernel, stride, pad, images */
                                       {9, 8, 5, 3, 2, 1, 2},
                                       {1, 1, 9, 3, 2, 1, 1},
                                       {7, 7, 16, 2, 2, 0, 3},
                                       {6, 11, 17, 3, 1, 1, 1},
                                       {16, 5, 8, 3, 2, 1, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct conv_shape shape;
        const size_t *s = shapes[i];
        assert_true(conv_shape_init(&shape, s[0], s[1], s[2], s[2], s[3], s[4], s[5]));
        check_maxpool(&shape, s[6], false, false, i);
        check_maxpool(&shape, s[6], true, false, i);
        check_maxpool(&shape, s[6], false, true, i);
        check_maxpool(&shape, s[6], true, true, i);
    }
}

static void maxpool_passes_nan_on(void **state)
{
    (void)state;
    struct conv_shape shape;
    assert_true(conv_shape_init(&shape, 2, 2, 1, 1, 2, 2, 0));
    for (size_t place = 0; place < 4; place++) {
        float x[4] = {3, 1, 4, 1}, y = 0;
        uint8_t where = 99;
        x[place] = NAN;
        maxpool_image(&y, &where, &(struct view){.x = x}, &shape);
        assert_true(isnan(y));
        assert_int_equal(where, place);
    }
}

static void avgpool_is_the_mean(void **state)
{
    (void)state;
    enum { IMAGES = 3, PIXELS = 49, CHANNELS = 21, X = IMAGES * PIXELS * CHANNELS, Y = IMAGES * CHANNELS };
    struct rng rng = rng_stream(25, RNG_TEST, 0, 0);
    float *x = random_floats(&rng, X, 1, 0.5), *dy = random_floats(&rng, Y, 1, 0);
    float *scale = random_floats(&rng, CHANNELS, 0.3, 1), *shift = random_floats(&rng, CHANNELS, 1, 0);
    double *a = as_doubles(x, X), *wide = as_doubles(dy, Y), want[Y], *want_dx = malloc(X * sizeof *want_dx);
    for (size_t i = 0; i < X; i++)
        a[i] = fmax(a[i] * (double)scale[i % CHANNELS] + (double)shift[i % CHANNELS], 0);
    naive_avgpool_forward(want, a, IMAGES, PIXELS, CHANNELS);
    naive_avgpool_backward(want_dx, wide, IMAGES, PIXELS, CHANNELS);
    struct pool *pool;
    assert_int_equal(pool_create(&pool, 2, NULL), OK);
    float *y = guarded_alloc(Y), *dx = guarded_alloc(X);
    struct view view = {.x = x, .scale = scale, .shift = shift, .relu = true};
    avgpool_forward(y, &view, IMAGES, PIXELS, CHANNELS, pool);
    avgpool_backward(dx, dy, IMAGES, PIXELS, CHANNELS, pool);
    assert_true(naive_error(y, want, Y) <= rounding && naive_error(dx, want_dx, X) <= rounding);
    assert_true(guarded_intact(y) && guarded_intact(dx));
    guarded_free(y);
    guarded_free(dx);
    pool_destroy(pool);
    free(x);
    free(dy);
    free(scale);
    free(shift);
    free(a);
    free(wide);
    free(want_dx);
}

/* ---- losses ---------------------------------------- */

enum { LOSS_IMAGES = 6, LOSS_CLASSES = 11, LOSS_COUNT = LOSS_IMAGES * LOSS_CLASSES };

static void cross_entropy_and_its_gradient(void **state)
{
    (void)state;
    struct rng rng = rng_stream(26, RNG_TEST, 0, 0);
    float *z = random_floats(&rng, LOSS_COUNT, 3, 0), *dz = guarded_alloc(LOSS_COUNT), probability[LOSS_CLASSES];
    int labels[LOSS_IMAGES];
    int32_t labels32[LOSS_IMAGES];
    for (int i = 0; i < LOSS_IMAGES; i++)
        labels[i] = labels32[i] = i * 2 % LOSS_CLASSES;
    z[3] = 500; /* exp of it would overflow */
    z[LOSS_CLASSES + 2] = -500;
    double *wide = as_doubles(z, LOSS_COUNT), want[LOSS_COUNT], sum = 0;
    double loss = naive_cross_entropy(want, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
    assert_true(fabs(cross_entropy(dz, z, labels32, LOSS_IMAGES, LOSS_CLASSES) - loss) <= 1e-6 * loss);
    assert_true(fabs(cross_entropy(NULL, z, labels32, LOSS_IMAGES, LOSS_CLASSES) - loss) <= 1e-6 * loss);
    assert_true(naive_error(dz, want, LOSS_COUNT) <= rounding && guarded_intact(dz));
    softmax(probability, z, LOSS_CLASSES);
    for (size_t i = 0; i < LOSS_CLASSES; i++)
        sum += (double)probability[i];
    assert_true(fabs(sum - 1) <= 1e-6 && probability[3] > 0.99f);
    for (size_t i = 0; i < LOSS_COUNT; i++) { /* 3e-11 measured */
        double kept = wide[i], step = 1e-5;
        wide[i] = kept + step;
        double above = naive_cross_entropy(NULL, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
        wide[i] = kept - step;
        double below = naive_cross_entropy(NULL, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
        wide[i] = kept;
        assert_true(fabs((above - below) / (2 * step) - want[i]) <= 1e-8);
    }
    z[LOSS_CLASSES] = NAN;
    assert_true(isnan(cross_entropy(dz, z, labels32, LOSS_IMAGES, LOSS_CLASSES)));
    guarded_free(dz);
    free(z);
    free(wide);
}

static void mean_squared_error_and_its_gradient(void **state)
{
    (void)state;
    struct rng rng = rng_stream(27, RNG_TEST, 0, 0);
    float *y = random_floats(&rng, LOSS_COUNT, 1, 0), *target = random_floats(&rng, LOSS_COUNT, 1, 0);
    float *dy = guarded_alloc(LOSS_COUNT);
    double *wide = as_doubles(y, LOSS_COUNT), *target_wide = as_doubles(target, LOSS_COUNT), want[LOSS_COUNT];
    double loss = naive_mse(want, wide, target_wide, LOSS_COUNT);
    assert_true(fabs(mean_squared_error(dy, y, target, LOSS_COUNT) - loss) <= 1e-6 * loss);
    assert_true(fabs(mean_squared_error(NULL, y, target, LOSS_COUNT) - loss) <= 1e-6 * loss);
    assert_true(naive_error(dy, want, LOSS_COUNT) <= rounding && guarded_intact(dy));
    guarded_free(dy);
    free(y);
    free(target);
    free(wide);
    free(target_wide);
}

/* ---- the references and the comparer ---------------------------------------- */

static void the_comparer_can_say_no(void **state)
{
    (void)state;
    double want[2] = {3, -4}, zeros[2] = {0, 0};
    assert_true(naive_error((float[]){3, -4}, want, 2) <= 0);
    assert_true(naive_error((float[]){3, 4}, want, 2) > 1);
    assert_false(naive_error((float[]){3, NAN}, want, 2) <= 1e30);
    assert_false(naive_error((float[]){3, INFINITY}, want, 2) <= 1e30);
    assert_false(naive_error((float[]){3, -4}, want, 0) <= 1e30);
    assert_false(naive_error((float[]){0, 0}, zeros, 2) <= 1e30);
    float *guarded = guarded_alloc(3);
    assert_true(isnan(guarded[0]) && isnan(guarded[2]) && guarded_intact(guarded));
    float kept = guarded[3];
    guarded[3] = 0;
    assert_false(guarded_intact(guarded));
    guarded[3] = kept;
    guarded[-1] = 0;
    assert_false(guarded_intact(guarded));
    guarded_free(guarded);
}

static void linear_gradients_match_finite_differences(void **state)
{
    (void)state;
    enum { N = 3, C = 4, K = 2 };
    struct rng rng = rng_stream(28, RNG_TEST, 0, 0);
    double values[N * C + K * C + K], dy[N * K], y[N * K], gradient[N * C + K * C + K];
    for (size_t i = 0; i < N * C + K * C + K; i++)
        values[i] = rng_normal(&rng);
    for (size_t i = 0; i < N * K; i++)
        dy[i] = rng_normal(&rng);
    double *x = values, *w = values + N * C, *b = w + K * C;
    naive_linear_backward(gradient, gradient + N * C, gradient + N * C + K * C, dy, x, w, N, C, K);
    for (size_t i = 0; i < N * C + K * C + K; i++) {
        double sums[2] = {0, 0}, kept = values[i];
        for (int side = 0; side < 2; side++) {
            values[i] = side ? kept + 1e-4 : kept - 1e-4;
            naive_linear_forward(y, x, w, b, N, C, K);
            for (size_t j = 0; j < N * K; j++)
                sums[side] += dy[j] * y[j];
        }
        values[i] = kept;
        assert_true(fabs((sums[1] - sums[0]) / 2e-4 - gradient[i]) <= 1e-9);
    }
}

static void every_instruction_set_passes(void **state)
{
    (void)state;
    int runs;
    assert_int_equal(narrow_runs(&runs), 0);
    print_message("# %d narrower instruction sets\n", runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_comparer_can_say_no),
        cmocka_unit_test(linear_gradients_match_finite_differences),
        cmocka_unit_test(affine_in_all_its_forms),
        cmocka_unit_test(a_mask_is_where_the_relu_was_positive),
        cmocka_unit_test(sums_are_in_double_and_add),
        cmocka_unit_test(the_other_loops),
        cmocka_unit_test(batchnorm_of_the_batch),
        cmocka_unit_test(batchnorm_of_the_running_statistics),
        cmocka_unit_test(batchnorm_gradient_matches_finite_differences),
        cmocka_unit_test(maxpool_takes_the_first_of_equals),
        cmocka_unit_test(maxpool_passes_nan_on),
        cmocka_unit_test(avgpool_is_the_mean),
        cmocka_unit_test(cross_entropy_and_its_gradient),
        cmocka_unit_test(mean_squared_error_and_its_gradient),
        cmocka_unit_test(every_instruction_set_passes),
    };
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}
