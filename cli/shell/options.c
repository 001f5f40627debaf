#include "cli/shell/options.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/shell/numbers.h"
#include "core/base/memory.h"
#include "core/base/text.h"

/* ---- the options of a command ------------------------------------------------------------------------------------ */

static const struct option *row_named(const struct command *command, const char *name)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (strcmp(command->options[i].name, name) == 0)
            return &command->options[i];
    return NULL;
}

/* The next of the rows that `command` adds to a group of the one that it is like, from *at on;
 * NULL when there is none. */
static const struct option *next_added(size_t *at, const struct command *command, const char *group)
{
    while (*at < command->option_count) {
        const struct option *row = &command->options[(*at)++];
        if (row->group && strcmp(row->group, group) == 0 && !row_named(command->like, row->name))
            return row;
    }
    return NULL;
}

enum { OPTIONS_MOST = 128 };

/* A table that was put together of two: the last one asked for stays, since a command's options are asked for one by
 * one, and again for each word of a command line. Only the thread that reads the command line comes here. */
static struct {
    const struct command *command;
    const struct option *rows[OPTIONS_MOST];
    size_t count;
} merged;

static void add_row(const struct option *row)
{
    assert(merged.count < OPTIONS_MOST);
    merged.rows[merged.count++] = row;
}

static void merge(const struct command *command)
{
    const struct command *like = command->like;
    if (merged.command == command)
        return;
    merged.command = command;
    merged.count = 0;
    for (size_t i = 0; i < like->option_count; i++) {
        const struct option *row = &like->options[i], *own = row_named(command, row->name);
        const char *group = row->group;
        row = own ? own : row;
        if (row->group)
            add_row(row);
        if (i + 1 < like->option_count && strcmp(group, like->options[i + 1].group) == 0)
            continue;
        size_t at = 0;
        while ((row = next_added(&at, command, group)))
            add_row(row);
    }
}

size_t command_option_count(const struct command *command)
{
    if (!command->like)
        return command->option_count;
    merge(command);
    return merged.count;
}

const struct option *command_option(const struct command *command, size_t i)
{
    if (!command->like)
        return &command->options[i];
    merge(command);
    return i < merged.count ? merged.rows[i] : NULL;
}

/* ---- names that were meant --------------------------------------------------------------------------------------- */

enum { NAME_MOST = 40 };

/* Edit distance with swaps of neighbours (Damerau 1964, "optimal string alignment"). Both at most NAME_MOST long. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][NAME_MOST + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    size_t a_length = strlen(a), b_length = strlen(b);
    for (size_t j = 0; j <= b_length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        size_t *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b_length];
}

const char *name_nearest(const char *text, const char *(*name_at)(const void *context, size_t i), const void *context,
                         size_t count)
{
    const char *nearest = NULL, *longer = NULL;
    size_t least = SIZE_MAX, shortest = SIZE_MAX, length = strlen(text);
    if (length > NAME_MOST)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = name_at(context, i);
        if (strlen(name) > NAME_MOST)
            continue;
        size_t d = distance(text, name);
        if (d <= 1 + length / 4 && d < length && d < least) {
            least = d;
            nearest = name;
        }
        if (length >= 3 && strncmp(text, name, length) == 0 && strlen(name) < shortest) {
            shortest = strlen(name);
            longer = name;
        }
    }
    return longer ? longer : nearest;
}

static const char *option_name_at(const void *context, size_t i)
{
    const struct command *command = context;
    return i < command_option_count(command) ? command_option(command, i)->name : "help";
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static const char size_units[] = "KMGT";

/* "8M": a whole number and one letter. */
static bool text_to_size(long long *out, const char *text)
{
    char digits[24];
    size_t length = strlen(text);
    unsigned shift = 0;
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length + 1);
    const char *unit = strchr(size_units, digits[length - 1]);
    if (unit) {
        shift = 10 * (unsigned)(unit - size_units + 1);
        digits[length - 1] = '\0';
    }
    long long value;
    if (!text_to_long(&value, digits) || value < 0 || value > (INT64_MAX >> shift))
        return false;
    *out = value << shift;
    return true;
}

static bool in_range(const struct option *option, double value)
{
    return value >= option->low && value <= option->high;
}

/* "0.001", and a whole number with all its digits: 9000000000000000. */
static const char *limit_text(char out[NUMBER_TEXT], double limit)
{
    bool whole = limit == floor(limit) && fabs(limit) <= 1e18;
    snprintf(out, NUMBER_TEXT, whole ? "%.0f" : "%.10g", limit);
    return out;
}

static enum status range_error(const struct option *option, const char *text, struct error *err)
{
    char low[NUMBER_TEXT], high[NUMBER_TEXT];
    return error_set(err, ERR_USAGE, "--%s %s: must be from %s to %s", option->name, text, limit_text(low, option->low),
                     limit_text(high, option->high));
}

