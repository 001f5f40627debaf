#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/run/lr_search.h"
#include "cli/run/record_result.h"
#include "cli/run/shell_command.h"
#include "cli/run/sweep_plan.h"
#include "core/base/memory.h"
#include "models/resnet.h"
#include "tests/support/test_files.h"

/* ---- lists ------------------------------------------------------------------------------------------------------- */

static void points_are(const struct net *net, const char *text, const char *expected)
{
    int points[NET_CHILDREN];
    size_t count;
    struct error err = {0};
    char found[256] = "";
    if (sweep_points(points, &count, text, net, &err) != OK)
        fail_msg("%s: %s", text, err.text);
    for (size_t i = 0; i < count; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%d ", points[i]);
    assert_string_equal(found, expected);
}

static void points_are_refused(const struct net *net, const char *text, const char *reason)
{
    int points[NET_CHILDREN];
    size_t count;
    struct error err = {0};
    assert_int_equal(sweep_points(points, &count, text, net, &err), ERR_USAGE);
    if (!strstr(err.text, reason))
        fail_msg("%s: %s", text, err.text);
}

static void points_of_one_training_are_one(void **state)
{
    (void)state;
    struct net *net;
    struct error err;
    int points[NET_CHILDREN] = {0, 1, 2, 3, 4, 5, 6, 8, 9};
    char same[NET_CHILDREN][SERIES_SAME];
    size_t count = 9;
    assert_int_equal(resnet_create(&net, "resnet18", 2, &err), OK);
    sweep_distinct(points, &count, same, net);
    static const int kept[] = {0, 1, 2, 5, 6, 8};
    static const char *const others[] = {"", "", "3 4", "", "", "9"};
    assert_int_equal(count, 6);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(points[i], kept[i]);
        assert_string_equal(same[i], others[i]);
    }
    net_destroy(net);
}

static void freeze_points_are_numbers_names_and_ranges(void **state)
{
    (void)state;
    struct net *net;
    struct error err;
    assert_int_equal(resnet_create(&net, "resnet18", 2, &err), OK);
    points_are(net, "4..9", "4 5 6 7 8 9 ");
    points_are(net, "9,6,8", "6 8 9 ");
    points_are(net, "layer4,4..5,5,0", "0 4 5 8 ");
    points_are(net, "layer1..layer3", "5 6 7 ");
    points_are_refused(net, "9..4", "from the smaller to the larger");
    points_are_refused(net, "4..10", "leaves nothing to train");
    points_are_refused(net, "4,,5", "commas between");
    points_are_refused(net, "4,", "commas between");
    points_are_refused(net, "", "commas between");
    points_are_refused(net, "4..", "--freeze-until");
    points_are_refused(net, "..4", "--freeze-until");
    points_are_refused(net, "4...6", "--freeze-until");
    points_are_refused(net, "layer9", "not a child");
    net_destroy(net);
}

static void rates_are_refused(const char *text)
{
    double rates[SWEEP_RATES_MOST];
    size_t count;
    struct error err = {0};
    assert_int_equal(sweep_rates(rates, &count, text, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "--lr"));
}

static void rates_keep_their_order(void **state)
{
    (void)state;
    double rates[SWEEP_RATES_MOST];
    size_t count;
    struct error err;
    char name[SWEEP_NAME], many[512] = "1";
    assert_int_equal(sweep_rates(rates, &count, "1e-2,find,0.01,3e-4", &err), OK);
    assert_int_equal(count, 3);
    assert_true(rates[0] == 0.01 && rates[1] == LR_FIND && rates[2] == 3e-4);
    sweep_name(name, 6, rates[0], false, 0);
    assert_string_equal(name, "6-0.01");
    sweep_name(name, 9, rates[1], false, 0);
    assert_string_equal(name, "9-find");
    rates_are_refused("0.1,");
    rates_are_refused("0");
    rates_are_refused("-1");
    rates_are_refused("nan");
    rates_are_refused("0.1;0.2");
    rates_are_refused("1e7");
    for (int i = 2; i <= SWEEP_RATES_MOST; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), ",%d", i);
    assert_int_equal(sweep_rates(rates, &count, many, &err), OK);
    assert_int_equal(count, SWEEP_RATES_MOST);
    strcat(many, ",0.5");
    rates_are_refused(many);
}

/* ---- the choice -------------------------------------------------------------------------------------------------- */

static struct series_run done(size_t right, size_t parameters, double loss)
{
    return (struct series_run){.state = SERIES_DONE,
                               .result = {.photos = 400, .right = right, .parameters = parameters, .loss = loss}};
}

