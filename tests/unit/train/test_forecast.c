/* The forecast of a run's time, with made-up measurements: no clock is looked at. */
#include "tests/support/test.h"

#include "core/train/forecast.h"

#define assert_near(a, b) assert_true((a) > (b)-1e-6 && (a) < (b) + 1e-6)

/* 100 photos to train on and 20 to validate, five epochs, nothing kept: 30 and 10 FLOP a photo at 10 FLOP/s. */
static struct forecast plain(void)
{
    return (struct forecast){
        .speed = 10, .train = 100, .val = 20, .stages_count = 1, .stages = {{.epochs = 5, .work = {0, 30, 10}}}};
}

/* The same with features: 8 of the 30 and 10 FLOP, of two views. */
static struct forecast cached(void)
{
    struct forecast forecast = plain();
    forecast.stages[0] =
        (struct forecast_stage){.epochs = 5, .work = {8, 22, 2}, .saved = 8, .views = 2, .missing = 1, .shared = true};
    return forecast;
}

/* An epoch that takes `train` seconds a training photo and `val` a validation photo, and then saves. */
static void pass(struct forecast *f, struct pace *pace, double train, double val, double saving)
{
    for (size_t i = 0; i < 10; i++)
        forecast_step(f, pace, 10, 10 * train);
    forecast_validation(f, pace, 16, 20, 16 * val);
    forecast_validation(f, pace, 20, 20, 4 * val);
    pace_other(pace, saving);
    forecast_next(f, pace);
}

static void before_the_first_step_work_and_speed_say(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = plain();
    assert_near(forecast_epoch(&f, &pace, 0), 100 * 3 + 20 * 1);
    assert_near(forecast_all(&f, &pace), 5 * 320);
    f.speed = 0;
    assert_near(forecast_all(&f, &pace), 0);
    /* Features: each view of the training photos once, the validation photos once. */
    f = cached();
    assert_near(forecast_epoch(&f, &pace, 0), 100 * 2.2 + 20 * 0.2);
    assert_near(forecast_all(&f, &pace), 5 * 224 + (2 * 100 + 20) * 0.8);
    f.stages[0].missing = 0.25;
    assert_near(forecast_all(&f, &pace), 5 * 224 + (2 * 100 + 20) * 0.8 / 4);
}

/* --lr find: its steps, and features that it does not leave to the run. */
static void a_range_test_before_the_run_counts(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = plain();
    assert_near(forecast_search(&f, &pace), 0);
    f.search = 250;
    assert_near(forecast_search(&f, &pace), 250 * 3);
    assert_near(forecast_all(&f, &pace), 250 * 3 + 5 * 320);
    forecast_enter(&f, 0, 0);
    assert_near(forecast_rest(&f, &pace), 5 * 320); /* it is over when the run begins */
    f = cached();
    f.search = 250;
    double run = 5 * 224 + (2 * 100 + 20) * 0.8;
    assert_near(forecast_all(&f, &pace), 250 * 2.2 + run);
    f.stages[0].shared = false;
    assert_near(forecast_all(&f, &pace), 250 * 2.2 + 2 * 100 * 0.8 + run);
    f.search = 90;
    assert_near(forecast_search(&f, &pace), 90 * 2.2 + 100 * 0.8);
}

static void measurements_replace_the_estimate(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = plain();
    forecast_enter(&f, 0, 0);
    assert_near(forecast_rest(&f, &pace), 5 * 320);
    /* Steps take twice as long as was thought: so will validation, as far as anybody knows. */
    forecast_step(&f, &pace, 50, 50 * 6);
    assert_near(forecast_rest(&f, &pace), 50 * 6 + 20 * 2 + 4 * (600 + 40));
    /* Then it is measured too, and takes half as long. */
    forecast_step(&f, &pace, 50, 50 * 6);
    forecast_validation(&f, &pace, 10, 20, 10 * 0.5);
    assert_near(forecast_rest(&f, &pace), 10 * 0.5 + 4 * (600 + 10));
    forecast_validation(&f, &pace, 20, 20, 10 * 0.5);
    pace_other(&pace, 7);
    forecast_next(&f, &pace);
    assert_near(forecast_rest(&f, &pace), 4 * (600 + 10 + 7));
    for (int epoch = 1; epoch < 5; epoch++)
        pass(&f, &pace, 6, 0.5, 7);
    assert_near(forecast_rest(&f, &pace), 0);
}

/* A head on features takes no work to speak of and still some time: that is no measure of the stage after it. */
static void small_work_says_little_about_large(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = cached();
    f.stages_count = 2;
    f.stages[0] = (struct forecast_stage){.epochs = 2, .work = {8, 0.001, 0}, .saved = 10, .views = 1, .shared = true};
    f.stages[1] = (struct forecast_stage){.epoch = 2, .epochs = 3, .work = {0, 30, 10}};
    forecast_enter(&f, 0, 0);
    pass(&f, &pace, 0.5, 0.1, 0); /* 5,000 times what was estimated */
    assert_near(forecast_rest(&f, &pace), 50 + 2 + 3 * 4 * 320);
    pass(&f, &pace, 0.5, 0.1, 0);
    pass(&f, &pace, 3, 1, 0); /* now it is known */
    assert_near(forecast_rest(&f, &pace), 2 * 320);
}

