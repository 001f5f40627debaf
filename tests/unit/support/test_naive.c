/* The plain references in double, and who compares with them: a comparer that cannot say no proves nothing. */
#include "tests/support/test.h"

#include <math.h>

#include "tests/support/guarded.h"
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
        cmocka_unit_test(linear_gradients_match_finite_differences),
    };
    return cmocka_run_group_tests_name("the references and the comparer", tests, NULL, NULL);
}
