#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/shell/help.h"
#include "cli/shell/options.h"

struct values {
    bool nesterov;
    long long epochs;
    double lr;
    const char *data;
    int schedule;
    long long memory;
    struct option_list stages;
};

enum { STEP = 1, COSINE = 2 };

static const char *const schedules[] = {"constant", "step", "cosine", NULL};

static const struct option rows[] = {
    OPTION_ROW("Common", OPTION_STRING, "data", struct values, data, .placeholder = "DIR", .shown = "./data",
               .help = "the folder of photos"),
    OPTION_ROW("Common", OPTION_INT, "epochs", struct values, epochs, .placeholder = "N", .initial = "4", .low = 1,
               .high = 10000, .help = "passes over the photos"),
    OPTION_ROW("Common", OPTION_FLOAT, "lr", struct values, lr, .placeholder = "X", .initial = "0.001", .high = 1e3,
               .help = "learning rate"),
    OPTION_ROW("More", OPTION_CHOICE, "schedule", struct values, schedule, .choices = schedules, .initial = "cosine",
               .help = "how the rate changes"),
    OPTION_ROW("More", OPTION_FLAG, "nesterov", struct values, nesterov, .help = "look ahead"),
    OPTION_ROW("More", OPTION_SIZE, "memory", struct values, memory, .placeholder = "SIZE", .initial = "1G",
               .high = 1e18, .help = "at most"),
    OPTION_ROW("More", OPTION_LIST, "stage", struct values, stages, .placeholder = "EPOCH:N", .help = "one of several"),
};

static const struct command command = {
    .name = "fit",
    .summary = "fits",
    .usage = "[options] FILE...",
    .options = rows,
    .option_count = sizeof rows / sizeof *rows,
    .values_size = sizeof(struct values),
    .operands_least = 0,
    .operands_most = 2,
};

/* The same options but for memory; lr may be a word, depth is new. */
struct more_values {
    struct values values;
    long long depth;
};

static const char *const words[] = {"find", "ask", NULL};

static const struct option more_rows[] = {
    OPTION_ROW("Common", OPTION_INT, "depth", struct more_values, depth, .placeholder = "N", .initial = "2", .low = 1,
               .high = 9, .help = "how deep"),
    {"Common", "lr", "X", OPTION_FLOAT, offsetof(struct more_values, values.lr), "find", NULL, 0, 1, words, "a rate"},
    {.name = "memory"},
};

static const struct command more_command = {
    .name = "more",
    .summary = "fits more",
    .usage = "[options]",
    .options = more_rows,
    .option_count = sizeof more_rows / sizeof *more_rows,
    .like = &command,
    .values_size = sizeof(struct more_values),
};

enum { WORDS_MOST = 48 };

/* Parses the words of `line`, cut at blanks; "''" is an empty word. */
static enum status parse_for(struct arguments *out, const struct command *for_command, const char *line,
                             struct error *err)
{
    static char copy[512];
    const char *argv[WORDS_MOST];
    int argc = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = strcmp(word, "''") == 0 ? "" : word;
    *err = (struct error){.status = OK};
    return arguments_parse(out, for_command, argc, argv, err);
}

static enum status parse(struct arguments *out, const char *line, struct error *err)
{
    return parse_for(out, &command, line, err);
}

static struct values parsed(const char *line)
{
    struct arguments args;
    struct error err;
    enum status status = parse(&args, line, &err);
    if (status != OK)
        fail_msg("'%s': %s", line, err.text);
    struct values values = *(struct values *)args.values;
    arguments_free(&args);
    return values;
}

static void refused(const char *line, const char *text)
{
    struct arguments args;
    struct error err;
    enum status status = parse(&args, line, &err);
    arguments_free(&args);
    assert_int_equal(status, ERR_USAGE);
    assert_string_equal(err.text, text);
}

