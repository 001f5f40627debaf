/* What --resume reads besides the weights and the state (test_checkpoint): config.json, result.json, metrics.csv,
 * log.jsonl. tests/fuzz/fuzz_resume.c holds the same rules against any bytes. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/run/record_metrics.h"
#include "cli/run/record_result.h"
#include "cli/run/train_options.h"
#include "cli/shell/growing_file.h"
#include "core/base/memory.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* ---- config.json ------------------------------------------------------------------------------------------------- */

static enum status resume(struct resumed *out, const struct command *command, const char *config, size_t size,
                          struct error *err)
{
    char option[300];
    const char *const argv[] = {option};
    struct arguments given;
    snprintf(option, sizeof option, "--resume=%s", folder);
    test_write(test_path(folder, "config.json"), config, size);
    assert_int_equal(arguments_parse(&given, command, 1, argv, err), OK);
    enum status status = train_options_resume(out, &given, err);
    arguments_free(&given);
    return status;
}

static void recorded_options_come_back(void **state)
{
    (void)state;
    static const char config[] = "{\"options\": {\"lr\": \"find\", \"epochs\": 7, \"seed\": 9000000000000000, "
                                 "\"freeze-until\": 6, \"nesterov\": true, \"new-head\": false, \"classes\": null, "
                                 "\"unfreeze-at\": [\"2:5\", \"4:4\"], \"momentum\": 0.5, \"optimizer\": \"sgd\"}}\n";
    struct resumed resumed;
    struct error err = {0};
    if (resume(&resumed, &cmd_train, config, strlen(config), &err) != OK)
        fail_msg("%s", err.text);
    const struct train_values *values = resumed.arguments.values;
    assert_true(values->lr == LR_FIND && values->epochs == 7 && values->seed == 9000000000000000 && values->nesterov);
    assert_true(!values->new_head && !values->classes && values->unfreeze_at.count == 2 && values->momentum == 0.5);
    assert_string_equal(values->freeze_until, "6");
    resumed_free(&resumed);
}

/* Each was accepted, as something that no run had recorded, or with the wrong text as its reason. */
static void what_no_run_has_recorded_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"options\": {\"help\": true, \"epochs\": 7}}", "option 'help' is unknown"},
        {"{\"options\": {\"\": true}}", "option '' is unknown"},
        {"{\"options\": {\"data=x\": \"y\"}}", "option 'data=x' is unknown"},
        {"{\"options\": {\"a\\nb\": 1}}", "option 'a\\nb' is unknown"},
        {"{\"options\": {\"data\": true, \"epochs\": 7}}", "'data' has a value of the wrong type"},
        {"{\"options\": {\"epochs\": \"7\"}}", "'epochs' has a value of the wrong type"},
        {"{\"options\": {\"epochs\": null}}", "'epochs' has a value of the wrong type"},
        {"{\"options\": {\"nesterov\": 1}}", "'nesterov' has a value of the wrong type"},
        {"{\"options\": {\"unfreeze-at\": [\"2:5\", 7]}}", "'unfreeze-at' has a value of the wrong type"},
        {"{\"options\": {\"unfreeze-at\": \"2:5\"}}", "'unfreeze-at' has a value of the wrong type"},
        {"{\"options\": {\"lr\": {}}}", "'lr' has a value of the wrong type"},
        {"{\"options\": {\"epochs\": 1e400}}", "--epochs inf"},
        {"{\"options\": {\"epochs\": 1e300}}", "--epochs 1e+300"},
        {"{\"options\": {\"epochs\": -1}}", "--epochs -1"},
        {"{\"options\": {\"epochs\": 1.5}}", "--epochs 1.5"},
        {"{\"options\": {\"seed\": 9223372036854775808}}", "--seed 9.223372036854776e+18"},
        {"{\"options\": {\"lr\": nan}}", "is not the config.json"},
        {"{\"options\": {\"epochs\": 7}} {}", "is not the config.json"},
        {"{\"options\": {\"data\": \"a\\u0000b\"}}", "is not the config.json"},
        {"{\"options\": {\"data\": \"a\xff\"}}", "is not the config.json"},
        {"{\"options\": {\"epochs\": 7}", "is not the config.json"},
        {"{\"options\": [7]}", "is not the config.json"},
        {"", "is not the config.json"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct resumed resumed;
        struct error err = {0};
        if (resume(&resumed, &cmd_train, wrong[i][0], strlen(wrong[i][0]), &err) != ERR_DATA)
            fail_msg("%s: not refused: %s", wrong[i][0], err.text);
        if (!strstr(err.text, wrong[i][1]) || strncmp(err.text, folder, strlen(folder)) != 0)
            fail_msg("%s: %s", wrong[i][0], err.text);
    }
}

static void a_zero_byte_ends_no_config(void **state)
{
    (void)state;
    static const char config[] = "{\"options\": {\"epochs\": 7}}\0{\"options\": {\"epochs\": 9}}";
    struct resumed resumed;
    struct error err = {0};
    assert_int_equal(resume(&resumed, &cmd_train, config, sizeof config - 1, &err), ERR_DATA);
}

/* ---- result.json ------------------------------------------------------------------------------------------------- */

