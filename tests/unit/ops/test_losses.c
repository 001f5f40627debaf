/* The losses against their definitions in double. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>

#include "core/ops/loss.h"
#include "tests/support/guarded.h"
#include "tests/support/naive.h"
#include "tests/support/narrow.h"

/* Relative error (norms); at most 1.5e-7 was measured for one rounding or a few. */
static const double rounding = 4e-7;

enum { LOSS_IMAGES = 6, LOSS_CLASSES = 11, LOSS_COUNT = LOSS_IMAGES * LOSS_CLASSES };

static void cross_entropy_and_its_gradient(void **state)
{
    (void)state;
    struct rng rng = rng_stream(26, RNG_TEST, 0, 0);
    float *z = random_floats(&rng, LOSS_COUNT, 3, 0), *dz = guarded_alloc(LOSS_COUNT), probability[LOSS_CLASSES];
    int labels[LOSS_IMAGES];
    int32_t labels32[LOSS_IMAGES];
    for (int i = 0; i < LOSS_IMAGES; i++)
        labels[i] = labels32[i] = i * 2 % LOSS_CLASSES;
    z[3] = 500; /* exp of it would overflow */
    z[LOSS_CLASSES + 2] = -500;
    double *wide = as_doubles(z, LOSS_COUNT), want[LOSS_COUNT], sum = 0;
    double loss = naive_cross_entropy(want, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
    assert_true(fabs(cross_entropy(dz, z, labels32, LOSS_IMAGES, LOSS_CLASSES) - loss) <= 1e-6 * loss);
    assert_true(fabs(cross_entropy(NULL, z, labels32, LOSS_IMAGES, LOSS_CLASSES) - loss) <= 1e-6 * loss);
    assert_true(naive_error(dz, want, LOSS_COUNT) <= rounding && guarded_intact(dz));
    softmax(probability, z, LOSS_CLASSES);
    for (size_t i = 0; i < LOSS_CLASSES; i++)
        sum += (double)probability[i];
    assert_true(fabs(sum - 1) <= 1e-6 && probability[3] > 0.99f);
    for (size_t i = 0; i < LOSS_COUNT; i++) { /* 3e-11 measured */
        double kept = wide[i], step = 1e-5;
        wide[i] = kept + step;
        double above = naive_cross_entropy(NULL, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
        wide[i] = kept - step;
        double below = naive_cross_entropy(NULL, wide, labels, 0, LOSS_IMAGES, LOSS_CLASSES);
        wide[i] = kept;
        assert_true(fabs((above - below) / (2 * step) - want[i]) <= 1e-8);
    }
    z[LOSS_CLASSES] = NAN;
    assert_true(isnan(cross_entropy(dz, z, labels32, LOSS_IMAGES, LOSS_CLASSES)));
    guarded_free(dz);
    free(z);
    free(wide);
}

static void mean_squared_error_and_its_gradient(void **state)
{
    (void)state;
    struct rng rng = rng_stream(27, RNG_TEST, 0, 0);
    float *y = random_floats(&rng, LOSS_COUNT, 1, 0), *target = random_floats(&rng, LOSS_COUNT, 1, 0);
    float *dy = guarded_alloc(LOSS_COUNT);
    double *wide = as_doubles(y, LOSS_COUNT), *target_wide = as_doubles(target, LOSS_COUNT), want[LOSS_COUNT];
    double loss = naive_mse(want, wide, target_wide, LOSS_COUNT);
    assert_true(fabs(mean_squared_error(dy, y, target, LOSS_COUNT) - loss) <= 1e-6 * loss);
    assert_true(fabs(mean_squared_error(NULL, y, target, LOSS_COUNT) - loss) <= 1e-6 * loss);
    assert_true(naive_error(dy, want, LOSS_COUNT) <= rounding && guarded_intact(dy));
    guarded_free(dy);
    free(y);
    free(target);
    free(wide);
    free(target_wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cross_entropy_and_its_gradient),
        cmocka_unit_test(mean_squared_error_and_its_gradient),
        cmocka_unit_test(narrow_test),
    };
    return cmocka_run_group_tests_name("losses", tests, NULL, NULL);
}
