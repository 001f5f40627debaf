/* Whole runs by several ranks, over threads: weights, running statistics, state and evaluation are those of one process
 * with the same pieces, bit for bit. (What one rank is told or fails at: test_train_peers_faults.c. By MPI, with files,
 * signals and deaths: scripts/check-mpi.sh.) */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/own_folder.h"
#include "tests/support/rank_trial.h"
#include "tests/support/small_net.h"
#include "tests/support/test_files.h"

static const struct freeze six = {.until = 6, .bn_trained = BN_BATCH}, head = {.until = 9};

static void run(struct rank_trial *trial, size_t ranks)
{
    struct error ends[RANKS];
    rank_trial_run(ends, trial, ranks);
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
        rank_trial_options((struct recipe_options){.micro_batch = 1}, six),
        rank_trial_options((struct recipe_options){.micro_batch = 2},
                           (struct freeze){.until = 4, .bn_trained = BN_EVAL}),
        rank_trial_options(
            (struct recipe_options){.micro_batch = 1, .mixup = 0.8, .clip_norm = 0.01, .class_weight_power = 0.7},
            (struct freeze){.until = 0, .bn_trained = BN_BATCH}),
        rank_trial_options((struct recipe_options){.micro_batch = 1, .cutmix = 1, .label_smoothing = 0.1, .ema = 0.7},
                           (struct freeze){.until = 6, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH}),
        rank_trial_options((struct recipe_options){.micro_batch = 1, .bn_sync = true}, six),
        rank_trial_options((struct recipe_options){.micro_batch = 2, .bn_sync = true, .clip_norm = 0.01},
                           (struct freeze){.until = 5, .bn_frozen = BN_BATCH, .bn_trained = BN_EVAL}),
        rank_trial_options((struct recipe_options){.micro_batch = 1, .bn_sync = true, .mixup = 0.8, .ema = 0.7},
                           (struct freeze){.until = 0, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH})};
    for (size_t t = 0; t < sizeof options / sizeof *options; t++) {
        struct rank_trial alone = {.options = options[t], .at = NOBODY};
        run(&alone, 1);
        assert_int_equal(alone.ranks[0].epochs, 2);
        assert_int_equal(alone.ranks[0].steps, 6);
        for (size_t ranks = 2; ranks <= (options[t].recipe.micro_batch == 1 ? 3 : 2); ranks++) {
            struct rank_trial shared = {.options = options[t], .at = NOBODY};
            run(&shared, ranks);
            for (size_t r = 0; r < ranks; r++)
                assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            rank_trial_close(&shared, ranks);
        }
        rank_trial_close(&alone, 1);
    }
}

/* Of a batch of five photos four ranks have a piece each or two, and of the three that remain one has none: it only
 * takes part in the sums of BatchNorm. */
static void four_ranks_with_the_statistics_of_the_batch(void **state)
{
    (void)state;
    for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
        struct train_options options = rank_trial_options((struct recipe_options){.micro_batch = 1, .bn_sync = true},
                                                          (struct freeze){.until = 5, .bn_trained = BN_BATCH});
        options.precision = (enum precision)precision;
        options.loader.batch = 5;
        struct rank_trial alone = {.options = options, .at = NOBODY};
        run(&alone, 1);
        assert_int_equal(alone.ranks[0].steps, 4);
        for (size_t ranks = 2; ranks <= 4; ranks += 2) {
            struct rank_trial shared = {.options = options, .at = NOBODY};
            run(&shared, ranks);
            for (size_t r = 0; r < ranks; r++)
                assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            rank_trial_close(&shared, ranks);
        }
        rank_trial_close(&alone, 1);
    }
}

