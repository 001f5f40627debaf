#include "cli/model/class_labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

long class_labels_number(const char *text, size_t outputs)
{
    long number = 0;
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 6 || text[length] != '\0' || (length > 1 && text[0] == '0'))
        return -1;
    for (size_t i = 0; i < length; i++)
        number = number * 10 + (text[i] - '0');
    return (size_t)number < outputs ? number : -1;
}

/* A name and its output. */
struct place {
    const char *name;
    size_t output;
};

static int by_name(const void *a, const void *b)
{
    const struct place *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order ? order : (one->output > other->output) - (one->output < other->output);
}

/* Calls `repeated` for each output whose name an earlier one has. */
static enum status find_repeated(const struct class_names *classes, void *context,
                                 enum status (*repeated)(void *context, size_t output, size_t earlier,
                                                         struct error *err),
                                 struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, classes->count, sizeof(struct place), "the class names", err);
    if (status != OK)
        return status;
    struct place *places = memory;
    for (size_t i = 0; i < classes->count; i++)
        places[i] = (struct place){classes->names[i], i};
    qsort(places, classes->count, sizeof *places, by_name);
    bool *again = NULL;
    status = memory_alloc(&memory, classes->count, sizeof *again, "the class names", err);
    again = status == OK ? memory : NULL;
    for (size_t i = 1; i < classes->count && status == OK; i++)
        again[i] = strcmp(places[i].name, places[i - 1].name) == 0;
    for (size_t i = 1; i < classes->count && status == OK; i++)
        if (again[i])
            status = repeated(context, places[i].output, places[i - 1].output, err);
    memory_free(again);
    memory_free(places);
    return status;
}

struct longer {
    struct class_names *classes;
    bool any;
};

static enum status add_number(void *context, size_t output, size_t earlier, struct error *err)
{
    struct longer *longer = context;
    void *name;
    char **old = &longer->classes->names[output];
    size_t size = strlen(*old) + 24;
    (void)earlier;
    enum status status = memory_alloc(&name, size, 1, "a class name", err);
    if (status != OK)
        return status;
    snprintf(name, size, "%s (%zu)", *old, output);
    memory_free(*old);
    *old = name;
    longer->any = true;
    return OK;
}

enum status class_labels_distinguish(struct class_names *classes, struct error *err)
{
    struct longer longer = {.classes = classes, .any = true};
    enum status status = OK;
    while (status == OK && longer.any) { /* the longer name must be new as well */
        longer.any = false;
        status = classes->count > 0 ? find_repeated(classes, &longer, add_number, err) : OK;
    }
    return status;
}

/* The output that an entry names, or -1; *name = its name, or NULL. */
static long entry_of(const char **name, const cJSON *entry, size_t place, size_t outputs)
{
    const cJSON *value = entry;
    if (cJSON_IsArray(entry) && cJSON_GetArraySize(entry) == 2) /* Keras: ImageNet's id of the class, and its name */
        value = cJSON_GetArrayItem(entry, 1);
    *name = cJSON_IsString(value) ? value->valuestring : entry->string;
    if (cJSON_IsString(value))
        return entry->string ? class_labels_number(entry->string, outputs) : (long)place;
    if (!cJSON_IsNumber(entry) || !entry->string || !(entry->valuedouble >= 0) ||
        !(entry->valuedouble < (double)outputs) || entry->valuedouble != (double)entry->valueint)
        return -1;
    return entry->valueint;
}

/* UTF-8 of a length that a folder could have; `shown`: without control characters, which a folder may have. */
static bool is_name(const char *name, bool shown)
{
    size_t length = 0, step = 1;
    while (length <= CLASS_LABEL_MOST && name[length] && step > 0) {
        step = shown ? text_safe_length(name + length) : text_utf8_length(name + length);
        length += step;
    }
    return step > 0 && length > 0 && length <= CLASS_LABEL_MOST;
}

static enum status fill(struct class_names *out, const char **why, const cJSON *labels, bool shown, struct error *err)
{
    const cJSON *entry;
    size_t place = 0;
    cJSON_ArrayForEach(entry, labels)
    {
        const char *name;
        long number = entry_of(&name, entry, place++, out->count);
        if (number < 0 || !name || out->names[number]) {
            *why = "expected a name for each of the network's outputs, from 0 on";
            return OK;
        }
        if (!is_name(name, shown)) {
            *why = "a name is empty, too long, not UTF-8, or holds a control character";
            return OK;
        }
        enum status status = memory_strdup(&out->names[number], name, err);
        if (status != OK)
            return status;
    }
    return OK;
}

enum status class_labels_read(struct class_names *out, const char **why, const cJSON *labels, size_t outputs,
                              bool distinguish, struct error *err)
{
    void *names;
    *out = (struct class_names){0};
    *why = NULL;
    if (!cJSON_IsArray(labels) && !cJSON_IsObject(labels))
        *why = "expected a list of names, or names with their numbers";
    else if ((size_t)cJSON_GetArraySize(labels) != outputs || outputs == 0)
        *why = "the number of names differs from the number of outputs";
    if (*why)
        return OK;
    enum status status = memory_alloc(&names, outputs, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    *out = (struct class_names){.names = names, .count = outputs};
    status = fill(out, why, labels, !distinguish, err);
    if (status == OK && !*why && distinguish)
        status = class_labels_distinguish(out, err);
    if (status != OK || *why)
        class_names_free(out);
    return status;
}

/* Who was found first. */
struct pair {
    size_t output, earlier;
    bool found;
};

static enum status note_pair(void *context, size_t output, size_t earlier, struct error *err)
{
    struct pair *pair = context;
    (void)err;
    if (!pair->found || output < pair->output)
        *pair = (struct pair){output, earlier, true};
    return OK;
}

enum status class_labels_repeated(bool *found, size_t *output, size_t *earlier, const struct class_names *classes,
                                  struct error *err)
{
    struct pair pair = {.found = false};
    enum status status = find_repeated(classes, &pair, note_pair, err);
    *found = pair.found;
    *output = pair.output;
    *earlier = pair.earlier;
    return status;
}
