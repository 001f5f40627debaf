#define _GNU_SOURCE
/* A network and a whole training with its checkpoint, with every allocation and every call about files failing once
 * (tests/faults/scenario.h). And a training step in its steady state allocates nothing. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/record_checkpoint.h"
#include "core/net/init.h"
#include "core/net/exec.h"
#include "core/ops/loss.h"
#include "core/train/checkpoint.h"
#include "core/train/train_private.h"
#include "tests/faults/faults.h"
#include "tests/faults/scenario.h"
#include "tests/support/test_files.h"

static enum status plan_and_run(struct error *err)
{
    const struct plan_options options = {.train = true,
                                         .batch = 2,
                                         .height = SCENARIO_SIDE,
                                         .width = SCENARIO_SIDE,
                                         .freeze = {5, BN_EVAL, BN_BATCH},
                                         .threads = 2};
    struct pool *pool = NULL;
    struct plan *plan = NULL;
    struct exec *exec = NULL;
    enum status status = pool_create(&pool, 2, err);
    freeze_apply(scenario_weights, &options.freeze);
    if (status == OK)
        status = plan_create(&plan, scenario_weights, &options, err);
    if (status == OK)
        status = exec_create(&exec, plan, NULL, pool, NULL, err);
    exec_destroy(exec);
    plan_destroy(plan);
    pool_destroy(pool);
    return status;
}

static void planning_and_preparing_a_run(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.run = plan_and_run, .allocates = true});
}

struct session {
    struct net *net;
    struct pool *pool;
    struct dataset dataset;
    struct train *train;
    char name[64]; /* of the file below `scenario_folder` that is saved */
};

static void close_session(struct session *session)
{
    train_destroy(session->train);
    net_destroy(session->net);
    dataset_close(&session->dataset);
    pool_destroy(session->pool);
}

static enum status open_any_session(struct session *session, const struct train_options *options, struct error *err)
{
    *session = (struct session){.name = "checkpoint/last.safetensors"};
    enum status status = dataset_open(&session->dataset, test_path(scenario_folder, "data"), 0, 1, err);
    if (status != OK) {
        session->dataset = (struct dataset){0};
        return status;
    }
    status = pool_create(&session->pool, 2, err);
    if (status == OK)
        status = resnet_create_shape(&session->net, &scenario_shape, 2, err);
    if (status != OK)
        return status;
    net_init(session->net, 5);
    status = train_create(&session->train, session->net, &session->dataset, options, session->pool, err);
    return status == OK ? train_prepare(session->train, err) : status;
}

/* The second epoch, if there is one, is a stage of its own. */
static enum status open_session(struct session *session, enum optimizer_kind optimizer, size_t epochs,
                                struct error *err)
{
    struct train_options options = {
        .optimizer = optimizer_defaults(optimizer),
        .schedule = {.lr = 0.01, .epochs = epochs, .step_epochs = 1},
        .freeze = {.until = 5, .bn_trained = BN_BATCH},
        .unfreezing = {epochs - 1, {{1, 4}}},
        .augment = AUGMENT_STANDARD,
        .recipe = {.class_weight_power = 0.5, .mixup = 0.2, .micro_batch = 2, .ema = 0.5, .bn_sync = true},
        .loader = {.threads = 1, .batch = 3, .preprocess = preprocess_for_size(SCENARIO_SIDE)},
        .usable = 2 * SCENARIO_PHOTOS};
    return open_any_session(session, &options, err);
}

static enum status nothing(void *context, const struct epoch_result *epoch, struct error *err)
{
    (void)context;
    (void)epoch;
    (void)err;
    return OK;
}