static void features_are_counted_once_and_only_where_they_are_missing(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = cached();
    forecast_enter(&f, 0, 0);
    forecast_features(&f, &pace, 40, 100, 40 * 0.8);
    assert_near(forecast_rest(&f, &pace), 5 * 224 + (60 + 100 + 20) * 0.8);
    /* Steps follow, though not all features could be made (a photo that cannot be read). */
    forecast_features(&f, &pace, 90, 100, 50 * 0.8);
    forecast_step(&f, &pace, 10, 10 * 2.2);
    assert_near(forecast_rest(&f, &pace), 5 * 224 - 22 + (100 + 20) * 0.8);
    /* Of the validation photos fewer are missing than was thought. */
    forecast_step(&f, &pace, 90, 90 * 2.2);
    forecast_features(&f, &pace, 1, 5, 0.8);
    assert_near(forecast_rest(&f, &pace), 4 * 224 + 20 * 0.2 + (4 + 100) * 0.8);
    forecast_validation(&f, &pace, 20, 20, 4);
    forecast_next(&f, &pace);
    assert_near(forecast_rest(&f, &pace), 4 * 224 + 100 * 0.8);
    /* The disk is full: from now on from pixels. */
    forecast_lose_features(&f);
    double corrected = pace.seconds * f.speed / pace.work;
    assert_near(forecast_rest(&f, &pace), 4 * (100 * 3 + 20 * 1) * corrected);
    assert_near(corrected, 1);
}

/* With --resume: what is left of the epoch, and the time of the epochs before, which this process has not seen. */
static void a_resumed_run_goes_on_from_where_it_was(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast f = plain();
    forecast_enter(&f, 3, 30);
    assert_near(forecast_rest(&f, &pace), 70 * 3 + 20 + 320);
    f = plain();
    forecast_recall(&f, &pace, 2, 3200); /* ten times the estimate, beyond what other work would be believed */
    forecast_enter(&f, 3, 30);
    assert_near(forecast_rest(&f, &pace), 10 * (70 * 3 + 20 + 320));
    /* All its steps were done when it was stopped. */
    f = plain();
    forecast_enter(&f, 4, 100);
    assert_near(forecast_rest(&f, &pace), 10 * 20);
    /* Features on disk are there, those in memory are computed again. */
    struct pace fresh = {0};
    f = cached();
    f.stages[0].missing = 0;
    forecast_enter(&f, 3, 0);
    assert_near(forecast_rest(&f, &fresh), 2 * 224);
    f = cached();
    forecast_enter(&f, 3, 0);
    assert_near(forecast_rest(&f, &fresh), 2 * 224 + (2 * 100 + 20) * 0.8);
    /* The first epoch had to make them. */
    f = cached();
    f.stages[0].missing = 0;
    forecast_recall(&f, &fresh, 0, 2 * (224 + 120 * 0.8));
    forecast_enter(&f, 1, 0);
    assert_near(forecast_rest(&f, &fresh), 4 * 2 * 224);
}

static void later_runs_share_what_was_measured_and_kept(void **state)
{
    (void)state;
    struct pace pace = {0};
    struct forecast first = cached(), same = cached(), deeper = cached();
    deeper.stages[0].saved = 9;
    deeper.stages[0].work[FORECAST_FEATURES] = 9;
    deeper.stages[0].work[FORECAST_STEPS] = 11;
    forecast_share(&same, &first);
    forecast_share(&deeper, &first);
    assert_near(forecast_all(&same, &pace), 5 * 224);
    assert_near(forecast_all(&deeper, &pace), 5 * (110 + 4) + 220 * 0.1);
    /* Not what is kept in memory, and not the other way round. */
    struct forecast memory = cached(), shallower = cached();
    memory.stages[0].shared = false;
    forecast_share(&memory, &first);
    assert_near(forecast_all(&memory, &pace), 5 * 224 + 220 * 0.8);
    forecast_share(&shallower, &deeper);
    assert_near(forecast_all(&shallower, &pace), 5 * 224 + 220 * 0.8);
    /* A run of the same work takes what the first one took. */
    forecast_enter(&first, 0, 0);
    forecast_features(&first, &pace, 100, 100, 80);
    pass(&first, &pace, 4.4, 1, 10);
    assert_near(forecast_all(&same, &pace), 5 * (440 + 20 + 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_step_work_and_speed_say),
        cmocka_unit_test(a_range_test_before_the_run_counts),
        cmocka_unit_test(measurements_replace_the_estimate),
        cmocka_unit_test(small_work_says_little_about_large),
        cmocka_unit_test(features_are_counted_once_and_only_where_they_are_missing),
        cmocka_unit_test(a_resumed_run_goes_on_from_where_it_was),
        cmocka_unit_test(later_runs_share_what_was_measured_and_kept),
    };
    return cmocka_run_group_tests_name("forecast", tests, NULL, NULL);
}
