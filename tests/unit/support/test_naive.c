/* The plain references in double, and who compares with them: a comparer that cannot say no proves nothing. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"

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

/* bfloat16 has 256 for 1.0 and 2^-7 from it to the next: 1 + 2^-8 is a tie, and the even one is 1. */
static void a_map_is_rounded_to_the_nearest(void **state)
{
    (void)state;
    const double largest = 0x1.fep127;
    const double cases[][2] = {{1, 1},
                               {1 + 0x1p-8, 1},
                               {1 + 0x1.8p-8, 1 + 0x1p-7},
                               {1 + 0x1.8p-7, 1 + 0x1p-6},
                               {-1 - 0x1p-8, -1},
                               {2 - 0x1p-8, 2},
                               {1 - 0x1p-9, 1},
                               {0, 0},
                               {0x1p-133, 0x1p-133},
                               {0x1p-134, 0},
                               {0x1.8p-133, 0x1p-132},
                               {largest, largest},
                               {0x1.fefp127, largest},
                               {0x1.ffp127, INFINITY},
                               {-0x1.ffp127, -INFINITY},
                               {INFINITY, INFINITY}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_true(nearest(cases[i][0], PRECISION_BF16) == cases[i][1]);
    assert_true(isnan(nearest(NAN, PRECISION_BF16)));
    assert_true(nearest(1 + 0x1p-8, PRECISION_F32) == 1 + 0x1p-8);
    assert_true(half_step(1, PRECISION_BF16) == 0x1p-8 && half_step(1.9, PRECISION_BF16) == 0x1p-8);
    assert_true(half_step(0, PRECISION_BF16) == 0x1p-134);
}

static void the_comparer_of_maps_can_say_no(void **state)
{
    (void)state;
    for (int i = 0; i < PRECISIONS; i++) {
        enum precision precision = (enum precision)i;
        const double want[3] = {1, -2, 3};
        void *map = map_of((float[]){1, -2, 3}, 3, precision), *off = map_of((float[]){1, -2, 3.03125}, 3, precision);
        assert_true(map_error(map, want, 3, precision) <= 0);
        assert_true(map_error(off, want, 3, precision) > 1e-3); /* two steps of bfloat16 */
        assert_true(isinf(map_error(map, want, 0, precision)));
        void *guarded = guarded_map(3, precision);
        float *values = values_of(guarded, 3, precision);
        assert_true(isnan(values[0]) && isnan(values[1]) && isnan(values[2]) && guarded_map_intact(guarded));
        assert_true(isinf(map_error(guarded, want, 3, precision)));
        unsigned char *after = map_at(guarded, 3, precision), kept = *after;
        *after = 0;
        assert_false(guarded_map_intact(guarded));
        *after = kept;
        after[-1] = 0;
        assert_true(guarded_map_intact(guarded));
        ((unsigned char *)guarded)[-1] = 0;
        assert_false(guarded_map_intact(guarded));
        guarded_map_free(guarded);
        free(values);
        free(map);
        free(off);
    }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_comparer_can_say_no),
        cmocka_unit_test(a_map_is_rounded_to_the_nearest),
        cmocka_unit_test(the_comparer_of_maps_can_say_no),
        cmocka_unit_test(linear_gradients_match_finite_differences),
    };
    return cmocka_run_group_tests_name("the references and the comparer", tests, NULL, NULL);
}
