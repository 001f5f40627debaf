/* Pooling against its definition in double. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "core/ops/pooling.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few. */
static const double rounding = 4e-7;

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
    struct conv_input input = {.x = x, .scale = affine ? scale : NULL, .shift = affine ? shift : NULL, .relu = relu};
    for (size_t threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        assert_int_equal(pool_create(&pool, threads, NULL), OK);
        float *y = guarded_alloc(y_count), *dx = guarded_alloc(x_count), *again = guarded_alloc(y_count);
        uint8_t *where = malloc(y_count);
        maxpool_forward(y, where, &input, shape, images, pool);
        maxpool_forward(again, NULL, &input, shape, images, pool);
        maxpool_backward(dx, false, dy, where, shape, images, pool);
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
        maxpool_image(&y, &where, &(struct conv_input){.x = x}, &shape);
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
    struct conv_input input = {.x = x, .scale = scale, .shift = shift, .relu = true};
    const struct avgpool_shape shape = {.pixels = PIXELS, .c = CHANNELS};
    avgpool_forward(y, &input, &shape, IMAGES, pool);
    avgpool_backward(dx, false, dy, &shape, IMAGES, pool);
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
