/* What the loop promises of an epoch and of a step. */
#include "tests/support/test.h"

#include <math.h>
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
    bool stopped;
    options.schedule.epochs = EPOCHS;
    small_run_open(&run, folder, &options);
    struct orders orders = {.train = run.train};
    const struct train_hooks hooks = {.context = &orders, .on_epoch = keep_order, .save = save_nothing};
    if (train_run(run.train, &hooks, &stopped, &err) != OK)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_has_an_order_of_its_own),
        cmocka_unit_test(an_infinite_loss_ends_the_run_before_the_update),
    };
    return cmocka_run_group_tests_name("train loop", tests, make_photos, folder_teardown);
}
