/* What the loop promises of an epoch and of a step. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_run.h"
#include "tests/support/test_files.h"

static int make_photos(void **state)
{
    folder_setup(state);
    small_run_photos(folder);
    return 0;
}

static enum status save_nothing(void *context, struct error *err)
{
    (void)context;
    (void)err;
    return OK;
}

/* ---- the order --------------------------------------------------------------------------------------------------- */

enum { EPOCHS = 4 };

struct orders {
    const struct train *train;
    uint32_t of[EPOCHS][SMALL_RUN_PHOTOS];
};

static enum status keep_order(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct orders *orders = context;
    (void)err;
    memcpy(orders->of[epoch->epoch], orders->train->order, sizeof orders->of[0]);
    return OK;
}

/* As train.h says it: rng_shuffle with (seed, RNG_ORDER, epoch). */
static void every_epoch_has_an_order_of_its_own(void **state)
{
    (void)state;
    struct small_run run;
    struct train_options options = small_run_options();
    struct error err;
    options.schedule.epochs = EPOCHS;
    small_run_open(&run, folder, &options);
    struct orders orders = {.train = run.train};
    const struct train_hooks hooks = {.context = &orders, .on_epoch = keep_order, .save = save_nothing};
    if (train_run(run.train, NULL, &hooks, &err) != OK)
        fail_msg("%s", err.text);
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint32_t expected[SMALL_RUN_PHOTOS];
        struct rng rng = rng_stream(options.seed, RNG_ORDER, epoch, 0);
        for (uint32_t i = 0; i < SMALL_RUN_PHOTOS; i++)
            expected[i] = i;
        rng_shuffle(&rng, expected, SMALL_RUN_PHOTOS);
        assert_memory_equal(orders.of[epoch], expected, sizeof expected);
        for (uint32_t before = 0; before < epoch; before++)
            assert_memory_not_equal(orders.of[epoch], orders.of[before], sizeof expected);
    }
    small_run_close(&run);
}

/* ---- when it ends and when it saves ------------------------------------------------------------------------------ */

/* Two epochs of four steps; what the hooks hear of them: s a step, E an epoch, C a checkpoint. */
struct course {
    struct train_limits limits;
    size_t deadline_after; /* steps after which the deadline has passed; 0: as limits say */
    const char *stop;      /* should_stop says yes when this much was heard; NULL: never */
    bool stop_evaluation;  /* and then only in the evaluation */
    const char *heard;
    enum train_end end;
    size_t epoch, batch; /* of the state that was saved last */
    bool has_best;
};

struct listener {
    const struct course *course;
    struct train *train;
    char heard[64];
    size_t steps;
    bool evaluating;
    struct train_state saved;
};

static void hear(struct listener *listener, char what)
{
    size_t length = strlen(listener->heard);
    assert_true(length + 1 < sizeof listener->heard);
    listener->heard[length] = what;
}

static void hear_step(void *context, const struct step_result *step)
{
    struct listener *listener = context;
    (void)step;
    hear(listener, 's');
    listener->evaluating = false;
    if (++listener->steps == listener->course->deadline_after)
        listener->train->limits.deadline = 1e-9;
}

static void hear_evaluation(void *context, size_t done, size_t all)
{
    struct listener *listener = context;
    (void)done;
    (void)all;
    listener->evaluating = true;
}

static enum status hear_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct listener *listener = context;
    (void)err;
    assert_int_equal(epoch->saved_lately, listener->course->limits.save_least > 0);
    hear(listener, 'E');
    return OK;
}

static enum status hear_save(void *context, struct error *err)
{
    struct listener *listener = context;
    (void)err;
    hear(listener, 'C');
    listener->saved = *train_state_get(listener->train);
    return OK;
}

static bool stop_here(void *context)
{
    const struct listener *listener = context;
    const struct course *course = listener->course;
    return course->stop && strcmp(listener->heard, course->stop) == 0 &&
           listener->evaluating == course->stop_evaluation;
}

static const double long_ago = 1e-9, long_time = 1e9;

static void a_run_ends_and_saves_as_its_limits_say(void **state)
{
    (void)state;
    const struct course courses[] = {
        {.heard = "ssssECssssEC", .end = TRAIN_EPOCHS, .epoch = 2, .has_best = true},
        {.limits.save_every = long_ago,
         .heard = "sCsCsCsECsCsCsCsEC",
         .end = TRAIN_EPOCHS,
         .epoch = 2,
         .has_best = true},
        {.limits.save_every = long_time, .heard = "ssssECssssEC", .end = TRAIN_EPOCHS, .epoch = 2, .has_best = true},
        {.limits.save_least = long_time, .heard = "ssssEssssEC", .end = TRAIN_EPOCHS, .epoch = 2, .has_best = true},
        /* Out of time: before there is a model, with the last step of an epoch, with a model, and with the run. */
        {.limits.deadline = long_ago, .heard = "sEC", .end = TRAIN_TIME, .batch = 1},
        {.deadline_after = 4, .heard = "ssssEC", .end = TRAIN_TIME, .epoch = 1, .has_best = true},
        {.deadline_after = 6, .heard = "ssssECssC", .end = TRAIN_TIME, .epoch = 1, .batch = 2, .has_best = true},
        {.deadline_after = 8, .heard = "ssssECssssEC", .end = TRAIN_EPOCHS, .epoch = 2, .has_best = true},
        /* Interrupted: at once, between two steps, before and in the evaluation, and in that of a run out of time. */
        {.stop = "", .heard = "C", .end = TRAIN_INTERRUPTED},
        {.limits.save_every = long_ago, .stop = "sCs", .heard = "sCsC", .end = TRAIN_INTERRUPTED, .batch = 2},
        {.stop = "ssss", .heard = "ssssC", .end = TRAIN_INTERRUPTED, .batch = 4},
        {.stop = "ssss", .stop_evaluation = true, .heard = "ssssC", .end = TRAIN_INTERRUPTED, .batch = 4},
        {.limits.deadline = long_ago,
         .stop = "s",
         .stop_evaluation = true,
         .heard = "sC",
         .end = TRAIN_INTERRUPTED,
         .batch = 1},
    };
    for (size_t i = 0; i < sizeof courses / sizeof *courses; i++) {
        const struct course *course = &courses[i];
        struct small_run run;
        struct train_options options = small_run_options();
        struct error err;
        options.schedule.epochs = 2;
        options.loader.batch = 2;
        small_run_open(&run, folder, &options);
        struct listener listener = {.course = course, .train = run.train};
        const struct train_hooks hooks = {.context = &listener,
                                          .on_step = hear_step,
                                          .on_evaluation = hear_evaluation,
                                          .should_stop = stop_here,
                                          .on_epoch = hear_epoch,
                                          .save = hear_save};
        if (train_run(run.train, &course->limits, &hooks, &err) != OK)
            fail_msg("%s", err.text);
        assert_string_equal(listener.heard, course->heard);
        assert_int_equal(train_end_get(run.train), course->end);
        assert_int_equal(listener.saved.epoch, course->epoch);
        assert_int_equal(listener.saved.batch, course->batch);
        assert_int_equal(listener.saved.has_best, course->has_best);
        small_run_close(&run);
    }
}

