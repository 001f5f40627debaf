/* From RUN/config.json back to a command line. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/run/train_options.h"
#include "cli/shell/numbers.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"

enum { CONFIG_MOST = 64 << 20 };
#define WHOLE_MOST 0x1p53 /* every whole number up to here is a double, and fits a long long */

/* Options that may stand beside --resume: none of them changes what comes out. */
static const char *const free_options[] = {
    "resume",     "data",       "labels", "val-labels", "weights",     "threads",   "loader-threads",
    "time-limit", "save-every", "cache",  "cache-dir",  "cache-limit", "dry-run",   "json",
    "profile",    "format",     "quiet",  "keep-last",  "tensorboard", "no-report", "accept-changed-photos",
    "list",       "run",        "finish", NULL};

bool train_option_is_free(const char *name)
{
    for (const char *const *at = free_options; *at; at++)
        if (strcmp(name, *at) == 0)
            return true;
    return false;
}

static enum status check_given(const struct arguments *given, struct error *err)
{
    for (size_t i = 0; i < command_option_count(given->command); i++) {
        const char *name = command_option(given->command, i)->name;
        if (given->given[i] && !train_option_is_free(name))
            return error_set(err, ERR_USAGE,
                             "--%s cannot be changed when a run is resumed; start a new run instead, with --weights "
                             "RUN/best.safetensors to build on this one",
                             name);
    }
    return OK;
}

/* --name=text, appended. */
static enum status add_text(struct resumed *out, const char *name, const char *text, struct error *err)
{
    size_t size = strlen(name) + (text ? strlen(text) : 0) + 4;
    void *memory;
    enum status status = memory_alloc(&memory, size, 1, "options", err);
    if (status != OK)
        return status;
    snprintf(memory, size, text ? "--%s=%s" : "--%s", name, text);
    out->texts[out->count++] = memory;
    return OK;
}

/* A list was given as its option again and again. */
static enum status add_list(struct resumed *out, const cJSON *list, struct error *err)
{
    enum status status = OK;
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (status == OK) status = add_text(out, list->string, item->valuestring, err);
    return status;
}

static bool all_strings(const cJSON *list)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list) if (!cJSON_IsString(item)) return false;
    return cJSON_IsArray(list);
}

/* Whether train_options_record writes such a value for the option. A freeze point that was decided is a number where
 * the option takes a text. */
static bool fits(const struct option *option, const cJSON *item)
{
    switch (option->kind) {
    case OPTION_FLAG:
        return cJSON_IsBool(item);
    case OPTION_LIST:
        return all_strings(item);
    case OPTION_CHOICE:
        return cJSON_IsString(item);
    case OPTION_INT:
    case OPTION_SIZE:
        return cJSON_IsNumber(item);
    default:
        return cJSON_IsNull(item) || cJSON_IsString(item) || cJSON_IsNumber(item);
    }
}

static enum status check_recorded(const struct command *command, const cJSON *item, struct error *err)
{
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        if (strcmp(option->name, item->string) == 0)
            return fits(option, item)
                       ? OK
                       : error_set(err, ERR_USAGE, "option '%s' has a value of the wrong type", option->name);
    }
    char name[64];
    return error_set(err, ERR_USAGE,
                     "option '%s' is unknown: continue with the version that started the run (\"versions\" names it)",
                     text_escape(name, sizeof name, item->string));
}

static enum status add_recorded(struct resumed *out, const cJSON *item, struct error *err)
{
    char number[NUMBER_TEXT];
    if (cJSON_IsArray(item))
        return add_list(out, item, err);
    if (cJSON_IsTrue(item))
        return add_text(out, item->string, NULL, err);
    if (cJSON_IsString(item))
        return add_text(out, item->string, item->valuestring, err);
    if (!cJSON_IsNumber(item))
        return OK; /* null or false */
    if (fabs(item->valuedouble) <= WHOLE_MOST && item->valuedouble == floor(item->valuedouble))
        snprintf(number, sizeof number, "%lld", (long long)item->valuedouble);
    else
        number_double(number, item->valuedouble);
    return add_text(out, item->string, number, err);
}