/* With features in a file that all have in common each is computed once; in memory by each. */
static void any_number_of_ranks_trains_the_same_with_a_cache(void **state)
{
    (void)state;
    const struct freeze freeze = {.until = 6, .bn_trained = BN_BATCH};
    for (int until = 6; until <= 9; until += 3)
        for (int mode = CACHE_RAM; mode <= CACHE_DISK; mode++) {
            struct rank_trial alone = {.options = rank_trial_options((struct recipe_options){.micro_batch = 1}, freeze),
                                       .at = NOBODY};
            alone.options.freeze.until = until;
            run(&alone, 1);
            for (size_t ranks = 2; ranks <= 3; ranks++) {
                struct rank_trial shared = {.options = alone.options, .at = NOBODY};
                char dir[4200];
                size_t computed = 0;
                snprintf(dir, sizeof dir, "%s-cache-%d-%zu", rank_trial_data, until, ranks);
                shared.options.cache =
                    (struct cache_options){.mode = (enum cache_mode)mode, .dir = dir, .limit = 1 << 30};
                run(&shared, ranks);
                for (size_t r = 0; r < ranks; r++) {
                    assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
                    computed += shared.ranks[r].computed;
                }
                size_t all = SMALL_RUN_PHOTOS + VALIDATED;
                assert_int_equal(computed, mode == CACHE_DISK ? all : ranks * all);
                rank_trial_close(&shared, ranks);
            }
            rank_trial_close(&alone, 1);
        }
}

/* The head alone, from kept features: each rank makes all steps by itself, and more of them need no more calls. */
static void steps_of_the_head_need_no_calls(void **state)
{
    (void)state;
    size_t calls[2] = {0};
    for (size_t batch = 2; batch <= 4; batch += 2) { /* four steps, and two; seven batches to validate, and four */
        struct recipe_options recipe = {.micro_batch = batch / 2, .clip_norm = 0.01};
        struct train_options options = rank_trial_options(recipe, head);
        struct rank_trial alone, shared;
        options.loader.batch = batch;
        options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
        alone = shared = (struct rank_trial){.options = options, .at = NOBODY};
        run(&alone, 1);
        run(&shared, 2);
        for (size_t r = 0; r < 2; r++) {
            assert_same_rank(&alone.ranks[0], &shared.ranks[r]);
            assert_true(calls[r] == 0 || calls[r] == shared.ranks[r].calls);
            calls[r] = shared.ranks[r].calls;
        }
        assert_int_not_equal(calls[0], 0);
        rank_trial_close(&shared, 2);
        rank_trial_close(&alone, 1);
    }
}

/* Photos that no rank can decode, which those that do not need them would not find out by themselves: one changes the
 * batches from where it is on, in training and in the evaluation. */
static void leave_out(bool cached)
{
    char dir[4200];
    snprintf(dir, sizeof dir, "%s-cache-bad", rank_trial_data);
    static const char *const names[] = {"data/train/ants/1.bmp", "data/train/bees/6.bmp", "data/val/bees/more4.bmp"};
    struct rank_trial alone = {
        .options = rank_trial_options((struct recipe_options){.micro_batch = 1, .mixup = cached ? 0 : 0.8}, six),
        .at = NOBODY};
    for (size_t i = 0; i < 3; i++)
        test_write(test_path(folder, names[i]), "BM", 2);
    alone.options.schedule.epochs = 1;
    run(&alone, 1);
    assert_int_equal(train_bad_count(alone.ranks[0].run.train, false), 2);
    assert_int_equal(train_bad_count(alone.ranks[0].run.train, true), 1);
    for (size_t ranks = 2; ranks <= 3; ranks++) {
        struct rank_trial shared = {.options = alone.options, .at = NOBODY};
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
        rank_trial_close(&shared, ranks);
    }
    rank_trial_close(&alone, 1);
}

static void photos_that_cannot_be_read_are_left_out_by_all(void **state)
{
    (void)state;
    leave_out(false);
    leave_out(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_ranks_trains_the_same),
        cmocka_unit_test(four_ranks_with_the_statistics_of_the_batch),
        cmocka_unit_test(any_number_of_ranks_trains_the_same_with_a_cache),
        cmocka_unit_test(steps_of_the_head_need_no_calls),
        cmocka_unit_test(photos_that_cannot_be_read_are_left_out_by_all), /* the last: it spoils photos */
    };
    return cmocka_run_group_tests(tests, rank_trial_setup, folder_teardown);
}
