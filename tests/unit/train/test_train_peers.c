/* Whole runs by several ranks, over threads: weights, running statistics, state and evaluation are those of one process
 * with the same pieces, bit for bit; and whatever one rank is told or fails at, all end at. (By MPI, with files,
 * signals and deaths: scripts/check-mpi.sh.) */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_net.h"
#include "tests/support/small_run.h"
#include "tests/support/test_files.h"
#include "tests/support/thread_peers.h"

/* small_run has two photos to validate: more of them make several rounds, the last of which is not full. */
enum { RANKS = 4, NOBODY = RANKS, MORE = 5, VALIDATED = 2 + MORE };

static char data[4096]; /* the folder of the photos */

static int make_photos(void **state)
{
    folder_setup(state);
    small_run_photos(folder);
    for (uint32_t i = 0; i < MORE; i++) {
        char name[64];
        size_t size;
        uint8_t *bytes = test_bmp(&size, 40, 36, 60 + i);
        snprintf(name, sizeof name, "data/val/%s/more%u.bmp", i % 2 ? "ants" : "bees", i);
        test_write(test_path(folder, name), bytes, size);
        memory_free(bytes);
    }
    snprintf(data, sizeof data, "%s", test_path(folder, "data"));
    return 0;
}

/* What is out of order, and with which rank. */
enum fault {
    NO_FAULT,
    BAD_WEIGHT,
    OTHER_WEIGHT,
    OTHER_FROZEN,
    BAD_PHOTO,
    BAD_VALIDATION_PHOTO,
    STOP,
    EPOCH_FAILS,
    SAVE_FAILS
};

struct rank {
    struct small_run run;
    const struct peers *peers;
    size_t steps, epochs;                     /* that the hooks heard of */
    double loss, norm;                        /* sums over the steps */
    struct prediction predictions[VALIDATED]; /* of the last evaluation */
    size_t predicted;
    size_t computed; /* features */
    size_t calls;    /* to the other ranks */
};

struct trial {
    struct train_options options;
    enum fault fault;
    size_t at;        /* the rank that the fault is with */
    bool save_always; /* after each step */
    struct rank ranks[RANKS];
};

static bool faulty(const struct trial *trial, const struct rank *rank, enum fault fault)
{
    return trial->fault == fault && trial->at == rank->peers->rank;
}

/* ---- hooks: of a rank's thread, so without assertions ------------------------------------------------------------ */

struct heard {
    struct trial *trial;
    struct rank *rank;
};

static void on_step(void *context, const struct step_result *step)
{
    const struct heard *heard = context;
    struct rank *rank = heard->rank;
    rank->steps++;
    rank->loss += step->loss;
    rank->norm += step->norm;
    if (faulty(heard->trial, rank, OTHER_WEIGHT) && rank->steps == 2)
        rank->run.net->params[net_param_find(rank->run.net, "fc.bias")].data[0] += 1e-3f;
    if (faulty(heard->trial, rank, OTHER_FROZEN) && rank->steps == 2)
        rank->run.net->params[net_param_find(rank->run.net, "conv1.weight")].data[0] += 1e-3f;
}

static bool should_stop(void *context)
{
    const struct heard *heard = context;
    return faulty(heard->trial, heard->rank, STOP) && heard->rank->steps >= 1;
}

static enum status on_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    const struct heard *heard = context;
    struct rank *rank = heard->rank;
    rank->epochs++;
    rank->computed += epoch->features.pixels;
    rank->predicted = epoch->val->predictions_count;
    for (size_t i = 0; i < rank->predicted && i < VALIDATED; i++)
        rank->predictions[i] = epoch->val->predictions[i];
    return faulty(heard->trial, rank, EPOCH_FAILS) ? error_set(err, ERR_IO, "no room for an epoch") : OK;
}

static enum status save(void *context, struct error *err)
{
    const struct heard *heard = context;
    return faulty(heard->trial, heard->rank, SAVE_FAILS) ? error_set(err, ERR_IO, "no room to save") : OK;
}