/* Digits, with a sign or one of the units behind them: what cannot be read all the same is too large. */
static bool is_number(const char *text, const char *units)
{
    text += *text == '-' || *text == '+';
    size_t digits = strspn(text, "0123456789");
    text += digits;
    text += *text && strchr(units, *text);
    return digits > 0 && *text == '\0';
}

static enum status choice_error(const struct option *option, const char *text, struct error *err)
{
    char list[256] = "";
    size_t end = 0;
    for (size_t i = 0; option->choices[i]; i++) {
        const char *between = i == 0 ? "" : option->choices[i + 1] ? ", " : " or ";
        int length = snprintf(list + end, sizeof list - end, "%s%s", between, option->choices[i]);
        if (length < 0 || (size_t)length >= sizeof list - end)
            break;
        end += (size_t)length;
    }
    return error_set(err, ERR_USAGE, "--%s %s: must be %s", option->name, text, list);
}

static enum status set_choice(int *out, const struct option *option, const char *text, struct error *err)
{
    for (int i = 0; option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *out = i;
            return OK;
        }
    }
    return choice_error(option, text, err);
}

static enum status check_text(const struct option *option, const char *text, struct error *err)
{
    return *text ? OK : error_set(err, ERR_USAGE, "--%s: the %s is empty", option->name, option->placeholder);
}

static enum status add_to_list(struct option_list *list, const struct option *option, const char *text,
                               struct error *err)
{
    enum status status = check_text(option, text, err);
    if (status == OK && list->count == OPTION_LIST_MOST)
        status = error_set(err, ERR_USAGE, "--%s %s: given more than %d times", option->name, text, OPTION_LIST_MOST);
    if (status == OK)
        list->texts[list->count++] = text;
    return status;
}

static enum status set_float(double *out, const struct option *option, const char *text, struct error *err)
{
    double value;
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        if (strcmp(option->choices[i], text) == 0) {
            *out = OPTION_WORD(i);
            return OK;
        }
    }
    if (!text_to_double(&value, text))
        return error_set(err, ERR_USAGE, "--%s %s: not a number", option->name, text);
    if (!in_range(option, value))
        return range_error(option, text, err);
    *out = value;
    return OK;
}

/* Parses `text` (NULL for a flag) into the option's place in `values`. */
static enum status set_value(void *values, const struct option *option, const char *text, struct error *err)
{
    void *place = (char *)values + option->offset;
    long long whole;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return OK;
    case OPTION_INT:
        if (!text_to_long(&whole, text))
            return is_number(text, "") ? range_error(option, text, err)
                                       : error_set(err, ERR_USAGE, "--%s %s: not a whole number", option->name, text);
        if (!in_range(option, (double)whole))
            return range_error(option, text, err);
        *(long long *)place = whole;
        return OK;
    case OPTION_FLOAT:
        return set_float(place, option, text, err);
    case OPTION_SIZE:
        if (!text_to_size(&whole, text))
            return is_number(text, size_units)
                       ? range_error(option, text, err)
                       : error_set(err, ERR_USAGE, "--%s %s: not a size; write 800M or 2G", option->name, text);
        if (!in_range(option, (double)whole))
            return range_error(option, text, err);
        *(long long *)place = whole;
        return OK;
    case OPTION_STRING:
        *(const char **)place = text;
        return check_text(option, text, err);
    case OPTION_LIST:
        return add_to_list(place, option, text, err);
    case OPTION_CHOICE:
        return set_choice(place, option, text, err);
    }
    return error_set(err, ERR_PROMISE, "--%s: unknown kind of option", option->name);
}

/* ---- the command line -------------------------------------------------------------------------------------------- */

static enum status unknown_option(const struct command *command, const char *text, struct error *err)
{
    char name[NAME_MOST + 2];
    size_t length = strcspn(text, "="), dashes = strspn(text, "-");
    if (dashes > 2)
        dashes = 2;
    if (length - dashes <= NAME_MOST && (dashes == 2 || length > 3)) { /* -epochs is meant to be --epochs */
        memcpy(name, text + dashes, length - dashes);
        name[length - dashes] = '\0';
        const char *meant = name_nearest(name, option_name_at, command, command_option_count(command) + 1);
        if (meant)
            return error_set(err, ERR_USAGE, "unknown option %.*s: did you mean --%s?", (int)length, text, meant);
    }
    return error_set(err, ERR_USAGE, "unknown option %.*s: see freezetune %s --help", (int)length, text, command->name);
}

/* Its number in *out. */
static const struct option *find_option(size_t *out, const struct command *command, const char *name, size_t length)
{
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        *out = i;
        if (strlen(option->name) == length && memcmp(option->name, name, length) == 0)
            return option;
    }
    return NULL;
}

