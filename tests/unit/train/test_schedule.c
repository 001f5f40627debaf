#include "tests/support/test.h"

#include <math.h>

#include "core/train/schedule.h"

static void close_to(double found, double expected)
{
    if (!(fabs(found - expected) <= 1e-15))
        fail_msg("found %.17g, expected %.17g", found, expected);
}

static void constant_is_constant(void **state)
{
    (void)state;
    struct schedule schedule = {.kind = SCHEDULE_CONSTANT, .lr = 0.1, .epochs = 3, .steps_per_epoch = 4};
    for (size_t epoch = 0; epoch < 3; epoch++)
        for (size_t step = 0; step < 4; step++)
            close_to(schedule_lr(&schedule, epoch, step), 0.1);
}

/* StepLR(optimizer, step_size=2, gamma=0.1) with lr 0.1, one row per epoch. */
static void step_falls_every_so_many_epochs(void **state)
{
    (void)state;
    struct schedule schedule = {
        .kind = SCHEDULE_STEP, .lr = 0.1, .gamma = 0.1, .step_epochs = 2, .epochs = 6, .steps_per_epoch = 3};
    const double expected[] = {0.1, 0.1, 0.01, 0.01, 0.001, 0.001};
    for (size_t epoch = 0; epoch < 6; epoch++)
        for (size_t step = 0; step < 3; step++)
            close_to(schedule_lr(&schedule, epoch, step), expected[epoch]);
}

/* CosineAnnealingLR(optimizer, T_max=8) with lr 0.1, stepped after every batch: lr * (1 + cos(pi k / 8)) / 2. */
static void cosine_ends_near_zero(void **state)
{
    (void)state;
    struct schedule schedule = {.kind = SCHEDULE_COSINE, .lr = 0.1, .epochs = 2, .steps_per_epoch = 4};
    const double expected[] = {0.1,  0.09619397662556434,  0.08535533905932738,  0.06913417161825449,
                               0.05, 0.030865828381745515, 0.014644660940672627, 0.0038060233744356625};
    for (size_t k = 0; k < 8; k++)
        close_to(schedule_lr(&schedule, k / 4, k % 4), expected[k]);
}

static void warm_up_rises_to_the_rate(void **state)
{
    (void)state;
    struct schedule schedule = {.kind = SCHEDULE_COSINE, .lr = 0.1, .warmup = 0.5, .epochs = 2, .steps_per_epoch = 4};
    assert_int_equal(schedule_warmup_steps(&schedule), 2);
    close_to(schedule_lr(&schedule, 0, 0), 0.05);
    close_to(schedule_lr(&schedule, 0, 1), 0.1);
    close_to(schedule_lr(&schedule, 0, 2), 0.1); /* the cosine's first step, of 6 */
    close_to(schedule_lr(&schedule, 1, 1), 0.05);
    schedule.kind = SCHEDULE_CONSTANT;
    schedule.warmup = 1;
    close_to(schedule_lr(&schedule, 0, 0), 0.025);
    close_to(schedule_lr(&schedule, 0, 3), 0.1);
    close_to(schedule_lr(&schedule, 1, 0), 0.1);
}

static void a_step_too_many_counts_as_the_last(void **state)
{
    (void)state;
    struct schedule schedule = {.kind = SCHEDULE_COSINE, .lr = 0.1, .epochs = 2, .steps_per_epoch = 4};
    close_to(schedule_lr(&schedule, 1, 9), schedule_lr(&schedule, 1, 3));
}

/* ExponentialLR(optimizer, gamma=2) with lr 0.01, stepped after every batch. */
static void exponential_rises_from_step_to_step(void **state)
{
    (void)state;
    struct schedule schedule = {
        .kind = SCHEDULE_EXPONENTIAL, .lr = 0.01, .gamma = 2, .epochs = 1, .steps_per_epoch = 2};
    const double expected[] = {0.01, 0.02, 0.04, 0.08, 0.16};
    for (size_t k = 0; k < 5; k++)
        close_to(schedule_lr(&schedule, k / 2, k % 2), expected[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_constant),
        cmocka_unit_test(step_falls_every_so_many_epochs),
        cmocka_unit_test(cosine_ends_near_zero),
        cmocka_unit_test(warm_up_rises_to_the_rate),
        cmocka_unit_test(a_step_too_many_counts_as_the_last),
        cmocka_unit_test(exponential_rises_from_step_to_step),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