static void defaults_come_from_the_table(void **state)
{
    (void)state;
    struct values v = parsed("");
    assert_false(v.nesterov);
    assert_int_equal(v.epochs, 4);
    assert_true(v.lr == 0.001);
    assert_null(v.data);
    assert_int_equal(v.schedule, COSINE);
    assert_int_equal(v.memory, 1LL << 30);
}

static void both_spellings_and_the_last_one_wins(void **state)
{
    (void)state;
    struct values v = parsed("--epochs=7 --lr 1e-2 --schedule step --nesterov --memory=800M --data=a=b");
    assert_true(v.nesterov);
    assert_int_equal(v.epochs, 7);
    assert_true(v.lr == 0.01);
    assert_string_equal(v.data, "a=b");
    assert_int_equal(v.schedule, STEP);
    assert_int_equal(v.memory, 800LL << 20);
    assert_int_equal(parsed("--epochs 1 --epochs=2 --epochs 3").epochs, 3);
    assert_string_equal(parsed("--data --lr").data, "--lr"); /* as GNU does it */
}

static void a_list_keeps_every_text(void **state)
{
    (void)state;
    char line[512] = "";
    struct arguments args;
    struct error err;
    assert_int_equal(parsed("").stages.count, 0);
    assert_int_equal(parse(&args, "--stage 3:4 --lr 1 --stage=3:4 --stage b", &err), OK);
    const struct values *v = args.values;
    assert_int_equal(v->stages.count, 3);
    assert_string_equal(v->stages.texts[0], "3:4");
    assert_string_equal(v->stages.texts[1], "3:4");
    assert_string_equal(v->stages.texts[2], "b");
    arguments_free(&args);
    refused("--stage ''", "--stage: the EPOCH:N is empty");
    refused("--stage a --stage", "--stage needs a value");
    for (int i = 0; i < OPTION_LIST_MOST; i++)
        strcat(line, "--stage=x ");
    assert_int_equal(parsed(line).stages.count, OPTION_LIST_MOST);
    strcat(line, "--stage=y");
    refused(line, "--stage y: given more than 16 times");
}

static void operands_are_kept_in_order(void **state)
{
    (void)state;
    struct arguments args;
    struct error err;
    assert_int_equal(parse(&args, "- --epochs 2 -- --lr", &err), OK);
    assert_int_equal(args.operand_count, 2);
    assert_string_equal(args.operands[0], "-");
    assert_string_equal(args.operands[1], "--lr");
    assert_true(arguments_given(&args, "epochs"));
    assert_false(arguments_given(&args, "lr"));
    arguments_free(&args);
    refused("a b c", "c: one argument too many; usage: freezetune fit [options] FILE...");
    refused("a ''", "an argument is empty");
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refused("--epochs 12abc", "--epochs 12abc: not a whole number");
    refused("--epochs 1.5", "--epochs 1.5: not a whole number");
    refused("--epochs 0", "--epochs 0: must be from 1 to 10000");
    refused("--epochs 99999999999999999999", "--epochs 99999999999999999999: must be from 1 to 10000");
    refused("--epochs -99999999999999999999", "--epochs -99999999999999999999: must be from 1 to 10000");
    refused("--epochs 99999999999999999999x", "--epochs 99999999999999999999x: not a whole number");
    refused("--epochs=", "--epochs : not a whole number");
    refused("--epochs", "--epochs needs a value");
    refused("--lr abc", "--lr abc: not a number");
    refused("--lr nan", "--lr nan: not a number");
    refused("--lr inf", "--lr inf: not a number");
    refused("--lr -1", "--lr -1: must be from 0 to 1000");
    refused("--data ''", "--data: the DIR is empty");
    refused("--schedule fast", "--schedule fast: must be constant, step or cosine");
    refused("--schedule Step", "--schedule Step: must be constant, step or cosine");
    refused("--nesterov=yes", "--nesterov takes no value");
    refused("--memory 1X", "--memory 1X: not a size; write 800M or 2G");
    refused("--memory G", "--memory G: not a size; write 800M or 2G");
    refused("--memory 9999999999T", "--memory 9999999999T: must be from 0 to 1000000000000000000");
}

