#include "tests/support/test.h"

#include <math.h>

#include "core/train/statistics.h"

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 5e-7))
        fail_msg("found %.9g, expected %.9g", found, expected);
}

/* Worked out by Python from the formula in the header. */
static void a_share_has_wilsons_interval(void **state)
{
    (void)state;
    static const struct {
        size_t right, count;
        double low, high;
    } known[] = {
        {146, 153, 0.908581, 0.977664},
        {0, 10, 0, 0.277533},
        {10, 10, 0.722467, 1},
        {1, 2, 0.094531, 0.905469},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct interval found = interval_of_share(known[i].right, known[i].count, INTERVAL_95);
        near(found.low, known[i].low);
        near(found.high, known[i].high);
    }
    /* Below a full score: n / (n + 1), a little less than one photo. */
    near(interval_of_share(20, 20, 1).low, 20.0 / 21);
    for (size_t n = 1; n < 1000; n++) { /* exactly, whatever the rounding */
        assert_true(interval_of_share(0, n, INTERVAL_95).low == 0);
        assert_true(interval_of_share(n, n, INTERVAL_95).high == 1);
    }
    near(interval_of_share(0, 0, 1).low, 0);
    near(interval_of_share(0, 0, 1).high, 1);
}

static void means_and_medians(void **state)
{
    (void)state;
    double values[] = {4, 1, 3, 2};
    struct mean mean = mean_of(values, 4);
    near(mean.mean, 2.5);
    near(mean.deviation, 1.290994449);
    near(mean_of(values, 1).mean, 4);
    near(mean_of(values, 1).deviation, 0);
    near(median_of(values, 4), 2.5);
    near(median_of(values, 3), 2); /* sorted now: 1 2 3 */
    near(median_of(values, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_has_wilsons_interval),
        cmocka_unit_test(means_and_medians),
    };
    return cmocka_run_group_tests_name("statistics", tests, NULL, NULL);
}