static void the_cheapest_within_one_standard_error_is_chosen(void **state)
{
    (void)state;
    /* 360 of 400: 90 %, one standard error is 1.5 %: 354 is good enough, 353 is not (Wilson, z = 1: 0.88395). */
    struct series_run runs[] = {done(360, 900, 1), done(359, 800, 1), done(354, 300, 1), done(353, 100, 1)};
    struct series series = {.runs = runs, .count = 4};
    assert_ptr_equal(sweep_best(&series), &runs[0]);
    assert_ptr_equal(sweep_recommended(&series), &runs[2]);
    runs[3].result.right = 354; /* equally good and cheaper */
    assert_ptr_equal(sweep_recommended(&series), &runs[3]);
    runs[3].state = SERIES_STOPPED;
    assert_ptr_equal(sweep_recommended(&series), &runs[2]);
    runs[2].state = SERIES_DIVERGED;
    assert_ptr_equal(sweep_recommended(&series), &runs[1]);
    runs[0].state = runs[1].state = SERIES_MISSING;
    assert_null(sweep_best(&series));
    assert_null(sweep_recommended(&series));
}

static void ties_go_to_accuracy_then_loss_then_the_first(void **state)
{
    (void)state;
    struct series_run runs[] = {done(360, 100, 0.5), done(361, 100, 0.9), done(361, 100, 0.8), done(361, 100, 0.8)};
    struct series series = {.runs = runs, .count = 4};
    assert_ptr_equal(sweep_best(&series), &runs[2]);
    assert_ptr_equal(sweep_recommended(&series), &runs[2]);
    /* All right: one photo less is just below 400 / 401. */
    runs[0].result.right = 399;
    runs[0].result.parameters = 99;
    runs[1].result.right = 400;
    assert_ptr_equal(sweep_best(&series), &runs[1]);
    assert_ptr_equal(sweep_recommended(&series), &runs[1]);
}

