#include "tests/support/test.h"

#include <float.h>
#include <math.h>

#include "core/base/rng.h"
#include "core/ops/loss.h"
#include "core/train/mirrored.h"

/* In double, from the definition. */
static void naive_mean(double out[], const float *a, const float *b, size_t classes)
{
    double sum_a = 0, sum_b = 0;
    for (size_t k = 0; k < classes; k++) {
        sum_a += exp((double)a[k]);
        sum_b += exp((double)b[k]);
    }
    for (size_t k = 0; k < classes; k++)
        out[k] = (exp((double)a[k]) / sum_a + exp((double)b[k]) / sum_b) / 2;
}

static void softmax_of_it_is_the_mean(void **state)
{
    (void)state;
    enum { CLASSES = 7 };
    for (uint64_t round = 0; round < 50; round++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, round);
        float a[CLASSES], b[CLASSES], mean[CLASSES], probability[CLASSES];
        double expected[CLASSES];
        for (int k = 0; k < CLASSES; k++) {
            a[k] = (float)(5 * rng_normal(&rng));
            b[k] = (float)(5 * rng_normal(&rng));
        }
        naive_mean(expected, a, b, CLASSES);
        mirrored_mean(mean, a, b, CLASSES);
        softmax(probability, mean, CLASSES);
        for (int k = 0; k < CLASSES; k++) {
            assert_true(fabs((double)mean[k] - log(expected[k])) <= 1e-6 * fabs(log(expected[k])) + 1e-7);
            assert_true(fabs((double)probability[k] - expected[k]) <= 1e-6);
        }
        mirrored_mean(a, a, b, CLASSES); /* in place */
        assert_memory_equal(a, mean, sizeof mean);
    }
}

/* Logits so far apart that their exponentials overflow or vanish. */
static void far_logits_stay_finite(void **state)
{
    (void)state;
    const float a[3] = {900, 0, -900}, b[3] = {0, 900, -900};
    float mean[3];
    mirrored_mean(mean, a, b, 3);
    assert_true(fabs((double)mean[0] + log(2)) < 1e-6 && fabs((double)mean[1] + log(2)) < 1e-6);
    assert_true(fabs((double)mean[2] + 1800) < 1e-3);
    const float end[2] = {FLT_MAX, -FLT_MAX};
    mirrored_mean(mean, end, end, 2);
    assert_true(mean[0] == 0.0F && isfinite(mean[1]) && mean[1] < -1e38F);
}

/* One of the two passes is no answer: neither is the mean, even where its formula comes to a number. */
static void a_logit_that_is_not_finite_is_seen(void **state)
{
    (void)state;
    const float bad[] = {-INFINITY, INFINITY, NAN}, good[3] = {1, 2, 3};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const float other[3] = {1, bad[i], 3};
        float mean[3];
        mirrored_mean(mean, good, other, 3);
        assert_int_equal(logits_finite(mean, 1, 3), 0);
        mirrored_mean(mean, other, good, 3);
        assert_int_equal(logits_finite(mean, 1, 3), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(softmax_of_it_is_the_mean),
        cmocka_unit_test(far_logits_stay_finite),
        cmocka_unit_test(a_logit_that_is_not_finite_is_seen),
    };
    return cmocka_run_group_tests_name("mirrored", tests, NULL, NULL);
}
