/* Pooling against its definition in double, in both precisions. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/pooling.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few. Of maps of bfloat16 the last rounding
 * is no error (map_error). */
static const double rounding = 4e-7;

static void check_maxpool(const struct conv_shape *shape, size_t images, bool affine, bool relu, uint64_t seed)
{
    struct rng rng = rng_stream(24, RNG_TEST, 0, seed);
    size_t x_count = images * shape->h * shape->w * shape->c, y_count = images * shape->p * shape->q * shape->c;
    float *x = random_floats(&rng, x_count, 1, 0.5), *dy = random_floats(&rng, y_count, 1, 0);
    float *scale = random_floats(&rng, shape->c, 0.3, 1), *shift = random_floats(&rng, shape->c, 1, 0);
    for (size_t i = 0; i < x_count; i++) /* few values, so that many are equal */
        x[i] = truncf(2 * x[i]);
    enum precision precision = shape->precision;
    round_values(dy, y_count, precision);
    void *x_map = map_of(x, x_count, precision), *dy_map = map_of(dy, y_count, precision);
    double *a = as_doubles(x, x_count), *wide = as_doubles(dy, y_count);
    double *want = calloc(y_count, sizeof *want), *want_dx = calloc(x_count, sizeof *want_dx);
    for (size_t i = 0; i < x_count; i++) { /* values are rounded before they are compared */
        a[i] = affine ? (double)(float)(a[i] * (double)scale[i % shape->c] + (double)shift[i % shape->c]) : a[i];
        a[i] = nearest(a[i], precision);
        a[i] = relu && a[i] < 0 ? 0 : a[i];
    }
    naive_maxpool_forward(want, a, shape, images);
    naive_maxpool_backward(want_dx, wide, a, shape, images);
    struct conv_input input = {
        .x = x_map, .scale = affine ? scale : NULL, .shift = affine ? shift : NULL, .relu = relu};
    for (size_t threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        assert_int_equal(pool_create(&pool, threads, NULL), OK);
        void *y = guarded_map(y_count, precision), *dx = guarded_map(x_count, precision);
        void *again = guarded_map(y_count, precision);
        uint8_t *where = malloc(y_count);
        maxpool_forward(y, where, &input, shape, images, pool);
        maxpool_forward(again, NULL, &input, shape, images, pool);
        maxpool_backward(dx, false, dy_map, where, shape, images, pool);
        assert_true(map_error(y, want, y_count, precision) <= rounding);
        assert_memory_equal(y, again, y_count * precision_size(precision));
        assert_true(map_error(dx, want_dx, x_count, precision) <= rounding);
        for (size_t i = 0; i < x_count; i++) /* added to what was there, and rounded once */
            want_dx[i] += (double)x[i];
        memcpy(dx, x_map, x_count * precision_size(precision));
        maxpool_backward(dx, true, dy_map, where, shape, images, pool);
        assert_true(map_error(dx, want_dx, x_count, precision) <= rounding);
        for (size_t i = 0; i < x_count; i++)
            want_dx[i] -= (double)x[i];
        assert_true(guarded_map_intact(y) && guarded_map_intact(dx) && guarded_map_intact(again));
        guarded_map_free(y);
        guarded_map_free(dx);
        guarded_map_free(again);
        free(where);
        pool_destroy(pool);
    }
    free(x_map);
    free(dy_map);
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
    for (size_t i = 0; i < PRECISIONS * sizeof shapes / sizeof *shapes; i++) {
        struct conv_shape shape;
        const size_t *s = shapes[i / PRECISIONS];
        assert_true(conv_shape_init(&shape, s[0], s[1], s[2], s[2], s[3], s[4], s[5]));
        shape.precision = (enum precision)(i % PRECISIONS);
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
    for (size_t i = 0; i < 4 * PRECISIONS; i++) {
        float x[4] = {3, 1, 4, 1};
        size_t place = i / PRECISIONS;
        uint8_t where = 99;
        x[place] = NAN;
        shape.precision = (enum precision)(i % PRECISIONS);
        void *x_map = map_of(x, 4, shape.precision), *y_map = map_of((float[]){0}, 1, shape.precision);
        maxpool_image(y_map, &where, &(struct conv_input){.x = x_map}, &shape);
        float *y = values_of(y_map, 1, shape.precision);
        assert_true(isnan(*y));
        assert_int_equal(where, place);
        free(y);
        free(y_map);
        free(x_map);
    }
}

enum { IMAGES = 3, PIXELS = 49, CHANNELS = 69, X = IMAGES * PIXELS * CHANNELS, Y = IMAGES * CHANNELS };

static void check_avgpool(enum precision in, enum precision out)
{
    struct rng rng = rng_stream(25, RNG_TEST, 0, 0);
    float *x = random_floats(&rng, X, 1, 0.5), *dy = random_floats(&rng, Y, 1, 0);
    float *scale = random_floats(&rng, CHANNELS, 0.3, 1), *shift = random_floats(&rng, CHANNELS, 1, 0);
    round_values(x, X, in);
    round_values(dy, Y, out);
    void *x_map = map_of(x, X, in), *dy_map = map_of(dy, Y, out);
    double *a = as_doubles(x, X), *wide = as_doubles(dy, Y), want[Y], *want_dx = malloc(X * sizeof *want_dx);
    for (size_t i = 0; i < X; i++)
        a[i] = fmax(a[i] * (double)scale[i % CHANNELS] + (double)shift[i % CHANNELS], 0);
    naive_avgpool_forward(want, a, IMAGES, PIXELS, CHANNELS);
    naive_avgpool_backward(want_dx, wide, IMAGES, PIXELS, CHANNELS);
    struct pool *pool;
    assert_int_equal(pool_create(&pool, 2, NULL), OK);
    void *y = guarded_map(Y, out), *dx = guarded_map(X, in);
    struct conv_input input = {.x = x_map, .scale = scale, .shift = shift, .relu = true};
    const struct avgpool_shape shape = {.pixels = PIXELS, .c = CHANNELS, .in = in, .out = out};
    avgpool_forward(y, &input, &shape, IMAGES, pool);
    avgpool_backward(dx, false, dy_map, &shape, IMAGES, pool);
    assert_true(map_error(y, want, Y, out) <= rounding && map_error(dx, want_dx, X, in) <= rounding);
    for (size_t i = 0; i < X; i++)
        want_dx[i] += (double)x[i];
    memcpy(dx, x_map, X * precision_size(in));
    avgpool_backward(dx, true, dy_map, &shape, IMAGES, pool);
    assert_true(map_error(dx, want_dx, X, in) <= rounding);
    assert_true(guarded_map_intact(y) && guarded_map_intact(dx));
    guarded_map_free(y);
    guarded_map_free(dx);
    pool_destroy(pool);
    free(x_map);
    free(dy_map);
    free(x);
    free(dy);
    free(scale);
    free(shift);
    free(a);
    free(wide);
    free(want_dx);
}

static void avgpool_is_the_mean(void **state)
{
    (void)state;
    for (int in = 0; in < PRECISIONS; in++)
        for (int out = 0; out < PRECISIONS; out++)
            check_avgpool((enum precision)in, (enum precision)out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maxpool_takes_the_first_of_equals),
        cmocka_unit_test(maxpool_passes_nan_on),
        cmocka_unit_test(avgpool_is_the_mean),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("pooling", tests, NULL, NULL);
}