static enum status train_rank(void *context, const struct peers *peers, struct error *err)
{
    struct trial *trial = context;
    struct rank *rank = &trial->ranks[peers->rank];
    struct heard heard = {trial, rank};
    struct train_options options = trial->options;
    const struct train_hooks hooks = {
        .context = &heard, .on_step = on_step, .should_stop = should_stop, .on_epoch = on_epoch, .save = save};
    const struct train_limits limits = {.save_every = trial->save_always ? 1e-9 : 0};
    options.peers = peers;
    *rank = (struct rank){.peers = peers};
    enum status status = small_run_try(&rank->run, data, &options, err);
    if (status == OK && faulty(trial, rank, BAD_WEIGHT))
        rank->run.net->params[net_param_find(rank->run.net, "fc.weight")].data[0] = NAN;
    if (status == OK && (faulty(trial, rank, BAD_PHOTO) || faulty(trial, rank, BAD_VALIDATION_PHOTO)))
        status = train_mark_bad(rank->run.train, trial->fault == BAD_VALIDATION_PHOTO, 0, "a test", err);
    if (status == OK)
        status = train_run(rank->run.train, &limits, &hooks, err);
    rank->calls = thread_peers_calls(peers);
    return status;
}

static void close_trial(struct trial *trial, size_t ranks)
{
    for (size_t r = 0; r < ranks; r++)
        small_run_close(&trial->ranks[r].run);
}

static const struct freeze six = {.until = 6, .bn_trained = BN_BATCH}, head = {.until = 9};

/* ---- the same bytes ---------------------------------------------------------------------------------------------- */

/* Three steps an epoch: of three photos, three and two. */
static struct train_options options_of(struct recipe_options recipe, struct freeze freeze)
{
    struct train_options options = small_run_options();
    options.loader.batch = 3;
    options.schedule.epochs = 2;
    options.recipe = recipe;
    options.freeze = freeze;
    return options;
}

static void run(struct trial *trial, size_t ranks)
{
    struct error ends[RANKS];
    thread_peers_run(ends, ranks, train_rank, trial);
    for (size_t r = 0; r < ranks; r++)
        if (ends[r].status != OK)
            fail_msg("rank %zu of %zu: %s", r, ranks, ends[r].text);
}

static void assert_same_number(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

static void assert_same_rank(const struct rank *a, const struct rank *b)
{
    const struct train_state *state = train_state_get(a->run.train), *other = train_state_get(b->run.train);
    for (size_t i = 0; i < a->run.net->params_count; i++)
        small_net_assert_same(&a->run.net->params[i], &b->run.net->params[i]);
    assert_int_equal(a->steps, b->steps);
    assert_same_number(a->loss, b->loss);
    assert_same_number(a->norm, b->norm);
    assert_int_equal(state->best_epoch, other->best_epoch);
    assert_same_number(state->best_accuracy, other->best_accuracy);
    assert_same_number(state->best_loss, other->best_loss);
    assert_int_equal(a->predicted, VALIDATED);
    assert_int_equal(b->predicted, VALIDATED);
    assert_memory_equal(a->predictions, b->predictions, sizeof a->predictions);
}

/* Three pieces for two and three ranks, and two pieces for two of them; a short batch leaves a rank without a piece. */
static void any_number_of_ranks_trains_the_same(void **state)
{
    (void)state;
    const struct train_options options[] = {
        options_of((struct recipe_options){.micro_batch = 1}, six),
        options_of((struct recipe_options){.micro_batch = 2}, (struct freeze){.until = 4, .bn_trained = BN_EVAL}),
        options_of(
            (struct recipe_options){.micro_batch = 1, .mixup = 0.8, .clip_norm = 0.01, .class_weight_power = 0.7},
            (struct freeze){.until = 0, .bn_trained = BN_BATCH}),
        options_of((struct recipe_options){.micro_batch = 1, .cutmix = 1, .label_smoothing = 0.1, .ema = 0.7},
                   (struct freeze){.until = 6, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH}),
        options_of((struct recipe_options){.micro_batch = 1, .bn_sync = true}, six),
        options_of((struct recipe_options){.micro_batch = 2, .bn_sync = true, .clip_norm = 0.01},
                   (struct freeze){.until = 5, .bn_frozen = BN_BATCH, .bn_trained = BN_EVAL}),
        options_of((struct recipe_options){.micro_batch = 1, .bn_sync = true, .mixup = 0.8, .ema = 0.7},
                   (struct freeze){.until = 0, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH})};
    for (size_t t = 0; t < sizeof options / sizeof *options; t++) {
        struct trial alone = {.options = options[t], .at = NOBODY};
        run(&alone, 1);
        assert_int_equal(alone.ranks[0].epochs, 2);
        assert_int_equal(alone.ranks[0].steps, 6);
        for (size_t ranks = 2; ranks <= (options[t].recipe.micro_batch == 1 ? 3 : 2); ranks++) {
            struct trial shared = {.options = options[t], .at = NOBODY};
            run(&shared, ranks);
            for (size_t r = 0; r < ranks; r++)
                assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            close_trial(&shared, ranks);
        }
        close_trial(&alone, 1);
    }
}

/* Of a batch of five photos four ranks have a piece each or two, and of the three that remain one has none: it only
 * takes part in the sums of BatchNorm. */
static void four_ranks_with_the_statistics_of_the_batch(void **state)
{
    (void)state;
    for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        struct train_options options = options_of((struct recipe_options){.micro_batch = 1, .bn_sync = true},
                                                  (struct freeze){.until = 5, .bn_trained = BN_BATCH});
        options.precision = (enum precision)precision;
        options.loader.batch = 5;
        struct trial alone = {.options = options, .at = NOBODY};
        run(&alone, 1);
        assert_int_equal(alone.ranks[0].steps, 4);
        for (size_t ranks = 2; ranks <= 4; ranks += 2) {
            struct trial shared = {.options = options, .at = NOBODY};
            run(&shared, ranks);
            for (size_t r = 0; r < ranks; r++)
                assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            close_trial(&shared, ranks);
        }
        close_trial(&alone, 1);
    }
}

