#include "tests/support/test.h"

#include <math.h>

#include "core/base/rng.h"
#include "core/train/learning_curve.h"

static void near(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-9 * fabs(expected)))
        fail_msg("%.12g, expected %.12g", found, expected);
}

/* numpy.polyfit(x, y, 1, w=sqrt(weights), cov="unscaled") of x = ln n and y = ln e, and by chi^2 where that is more
 * than 1 for each degree of freedom. */
static void the_line_is_that_of_least_squares(void **state)
{
    (void)state;
    struct learning_curve curve;
    static const struct learning_point quiet[] = {{50, 40, 150}, {100, 29, 150}, {200, 20, 150}};
    assert_true(learning_curve_fit(&curve, quiet, 3));
    near(curve.power, 0.4863203538732555);
    near(curve.power_error, 0.1724888439099601);
    near(curve.now, 0.13736137804676862);
    near(curve.twice, 0.09805452159504126);
    near(curve.low, 0.07757072240129013);
    near(curve.high, 0.1239473980336749);
    static const struct learning_point loud[] = {{50, 40, 150}, {100, 10, 150}, {200, 45, 150}, {400, 12, 150}};
    assert_true(learning_curve_fit(&curve, loud, 4));
    near(curve.power, 0.16061397959470983);
    near(curve.power_error, 0.46485180076360044);
}

static void what_is_no_curve_has_none(void **state)
{
    (void)state;
    struct learning_curve curve = {.power = 7};
    static const struct learning_point same[] = {{50, 40, 150}, {50, 29, 150}};
    assert_false(learning_curve_fit(&curve, same, 2));
    assert_false(learning_curve_fit(&curve, same, 1));
    assert_false(learning_curve_fit(&curve, same, 0));
    near(curve.power, 7);
    static const struct learning_point none[] = {{50, 0, 150}, {100, 0, 150}}, all[] = {{50, 9, 9}, {100, 9, 9}};
    assert_true(learning_curve_fit(&curve, none, 2));
    assert_true(curve.now > 0 && curve.now < 0.01 && curve.low > 0 && curve.high < 1 && fabs(curve.power) < 1e-9);
    assert_true(learning_curve_fit(&curve, all, 2));
    assert_true(curve.twice <= 1 && curve.high <= 1);
}

/* Drawn from such a law, the interval holds the truth about as often as it says. */
static void the_interval_holds_the_truth(void **state)
{
    (void)state;
    enum { TRIES = 2000, COUNT = 200 };
    size_t held = 0;
    for (uint32_t t = 0; t < TRIES; t++) {
        struct rng rng = rng_stream(1, RNG_TEST, 0, t);
        struct learning_point points[3];
        struct learning_curve curve;
        for (size_t i = 0; i < 3; i++) {
            points[i] = (struct learning_point){(size_t)50 << i, 0, COUNT};
            for (size_t photo = 0; photo < COUNT; photo++)
                points[i].wrong += rng_double(&rng) < 0.4 * pow((double)points[i].photos / 50, -0.6);
        }
        assert_true(learning_curve_fit(&curve, points, 3));
        held += fabs(curve.power - 0.6) <= 1.96 * curve.power_error;
    }
    assert_true(held > TRIES * 92 / 100 && held < TRIES * 99 / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_is_that_of_least_squares),
        cmocka_unit_test(what_is_no_curve_has_none),
        cmocka_unit_test(the_interval_holds_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