/* The option at argv[*at]; *at moves on when its value is the next word. */
static enum status parse_option(struct arguments *args, int *at, int argc, const char *const *argv, struct error *err)
{
    const char *word = argv[*at];
    size_t length = strcspn(word, "="), number = 0;
    const struct option *option = NULL;
    const char *text = NULL;
    if (word[1] == '-')
        option = find_option(&number, args->command, word + 2, length - 2);
    if (!option)
        return unknown_option(args->command, word, err);
    if (word[length] == '=')
        text = word + length + 1;
    if (option->kind == OPTION_FLAG && text)
        return error_set(err, ERR_USAGE, "--%s takes no value", option->name);
    if (option->kind != OPTION_FLAG && !text) {
        if (*at + 1 >= argc)
            return error_set(err, ERR_USAGE, "--%s needs a value", option->name);
        text = argv[++*at];
    }
    args->given[number] = true;
    return set_value(args->values, option, text, err);
}

static bool asks_for_help(int argc, const char *const *argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static enum status prepare(struct arguments *args, int argc, struct error *err)
{
    const struct command *command = args->command;
    size_t count = command_option_count(command);
    void *operands = NULL, *given = NULL;
    enum status status = memory_alloc(&args->values, 1, command->values_size, "options", err);
    if (status == OK)
        status = memory_alloc(&given, count, sizeof(bool), "options", err);
    args->given = given;
    if (status == OK)
        status = memory_alloc(&operands, (size_t)argc, sizeof(char *), "options", err);
    args->operands = operands;
    for (size_t i = 0; i < count && status == OK; i++) {
        const struct option *option = command_option(command, i);
        if (option->initial)
            status = set_value(args->values, option, option->initial, err);
    }
    return status;
}

/* "epochs=3" and "epochs:3", as other programs take their options. Where the command takes no such argument anyway, a
 * name that is nearly that of an option is enough. */
static enum status refuse_bare_option(const struct command *command, const char *text, bool one_too_many,
                                      struct error *err)
{
    char name[NAME_MOST + 2];
    size_t length = strcspn(text, "=:"), number;
    if (length == 0 || length > NAME_MOST || text[length] == '\0')
        return OK;
    memcpy(name, text, length);
    name[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (name[i] == '_')
            name[i] = '-';
    const char *meant = find_option(&number, command, name, length) ? name : NULL;
    if (!meant && one_too_many)
        meant = name_nearest(name, option_name_at, command, command_option_count(command) + 1);
    if (!meant || (!one_too_many && access(text, F_OK) == 0))
        return OK;
    const struct option *option = find_option(&number, command, meant, strlen(meant));
    const char *value = option && option->kind != OPTION_FLAG ? text + length + 1 : "";
    return error_set(err, ERR_USAGE, "%s: options begin with two dashes: did you mean --%s%s%s?", text, meant,
                     *value ? " " : "", value);
}

static enum status refuse_bare_options(const struct arguments *args, struct error *err)
{
    bool too_many = args->operand_count > args->command->operands_most;
    enum status status = OK;
    for (size_t i = 0; i < args->operand_count && status == OK; i++)
        status = refuse_bare_option(args->command, args->operands[i], too_many, err);
    return status;
}

static enum status check_operands(const struct arguments *args, struct error *err)
{
    const struct command *command = args->command;
    enum status status = refuse_bare_options(args, err);
    if (status != OK)
        return status;
    if (args->operand_count < command->operands_least)
        return error_set(err, ERR_USAGE, "too few arguments; usage: freezetune %s %s", command->name, command->usage);
    if (args->operand_count > command->operands_most)
        return error_set(err, ERR_USAGE, "%s: one argument too many; usage: freezetune %s %s",
                         args->operands[command->operands_most], command->name, command->usage);
    for (size_t i = 0; i < args->operand_count; i++)
        if (args->operands[i][0] == '\0')
            return error_set(err, ERR_USAGE, "an argument is empty");
    return OK;
}

enum status arguments_parse(struct arguments *out, const struct command *command, int argc, const char *const *argv,
                            struct error *err)
{
    *out = (struct arguments){.command = command};
    enum status status = prepare(out, argc, err);
    if (status != OK)
        return status;
    if (asks_for_help(argc, argv)) {
        out->help = true;
        return OK;
    }
    bool options = true;
    for (int i = 0; i < argc && status == OK; i++) {
        if (options && strcmp(argv[i], "--") == 0)
            options = false;
        else if (options && argv[i][0] == '-' && argv[i][1] != '\0')
            status = parse_option(out, &i, argc, argv, err);
        else
            out->operands[out->operand_count++] = argv[i];
    }
    return status == OK ? check_operands(out, err) : status;
}

void arguments_free(struct arguments *arguments)
{
    memory_free(arguments->values);
    memory_free(arguments->given);
    memory_free((void *)arguments->operands);
    *arguments = (struct arguments){0};
}

bool arguments_given(const struct arguments *arguments, const char *name)
{
    size_t number;
    return find_option(&number, arguments->command, name, strlen(name)) && arguments->given[number];
}
