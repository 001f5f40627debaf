/* Every operator against PyTorch: forward and all gradients, from the committed fixtures (scripts/parity/op_fixtures.py
 * says what the tensors are). */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/batchnorm.h"
#include "core/ops/blas.h"
#include "core/ops/conv.h"
#include "core/ops/map_lanes.h"
#include "core/ops/loss.h"
#include "core/ops/pooling.h"
#include "tests/support/parity_values.h"

/* Measured: at most 1.7e-7 (conv.7/dw), the same with plain C, AVX2 and AVX-512; PyTorch's own float32 is at most 3e-7
 * away from these float64 values (tests/fixtures/parity/README.md). */
#define TOLERANCE 1e-6
/* BatchNorm over values around 20 with deviation 1. Measured: 8.1e-7 (batchnorm.6/y); PyTorch's float32: 3e-6. */
#define TOLERANCE_BATCHNORM 4e-6

static struct fixture *fixture;
static struct pool *pool;

static float *floats(size_t count)
{
    return parity_values_zeros(count, sizeof(float));
}

/* ---- convolution and the linear layer ---------------------------------------------------------------------------- */

/* [K,C,R*S] to [K,R*S,C], or back. */
static void swap_layout(float *out, const float *in, size_t k, size_t a, size_t b)
{
    for (size_t i = 0; i < k; i++)
        for (size_t j = 0; j < a; j++)
            for (size_t l = 0; l < b; l++)
                out[(i * b + l) * a + j] = in[(i * a + j) * b + l];
}

/* Runs one kernel forward and backward: y, dx and dw are OVERWRITTEN. */
static void run_kernel(const struct conv_kernel *kernel, const struct conv_shape *shape, size_t images, const float *x,
                       const float *w, const float *bias, const float *dy, float *y, float *dx, float *dw)
{
    struct conv_task task = {.kernel = kernel,
                             .shape = *shape,
                             .images = images,
                             .in = {.x = x},
                             .w = w,
                             .y = y,
                             .epilogue = {.shift = bias}};
    size_t prepared_size = kernel->prepared_size ? kernel->prepared_size(shape) : 0;
    size_t threads = pool_threads(pool), forward = kernel->scratch(shape) * threads;
    size_t backward = kernel->backward_scratch(shape, images, threads);
    float *prepared = floats(prepared_size), *scratch = floats(forward > backward ? forward : backward);
    if (prepared_size > 0) {
        kernel->prepare(prepared, w, shape, pool);
        task.prepared = prepared;
    }
    conv_forward(&task, pool, scratch);
    kernel->backward_data(dx, false, &task, dy, NULL, pool, scratch);
    kernel->backward_weight(dw, &task, dy, pool, scratch);
    memory_free(prepared);
    memory_free(scratch);
}

static void convolution_of_every_kernel(void **state)
{
    (void)state;
    int number = 0, runs = 0;
    for (; fixture_has(fixture, "conv.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "conv.%d/x", number),
                              w = fixture_get(fixture, "conv.%d/w", number);
        struct fixture_tensor dy = fixture_get(fixture, "conv.%d/dy", number);
        struct fixture_tensor size = fixture_get(fixture, "conv.%d/size", number);
        struct conv_shape shape;
        size_t c = x.shape[3], k = w.shape[0], window = w.shape[2] * w.shape[3];
        assert_true(conv_shape_init(&shape, x.shape[1], x.shape[2], c, k, w.shape[2], (size_t)size.values[0],
                                    (size_t)size.values[1]));
        float *krsc = floats(w.count), *y = floats(dy.count), *dx = floats(x.count), *dw = floats(w.count);
        float *dw_oihw = floats(w.count);
        swap_layout(krsc, w.values, k, c, window);
        for (const struct conv_kernel *const *kernel = conv_kernels; *kernel; kernel++) {
            if (!(*kernel)->fits(&shape))
                continue;
            run_kernel(*kernel, &shape, x.shape[0], x.values, krsc, NULL, dy.values, y, dx, dw);
            swap_layout(dw_oihw, dw, k, window, c);
            print_message("# conv.%d by %s\n", number, (*kernel)->name);
            parity_values_expect(fixture, "conv", number, "y", y, dy.count, TOLERANCE);
            parity_values_expect(fixture, "conv", number, "dx", dx, x.count, TOLERANCE);
            parity_values_expect(fixture, "conv", number, "dw", dw_oihw, w.count, TOLERANCE);
            runs++;
        }
        memory_free(krsc);
        memory_free(y);
        memory_free(dx);
        memory_free(dw);
        memory_free(dw_oihw);
    }
    assert_int_equal(number, 9);
    assert_true(runs > number);
}

static void linear_is_a_convolution_of_one_pixel(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "linear.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "linear.%d/x", number);
        struct fixture_tensor w = fixture_get(fixture, "linear.%d/weight", number);
        struct fixture_tensor bias = fixture_get(fixture, "linear.%d/bias", number);
        struct fixture_tensor dy = fixture_get(fixture, "linear.%d/dy", number);
        struct conv_shape shape;
        assert_true(conv_shape_init(&shape, 1, 1, x.shape[1], w.shape[0], 1, 1, 0));
        float *y = floats(dy.count), *dx = floats(x.count), *dw = floats(w.count);
        run_kernel(conv_kernel_choose(&shape, false), &shape, x.shape[0], x.values, w.values, bias.values, dy.values, y,
                   dx, dw);
        parity_values_expect(fixture, "linear", number, "y", y, dy.count, TOLERANCE);
        parity_values_expect(fixture, "linear", number, "dx", dx, x.count, TOLERANCE);
        parity_values_expect(fixture, "linear", number, "dweight", dw, w.count, TOLERANCE);
        memory_free(y);
        memory_free(dx);
        memory_free(dw);
    }
    assert_int_equal(number, 2);
}

