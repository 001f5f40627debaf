#include "cli/run/run_options.h"

#include <string.h>

#include "cli/run/train_options.h"
#include "cli/shell/numbers.h"
#include "core/base/memory.h"

/* ---- which ones -------------------------------------------------------------------------------------------------- */

/* What --resume may change does not change the result, but for the files that it may find elsewhere. */
static bool counts(const char *name)
{
    static const char *const own[] = {"freeze-until", "arch", "fold"};
    static const char *const files[] = {"data", "labels", "val-labels", "weights"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(name, files[i]) == 0)
            return true;
    return !train_option_is_free(name);
}

static const cJSON *value_of(const struct listed_run *run, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(run->options, name);
    bool empty = !item || cJSON_IsNull(item) || cJSON_IsFalse(item) || (cJSON_IsArray(item) && !item->child);
    return empty ? NULL : item;
}

static bool differs(const struct run_list *list, const char *name)
{
    const struct listed_run *first = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct listed_run *run = &list->runs[i];
        if (!run->options)
            continue;
        first = first ? first : run;
        const cJSON *a = value_of(first, name), *b = value_of(run, name);
        if (a != b && (!a || !b || !cJSON_Compare(a, b, true)))
            return true;
    }
    return false;
}

static bool has(const struct run_options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++)
        if (strcmp(options->names[i], name) == 0)
            return true;
    return false;
}

static enum status add(struct run_options *out, size_t *capacity, const char *name, struct error *err)
{
    void *names = out->names;
    enum status status = memory_grow(&names, capacity, out->count + 1, sizeof *out->names, "options", err);
    out->names = names;
    if (status == OK)
        out->names[out->count++] = name;
    return status;
}

/* The first run's options are compared with all runs, those of the others only where the first has none such. */
enum status run_options_differing(struct run_options *out, const struct run_list *list, struct error *err)
{
    const cJSON *first = NULL, *item;
    size_t capacity = 0;
    enum status status = OK;
    *out = (struct run_options){0};
    for (size_t i = 0; i < list->count; i++) {
        const cJSON *options = list->runs[i].options;
        cJSON_ArrayForEach(item, options)
        {
            const char *name = item->string;
            bool known = first && cJSON_HasObjectItem(first, name);
            if (status == OK && !known && counts(name) && !has(out, name) && differs(list, name))
                status = add(out, &capacity, name, err);
        }
        first = first ? first : options;
    }
    return status;
}

void run_options_free(struct run_options *options)
{
    memory_free(options->names);
    *options = (struct run_options){0};
}

/* ---- their values ------------------------------------------------------------------------------------------------ */

static void put_value(FILE *out, const cJSON *value)
{
    char number[NUMBER_TEXT];
    const cJSON *item;
    if (cJSON_IsString(value))
        fputs(value->valuestring, out);
    else if (cJSON_IsNumber(value))
        fputs(number_double(number, value->valuedouble), out);
    else if (cJSON_IsArray(value))
        cJSON_ArrayForEach(item, value)
            fprintf(out, "%s%s", item == value->child ? "" : " ", cJSON_IsString(item) ? item->valuestring : "?");
    else
        fputs(!value ? "none" : cJSON_IsTrue(value) ? "yes" : "?", out);
}

void run_options_text(FILE *out, const struct run_options *options, const struct listed_run *run)
{
    for (size_t i = 0; run->options && i < options->count; i++) {
        fprintf(out, "%s%s ", i == 0 ? "" : ", ", options->names[i]);
        put_value(out, value_of(run, options->names[i]));
    }
}

void run_options_json(struct json *json, const char *key, const struct run_options *options,
                      const struct listed_run *run)
{
    json_open(json, key, '{');
    for (size_t i = 0; run->options && i < options->count; i++) {
        const char *name = options->names[i];
        const cJSON *value = value_of(run, name), *item;
        if (cJSON_IsNumber(value)) {
            json_double(json, name, value->valuedouble);
        } else if (cJSON_IsTrue(value)) {
            json_bool(json, name, true);
        } else if (cJSON_IsArray(value)) {
            json_open(json, name, '[');
            cJSON_ArrayForEach(item, value) json_text(json, NULL, cJSON_IsString(item) ? item->valuestring : NULL);
            json_close(json);
        } else {
            json_text(json, name, cJSON_IsString(value) ? value->valuestring : NULL);
        }
    }
    json_close(json);
}
