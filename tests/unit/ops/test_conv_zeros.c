/* A channel that is 0 everywhere, as one behind a dead ReLU is, has a weight gradient that is exactly 0, by whichever
 * kernel: Adam makes a whole step of the smallest number that is left. */
#include "tests/support/test.h"

#include <stdlib.h>

#include "core/ops/blas.h"
#include "core/ops/conv.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/narrow.h"

enum { IMAGES = 2, IN = 9, OUT = 20, DEAD_IN = 4, DEAD_OUT = 13 };

/* Input channel DEAD_IN is 0 behind the view's ReLU, gradient channel DEAD_OUT is 0. */
static void check(const struct conv_shape *shape, const struct conv_kernel *kernel, size_t threads)
{
    struct rng rng = rng_stream(31, RNG_TEST, 0, shape->h);
    size_t x_count = IMAGES * shape->h * shape->w * IN, y_count = IMAGES * shape->p * shape->q * OUT;
    size_t w_count = OUT * shape->r * shape->s * IN;
    float *x = random_floats(&rng, x_count, 1, 0.3), *dy = random_floats(&rng, y_count, 1, 0.1);
    for (size_t i = DEAD_IN; i < x_count; i += IN)
        x[i] = -1;
    for (size_t i = DEAD_OUT; i < y_count; i += OUT)
        dy[i] = 0;
    round_values(x, x_count, shape->precision);
    round_values(dy, y_count, shape->precision);
    void *x_map = map_of(x, x_count, shape->precision), *dy_map = map_of(dy, y_count, shape->precision);
    const struct conv_task task = {
        .kernel = kernel, .shape = *shape, .images = IMAGES, .in = {.x = x_map, .relu = true}};
    struct pool *pool;
    assert_int_equal(pool_create(&pool, threads, NULL), OK);
    float *dw = guarded_alloc(w_count), *scratch = guarded_alloc(kernel->backward_scratch(shape, IMAGES, threads));
    kernel->backward_weight(dw, &task, dy_map, pool, scratch);
    for (size_t i = 0; i < w_count; i++) {
        bool dead = i % IN == DEAD_IN || i / (w_count / OUT) == DEAD_OUT;
        if (dead != (dw[i] == 0))
            fail_msg("%s, %s, %zux%zu: gradient %zu is %g", kernel->name, precision_names[shape->precision], shape->h,
                     shape->w, i, (double)dw[i]);
    }
    guarded_free(scratch);
    guarded_free(dw);
    pool_destroy(pool);
    free(x_map);
    free(dy_map);
    free(x);
    free(dy);
}

static void dead_channels_have_no_gradient(void **state)
{
    (void)state;
    static const size_t shapes[][5] = {/* h, w, kernel, stride, pad */
                                       {7, 7, 1, 1, 0},  {8, 6, 1, 2, 0}, {4, 4, 3, 1, 1},
                                       {9, 14, 3, 1, 1}, {9, 9, 3, 2, 1}, {15, 12, 7, 2, 3}};
    size_t done[PRECISIONS] = {0};
    for (size_t i = 0; i < PRECISIONS * sizeof shapes / sizeof *shapes; i++)
        for (const struct conv_kernel *const *kernel = conv_kernels; *kernel; kernel++) {
            struct conv_shape shape;
            const size_t *s = shapes[i / PRECISIONS];
            assert_true(conv_shape_init(&shape, s[0], s[1], IN, OUT, s[2], s[3], s[4]));
            shape.precision = (enum precision)(i % PRECISIONS);
            if (!(*kernel)->fits(&shape))
                continue;
            for (size_t threads = 1; threads <= 2; threads++)
                check(&shape, *kernel, threads);
            done[shape.precision]++;
        }
    assert_true(done[PRECISION_F32] >= 10 && done[PRECISION_BF16] >= 8);
}

static int start_blas(void **state)
{
    (void)state;
    return blas_open(2, NULL) == OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dead_channels_have_no_gradient),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("convolutions of zeros", tests, start_blas, NULL);
}
