/* Which kernel an engine chooses for a shape, and the memory that kernels ask for. */
#include "tests/support/test.h"

#include "core/ops/conv.h"
#include "core/ops/cpu.h"
#include "tests/support/conv_cases.h"
#include "tests/support/narrow.h"

static void choice_is_that_of_the_engine(void **state)
{
    (void)state;
    struct conv_shape three, one, odd;
    assert_true(conv_shape_init(&three, 14, 14, 8, 8, 3, 1, 1));
    assert_true(conv_shape_init(&one, 14, 14, 8, 8, 1, 1, 0));
    assert_true(conv_shape_init(&odd, 14, 14, 8, 8, 3, 2, 1));
    bool wide = cpu_set_get() != CPU_PLAIN; /* without AVX2 plain products go to BLAS */
    assert_string_equal(conv_kernel_choose(&three, CONV_FAST)->name, "winograd");
    assert_string_equal(conv_kernel_choose(&three, CONV_EXACT)->name, wide ? "direct" : "im2col");
    assert_string_equal(conv_kernel_choose(&one, CONV_FAST)->name, wide ? "packed" : "pointwise");
    assert_string_equal(conv_kernel_choose(&odd, CONV_FAST)->name, wide ? "direct" : "im2col");
    assert_string_equal(conv_kernel_choose(&one, CONV_IM2COL)->name, "pointwise");
    assert_string_equal(conv_kernel_choose(&three, CONV_IM2COL)->name, "im2col");
    assert_string_equal(conv_kernel_choose(&odd, CONV_IM2COL)->name, "im2col");
    assert_int_equal(odd.p, 7);
    three.precision = one.precision = odd.precision = PRECISION_BF16; /* BLAS has none of that */
    static const char *const fast[] = {"winograd", "winograd_pairs", "direct"};
    assert_string_equal(conv_kernel_choose(&three, CONV_FAST)->name, fast[cpu_bf16()]);
    assert_string_equal(conv_kernel_choose(&three, CONV_EXACT)->name, "direct");
    assert_string_equal(conv_kernel_choose(&one, CONV_FAST)->name, "packed");
    assert_string_equal(conv_kernel_choose(&odd, CONV_EXACT)->name, "direct");
    assert_null(conv_kernel_choose(&one, CONV_IM2COL));
    assert_null(conv_kernel_choose(&odd, CONV_IM2COL));
    struct conv_shape untouched = odd;
    assert_false(conv_shape_init(&untouched, 4, 9, 1, 1, 7, 1, 1));
    assert_memory_equal(&untouched, &odd, sizeof odd);
}

/* Forward and backward: an engine that says BLAS means all three products. */
static void im2col_leaves_every_product_to_blas(void **state)
{
    (void)state;
    static const size_t kernels[] = {1, 2, 3, 7};
    size_t seen = 0;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        for (size_t stride = 1; stride <= 2; stride++)
            for (size_t pad = 0; pad <= 3; pad++) {
                struct conv_shape shape;
                if (!conv_shape_init(&shape, 9, 8, 5, 3, kernels[i], stride, pad))
                    continue;
                const struct conv_kernel *kernel = conv_kernel_choose(&shape, CONV_IM2COL);
                assert_non_null(kernel);
                assert_true(kernel->blas(&shape, false) && kernel->blas(&shape, true));
                assert_true(kernel->exact);
                seen++;
            }
    assert_true(seen >= 30);
}

static void assert_grows_with_the_batch(const struct conv_shape *shape, const struct conv_kernel *kernel,
                                        size_t threads)
{
    enum { BATCH = 40 };
    size_t scratch = 0, tiles = 0, tails = 0;
    for (size_t images = 1; images <= BATCH; images++) {
        size_t needed = kernel->backward_scratch(shape, images, threads);
        if (needed < scratch)
            fail_msg("%s, %s, %zux%zux%zu, %zu threads: %zu images need less than %zu", kernel->name,
                     precision_names[shape->precision], shape->h, shape->w, shape->c, threads, images, images - 1);
        scratch = needed;
        assert_true(kernel->tiles(shape, images) >= tiles);
        tiles = kernel->tiles(shape, images);
        assert_true(kernel->tail_tiles(shape, images) >= tails);
        tails = kernel->tail_tiles(shape, images);
    }
}

/* Scratch and sums are there for a full batch; the last one of an epoch is smaller. */
static void a_smaller_batch_needs_no_more_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < CONV_CASES * PRECISIONS; i++)
        for (const struct conv_kernel *const *kernel = conv_kernels; *kernel; kernel++)
            for (size_t threads = 1; threads <= 4; threads++) {
                struct conv_shape shape =
                    conv_case_shape(&conv_cases[i / PRECISIONS], (enum precision)(i % PRECISIONS));
                if ((*kernel)->fits(&shape))
                    assert_grows_with_the_batch(&shape, *kernel, threads);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(choice_is_that_of_the_engine),
        cmocka_unit_test(im2col_leaves_every_product_to_blas),
        cmocka_unit_test(a_smaller_batch_needs_no_more_memory),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("conv_choice", tests, NULL, NULL);
}
