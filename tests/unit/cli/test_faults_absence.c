#define _GNU_SOURCE
/* Photos that are away in some epochs of a training and there in the others: what is learnt from, what is said, what is
 * compared, and that a run goes on from its checkpoint as if it had not been stopped. Files are moved between two
 * epochs, by the hook that is told of each. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/run/record_checkpoint.h"
#include "core/net/init.h"
#include "core/train/checkpoint.h"
#include "core/train/train_private.h"
#include "tests/faults/scenario.h"
#include "tests/support/test_files.h"

enum { EPOCHS = 4, MOVES = 8 };

/* After `epoch` (-1: before the run) a path below scenario_folder gets another name. */
struct move {
    int epoch;
    const char *from, *to;
};

struct session {
    struct net *net;
    struct pool *pool;
    struct dataset dataset;
    struct train *train;
    const struct move *moves;
    size_t stop_after; /* steps of this process; 0: never */
    size_t steps;
    const char *saved; /* name of the checkpoint below scenario_folder */
    /* What was told, by epoch. */
    size_t skipped[EPOCHS], again[EPOCHS], ends[EPOCHS];
    struct epoch_result results[EPOCHS];
};

static void move_file(const char *from, const char *to)
{
    char path[1024];
    snprintf(path, sizeof path, "%s", test_path(scenario_folder, from));
    if (rename(path, test_path(scenario_folder, to)) != 0)
        fail_msg("%s cannot be moved to %s", from, to);
}

/* Those of epochs first..last. */
static void move_files(const struct move *moves, int first, int last)
{
    for (int epoch = first; epoch <= last; epoch++)
        for (size_t i = 0; moves && moves[i].from; i++)
            if (moves[i].epoch == epoch)
                move_file(moves[i].from, moves[i].to);
}

/* Back to where all was before the run: photos must be there when they are listed. */
static void undo_moves(const struct move *moves, int last)
{
    for (int epoch = last; epoch >= -1; epoch--)
        for (size_t i = 0; moves && moves[i].from; i++)
            if (moves[i].epoch == epoch)
                move_file(moves[i].to, moves[i].from);
}

static void open_session(struct session *session, const struct train_options *options)
{
    struct error err;
    if (dataset_open(&session->dataset, test_path(scenario_folder, "data"), 0, 1, &err) != OK ||
        pool_create(&session->pool, 2, &err) != OK ||
        resnet_create_shape(&session->net, &scenario_shape, 2, &err) != OK)
        fail_msg("%s", err.text);
    net_init(session->net, 5);
    if (train_create(&session->train, session->net, &session->dataset, options, session->pool, &err) != OK ||
        train_prepare(session->train, &err) != OK)
        fail_msg("%s", err.text);
}

static void close_session(struct session *session)
{
    undo_moves(session->moves, (int)train_state_get(session->train)->epoch - 1);
    train_destroy(session->train);
    net_destroy(session->net);
    dataset_close(&session->dataset);
    pool_destroy(session->pool);
}

static size_t epoch_of(const struct session *session)
{
    return train_state_get(session->train)->epoch;
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct session *session = context;
    (void)err;
    session->results[epoch->epoch] = *epoch;
    move_files(session->moves, (int)epoch->epoch, (int)epoch->epoch);
    return OK;
}

static void on_step(void *context, const struct step_result *step)
{
    struct session *session = context;
    (void)step;
    session->steps++;
}

static void on_skipped(void *context, bool val, const struct photo_fault *photo, bool again)
{
    struct session *session = context;
    (void)val;
    assert_true(photo->away);
    session->skipped[epoch_of(session)]++;
    session->again[epoch_of(session)] += again;
}

static void on_pass_end(void *context, bool val)
{
    struct session *session = context;
    session->ends[epoch_of(session)] += val ? 10 : 1;
}

static bool should_stop(void *context)
{
    const struct session *session = context;
    return session->stop_after > 0 && session->steps >= session->stop_after;
}

