/* Runs by several ranks, over threads: whatever one of them is told or fails at, all end at, after the same step, and
 * ranks that differ end the run. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/own_folder.h"
#include "tests/support/rank_trial.h"
#include "tests/support/test_files.h"

static const struct freeze six = {.until = 6, .bn_trained = BN_BATCH}, head = {.until = 9};

/* Shared passes, with and without --bn-sync, and whole ones: all are to end well. */
static void run_faulty(struct error *ends, struct rank_trial *trial, size_t ranks, enum rank_fault fault, size_t at,
                       bool whole)
{
    const struct recipe_options recipe = {.micro_batch = 1, .bn_sync = !whole && at % 2 == 0};
    *trial = (struct rank_trial){.options = rank_trial_options(recipe, whole ? head : six), .fault = fault, .at = at};
    if (whole)
        trial->options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
    rank_trial_run(ends, trial, ranks);
}

/* The rank itself says what was wrong, the others of whom they have it. */
static void all_hear_of_what_one_fails_at(void **state)
{
    (void)state;
    static const struct {
        enum rank_fault fault;
        enum status status;
        const char *text;
    } cases[] = {{BAD_WEIGHT, ERR_DATA, "not finite before the first step"},
                 {EPOCH_FAILS, ERR_IO, "no room for an epoch"},
                 {SAVE_FAILS, ERR_IO, "no room to save"}};
    for (size_t c = 0; c < 2 * (sizeof cases / sizeof *cases); c++)
        for (size_t at = 0; at < 3; at++) {
            struct rank_trial trial;
            struct error ends[RANKS];
            char prefix[16];
            run_faulty(ends, &trial, 3, cases[c / 2].fault, at, c % 2);
            snprintf(prefix, sizeof prefix, "rank %zu: ", at);
            for (size_t r = 0; r < 3; r++) {
                assert_int_equal(ends[r].status, cases[c / 2].status);
                assert_non_null(strstr(ends[r].text, cases[c / 2].text));
                assert_int_equal(strncmp(ends[r].text, prefix, strlen(prefix)) == 0, r != at);
            }
            rank_trial_close(&trial, 3);
        }
}

/* All ranks say the same, and nothing of the epoch was kept. */
static void ranks_that_differ_end_the_run(void **state)
{
    (void)state;
    static const struct {
        enum rank_fault fault;
        enum status status;
        const char *text;
        size_t steps;
    } cases[] = {{OTHER_WEIGHT, ERR_PROMISE, "rank 1 holds other weights than rank 0", 3},
                 {OTHER_FROZEN, ERR_PROMISE, "rank 1 holds other weights than rank 0", 3},
                 {BAD_PHOTO, ERR_NOINPUT, "rank 1 could not read the same photos as rank 0", 0},
                 {BAD_VALIDATION_PHOTO, ERR_NOINPUT, "val: rank 1 could not read the same photos as rank 0", 3}};
    for (size_t c = 0; c < 2 * (sizeof cases / sizeof *cases); c++) {
        struct rank_trial trial;
        struct error ends[RANKS];
        run_faulty(ends, &trial, 2, cases[c / 2].fault, 1, c % 2);
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(ends[r].status, cases[c / 2].status);
            assert_non_null(strstr(ends[r].text, cases[c / 2].text));
            assert_int_equal(trial.ranks[r].epochs, 0);
            assert_true(trial.ranks[r].steps <= 3 && trial.ranks[r].steps >= cases[c / 2].steps);
        }
        rank_trial_close(&trial, 2);
    }
}

/* Whole passes hear of it at their end at the latest. */
static void all_stop_after_the_same_step(void **state)
{
    (void)state;
    for (size_t c = 0; c < 6; c++) {
        size_t at = c / 2;
        bool whole = c % 2;
        struct rank_trial trial;
        struct error ends[RANKS];
        run_faulty(ends, &trial, 3, STOP, at, whole);
        for (size_t r = 0; r < 3; r++) {
            assert_int_equal(ends[r].status, OK);
            assert_int_equal(train_end_get(trial.ranks[r].run.train), TRAIN_INTERRUPTED);
            assert_int_equal(trial.ranks[r].steps, trial.ranks[at].steps);
            assert_int_equal(train_state_get(trial.ranks[r].run.train)->epoch, 0);
        }
        assert_in_range(trial.ranks[at].steps, 1, whole ? 3 : 2);
        rank_trial_close(&trial, 3);
    }
}

/* Far from its end, too: an epoch of sixty steps. */
static void a_whole_pass_stops_on_its_way(void **state)
{
    (void)state;
    char many[1024], data[1024 + 8];
    snprintf(many, sizeof many, "%s", test_path(folder, "many"));
    snprintf(data, sizeof data, "%s/data", many);
    small_run_photos(many);
    for (uint32_t i = 0; i < 112; i++) {
        char name[64];
        snprintf(name, sizeof name, "data/train/%s/more%u.bmp", i % 2 ? "ants" : "bees", i);
        small_run_photo(many, name, 200 + i);
    }
    static const enum rank_fault faults[] = {STOP, SAVE_FAILS};
    struct rank_trial trial = {
        .options = rank_trial_options((struct recipe_options){.micro_batch = 1}, head), .at = 1, .data = data};
    trial.options.usable = 120;
    trial.options.loader.batch = 2;
    trial.options.cache = (struct cache_options){.mode = CACHE_RAM, .limit = 1 << 30};
    for (size_t f = 0; f < 2; f++) {
        struct error ends[RANKS];
        trial.fault = faults[f];
        trial.save_always = faults[f] == SAVE_FAILS;
        rank_trial_run(ends, &trial, 2);
        for (size_t r = 0; r < 2; r++) {
            assert_int_equal(ends[r].status, faults[f] == STOP ? OK : ERR_IO);
            assert_in_range(trial.ranks[r].steps, 1, 20);
        }
        if (faults[f] == STOP)
            assert_int_equal(trial.ranks[0].steps, trial.ranks[1].steps);
        rank_trial_close(&trial, 2);
    }
}

/* The fourth has nothing to do with three pieces. */
static void a_rank_needs_a_piece(void **state)
{
    (void)state;
    struct rank_trial trial;
    struct error ends[RANKS];
    run_faulty(ends, &trial, 4, NO_FAULT, NOBODY, false);
    for (size_t r = 0; r < 4; r++) {
        assert_int_equal(ends[r].status, ERR_USAGE);
        assert_non_null(strstr(ends[r].text, "4 processes"));
        assert_non_null(strstr(ends[r].text, "at most 3"));
    }
    rank_trial_close(&trial, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_hear_of_what_one_fails_at), cmocka_unit_test(ranks_that_differ_end_the_run),
        cmocka_unit_test(all_stop_after_the_same_step),  cmocka_unit_test(a_whole_pass_stops_on_its_way),
        cmocka_unit_test(a_rank_needs_a_piece),
    };
    return cmocka_run_group_tests(tests, rank_trial_setup, folder_teardown);
}