/* With features in a file that all have in common each is computed once; in memory by each. */
static void any_number_of_ranks_trains_the_same_with_a_cache(void **state)
{
    (void)state;
    const struct freeze freeze = {.until = 6, .bn_trained = BN_BATCH};
    for (int until = 6; until <= 9; until += 3)
        for (int mode = CACHE_RAM; mode <= CACHE_DISK; mode++) {
            struct trial alone = {.options = options_of((struct recipe_options){.micro_batch = 1}, freeze),
                                  .at = NOBODY};
            alone.options.freeze.until = until;
            run(&alone, 1);
            for (size_t ranks = 2; ranks <= 3; ranks++) {
                struct trial shared = {.options = alone.options, .at = NOBODY};
                char dir[4200];
                size_t computed = 0;
                snprintf(dir, sizeof dir, "%s-cache-%d-%zu", data, until, ranks);
                shared.options.cache =
                    (struct cache_options){.mode = (enum cache_mode)mode, .dir = dir, .limit = 1 << 30};
                run(&shared, ranks);
                for (size_t r = 0; r < ranks; r++) {
                    assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
                    computed += shared.ranks[r].computed;
                }
                size_t all = SMALL_RUN_PHOTOS + VALIDATED;
                assert_int_equal(computed, mode == CACHE_DISK ? all : ranks * all);
                close_trial(&shared, ranks);
            }
            close_trial(&alone, 1);
        }
}

/* The head alone, from kept features: each rank makes all steps by itself, and more of them need no more calls. */
static void steps_of_the_head_need_no_calls(void **state)
{
    (void)state;
    size_t calls[2] = {0};
    for (size_t batch = 2; batch <= 4; batch += 2) { /* four steps, and two; seven batches to validate, and four */
        struct recipe_options recipe = {.micro_batch = batch / 2, .clip_norm = 0.01};
        struct train_options options = options_of(recipe, head);
        struct trial alone, shared;
        options.loader.batch = batch;
        options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
        alone = shared = (struct trial){.options = options, .at = NOBODY};
        run(&alone, 1);
        run(&shared, 2);
        for (size_t r = 0; r < 2; r++) {
            assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            assert_true(calls[r] == 0 || calls[r] == shared.ranks[r].calls);
            calls[r] = shared.ranks[r].calls;
        }
        assert_int_not_equal(calls[0], 0);
        close_trial(&shared, 2);
        close_trial(&alone, 1);
    }
}

/* Photos that no rank can decode, which those that do not need them would not find out by themselves: one changes the
 * batches from where it is on, in training and in the evaluation. */
