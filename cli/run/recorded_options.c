#include "cli/run/recorded_options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/run/run_file.h"
#include "cli/shell/numbers.h"
#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/json_text.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "models/resnet.h"

enum { CONFIG_MOST = 64 << 20, OPTIONS_MOST = 1000 };
#define WHOLE_MOST 0x1p53 /* every whole number up to here is a double, and fits a long long */

enum status recorded_read(cJSON **out, const char *path, const char *missing, struct error *err)
{
    uint8_t *text;
    size_t size;
    enum status status = file_read(&text, &size, path, CONFIG_MOST, err);
    if (status == ERR_NOINPUT)
        return error_set(err, ERR_NOINPUT, "%s: cannot be opened, %s", path, missing);
    if (status != OK)
        return status;
    cJSON *root = json_text_parse((const char *)text, size);
    memory_free(text);
    const cJSON *options = cJSON_GetObjectItemCaseSensitive(root, "options");
    if (!cJSON_IsObject(options) || cJSON_GetArraySize(options) > OPTIONS_MOST) {
        cJSON_Delete(root);
        return error_set(err, ERR_DATA,
                         "%s: is not the config.json of a run, or is damaged: restore it, or start a new run", path);
    }
    *out = root;
    return OK;
}

/* ---- what stands there ------------------------------------------------------------------------------------------- */

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

enum status recorded_check(const struct command *command, const cJSON *item, const char *advice, struct error *err)
{
    for (size_t i = 0; i < command_option_count(command); i++) {
        const struct option *option = command_option(command, i);
        if (strcmp(option->name, item->string) == 0 && train_option_is_recorded(option->name))
            return fits(option, item)
                       ? OK
                       : error_set(err, ERR_USAGE, "option '%s' has a value of the wrong type", option->name);
    }
    char name[64];
    return error_set(err, ERR_USAGE, "option '%s' is unknown: %s", text_escape(name, sizeof name, item->string),
                     advice);
}

/* ---- as texts ---------------------------------------------------------------------------------------------------- */

enum status recorded_reserve(struct resumed *out, const struct command *command, const cJSON *options,
                             struct error *err)
{
    void *memory;
    const cJSON *item;
    size_t count = 1 + command_option_count(command) * OPTION_LIST_MOST;
    cJSON_ArrayForEach(item, options) count += 1 + (cJSON_IsArray(item) ? (size_t)cJSON_GetArraySize(item) : 0);
    enum status status = memory_alloc(&memory, count, sizeof(char *), "options", err);
    if (status == OK)
        out->texts = memory;
    return status;
}

/* --name=text, appended. */
enum status recorded_add_text(struct resumed *out, const char *name, const char *text, struct error *err)
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
    cJSON_ArrayForEach(item, list) if (status == OK) status =
        recorded_add_text(out, list->string, item->valuestring, err);
    return status;
}

/* A number, or the word that stands for one. */
static enum status add_number(struct resumed *out, const struct option *option, double value, struct error *err)
{
    char number[NUMBER_TEXT];
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        if (value == OPTION_WORD(i))
            return recorded_add_text(out, option->name, option->choices[i], err);
    return recorded_add_text(out, option->name, number_double(number, value), err);
}

enum status recorded_add(struct resumed *out, const cJSON *item, struct error *err)
{
    char number[NUMBER_TEXT];
    if (cJSON_IsArray(item))
        return add_list(out, item, err);
    if (cJSON_IsTrue(item))
        return recorded_add_text(out, item->string, NULL, err);
    if (cJSON_IsString(item))
        return recorded_add_text(out, item->string, item->valuestring, err);
    if (!cJSON_IsNumber(item))
        return OK; /* null or false */
    if (fabs(item->valuedouble) <= WHOLE_MOST && item->valuedouble == floor(item->valuedouble))
        snprintf(number, sizeof number, "%lld", (long long)item->valuedouble);
    else
        number_double(number, item->valuedouble);
    return recorded_add_text(out, item->string, number, err);
}