/* ---- BatchNorm and ReLU ------------------------------------------------------------------------------------------ */

static void one_batchnorm(int number)
{
    struct fixture_tensor x = fixture_get(fixture, "batchnorm.%d/x", number);
    struct fixture_tensor dy = fixture_get(fixture, "batchnorm.%d/dy", number);
    struct fixture_tensor mean = fixture_get(fixture, "batchnorm.%d/running_mean", number);
    struct fixture_tensor var = fixture_get(fixture, "batchnorm.%d/running_var", number);
    bool evaluate = fixture_get(fixture, "batchnorm.%d/eval", number).values[0] != 0;
    size_t c = x.shape[3], rows = x.count / c;
    float *per_channel = floats(9 * c), *y = floats(x.count), *dx = floats(x.count);
    double sums[2 * 64] = {0}, backward_sums[2 * 64] = {0};
    assert_in_range(c, 1, 64);
    struct batchnorm bn = {.channels = c,
                           .weight = fixture_get(fixture, "batchnorm.%d/weight", number).values,
                           .bias = fixture_get(fixture, "batchnorm.%d/bias", number).values,
                           .running_mean = mean.values,
                           .running_var = var.values,
                           .mean = per_channel,
                           .inverse = per_channel + c,
                           .scale = per_channel + 2 * c,
                           .shift = per_channel + 3 * c,
                           .a = per_channel + 4 * c,
                           .b = per_channel + 5 * c,
                           .c = per_channel + 6 * c};
    float *dweight = per_channel + 7 * c, *dbias = per_channel + 8 * c;

    map_lanes(PRECISION_F32)->moments(sums, sums + c, x.values, rows, c);
    if (evaluate)
        batchnorm_from_running(&bn);
    else {
        batchnorm_from_sums(&bn, sums, sums, 1, rows);
        batchnorm_move(&bn, sums);
    }
    map_lanes(PRECISION_F32)->affine(y, x.values, rows, c, bn.scale, bn.shift, NULL, NULL, NULL, false);
    map_lanes(PRECISION_F32)->gradient_sums(backward_sums, backward_sums + c, dy.values, x.values, bn.mean, rows, c);
    batchnorm_backward(&bn, dweight, dbias, backward_sums, 1, rows, !evaluate);
    map_lanes(PRECISION_F32)
        ->gradient_apply(dx, dy.values, x.values, bn.a, evaluate ? NULL : bn.b, evaluate ? NULL : bn.c, rows, c);

    parity_values_expect(fixture, "batchnorm", number, "y", y, x.count, TOLERANCE_BATCHNORM);
    parity_values_expect(fixture, "batchnorm", number, "after_mean", mean.values, c, TOLERANCE);
    parity_values_expect(fixture, "batchnorm", number, "after_var", var.values, c, TOLERANCE);
    parity_values_expect(fixture, "batchnorm", number, "dx", dx, x.count, TOLERANCE_BATCHNORM);
    parity_values_expect(fixture, "batchnorm", number, "dweight", dweight, c, TOLERANCE_BATCHNORM);
    parity_values_expect(fixture, "batchnorm", number, "dbias", dbias, c, TOLERANCE);
    memory_free(per_channel);
    memory_free(y);
    memory_free(dx);
}

static void batchnorm_of_both_kinds(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "batchnorm.%d/x", number); number++)
        one_batchnorm(number);
    assert_int_equal(number, 8);
}

