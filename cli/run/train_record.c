/* The options of a run as config.json has them. */
#include <math.h>
#include <string.h>

#include "cli/run/train_options.h"

static bool name_in(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(name, *names) == 0)
            return true;
    return false;
}

static void record_list(struct json *json, const char *name, const struct option_list *list)
{
    json_open(json, name, '[');
    for (size_t i = 0; i < list->count; i++)
        json_text(json, NULL, list->texts[i]);
    json_close(json);
}

static void record_number(struct json *json, const struct option *option, double value)
{
    for (size_t i = 0; option->choices && option->choices[i]; i++) {
        if (value == OPTION_WORD(i)) {
            json_text(json, option->name, option->choices[i]);
            return;
        }
    }
    json_double(json, option->name, value);
}

static void record_one(struct json *json, const struct option *option, const void *values)
{
    const char *at = (const char *)values + option->offset;
    long long whole = option->kind == OPTION_INT ? *(const long long *)(const void *)at : 0;
    switch (option->kind) {
    case OPTION_FLAG:
        json_bool(json, option->name, *(const bool *)(const void *)at);
        break;
    case OPTION_INT: /* 0 where that is out of range: left to the machine */
        if ((double)whole >= option->low)
            json_int(json, option->name, whole);
        break;
    case OPTION_FLOAT:
        record_number(json, option, *(const double *)(const void *)at);
        break;
    case OPTION_CHOICE:
        json_text(json, option->name, option->choices[*(const int *)(const void *)at]);
        break;
    case OPTION_STRING:
        json_text(json, option->name, *(const char *const *)(const void *)at);
        break;
    case OPTION_LIST:
        record_list(json, option->name, (const void *)at);
        break;
    case OPTION_SIZE:
        json_int(json, option->name, *(const long long *)(const void *)at);
        break;
    }
}

bool train_option_is_recorded(const char *name)
{
    static const char *const left_out[] = {"resume",
                                           "out",
                                           "dry-run",
                                           "json",
                                           "profile",
                                           "format",
                                           "quiet",
                                           "no-report",
                                           "accept-changed-photos",
                                           "list",
                                           "run",
                                           "finish",
                                           "resume-or-start",
                                           "options",
                                           NULL};
    return !name_in(name, left_out);
}

void train_options_record(struct json *json, const struct command *command, const void *values,
                          const struct train_decided *decided)
{
    json_open(json, "options", '{');
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        if (!train_option_is_recorded(option->name))
            continue;
        if (strcmp(option->name, "data") == 0)
            json_text(json, option->name, decided->data);
        else if (strcmp(option->name, "labels") == 0)
            json_text(json, option->name, decided->labels);
        else if (strcmp(option->name, "val-labels") == 0)
            json_text(json, option->name, decided->val_labels);
        else if (strcmp(option->name, "weights") == 0)
            json_text(json, option->name, decided->weights);
        else if (strcmp(option->name, "classes") == 0)
            json_text(json, option->name, decided->classes);
        else if (strcmp(option->name, "freeze-until") == 0 && decided->freeze_until >= 0)
            json_int(json, option->name, decided->freeze_until);
        else if (strcmp(option->name, "time-limit") == 0) /* `job` is the process's, not the run's */
            json_double(json, option->name, fmax(((const struct train_values *)values)->time_limit, 0));
        else if (strcmp(option->name, "head-lr-mult") == 0)
            json_double(json, option->name, decided->head_lr_mult);
        else
            record_one(json, option, values);
    }
    json_close(json);
}