static void leave_out(bool cached)
{
    char dir[4200];
    snprintf(dir, sizeof dir, "%s-cache-bad", data);
    static const char *const names[] = {"data/train/ants/1.bmp", "data/train/bees/6.bmp", "data/val/bees/more4.bmp"};
    struct trial alone = {
        .options = options_of((struct recipe_options){.micro_batch = 1, .mixup = cached ? 0 : 0.8}, six), .at = NOBODY};
    for (size_t i = 0; i < 3; i++)
        test_write(test_path(folder, names[i]), "BM", 2);
    alone.options.schedule.epochs = 1;
    run(&alone, 1);
    assert_int_equal(train_bad_count(alone.ranks[0].run.train, false), 2);
    assert_int_equal(train_bad_count(alone.ranks[0].run.train, true), 1);
    for (size_t ranks = 2; ranks <= 3; ranks++) {
        struct trial shared = {.options = alone.options, .at = NOBODY};
        if (cached)
            shared.options.cache = (struct cache_options){.mode = CACHE_DISK, .dir = dir, .limit = 1 << 30};
        run(&shared, ranks);
        for (size_t r = 0; r < ranks; r++) {
            const struct train *train = shared.ranks[r].run.train;
            for (size_t i = 0; i < alone.ranks[0].run.net->params_count; i++)
                small_net_assert_same(&alone.ranks[0].run.net->params[i], &shared.ranks[r].run.net->params[i]);
            assert_same_number(alone.ranks[0].loss, shared.ranks[r].loss);
            assert_int_equal(shared.ranks[r].predicted, VALIDATED - 1);
            assert_memory_equal(alone.ranks[0].predictions, shared.ranks[r].predictions,
                                (VALIDATED - 1) * sizeof *alone.ranks[0].predictions);
            assert_int_equal(train_bad_count(train, false), 2);
            assert_int_equal(train_bad_count(train, true), 1);
        }
        close_trial(&shared, ranks);
    }
    close_trial(&alone, 1);
}

static void photos_that_cannot_be_read_are_left_out_by_all(void **state)
{
    (void)state;
    leave_out(false);
    leave_out(true);
}

/* ---- what one is told or fails at -------------------------------------------------------------------------------- */

/* Shared passes, with and without --bn-sync, and whole ones: all are to end well. */
static void run_faulty(struct error *ends, struct trial *trial, size_t ranks, enum fault fault, size_t at, bool whole)
{
    const struct recipe_options recipe = {.micro_batch = 1, .bn_sync = !whole && at % 2 == 0};
    *trial = (struct trial){.options = options_of(recipe, whole ? head : six), .fault = fault, .at = at};
    if (whole)
        trial->options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
    thread_peers_run(ends, ranks, train_rank, trial);
}

/* The rank itself says what was wrong, the others of whom they have it. */
static void all_hear_of_what_one_fails_at(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum status status;
        const char *text;
    } cases[] = {{BAD_WEIGHT, ERR_DATA, "not finite before the first step"},
                 {EPOCH_FAILS, ERR_IO, "no room for an epoch"},
                 {SAVE_FAILS, ERR_IO, "no room to save"}};
    for (size_t c = 0; c < 2 * (sizeof cases / sizeof *cases); c++)
        for (size_t at = 0; at < 3; at++) {
            struct trial trial;
            struct error ends[RANKS];
            char prefix[16];
            run_faulty(ends, &trial, 3, cases[c / 2].fault, at, c % 2);
            snprintf(prefix, sizeof prefix, "rank %zu: ", at);
            for (size_t r = 0; r < 3; r++) {
                assert_int_equal(ends[r].status, cases[c / 2].status);
                assert_non_null(strstr(ends[r].text, cases[c / 2].text));
                assert_int_equal(strncmp(ends[r].text, prefix, strlen(prefix)) == 0, r != at);
            }
            close_trial(&trial, 3);
        }
}

/* All ranks say the same, and nothing of the epoch was kept. */
static void ranks_that_differ_end_the_run(void **state)
{
    (void)state;
    static const struct {
        enum fault fault;
        enum status status;
        const char *text;
        size_t steps;
    } cases[] = {{OTHER_WEIGHT, ERR_PROMISE, "rank 1 holds other weights than rank 0", 3},
                 {OTHER_FROZEN, ERR_PROMISE, "rank 1 holds other weights than rank 0", 3},
                 {BAD_PHOTO, ERR_NOINPUT, "rank 1 could not read the same photos as rank 0", 0},
                 {BAD_VALIDATION_PHOTO, ERR_NOINPUT, "val: rank 1 could not read the same photos as rank 0", 3}};
    for (size_t c = 0; c < 2 * (sizeof cases / sizeof *cases); c++) {
        struct trial trial;
        struct error ends[RANKS];
        run_faulty(ends, &trial, 2, cases[c / 2].fault, 1, c % 2);
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(ends[r].status, cases[c / 2].status);
            assert_non_null(strstr(ends[r].text, cases[c / 2].text));
            assert_int_equal(trial.ranks[r].epochs, 0);
            assert_true(trial.ranks[r].steps <= 3 && trial.ranks[r].steps >= cases[c / 2].steps);
        }
        close_trial(&trial, 2);
    }
}