enum status recorded_add_given(struct resumed *out, const struct option *option, const void *values, struct error *err)
{
    const char *at = (const char *)values + option->offset;
    const struct option_list *list = (const void *)at;
    enum status status = OK;
    char number[NUMBER_TEXT];
    switch (option->kind) {
    case OPTION_FLAG:
        return recorded_add_text(out, option->name, NULL, err);
    case OPTION_STRING:
        return recorded_add_text(out, option->name, *(const char *const *)(const void *)at, err);
    case OPTION_FLOAT:
        return add_number(out, option, *(const double *)(const void *)at, err);
    case OPTION_LIST:
        for (size_t i = 0; i < list->count && status == OK; i++)
            status = recorded_add_text(out, option->name, list->texts[i], err);
        return status;
    case OPTION_CHOICE:
        return recorded_add_text(out, option->name, option->choices[*(const int *)(const void *)at], err);
    default:
        snprintf(number, sizeof number, "%lld", *(const long long *)(const void *)at);
        return recorded_add_text(out, option->name, number, err);
    }
}

enum status recorded_parse(struct resumed *out, const struct command *command, const char *path, struct error *err)
{
    enum status status =
        arguments_parse(&out->arguments, command, (int)out->count, (const char *const *)out->texts, err);
    return recorded_blame(status, path, err);
}

enum status recorded_blame(enum status status, const char *path, struct error *err)
{
    if (status != ERR_USAGE || !err)
        return status == ERR_USAGE ? ERR_DATA : status;
    struct error reason = *err;
    return error_set(err, ERR_DATA, "%s: %s", path, reason.text);
}

/* ---- compared ---------------------------------------------------------------------------------------------------- */

/* A rate that was searched for is recorded as the one that was found. */
static bool was_searched(const char *folder)
{
    bool there;
    return run_file_exists(&there, folder, "lr_find.csv", NULL) == OK && there;
}

static bool same_number(const struct option *option, double value, const cJSON *item, const char *folder)
{
    for (size_t i = 0; option->choices && option->choices[i]; i++)
        if (value == OPTION_WORD(i) && cJSON_IsString(item))
            return strcmp(option->choices[i], item->valuestring) == 0;
    if (value == LR_FIND && strcmp(option->name, "lr") == 0)
        return was_searched(folder);
    return cJSON_IsNumber(item) && item->valuedouble == value;
}

/* A freeze point by name is recorded as its number, a file of classes as its absolute path. */
static bool same_text(const struct option *option, const char *text, const cJSON *item)
{
    long long number;
    if (cJSON_IsString(item))
        return strcmp(text, item->valuestring) == 0 ||
               (strcmp(option->name, "classes") == 0 && path_same_file(text, item->valuestring));
    if (!cJSON_IsNumber(item))
        return false;
    if (text_to_long(&number, text))
        return (double)number == item->valuedouble;
    for (size_t child = 0; resnet_children[child]; child++)
        if (strcmp(text, resnet_children[child]) == 0)
            return (double)(child + 1) == item->valuedouble;
    return false;
}

static bool same_list(const struct option_list *list, const cJSON *item)
{
    const cJSON *entry = item ? item->child : NULL;
    for (size_t i = 0; i < list->count; i++, entry = entry->next)
        if (!entry || !cJSON_IsString(entry) || strcmp(list->texts[i], entry->valuestring) != 0)
            return false;
    return !entry;
}

bool recorded_is(const struct option *option, const void *values, const cJSON *item, const char *folder)
{
    const char *at = (const char *)values + option->offset;
    switch (option->kind) {
    case OPTION_FLAG:
        return cJSON_IsTrue(item);
    case OPTION_INT:
    case OPTION_SIZE:
        return cJSON_IsNumber(item) && item->valuedouble == (double)*(const long long *)(const void *)at;
    case OPTION_FLOAT:
        return same_number(option, *(const double *)(const void *)at, item, folder);
    case OPTION_CHOICE:
        return cJSON_IsString(item) && strcmp(option->choices[*(const int *)(const void *)at], item->valuestring) == 0;
    case OPTION_STRING:
        return same_text(option, *(const char *const *)(const void *)at, item);
    case OPTION_LIST:
        return same_list((const void *)at, item);
    }
    return false;
}