/* ---- a loss that is infinite ------------------------------------------------------------------------------------- */

/* A step on photos of class 0, which the network thinks impossible: the loss is +infinity, and no NaN. */
static enum status step_on_the_impossible(struct small_run *run, size_t step, struct error *err)
{
    static const uint8_t pixels[2 * SMALL_RUN_SIDE * SMALL_RUN_SIDE * 3];
    static const int32_t labels[2] = {0, 0};
    static const uint32_t photos[2] = {0, 1};
    const struct photo_batch batch = {.count = 2, .pixels = pixels, .labels = labels, .photos = photos};
    struct step_result result;
    run->net->params[net_param_find(run->net, "fc.bias")].data[0] = -INFINITY;
    run->train->state.step = step;
    enum status status = train_step(run->train, &batch, 2, &result, err);
    assert_true(isinf(result.loss) && result.loss > 0);
    return status;
}

static void an_infinite_loss_ends_the_run_before_the_update(void **state)
{
    (void)state;
    struct small_run run;
    const struct train_options options = small_run_options();
    struct error err = {0};
    small_run_open(&run, folder, &options);
    const struct param *weight = &run.net->params[net_param_find(run.net, "fc.weight")];
    float *before = malloc(weight->count * sizeof *before);
    memcpy(before, weight->data, weight->count * sizeof *before);
    assert_int_equal(step_on_the_impossible(&run, 0, &err), ERR_DATA); /* these weights were loaded */
    assert_non_null(strstr(err.text, "/0.bmp: the output of the network is not finite before the first step"));
    assert_int_equal(step_on_the_impossible(&run, 1, &err), ERR_DIVERGED);
    assert_non_null(strstr(err.text, "the loss is infinite in epoch 1, step 1; lower --lr"));
    assert_memory_equal(weight->data, before, weight->count * sizeof *before);
    free(before);
    small_run_close(&run);
}

/* ---- a weight that is not finite --------------------------------------------------------------------------------- */

struct spoiler {
    const struct small_run *run;
    const char *name;
    size_t epoch; /* after the last step of which the weight becomes a NaN */
};

static void spoil(void *context, const struct step_result *step)
{
    const struct spoiler *spoiler = context;
    if (step->epoch == spoiler->epoch && step->batch + 1 == step->steps)
        spoiler->run->net->params[net_param_find(spoiler->run->net, spoiler->name)].data[0] = NAN;
}

static enum status hear_nothing(void *context, const struct epoch_result *epoch, struct error *err)
{
    (void)context;
    (void)epoch;
    (void)err;
    return OK;
}

/* What moves is looked at after each epoch; what is frozen, which no step changes, after the first. */
static void a_weight_that_is_no_number_ends_the_run_by_name(void **state)
{
    (void)state;
    static const struct spoiler cases[] = {{.name = "fc.weight", .epoch = 0},
                                           {.name = "fc.weight", .epoch = 1},
                                           {.name = "layer4.0.bn1.running_var", .epoch = 1},
                                           {.name = "layer1.0.conv1.weight", .epoch = 0}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct small_run run;
        struct train_options options = small_run_options();
        struct error err = {0};
        char text[128];
        options.schedule.epochs = 3;
        small_run_open(&run, folder, &options);
        struct spoiler spoiler = cases[c];
        spoiler.run = &run;
        const struct train_hooks hooks = {
            .context = &spoiler, .on_step = spoil, .on_epoch = hear_nothing, .save = save_nothing};
        assert_int_equal(train_run(run.train, NULL, &hooks, &err), ERR_DIVERGED);
        snprintf(text, sizeof text, "%s is not a number in epoch %zu", spoiler.name, spoiler.epoch + 1);
        assert_non_null(strstr(err.text, text));
        small_run_close(&run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_has_an_order_of_its_own),
        cmocka_unit_test(a_run_ends_and_saves_as_its_limits_say),
        cmocka_unit_test(an_infinite_loss_ends_the_run_before_the_update),
        cmocka_unit_test(a_weight_that_is_no_number_ends_the_run_by_name),
    };
    return cmocka_run_group_tests_name("train loop", tests, make_photos, folder_teardown);
}