static void a_result_out_of_its_ranges_is_refused(void **state)
{
    (void)state;
    static const char good[] =
        "{\"diverged\": false, \"freeze_until\": 6, \"lr\": 0.01, \"train_photos\": 8, \"epochs\": 2, \"best_epoch\": 2, "
        "\"val_photos\": 4, \"val_right\": 3, \"val_loss\": 0.5, \"val_macro_f1\": 1, \"trained_parameters\": 9, "
        "\"seconds_per_epoch\": 0.1, \"memory\": 7}";
    static const char *const changes[][2] = {
        {"\"epochs\": 2", "\"epochs\": 2.5"},
        {"\"best_epoch\": 2", "\"best_epoch\": 3"},
        {"\"freeze_until\": 6", "\"freeze_until\": 6.5"},
        {"\"val_right\": 3", "\"val_right\": 5"},
        {"\"val_right\": 3", "\"val_right\": -1"},
        {"\"memory\": 7", "\"memory\": 1e400"},
        {"\"memory\": 7", "\"memory\": 1e19"},
        {"\"val_loss\": 0.5", "\"val_loss\": null"},
        {"\"val_macro_f1\": 1", "\"val_macro_f1\": 1.1"},
        {"\"lr\": 0.01", "\"lr\": -0.01"},
        {"\"memory\": 7}", "\"memory\": 7} 7"},
        {"\"memory\": 7}", "\"memory\": 7, \"state\": \"a\\u0000b\"}"},
        {"\"memory\": 7}", "\"memory\": 7, \"state\": \"\xff\"}"},
    };
    struct record_result result;
    struct error err = {0};
    bool there;
    char text[1024];
    test_write(test_path(folder, "result.json"), good, strlen(good));
    assert_int_equal(record_result_read(&result, &there, NULL, folder, &err), OK);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        const char *at = strstr(good, changes[i][0]);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - good), good, changes[i][1], at + strlen(changes[i][0]));
        test_write(test_path(folder, "result.json"), text, strlen(text));
        if (record_result_read(&result, &there, NULL, folder, &err) != ERR_DATA)
            fail_msg("accepted: %s", text);
    }
}

/* ---- metrics.csv and log.jsonl ----------------------------------------------------------------------------------- */

static void a_row_of_metrics_is_read_or_refused(void **state)
{
    (void)state;
    struct metrics_row row;
    assert_true(record_metrics_row(&row, "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4\n9,9"));
    assert_true(row.epoch == 2 && row.lr == 0.01 && row.train_loss == 0.5 && row.train_accuracy == 0.75);
    assert_true(row.val_loss == 0.6 && row.val_accuracy == 0.7 && row.val_top5 == 1 && row.macro_f1 == 0.65);
    assert_true(row.photos == 8 && row.left_out == 1 && row.best && row.seconds == 0.25);
    assert_true(row.missed == 3 && row.val_missed == 4);
    assert_true(record_metrics_row(&row, "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,0,0.25")); /* of an earlier version */
    assert_true(row.missed == 0 && row.val_missed == 0 && !row.best);
    static const char *const wrong[] = {
        "epoch,lr,train_loss,train_accuracy,val_loss,val_accuracy,val_top5,val_macro_f1,photos,left_out,best,seconds",
        "0,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4",
        "2.5,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4",
        "1e300,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4",
        "-1,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,-0.25,3,4",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,nan,3,4",
        "2,0.01,0.5,0.75,0.6,0.7,1,1.5,8,1,1,0.25,3,4",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,1e400,3,4",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4,5",
        "2,0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,\n0.25",
        "2, 0.01,0.5,0.75,0.6,0.7,1,0.65,8,1,1,0.25,3,4",
        "",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (record_metrics_row(&row, wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
}

static void a_growing_file_is_cut_behind_its_lines(void **state)
{
    (void)state;
    static const char text[] = "one\ntwo\nthree\nfo";
    const size_t lengths[] = {0, 4, 8, 14};
    struct error err = {0};
    FILE *stream;
    size_t size;
    for (size_t lines = 0; lines < 4; lines++) {
        test_write(test_path(folder, "log.jsonl"), text, strlen(text));
        assert_int_equal(growing_file_open(&stream, folder, "log.jsonl", lines, &err), OK);
        assert_true(growing_file_begins_with(stream, "one\n") == (lines > 0));
        fputs("new\n", stream);
        assert_int_equal(growing_file_sync(stream, folder, "log.jsonl", &err), OK);
        fclose(stream);
        uint8_t *now = test_read(test_path(folder, "log.jsonl"), &size);
        assert_int_equal(size, lengths[lines] + 4);
        assert_memory_equal(now, text, lengths[lines]);
        assert_memory_equal(now + lengths[lines], "new\n", 4);
        memory_free(now);
    }
    /* The fourth line has no end: the file is as it was. */
    test_write(test_path(folder, "log.jsonl"), text, strlen(text));
    assert_int_equal(growing_file_open(&stream, folder, "log.jsonl", 4, &err), ERR_DATA);
    memory_free(test_read(test_path(folder, "log.jsonl"), &size));
    assert_int_equal(size, strlen(text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_options_come_back),          cmocka_unit_test(what_no_run_has_recorded_is_refused),
        cmocka_unit_test(a_zero_byte_ends_no_config),          cmocka_unit_test(a_result_out_of_its_ranges_is_refused),
        cmocka_unit_test(a_row_of_metrics_is_read_or_refused), cmocka_unit_test(a_growing_file_is_cut_behind_its_lines),
    };
    return cmocka_run_group_tests_name("resume_files", tests, folder_setup, folder_teardown);
}