static void unknown_options_are_answered_with_the_nearest(void **state)
{
    (void)state;
    refused("--epoch 3", "unknown option --epoch: did you mean --epochs?");
    refused("--epohcs=3", "unknown option --epohcs: did you mean --epochs?");
    refused("--sched step", "unknown option --sched: did you mean --schedule?"); /* never completed */
    refused("--sch step", "unknown option --sch: did you mean --schedule?"); /* far, but the beginning of its name */
    refused("--zepochs 3", "unknown option --zepochs: did you mean --epochs?");
    refused("--hepl", "unknown option --hepl: did you mean --help?");
    refused("--zzz", "unknown option --zzz: see freezetune fit --help");
    refused("-e", "unknown option -e: see freezetune fit --help");
    refused("--=3", "unknown option --: see freezetune fit --help");
    refused("---", "unknown option ---: see freezetune fit --help");
}

static void help_wins_over_mistakes(void **state)
{
    (void)state;
    struct arguments args;
    struct error err;
    assert_int_equal(parse(&args, "--lr abc --help", &err), OK);
    assert_true(args.help);
    arguments_free(&args);
    assert_int_equal(parse(&args, "-- --help", &err), OK);
    assert_false(args.help);
    arguments_free(&args);
}

static void help_shows_groups_defaults_and_keeps_the_width(void **state)
{
    (void)state;
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    command_help(out, &command, 60);
    fclose(out);
    assert_non_null(strstr(text, "usage: freezetune fit [options] FILE...\n"));
    assert_non_null(strstr(text, "\nCommon:\n  --data DIR"));
    assert_non_null(strstr(text, "the folder of photos (default:\n                          ./data)\n"));
    assert_non_null(strstr(text, "\nMore:\n  --schedule constant|step|cosine\n                          how the rate"));
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        assert_true(strlen(line) <= 60);
    free(text);
}

static void a_command_may_be_like_another(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "epochs", "lr", "depth", "schedule", "nesterov", "stage"};
    struct arguments args;
    struct error err;
    assert_int_equal(command_option_count(&command), 7);
    assert_int_equal(command_option_count(&more_command), 7);
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(command_option(&more_command, i)->name, names[i]);

    assert_int_equal(parse_for(&args, &more_command, "--depth 3 --epochs 5 --nesterov", &err), OK);
    const struct more_values *v = args.values;
    assert_true(v->values.nesterov && v->values.epochs == 5 && v->depth == 3);
    assert_true(v->values.lr == OPTION_WORD(0));
    assert_int_equal(v->values.schedule, COSINE);
    assert_int_equal(v->values.memory, 0);
    assert_true(arguments_given(&args, "depth") && arguments_given(&args, "epochs"));
    assert_false(arguments_given(&args, "lr") || arguments_given(&args, "data") || arguments_given(&args, "memory"));
    arguments_free(&args);

    assert_int_equal(parse_for(&args, &more_command, "--lr 0.5 --lr ask", &err), OK);
    assert_true(((const struct more_values *)args.values)->values.lr == OPTION_WORD(1));
    arguments_free(&args);
    assert_int_equal(parse_for(&args, &more_command, "--memory 1G", &err), ERR_USAGE);
    assert_string_equal(err.text, "unknown option --memory: see freezetune more --help");
    arguments_free(&args);
    assert_int_equal(parse_for(&args, &more_command, "--lr fin", &err), ERR_USAGE);
    assert_string_equal(err.text, "--lr fin: not a number");
    arguments_free(&args);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_may_be_like_another),
        cmocka_unit_test(defaults_come_from_the_table),
        cmocka_unit_test(both_spellings_and_the_last_one_wins),
        cmocka_unit_test(a_list_keeps_every_text),
        cmocka_unit_test(operands_are_kept_in_order),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(unknown_options_are_answered_with_the_nearest),
        cmocka_unit_test(help_wins_over_mistakes),
        cmocka_unit_test(help_shows_groups_defaults_and_keeps_the_width),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