static void limits_are_numbers_and_all(void **state)
{
    (void)state;
    long long limits[SWEEP_LIMITS_MOST];
    size_t count;
    struct error err = {0};
    char name[SWEEP_NAME];
    assert_int_equal(sweep_limits(limits, &count, "40,all,10,40,20", &err), OK);
    static const long long expected[] = {10, 20, 40, 0};
    assert_int_equal(count, 4);
    assert_memory_equal(limits, expected, sizeof expected);
    assert_int_equal(sweep_limits(limits, &count, NULL, &err), OK);
    assert_true(count == 1 && limits[0] == 0);
    static const char *const wrong[] = {"0", "-1", "1.5", "10,", "ten", "4294967296", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(sweep_limits(limits, &count, wrong[i], &err), ERR_USAGE);
    sweep_name(name, 6, 0.001, true, 20);
    assert_string_equal(name, "6-0.001-20");
    sweep_name(name, 6, LR_FIND, true, 0);
    assert_string_equal(name, "6-find-all");
}

/* A run on few photos is no choice, however good it looks. */
static void only_runs_on_most_photos_are_compared(void **state)
{
    (void)state;
    struct series_run runs[] = {done(400, 1, 0.1), done(360, 900, 1), done(359, 100, 1)};
    struct series series = {.runs = runs, .count = 3};
    runs[0].values.limit = 10;
    runs[1].values.limit = runs[2].values.limit = 40;
    assert_ptr_equal(sweep_best(&series), &runs[1]);
    assert_ptr_equal(sweep_recommended(&series), &runs[2]);
    runs[1].values.limit = 0; /* all */
    assert_ptr_equal(sweep_recommended(&series), &runs[1]);
    runs[1].state = SERIES_MISSING;
    assert_ptr_equal(sweep_best(&series), &runs[2]);
}

/* ---- the command ------------------------------------------------------------------------------------------------- */

static char *quoted(const char *text)
{
    static char out[256];
    FILE *stream = fmemopen(out, sizeof out, "w");
    shell_quote(stream, text);
    fclose(stream);
    return out;
}

static void words_are_quoted_when_they_must(void **state)
{
    (void)state;
    assert_string_equal(quoted("/data/my-photos_2.0"), "/data/my-photos_2.0");
    assert_string_equal(quoted(""), "''");
    assert_string_equal(quoted("two words"), "'two words'");
    assert_string_equal(quoted("it's"), "'it'\\''s'");
    assert_string_equal(quoted("$HOME`x`*\n"), "'$HOME`x`*\n'");
    assert_string_equal(quoted("~/x"), "'~/x'");
}

static void command_is(int argc, const char *const *argv, const char *expected)
{
    struct arguments args;
    struct error err = {0};
    char out[512];
    if (arguments_parse(&args, &cmd_train, argc, argv, &err) != OK)
        fail_msg("%s", err.text);
    train_values_complete(&args);
    FILE *stream = fmemopen(out, sizeof out, "w");
    assert_int_equal(shell_command_train(stream, args.values, &err), OK);
    fclose(stream);
    assert_string_equal(out, expected);
    arguments_free(&args);
}

static void the_command_holds_what_differs_from_the_defaults(void **state)
{
    (void)state;
    const char *const none[] = {"--freeze-until", "6", "--epochs=10", "--out", "here", "--threads", "2", "--quiet"};
    command_is(8, none, "freezetune train");
    const char *const adam[] = {"--optimizer", "adamw"};
    command_is(2, adam, "freezetune train --optimizer adamw");
    const char *const named[] = {"--lr=3e-3"}; /* the default, but the last layer learns no faster */
    command_is(1, named, "freezetune train --head-lr-mult 1");
    const char *const both[] = {"--optimizer", "adam", "--lr", "0.003", "--head-lr-mult", "3"};
    command_is(6, both, "freezetune train --lr 0.003 --optimizer adam --head-lr-mult 3");
    const char *const some[] = {"--data",      "my photos", "--lr",       "0.012",          "--nesterov",
                                "--augment",   "flip",      "--epochs=3", "--seed",         "7",
                                "--val-split", "0.25",      "--json",     "--freeze-until", "layer3"};
    command_is(15, some,
               "freezetune train --data 'my photos' --freeze-until layer3 --epochs 3 --lr 0.012 --nesterov --seed 7 "
               "--augment flip --val-split 0.25");
    const char *const views[] = {"--augment", "none", "--views", "0", "--cache", "off"};
    command_is(6, views, "freezetune train --augment none --views 0");
    const char *const list[] = {"--unfreeze-at", "2:6", "--unfreeze-at=3:0"};
    command_is(3, list, "freezetune train --unfreeze-at 2:6 --unfreeze-at 3:0");
    const char *const find[] = {"--lr", "find", "--folds", "5"};
    command_is(4, find, "freezetune train --lr find --folds 5");
}

/* ---- files ------------------------------------------------------------------------------------------------------- */

static void a_result_reads_back(void **state)
{
    (void)state;
    char folder[256];
    struct error err = {0};
    bool there = true;
    char *state_text;
    struct record_result back;
    const struct record_result result = {.freeze_until = 6,
                                         .lr = 0.1 + 0.2,
                                         .train_photos = 244,
                                         .epochs = 10,
                                         .best_epoch = 4,
                                         .photos = 153,
                                         .right = 146,
                                         .loss = 1.0 / 3,
                                         .macro_f1 = 2.0 / 3,
                                         .parameters = 24112104,
                                         .seconds = 12.345,
                                         .memory = 653000000};
    test_folder_make(folder);
    assert_int_equal(record_result_read(&back, &there, &state_text, test_path(folder, "nowhere"), &err), OK);
    assert_false(there);
    assert_null(state_text);
    assert_int_equal(record_result_write(folder, &result, NULL, &err), OK);
    assert_int_equal(record_result_read(&back, &there, &state_text, folder, &err), OK);
    assert_null(state_text);
    assert_int_equal(record_result_write(folder, &result, "{\"epoch\":10,\"reason\":\"\\\"\"}", &err), OK);
    assert_int_equal(record_result_read(&back, &there, &state_text, folder, &err), OK);
    assert_string_equal(state_text, "{\"epoch\":10,\"reason\":\"\\\"\"}");
    memory_free(state_text);
    assert_true(there);
    assert_false(back.diverged);
    assert_int_equal(back.freeze_until, 6);
    assert_int_equal(back.train_photos, 244);
    assert_true(back.epochs == 10 && back.best_epoch == 4 && back.photos == 153 && back.right == 146);
    assert_true(back.lr == result.lr && back.loss == result.loss && back.macro_f1 == result.macro_f1);
    assert_true(back.parameters == 24112104 && back.seconds == 12.345 && back.memory == 653000000);
    assert_true(record_result_accuracy(&back) == 146.0 / 153);

    static const char *const wrong[] = {"{}", "", "[1]", "{\"diverged\": false, \"freeze_until\": 6}"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        test_write(test_path(folder, "result.json"), wrong[i], strlen(wrong[i]));
        assert_int_equal(record_result_read(&back, &there, NULL, folder, &err), ERR_DATA);
        assert_non_null(strstr(err.text, "is not the result of a run"));
    }
    test_folder_remove(folder);
}

static void the_range_test_is_drawn(void **state)
{
    (void)state;
    struct lr_search search = {.lr = 0.01};
    char *text;
    size_t size, lines = 0;
    for (int k = 0; k < 40; k++)
        lr_find_add(&search.find, 1e-3 * (k + 1), k < 30 ? 3 - 0.1 * k : 5);
    FILE *out = open_memstream(&text, &size);
    lr_search_plot(out, &search, 60);
    fclose(out);
    assert_non_null(strstr(text, "lr      0.01: a tenth of "));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++)
        assert_true(lines == 13 || strlen(line) <= 60);
    assert_int_equal(lines, 14);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_of_one_training_are_one),
        cmocka_unit_test(freeze_points_are_numbers_names_and_ranges),
        cmocka_unit_test(rates_keep_their_order),
        cmocka_unit_test(the_cheapest_within_one_standard_error_is_chosen),
        cmocka_unit_test(ties_go_to_accuracy_then_loss_then_the_first),
        cmocka_unit_test(limits_are_numbers_and_all),
        cmocka_unit_test(only_runs_on_most_photos_are_compared),
        cmocka_unit_test(words_are_quoted_when_they_must),
        cmocka_unit_test(the_command_holds_what_differs_from_the_defaults),
        cmocka_unit_test(a_result_reads_back),
        cmocka_unit_test(the_range_test_is_drawn),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