static enum status save_checkpoint(void *context, struct error *err)
{
    const struct session *session = context;
    static const struct weight_metadata model[MODEL_METADATA] = {
        {"freezetune.arch", "tiny"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
    return checkpoint_write(test_path(scenario_folder, session->name), session->train, model, err);
}

static enum status train_all(struct session *session, struct error *err)
{
    const struct train_hooks hooks = {.context = session, .on_epoch = nothing, .save = save_checkpoint};
    return train_run(session->train, NULL, &hooks, err);
}

static void put_no_checkpoint(void)
{
    test_write(test_path(scenario_folder, "checkpoint/last.safetensors"), "former", 6);
}

static enum status train_epochs(size_t epochs, struct error *err)
{
    struct session session;
    enum status status = open_session(&session, OPTIMIZER_ADAM, epochs, err);
    if (status == OK)
        status = train_all(&session, err);
    close_session(&session);
    return status;
}

static enum status train_once(struct error *err)
{
    return train_epochs(1, err);
}

/* Either the former file or a whole one, which a run can go on with. */
static void check_checkpoint(enum status status)
{
    struct session session;
    struct error err;
    assert_int_equal(scenario_entries(test_path(scenario_folder, "checkpoint")), 3);
    if (status != OK && scenario_is_former("checkpoint/last.safetensors"))
        return;
    if (open_session(&session, OPTIMIZER_ADAM, 1, &err) != OK ||
        checkpoint_read(test_path(scenario_folder, session.name), session.train, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(train_state_get(session.train)->epoch, 1);
    close_session(&session);
}

static void training_and_its_checkpoint(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.prepare = put_no_checkpoint,
                                         .run = train_once,
                                         .check = check_checkpoint,
                                         .allocates = true,
                                         .uses_files = true});
}

/* ---- with a cache ------------------------------------------------------------------------------------------------ */
static char kept[4096];        /* folder of the features */
static float trained[2];       /* the head's bias after the last step */
static size_t trained_without; /* photos that could not be read, in some epoch or for good */

/* It is filled, on disk, and read. */
static enum status train_cached(struct error *err)
{
    struct train_options options = {
        .optimizer = optimizer_defaults(OPTIMIZER_SGD),
        .schedule = {.lr = 0.01, .epochs = 2, .step_epochs = 1},
        .freeze = {.until = 8, .bn_trained = BN_BATCH},
        .augment = AUGMENT_FLIP,
        .views = 2,
        .cache = {.mode = CACHE_DISK, .dir = kept, .limit = 1 << 30},
        .loader = {.threads = 1, .batch = 3, .preprocess = preprocess_for_size(SCENARIO_SIDE)},
        .usable = 2 * SCENARIO_PHOTOS};
    struct session session;
    enum status status = open_any_session(&session, &options, err);
    if (status == OK)
        status = train_all(&session, err);
    if (status == OK)
        trained_without = train_bad_count(session.train, false) + train_bad_count(session.train, true) +
                          train_absence(session.train, false)->count + train_absence(session.train, true)->count;
    if (status == OK)
        memcpy(trained, session.net->params[session.net->params_count - 1].data, sizeof trained);
    close_session(&session);
    return status;
}

static void forget_features(void)
{
    snprintf(kept, sizeof kept, "%s", test_path(scenario_folder, "kept"));
    if (access(kept, F_OK) == 0)
        test_folder_remove(kept);
}

/* Whatever failed on the way: who came to the end with all photos came to the same end. */
static void check_trained(enum status status)
{
    static float wanted[2];
    static bool known;
    if (status != OK || trained_without > 0)
        return;
    if (!known)
        memcpy(wanted, trained, sizeof wanted);
    known = true;
    assert_memory_equal(trained, wanted, sizeof wanted);
}

static void training_with_a_cache(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.prepare = forget_features,
                                         .run = train_cached,
                                         .check = check_trained,
                                         .allocates = true,
                                         .uses_files = true});
}

/* From a checkpoint of the second stage, which is entered on the way. */
static enum status go_on(struct error *err)
{
    struct session session;
    enum status status = open_session(&session, OPTIMIZER_ADAM, 2, err);
    if (status == OK)
        status = checkpoint_read(test_path(scenario_folder, session.name), session.train, err);
    if (status == OK) {
        assert_int_equal(train_state_get(session.train)->epoch, 2);
        assert_int_equal(train_freeze(session.train)->until, 4);
    }
    close_session(&session);
    return status;
}

static void reading_a_checkpoint(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(train_epochs(2, &err), OK);
    scenario_fail_all(&(struct scenario){.run = go_on, .allocates = true, .uses_files = true});
}

/* ---- the time of an epoch that was interrupted ------------------------------------------------------------------ */

/* Seconds that no epoch here takes: they stand for those before the interruption. */
static const double seconds_before = 1e6;

struct heard {
    double epochs[2];       /* their seconds */
    double within, between; /* of the state that is saved: within the first epoch, the most between two */
};

static enum status hear_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct heard *heard = context;
    (void)err;
    heard->epochs[epoch->epoch] = epoch->seconds;
    return OK;
}

static struct train *heard_train;

static enum status hear_state(void *context, struct error *err)
{
    struct heard *heard = context;
    const struct train_state *state = train_state_get(heard_train);
    (void)err;
    if (state->batch > 0 && state->epoch == 0)
        heard->within = state->seconds;
    else if (state->batch == 0 && state->seconds > heard->between)
        heard->between = state->seconds;
    return OK;
}