/* Whole passes hear of it at their end at the latest. */
static void all_stop_after_the_same_step(void **state)
{
    (void)state;
    for (size_t c = 0; c < 6; c++) {
        size_t at = c / 2;
        bool whole = c % 2;
        struct trial trial;
        struct error ends[RANKS];
        run_faulty(ends, &trial, 3, STOP, at, whole);
        for (size_t r = 0; r < 3; r++) {
            assert_int_equal(ends[r].status, OK);
            assert_int_equal(train_end_get(trial.ranks[r].run.train), TRAIN_INTERRUPTED);
            assert_int_equal(trial.ranks[r].steps, trial.ranks[at].steps);
            assert_int_equal(train_state_get(trial.ranks[r].run.train)->epoch, 0);
        }
        assert_in_range(trial.ranks[at].steps, 1, whole ? 3 : 2);
        close_trial(&trial, 3);
    }
}

/* Far from its end, too: an epoch of sixty steps. */
static void a_whole_pass_stops_on_its_way(void **state)
{
    (void)state;
    char few[sizeof data], many[sizeof data];
    snprintf(few, sizeof few, "%s", data);
    snprintf(many, sizeof many, "%s", test_path(folder, "many"));
    small_run_photos(many);
    for (uint32_t i = 0; i < 112; i++) {
        char name[64];
        size_t size;
        uint8_t *bytes = test_bmp(&size, 40, 36, 200 + i);
        snprintf(name, sizeof name, "many/data/train/%s/more%u.bmp", i % 2 ? "ants" : "bees", i);
        test_write(test_path(folder, name), bytes, size);
        memory_free(bytes);
    }
    snprintf(data, sizeof data, "%s", test_path(folder, "many/data"));
    static const enum fault faults[] = {STOP, SAVE_FAILS};
    struct trial trial = {.options = options_of((struct recipe_options){.micro_batch = 1}, head), .at = 1};
    trial.options.usable = 120;
    trial.options.loader.batch = 2;
    trial.options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
    for (size_t f = 0; f < 2; f++) {
        struct error ends[RANKS];
        trial.fault = faults[f];
        trial.save_always = faults[f] == SAVE_FAILS;
        thread_peers_run(ends, 2, train_rank, &trial);
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(ends[r].status, faults[f] == STOP ? OK : ERR_IO);
            assert_in_range(trial.ranks[r].steps, 1, 20);
        }
        if (faults[f] == STOP)
            assert_int_equal(trial.ranks[0].steps, trial.ranks[1].steps);
        close_trial(&trial, 2);
    }
    snprintf(data, sizeof data, "%s", few);
}

/* The fourth has nothing to do with three pieces. */
static void a_rank_needs_a_piece(void **state)
{
    (void)state;
    struct trial trial;
    struct error ends[RANKS];
    run_faulty(ends, &trial, 4, NO_FAULT, NOBODY, false);
    for (size_t r = 0; r < 4; r++) {
        assert_int_equal(ends[r].status, ERR_USAGE);
        assert_non_null(strstr(ends[r].text, "4 processes"));
        assert_non_null(strstr(ends[r].text, "at most 3"));
    }
    close_trial(&trial, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_ranks_trains_the_same),
        cmocka_unit_test(four_ranks_with_the_statistics_of_the_batch),
        cmocka_unit_test(any_number_of_ranks_trains_the_same_with_a_cache),
        cmocka_unit_test(steps_of_the_head_need_no_calls),
        cmocka_unit_test(all_hear_of_what_one_fails_at),
        cmocka_unit_test(ranks_that_differ_end_the_run),
        cmocka_unit_test(all_stop_after_the_same_step),
        cmocka_unit_test(a_whole_pass_stops_on_its_way),
        cmocka_unit_test(a_rank_needs_a_piece),
        cmocka_unit_test(photos_that_cannot_be_read_are_left_out_by_all), /* the last: it spoils photos */
    };
    return cmocka_run_group_tests(tests, make_photos, folder_teardown);
}