static void relu_and_its_mask(void **state)
{
    (void)state;
    struct fixture_tensor x = fixture_get(fixture, "relu.0/x"), dy = fixture_get(fixture, "relu.0/dy");
    size_t c = x.shape[3], rows = x.count / c;
    float *y = floats(x.count);
    map_lanes(PRECISION_F32)->affine(y, x.values, rows, c, NULL, NULL, NULL, NULL, NULL, true);
    map_lanes(PRECISION_F32)->mask(dy.values, y, rows, c);
    parity_values_expect(fixture, "relu", 0, "y", y, x.count, 0);
    parity_values_expect(fixture, "relu", 0, "dx", dy.values, x.count, 0);
    memory_free(y);
}

/* ---- pools and losses -------------------------------------------------------------------------------------------- */

static void maxpool_with_ties(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "maxpool.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "maxpool.%d/x", number);
        struct fixture_tensor dy = fixture_get(fixture, "maxpool.%d/dy", number);
        struct conv_shape shape;
        assert_true(conv_shape_init(&shape, x.shape[1], x.shape[2], x.shape[3], x.shape[3], 3, 2, 1));
        float *y = floats(dy.count), *dx = floats(x.count);
        uint8_t *where = (uint8_t *)floats(dy.count);
        maxpool_forward(y, where, &(struct conv_input){.x = x.values}, &shape, x.shape[0], pool);
        maxpool_backward(dx, false, dy.values, where, &shape, x.shape[0], pool);
        parity_values_expect(fixture, "maxpool", number, "y", y, dy.count, 0);
        parity_values_expect(fixture, "maxpool", number, "dx", dx, x.count, TOLERANCE);
        memory_free(y);
        memory_free(dx);
        memory_free(where);
    }
    assert_int_equal(number, 3);
}

static void avgpool_over_the_map(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "avgpool.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "avgpool.%d/x", number);
        struct fixture_tensor dy = fixture_get(fixture, "avgpool.%d/dy", number);
        struct avgpool_shape shape = {.pixels = x.shape[1] * x.shape[2], .c = x.shape[3]};
        float *y = floats(dy.count), *dx = floats(x.count);
        avgpool_forward(y, &(struct conv_input){.x = x.values}, &shape, x.shape[0], pool);
        avgpool_backward(dx, false, dy.values, &shape, x.shape[0], pool);
        parity_values_expect(fixture, "avgpool", number, "y", y, dy.count, TOLERANCE);
        parity_values_expect(fixture, "avgpool", number, "dx", dx, x.count, TOLERANCE);
        memory_free(y);
        memory_free(dx);
    }
    assert_int_equal(number, 2);
}

static void cross_entropy_and_squared_error(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "entropy.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "entropy.%d/x", number);
        struct fixture_tensor labels = fixture_get(fixture, "entropy.%d/labels", number);
        int32_t whole[16];
        assert_in_range(labels.count, 1, 16);
        for (size_t i = 0; i < labels.count; i++)
            whole[i] = (int32_t)labels.values[i];
        float *dx = floats(x.count);
        float loss = (float)cross_entropy(dx, x.values, whole, x.shape[0], x.shape[1]);
        parity_values_expect(fixture, "entropy", number, "loss", &loss, 1, TOLERANCE);
        parity_values_expect(fixture, "entropy", number, "dx", dx, x.count, TOLERANCE);
        memory_free(dx);
    }
    assert_int_equal(number, 3);

    struct fixture_tensor x = fixture_get(fixture, "mse.0/x"), target = fixture_get(fixture, "mse.0/target");
    float *dx = floats(x.count), loss = (float)mean_squared_error(dx, x.values, target.values, x.count);
    parity_values_expect(fixture, "mse", 0, "loss", &loss, 1, TOLERANCE);
    parity_values_expect(fixture, "mse", 0, "dx", dx, x.count, TOLERANCE);
    memory_free(dx);
}

static int setup(void **state)
{
    (void)state;
    struct error err = {0};
    if (blas_open(2, &err) != OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return parity_values_open(&fixture, &pool, "tests/fixtures/parity/operators.safetensors");
}

static int teardown(void **state)
{
    (void)state;
    return parity_values_close(fixture, pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_of_every_kernel),
        cmocka_unit_test(linear_is_a_convolution_of_one_pixel),
        cmocka_unit_test(batchnorm_of_both_kinds),
        cmocka_unit_test(relu_and_its_mask),
        cmocka_unit_test(maxpool_with_ties),
        cmocka_unit_test(avgpool_over_the_map),
        cmocka_unit_test(cross_entropy_and_squared_error),
    };
    return cmocka_run_group_tests_name("parity of operators", tests, setup, teardown);
}