static void seconds_before_an_interruption_count(void **state)
{
    (void)state;
    struct session session;
    struct error err;
    struct heard heard = {0};
    const struct train_hooks hooks = {.context = &heard, .on_epoch = hear_epoch, .save = hear_state};
    const struct train_limits each_step = {.save_every = 1e-9};
    if (open_session(&session, OPTIMIZER_SGD, 2, &err) != OK)
        fail_msg("%s", err.text);
    session.train->state.seconds = seconds_before;
    heard_train = session.train;
    if (train_run(session.train, &each_step, &hooks, &err) != OK)
        fail_msg("%s", err.text);
    assert_true(heard.epochs[0] >= seconds_before);
    assert_true(heard.within >= seconds_before && heard.within <= heard.epochs[0]);
    assert_true(heard.epochs[1] < seconds_before);
    assert_true(heard.between == 0); /* so that runs without an interruption save the same bytes */
    close_session(&session);
}

/* ---- the steady state -------------------------------------------------------------------------------------------- */

static void update(void *context, size_t param, const float *gradient)
{
    optimizer_update(context, param, gradient, 0.01);
}

/* A step is forward, loss, backward and updates. */
static long allocations_of_steps(size_t threads, enum optimizer_kind kind, int until)
{
    const struct freeze freeze = {until, BN_EVAL, BN_BATCH};
    const struct plan_options options = {.train = true,
                                         .batch = 3,
                                         .height = SCENARIO_SIDE,
                                         .width = SCENARIO_SIDE,
                                         .freeze = freeze,
                                         .threads = threads};
    const struct optimizer_options choice = optimizer_defaults(kind);
    const int32_t labels[3] = {0, 1, 1};
    static uint8_t pixels[3 * SCENARIO_SIDE * SCENARIO_SIDE * 3];
    float dlogits[3 * 2];
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    struct optimizer *optimizer;
    struct error err;
    freeze_apply(scenario_weights, &freeze);
    if (pool_create(&pool, threads, &err) != OK || plan_create(&plan, scenario_weights, &options, &err) != OK ||
        exec_create(&exec, plan, NULL, pool, NULL, &err) != OK ||
        optimizer_create(&optimizer, scenario_weights, &choice, pool, &err) != OK)
        fail_msg("%s", err.text);
    long before = faults_allocations();
    for (int step = 0; step < 3; step++) {
        const float *logits = exec_forward_pixels(exec, pixels, 3);
        cross_entropy(dlogits, logits, labels, 3, 2);
        exec_backward(exec, dlogits, update, optimizer);
    }
    long after = faults_allocations();
    optimizer_destroy(optimizer);
    exec_destroy(exec);
    plan_destroy(plan);
    pool_destroy(pool);
    return after - before;
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++)
        for (int until = 0; until <= 9; until++) {
            assert_int_equal(allocations_of_steps(threads, OPTIMIZER_SGD, until), 0);
            assert_int_equal(allocations_of_steps(threads, OPTIMIZER_ADAMW, until), 0);
        }
}

/* The same of a run with a recipe. */
static void a_step_of_a_recipe_allocates_nothing(void **state)
{
    (void)state;
    static const uint8_t pixels[3 * SCENARIO_SIDE * SCENARIO_SIDE * 3];
    static const int32_t labels[3] = {0, 1, 1};
    static const uint32_t numbers[3];
    const struct photo_batch batch = {.count = 3, .pixels = pixels, .labels = labels, .photos = numbers};
    struct session session;
    struct step_result result;
    struct error err;
    if (open_session(&session, OPTIMIZER_ADAM, 1, &err) != OK)
        fail_msg("%s", err.text);
    long before = faults_allocations();
    for (int step = 0; step < 3; step++)
        assert_int_equal(train_step(session.train, &batch, 3, &result, &err), OK);
    assert_int_equal(faults_allocations(), before);
    close_session(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(planning_and_preparing_a_run),
        cmocka_unit_test(training_and_its_checkpoint),
        cmocka_unit_test(training_with_a_cache),
        cmocka_unit_test(reading_a_checkpoint),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(a_step_of_a_recipe_allocates_nothing),
        cmocka_unit_test(seconds_before_an_interruption_count),
    };
    return cmocka_run_group_tests_name("faults in training", tests, scenario_setup, scenario_teardown);
}