/* The value of a given option as text; every kind that may stand beside --resume. */
static enum status add_given(struct resumed *out, const struct option *option, const void *values, struct error *err)
{
    const char *at = (const char *)values + option->offset;
    char number[NUMBER_TEXT];
    switch (option->kind) {
    case OPTION_FLAG:
        return add_text(out, option->name, NULL, err);
    case OPTION_STRING:
        return add_text(out, option->name, *(const char *const *)(const void *)at, err);
    case OPTION_FLOAT:
        return add_text(out, option->name, number_double(number, *(const double *)(const void *)at), err);
    case OPTION_CHOICE:
        return add_text(out, option->name, option->choices[*(const int *)(const void *)at], err);
    default:
        snprintf(number, sizeof number, "%lld", *(const long long *)(const void *)at);
        return add_text(out, option->name, number, err);
    }
}

static enum status collect(struct resumed *out, const cJSON *options, const struct arguments *given, struct error *err)
{
    void *memory;
    size_t known = command_option_count(given->command), count = known;
    const cJSON *item;
    cJSON_ArrayForEach(item, options) count += 1 + (cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 0);
    enum status status = memory_alloc(&memory, count, sizeof(char *), "options", err);
    if (status != OK)
        return status;
    out->texts = memory;
    cJSON_ArrayForEach(item, options)
    {
        status = check_recorded(given->command, item, err);
        if (status == OK)
            status = add_recorded(out, item, err);
        if (status != OK)
            return status;
    }
    for (size_t i = 0; i < known && status == OK; i++)
        if (given->given[i])
            status = add_given(out, command_option(given->command, i), given->values, err);
    return status;
}

static enum status read_config(cJSON **out, const char *path, struct error *err)
{
    uint8_t *text;
    size_t size;
    enum status status = file_read(&text, &size, path, CONFIG_MOST, err);
    if (status == ERR_NOINPUT)
        return error_set(err, ERR_NOINPUT, "%s: cannot be opened, so there is no run to resume", path);
    if (status != OK)
        return status;
    cJSON *root = json_text_parse((const char *)text, size);
    memory_free(text);
    if (!root || !cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(root, "options"))) {
        cJSON_Delete(root);
        return error_set(err, ERR_DATA,
                         "%s: is not the config.json of a run, or is damaged: restore it, or start a new run", path);
    }
    *out = root;
    return OK;
}

/* A run of sweep, or a whole sweep, is not train's to go on with, and the other way round. */
static enum status check_command(const cJSON *root, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    const cJSON *made = cJSON_GetObjectItemCaseSensitive(root, "command");
    const char *command = cJSON_IsString(made) ? made->valuestring : "train";
    if (strcmp(command, given->command->name) == 0)
        return OK;
    return error_set(err, ERR_USAGE, "--resume %s: was created by %s; resume it with freezetune %s --resume %s",
                     values->resume, command, command, values->resume);
}

static void take_hash(char out[33], const cJSON *root, const char *key)
{
    const cJSON *hash = cJSON_GetObjectItemCaseSensitive(root, key);
    if (cJSON_IsString(hash))
        snprintf(out, 33, "%s", hash->valuestring);
}

/* What is wrong with an option is wrong with the file. */
static enum status take_options(struct resumed *out, const cJSON *root, const struct arguments *given, const char *path,
                                struct error *err)
{
    enum status status = collect(out, cJSON_GetObjectItemCaseSensitive(root, "options"), given, err);
    if (status == OK) {
        take_hash(out->weights_hash, root, "weights_hash");
        take_hash(out->photos, root, "photos");
        status =
            arguments_parse(&out->arguments, given->command, (int)out->count, (const char *const *)out->texts, err);
    }
    if (status != ERR_USAGE)
        return status;
    struct error reason = *err;
    return error_set(err, ERR_DATA, "%s: %s", path, reason.text);
}

enum status train_options_resume(struct resumed *out, const struct arguments *given, struct error *err)
{
    const struct train_values *values = given->values;
    struct resumed resumed = {0};
    char *path = NULL;
    cJSON *root = NULL;
    enum status status = check_given(given, err);
    if (status == OK)
        status = path_join(&path, values->resume, "config.json", err);
    if (status == OK)
        status = read_config(&root, path, err);
    if (status == OK)
        status = check_command(root, given, err);
    if (status == OK)
        status = take_options(&resumed, root, given, path, err);
    cJSON_Delete(root);
    memory_free(path);
    if (status == OK)
        *out = resumed;
    else
        resumed_free(&resumed);
    return status;
}

void resumed_free(struct resumed *resumed)
{
    arguments_free(&resumed->arguments);
    for (size_t i = 0; i < resumed->count; i++)
        memory_free(resumed->texts[i]);
    memory_free(resumed->texts);
    *resumed = (struct resumed){0};
}
