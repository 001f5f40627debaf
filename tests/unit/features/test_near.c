/* The nearest rows, against a search one by one. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/features/near.h"

/* Rows in groups of five that are nearly the same; row 3 is zeros. */
static float *make(size_t count, size_t width)
{
    void *memory;
    struct error err = {0};
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    if (memory_alloc(&memory, count * width, sizeof(float), "rows", &err) != OK)
        fail_msg("%s", err.text);
    float *x = memory;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < width; k++)
            x[i * width + k] =
                (i % 5 ? x[(i - i % 5) * width + k] : (float)rng_normal(&rng)) + 0.1F * (float)rng_normal(&rng);
    memset(x + 3 * width, 0, width * sizeof *x);
    near_normalise(x, count, width);
    return x;
}

static struct near_row (*search(const float *x, size_t count, size_t width, float least, size_t threads))[NEAR_MOST]
{
    struct near_row(*out)[NEAR_MOST] = NULL;
    struct pool *pool = NULL;
    struct error err = {0};
    bool stopped = false;
    if (pool_create(&pool, threads, &err) != OK ||
        near_rows(&out, x, count, width, least, pool, NULL, NULL, &stopped, &err) != OK)
        fail_msg("%s", err.text);
    pool_destroy(pool);
    assert_false(stopped);
    return out;
}

static double dot(const float *a, const float *b, size_t width)
{
    double sum = 0;
    for (size_t k = 0; k < width; k++)
        sum += (double)a[k] * (double)b[k];
    return sum;
}

static void rows_have_length_one(void **state)
{
    (void)state;
    float *x = make(40, 33);
    for (size_t i = 0; i < 40; i++)
        assert_true(fabs(dot(x + i * 33, x + i * 33, 33) - (i == 3 ? 0 : 1)) < 1e-6);
    memory_free(x);
}

/* Every pair above the limit is there, with its product, in falling order; and no other. */
static void all_near_rows_are_found(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 31, 32, 33, 300, 601};
    enum { WIDTH = 48 };
    const float least = 0.8F;
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        size_t count = counts[c];
        float *x = make(count < 4 ? 4 : count, WIDTH);
        struct near_row(*out)[NEAR_MOST] = search(x, count, WIDTH, least, 2);
        for (size_t i = 0; i < count; i++) {
            size_t near = 0;
            for (size_t j = 0; j < i; j++) {
                double product = dot(x + i * WIDTH, x + j * WIDTH, WIDTH);
                bool listed = false;
                for (size_t k = 0; k < NEAR_MOST; k++)
                    if (out[i][k].row == j) {
                        listed = true;
                        assert_true(fabs((double)out[i][k].product - product) < 1e-5);
                    }
                if (fabs(product - (double)least) > 1e-5)
                    assert_int_equal(listed, product > (double)least);
                near += listed;
            }
            for (size_t k = 1; k < near; k++)
                assert_true(out[i][k].product <= out[i][k - 1].product);
            for (size_t k = near; k < NEAR_MOST; k++)
                assert_int_equal(out[i][k].row, NEAR_NONE);
        }
        memory_free(out);
        memory_free(x);
    }
}

/* More than NEAR_MOST equal rows: each has the first of them, in order. */
static void of_many_equals_the_first_are_kept(void **state)
{
    (void)state;
    enum { COUNT = 40, WIDTH = 32 };
    float x[COUNT * WIDTH];
    for (size_t i = 0; i < COUNT * WIDTH; i++)
        x[i] = i % WIDTH == 0 ? 1 : 0;
    struct near_row(*out)[NEAR_MOST] = search(x, COUNT, WIDTH, 0.5F, 1);
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < NEAR_MOST; k++)
            assert_int_equal(out[i][k].row, k < i ? k : NEAR_NONE);
    memory_free(out);
}

static void any_number_of_threads_gives_the_same(void **state)
{
    (void)state;
    float *x = make(333, 64);
    struct near_row(*one)[NEAR_MOST] = search(x, 333, 64, 0.1F, 1), (*three)[NEAR_MOST] = search(x, 333, 64, 0.1F, 3);
    assert_memory_equal(one, three, 333 * sizeof *one);
    memory_free(one);
    memory_free(three);
    memory_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_have_length_one),
        cmocka_unit_test(all_near_rows_are_found),
        cmocka_unit_test(of_many_equals_the_first_are_kept),
        cmocka_unit_test(any_number_of_threads_gives_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
