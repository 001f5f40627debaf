#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/lr_find.h"

/* Runs the test on a loss of one rate; returns how many steps it took. */
static size_t run(struct lr_find *find, double (*loss)(double lr))
{
    const struct schedule of_run = {.kind = SCHEDULE_COSINE, .lr = -1, .warmup = 1, .epochs = 3, .steps_per_epoch = 7};
    const struct schedule schedule = lr_find_schedule(&of_run);
    *find = (struct lr_find){0};
    for (size_t k = 0; !lr_find_over(find); k++) {
        double lr = schedule_lr(&schedule, k / 7, k % 7);
        lr_find_add(find, lr, loss(lr));
    }
    return find->count;
}

/* Falls from 2 to 1 at 0.1, then rises steeply. */
static double valley(double lr)
{
    double decades = log10(lr / 0.1);
    return decades < 0 ? 2 - (decades + 5) / 5 : 1 + 20 * decades;
}

static double flat(double lr)
{
    (void)lr;
    return 1;
}

static double falling(double lr)
{
    return 2 - log10(lr);
}

static double cliff(double lr)
{
    return lr < 2e-6 ? 1 : 1000;
}

static void rates_rise_evenly_to_the_end(void **state)
{
    (void)state;
    struct lr_find find;
    assert_int_equal(run(&find, falling), LR_FIND_STEPS);
    assert_true(find.points[0].lr == lr_find_low);
    assert_true(fabs(find.points[LR_FIND_STEPS - 1].lr / lr_find_high - 1) < 1e-12);
    double ratio = find.points[1].lr / find.points[0].lr;
    for (size_t k = 2; k < LR_FIND_STEPS; k++)
        assert_true(fabs(find.points[k].lr / find.points[k - 1].lr / ratio - 1) < 1e-12);
}

/* Bias-corrected exponential means of 3, 1, 2 with beta 0.9, by hand: (0.9 * 0.3 + 0.1 * 1) / 0.19, ... */
static void the_loss_is_smoothed(void **state)
{
    (void)state;
    struct lr_find find = {0};
    lr_find_add(&find, 0.1, 3);
    lr_find_add(&find, 0.2, 1);
    lr_find_add(&find, 0.3, 2);
    assert_true(fabs(find.points[0].smoothed - 3) < 1e-12);
    assert_true(fabs(find.points[1].smoothed - 0.37 / 0.19) < 1e-12);
    assert_true(fabs(find.points[2].smoothed - (0.9 * 0.37 + 0.2) / 0.271) < 1e-12);
    assert_int_equal(find.least, 1);
}

static void a_tenth_of_the_turning_point_is_chosen(void **state)
{
    (void)state;
    struct lr_find find;
    struct error err = {0};
    double lr = 0;
    size_t count = run(&find, valley);
    assert_true(count < LR_FIND_STEPS && count > 50);
    double smoothed = find.points[count - 1].smoothed, least = find.points[find.least].smoothed;
    assert_true(smoothed > 4 * least && find.points[count - 2].smoothed <= 4 * least);
    assert_int_equal(lr_find_choose(&lr, &find, &err), OK);
    if (!(lr >= 0.0085 && lr <= 0.012))
        fail_msg("chosen: %g", lr);
    char digits[32];
    snprintf(digits, sizeof digits, "%.1e", lr);
    assert_true(lr == strtod(digits, NULL));
    assert_true(fabs(lr / (find.points[find.least].lr / 10) - 1) < 0.05);
}

static void what_gives_no_rate_says_so(void **state)
{
    (void)state;
    struct lr_find find;
    struct error err = {0};
    double lr = 7;
    assert_int_equal(run(&find, flat), LR_FIND_STEPS);
    assert_int_equal(lr_find_choose(&lr, &find, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "the loss fell at no rate from 1e-06 to 10"));
    assert_true(run(&find, cliff) < LR_FIND_LEAST);
    assert_int_equal(lr_find_choose(&lr, &find, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "the loss diverged after"));
    find = (struct lr_find){0};
    assert_false(lr_find_over(&find));
    assert_int_equal(lr_find_choose(&lr, &find, &err), ERR_DATA);
    assert_true(lr == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_rise_evenly_to_the_end),
        cmocka_unit_test(the_loss_is_smoothed),
        cmocka_unit_test(a_tenth_of_the_turning_point_is_chosen),
        cmocka_unit_test(what_gives_no_rate_says_so),
    };
    return cmocka_run_group_tests_name("lr_find", tests, NULL, NULL);
}
