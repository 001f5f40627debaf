/* BatchNorm against its definition in double, and its gradient against finite differences. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/batchnorm.h"
#include "core/ops/map_lanes.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few, 6e-7 for BatchNorm's gradient. */
static const double rounding = 4e-7, several = 3e-6;

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
    map_lanes(PRECISION_F32)->affine(y, t->x, BN_ROWS, BN_CHANNELS, t->bn.scale, t->bn.shift, NULL, NULL, NULL, false);
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
        map_lanes(PRECISION_F32)
            ->gradient_sums(sums[tile][0], sums[tile][1], t->dy + m * BN_CHANNELS, t->x + m * BN_CHANNELS, t->bn.mean,
                            rows, BN_CHANNELS);
    }
    float dweight[BN_CHANNELS], dbias[BN_CHANNELS], *dz = guarded_alloc(BN_COUNT);
    batchnorm_backward(&t->bn, dweight, dbias, &sums[0][0][0], BN_TILES, BN_ROWS, batch);
    batchnorm_backward(&t->bn, NULL, NULL, &sums[0][0][0], BN_TILES, BN_ROWS, batch);
    map_lanes(PRECISION_F32)
        ->gradient_apply(dz, t->dy, t->x, t->bn.a, batch ? t->bn.b : NULL, batch ? t->bn.c : NULL, BN_ROWS,
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
        map_lanes(PRECISION_F32)->moments(sums[tile][0], sums[tile][1], t.x + m * BN_CHANNELS, rows, BN_CHANNELS);
    }
    naive_moments(t.mean, t.var, t.x_wide, BN_ROWS, BN_CHANNELS);
    for (size_t c = 0; c < BN_CHANNELS; c++) {
        running[0][c] = 0.9 * (double)t.running_mean[c] + 0.1 * t.mean[c];
        running[1][c] = 0.9 * (double)t.running_var[c] + 0.1 * t.var[c] * BN_ROWS / (BN_ROWS - 1);
    }
    batchnorm_from_sums(&t.bn, &sums[0][0][0], &sums[0][0][0], BN_TILES, BN_ROWS);
    batchnorm_move(&t.bn, &sums[0][0][0]);
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

/* A constant channel has no variance, but rounding leaves its sums on either side of zero: far below where the values
 * are large. */
static void a_constant_channel_has_no_negative_variance(void **state)
{
    (void)state;
    struct bn_trial t;
    double sums[2][BN_CHANNELS];
    bn_init(&t);
    for (size_t c = 0; c < BN_CHANNELS; c++) {
        double mean = (c % 2 ? -1 : 1) * (1e6 + (double)c);
        t.running_var[c] = 0;
        sums[0][c] = BN_ROWS * mean;
        sums[1][c] = BN_ROWS * mean * mean * (1 - (double)c * 1e-14);
    }
    double statistics[2][BN_CHANNELS];
    batchnorm_from_sums(&t.bn, &statistics[0][0], &sums[0][0], 1, BN_ROWS);
    batchnorm_move(&t.bn, &statistics[0][0]);
    for (size_t c = 1; c < BN_CHANNELS; c++) {
        double mean = sums[0][c] / BN_ROWS;
        assert_true(sums[1][c] / BN_ROWS - mean * mean < -100 * BATCHNORM_EPS);
        assert_true(t.running_var[c] == 0);
        assert_true(t.bn.inverse[c] == (float)(1 / sqrt(BATCHNORM_EPS)));
        assert_true(isfinite(t.bn.scale[c]) && isfinite(t.bn.shift[c]));
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batchnorm_of_the_batch),
        cmocka_unit_test(a_constant_channel_has_no_negative_variance),
        cmocka_unit_test(batchnorm_of_the_running_statistics),
        cmocka_unit_test(batchnorm_gradient_matches_finite_differences),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("batchnorm", tests, NULL, NULL);
}
