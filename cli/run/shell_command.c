#include "cli/run/shell_command.h"
#include "cli/run/train_options.h"

#include <stdlib.h>
#include <string.h>

#include "cli/shell/numbers.h"

/* They say where and how, not what. */
static const char *const left_out[] = {"accept-changed-photos",
                                       "out",
                                       "resume",
                                       "resume-or-start",
                                       "options",
                                       "dry-run",
                                       "json",
                                       "quiet",
                                       "no-report",
                                       "save-every",
                                       "cache",
                                       "cache-dir",
                                       "cache-limit",
                                       "threads",
                                       "loader-threads",
                                       "time-limit",
                                       "profile",
                                       NULL};

void shell_quote(FILE *out, const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+./:,=@%";
    if (*text && text[strspn(text, plain)] == '\0') {
        fputs(text, out);
        return;
    }
    putc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", out);
        else
            putc(*text, out);
    }
    putc('\'', out);
}

static bool is_in(const char *const *names, const char *name)
{
    for (const char *const *at = names; *at; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return false;
}

static void put(FILE *out, const char *name, const char *text)
{
    fprintf(out, " --%s ", name);
    shell_quote(out, text);
}

static void put_number(FILE *out, const struct option *option, double value)
{
    char number[NUMBER_TEXT];
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        if (value == OPTION_WORD(i)) {
            put(out, option->name, option->choices[i]);
            return;
        }
    }
    put(out, option->name, number_double(number, value));
}

static void put_value(FILE *out, const struct option *option, const void *values)
{
    const void *at = (const char *)values + option->offset;
    const struct option_list *list = at;
    char number[NUMBER_TEXT];
    switch (option->kind) {
    case OPTION_FLAG:
        if (*(const bool *)at)
            fprintf(out, " --%s", option->name);
        return;
    case OPTION_INT:
    case OPTION_SIZE:
        snprintf(number, sizeof number, "%lld", *(const long long *)at);
        put(out, option->name, number);
        return;
    case OPTION_FLOAT:
        put_number(out, option, *(const double *)at);
        return;
    case OPTION_CHOICE:
        put(out, option->name, option->choices[*(const int *)at]);
        return;
    case OPTION_LIST:
        for (size_t i = 0; i < list->count; i++)
            put(out, option->name, list->texts[i]);
        return;
    case OPTION_STRING:
        if (*(const char *const *)at)
            put(out, option->name, *(const char *const *)at);
        return;
    }
}

/* A list is never as before: none is not written, and there is no other default. */
static bool is_as_before(const struct option *option, const void *at, const void *was)
{
    const char *text, *before;
    switch (option->kind) {
    case OPTION_FLAG:
        return *(const bool *)at == *(const bool *)was;
    case OPTION_INT:
    case OPTION_SIZE:
        return *(const long long *)at == *(const long long *)was;
    case OPTION_FLOAT:
        return *(const double *)at == *(const double *)was;
    case OPTION_CHOICE:
        return *(const int *)at == *(const int *)was;
    case OPTION_STRING:
        text = *(const char *const *)at;
        before = *(const char *const *)was;
        return text == before || (text && before && strcmp(text, before) == 0);
    case OPTION_LIST:
        break;
    }
    return false;
}

/* Nothing where the option is as in `initial`. */
static void put_option(FILE *out, const struct option *option, const void *values, const void *initial)
{
    if (!is_as_before(option, (const char *)values + option->offset, (const char *)initial + option->offset))
        put_value(out, option, values);
}

enum status shell_command_train(FILE *out, const struct train_values *values, struct error *err)
{
    struct arguments defaults;
    enum status status = arguments_parse(&defaults, &train_table, 0, NULL, err);
    if (status == OK) {
        struct train_values *initial = defaults.values;
        initial->lr = strtod(lr_default(values->optimizer), NULL);
        initial->head_lr_mult = values->lr == initial->lr ? 0 : 1;
        initial->views = (long long)photo_views_default((enum augment)values->augment);
        fputs("freezetune train", out);
        for (size_t i = 0; i < train_table.option_count; i++)
            if (!is_in(left_out, train_table.options[i].name))
                put_option(out, &train_table.options[i], values, defaults.values);
    }
    arguments_free(&defaults);
    return status;
}

void shell_command_given(FILE *out, const struct arguments *args, const char *const *but)
{
    const struct command *command = args->command;
    fprintf(out, "freezetune %s", command->name);
    for (size_t i = 0; i < command->option_count; i++)
        if (args->given[i] && !is_in(but, command->options[i].name))
            put_value(out, &command->options[i], args->values);
}