static enum status save(void *context, struct error *err)
{
    const struct session *session = context;
    static const struct weight_metadata model[MODEL_METADATA] = {
        {"freezetune.arch", "tiny"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
    return checkpoint_write(test_path(scenario_folder, session->saved), session->train, model, err);
}

/* A run from the beginning, or from the checkpoint that it then also saves to. Leaves the session open. */
static enum status run(struct session *session, const struct train_options *options, bool resume, struct error *err)
{
    const struct train_hooks hooks = {.context = session,
                                      .on_epoch = on_epoch,
                                      .on_step = on_step,
                                      .on_skipped = on_skipped,
                                      .on_pass_end = on_pass_end,
                                      .should_stop = should_stop,
                                      .save = save};
    open_session(session, options);
    if (resume && checkpoint_read(test_path(scenario_folder, session->saved), session->train, err) != OK)
        fail_msg("%s", err->text);
    move_files(session->moves, -1, (int)epoch_of(session) - 1);
    return train_run(session->train, NULL, &hooks, err);
}

static void run_whole(struct session *session, const struct train_options *options, bool resume)
{
    struct error err;
    if (run(session, options, resume, &err) != OK)
        fail_msg("%s", err.text);
}

static struct train_options some_options(void)
{
    return (struct train_options){
        .optimizer = optimizer_defaults(OPTIMIZER_SGD),
        .schedule = {.lr = 0.01, .epochs = EPOCHS, .step_epochs = 1},
        .freeze = {.until = 8, .bn_trained = BN_EVAL},
        .augment = AUGMENT_NONE,
        .views = 1,
        .cache = {.mode = CACHE_OFF},
        .loader = {.threads = 2, .batch = 3, .ahead = 4, .preprocess = preprocess_for_size(SCENARIO_SIDE)},
        .usable = 2 * SCENARIO_PHOTOS};
}

/* bees are 0, 2, 4, ..., ants 1, 3, 5, ...; val has one of each. */
static const struct move one_away[] = {{0, "data/train/bees/4.bmp", "away4"},
                                       {0, "data/val/ants/x.bmp", "awayx"},
                                       {1, "away4", "data/train/bees/4.bmp"},
                                       {2, "awayx", "data/val/ants/x.bmp"},
                                       {0, NULL, NULL}};

static void what_is_away_is_counted_and_comes_back(void **state)
{
    (void)state;
    static const size_t away[EPOCHS] = {0, 1, 0, 0}, val_away[EPOCHS] = {0, 1, 1, 0};
    struct session session = {.moves = one_away, .saved = "whole.safetensors"};
    const struct train_options options = some_options();
    run_whole(&session, &options, false);
    for (size_t e = 0; e < EPOCHS; e++) {
        const struct epoch_result *result = &session.results[e];
        assert_int_equal(result->away, away[e]);
        assert_int_equal(result->val_away, val_away[e]);
        assert_int_equal(result->images, 2 * SCENARIO_PHOTOS - away[e]);
        assert_int_equal(result->compared, val_away[e] == 0);
        assert_true(result->compared || !result->best);
        assert_int_equal(session.skipped[e], away[e] + val_away[e]);
        assert_int_equal(session.again[e], e == 2); /* that of val */
        assert_int_equal(session.ends[e], 11);
    }
    const struct train_state *end = train_state_get(session.train);
    assert_int_equal(end->uncompared, 2);
    assert_false(end->best_uncompared);
    assert_int_equal(end->best_photos, 2);
    const struct absence *absence = train_absence(session.train, true);
    assert_int_equal(absence->count, 1);
    assert_int_equal(absence->rows[0].epochs, 2);
    assert_int_equal(absence->rows[0].last, 2);
    assert_string_equal(absence->reasons[absence->rows[0].reason], "No such file or directory");
    close_session(&session);
}

/* Stopped after any number of steps, the rest under the same availability. */
static void a_resumed_run_comes_to_the_same_bytes(void **state)
{
    (void)state;
    const struct train_options options = some_options();
    for (size_t stop = 1; stop < 4 * EPOCHS; stop++) {
        struct session session = {.moves = one_away, .saved = "resumed.safetensors", .stop_after = stop};
        run_whole(&session, &options, false);
        assert_int_equal(session.steps, stop);
        close_session(&session);
        session = (struct session){.moves = one_away, .saved = "resumed.safetensors"};
        run_whole(&session, &options, true);
        close_session(&session);
        scenario_assert_same("resumed.safetensors", "whole.safetensors");
    }
}

/* A photo that is not there when the cache is filled first has its features later, and what is kept stays. */
static void the_cache_obeys_the_same_rule(void **state)
{
    (void)state;
    static const struct move late[] = {{-1, "data/train/bees/4.bmp", "away4"},
                                       {-1, "data/val/ants/x.bmp", "awayx"},
                                       {0, "away4", "data/train/bees/4.bmp"},
                                       {1, "awayx", "data/val/ants/x.bmp"},
                                       {0, NULL, NULL}};
    /* Once features are kept nobody misses the file. */
    static const struct move kept[] = {{0, "data/train/ants", "ants"}, {2, "ants", "data/train/ants"}, {0, NULL, NULL}};
    struct train_options options = some_options();
    struct session session = {.moves = late, .saved = "pixels.safetensors"};
    run_whole(&session, &options, false);
    assert_true(train_state_get(session.train)->best_epoch >= 2); /* the first that is compared */
    close_session(&session);
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_path(scenario_folder, "kept"));
    for (int disk = 0; disk < 2; disk++) {
        options.cache = (struct cache_options){
            .mode = disk ? CACHE_DISK : CACHE_RAM, .dir = disk ? folder : NULL, .limit = 1 << 30};
        session = (struct session){.moves = late, .saved = "cached.safetensors"};
        run_whole(&session, &options, false);
        assert_int_equal(session.results[0].away, 1);
        assert_int_equal(session.results[1].away, 0);
        assert_int_equal(session.results[1].val_away, 1);
        assert_int_equal(session.results[1].features.pixels, 1);
        assert_int_equal(session.results[2].features.pixels, 1);
        assert_int_equal(session.results[3].features.pixels, 0);
        close_session(&session);
        scenario_assert_same("cached.safetensors", "pixels.safetensors");
        session = (struct session){.moves = kept, .saved = "cached.safetensors"};
        run_whole(&session, &options, false);
        for (size_t e = 0; e < EPOCHS; e++)
            assert_int_equal(session.results[e].away, 0);
        close_session(&session);
    }
    test_folder_remove(folder);
}

/* What was saved before is good to go on from, to what an undisturbed run comes to. */
static void a_lost_class_ends_the_run(void **state)
{
    (void)state;
    static const struct move lost[] = {{1, "data/train/ants", "ants"}, {0, NULL, NULL}};
    const struct train_options options = some_options();
    struct session session = {.saved = "undisturbed.safetensors"};
    run_whole(&session, &options, false);
    close_session(&session);
    struct error err;
    session = (struct session){.moves = lost, .saved = "lost.safetensors"};
    assert_int_equal(run(&session, &options, false, &err), ERR_NOINPUT);
    assert_non_null(strstr(err.text, "epoch 3: none of the 6 photos of class ants can be read (ants/"));
    assert_non_null(strstr(err.text, "make them available"));
    assert_int_equal(session.ends[2], 0);
    close_session(&session);
    session = (struct session){.saved = "lost.safetensors"};
    run_whole(&session, &options, true);
    assert_int_equal(session.steps, 2 * 4);
    close_session(&session);
    scenario_assert_same("lost.safetensors", "undisturbed.safetensors");
}

/* The steps of the epoch are not lost with its evaluation. */
static void an_evaluation_without_photos_is_made_later(void **state)
{
    (void)state;
    static const struct move lost[] = {{1, "data/val", "val"}, {0, NULL, NULL}};
    const struct train_options options = some_options();
    struct error err;
    struct session session = {.moves = lost, .saved = "lost.safetensors"};
    assert_int_equal(run(&session, &options, false, &err), ERR_NOINPUT);
    assert_non_null(strstr(err.text, "epoch 3: none of the 2 validation photos can be read"));
    close_session(&session);
    session = (struct session){.saved = "lost.safetensors"};
    run_whole(&session, &options, true);
    assert_int_equal(session.steps, 4);                             /* of the fourth epoch */
    assert_int_equal(train_absence(session.train, true)->count, 0); /* it was made after all */
    assert_int_equal(train_state_get(session.train)->uncompared, 0);
    close_session(&session);
    scenario_assert_same("lost.safetensors", "undisturbed.safetensors");
}

/* Nothing gets better at this rate. Epoch 0 is the best; 1 and 2 cannot be compared; 3 is the first that counts. */
static void patience_does_not_count_what_cannot_be_compared(void **state)
{
    (void)state;
    static const struct move away[] = {
        {0, "data/val/ants/x.bmp", "awayx"}, {2, "awayx", "data/val/ants/x.bmp"}, {0, NULL, NULL}};
    static const struct {
        const struct move *moves;
        size_t epochs;
        enum train_end end;
    } cases[] = {{NULL, 2, TRAIN_PATIENCE}, {away, 4, TRAIN_PATIENCE}};
    struct train_options options = some_options();
    options.schedule.lr = 1e-30;
    options.schedule.epochs = EPOCHS + 1;
    options.patience = 1;
    for (size_t i = 0; i < 2; i++) {
        struct session session = {.moves = cases[i].moves, .saved = "patience.safetensors"};
        run_whole(&session, &options, false);
        assert_int_equal(train_state_get(session.train)->epoch, cases[i].epochs);
        assert_int_equal(train_state_get(session.train)->best_epoch, 0);
        assert_int_equal(train_end_get(session.train), cases[i].end);
        close_session(&session);
    }
}

/* Without a single epoch that could be compared there is a best one all the same: of those with the most photos. */
static void the_best_of_what_cannot_be_compared(void **state)
{
    (void)state;
    static const struct move away[] = {
        {-1, "data/val/ants/x.bmp", "awayx"}, {3, "awayx", "data/val/ants/x.bmp"}, {0, NULL, NULL}};
    const struct train_options options = some_options();
    struct session session = {.moves = away, .saved = "none.safetensors"};
    run_whole(&session, &options, false);
    const struct train_state *end = train_state_get(session.train);
    assert_true(end->has_best && end->best_uncompared && session.results[0].best);
    assert_int_equal(end->uncompared, EPOCHS);
    assert_int_equal(end->best_photos, 1);
    assert_true(end->best_right <= 1);
    close_session(&session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_away_is_counted_and_comes_back),
        cmocka_unit_test(a_resumed_run_comes_to_the_same_bytes),
        cmocka_unit_test(the_cache_obeys_the_same_rule),
        cmocka_unit_test(a_lost_class_ends_the_run),
        cmocka_unit_test(an_evaluation_without_photos_is_made_later),
        cmocka_unit_test(patience_does_not_count_what_cannot_be_compared),
        cmocka_unit_test(the_best_of_what_cannot_be_compared),
    };
    return cmocka_run_group_tests_name("photos that are away", tests, scenario_setup, scenario_teardown);
}
