#include "cli/class_labels.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"

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

enum status class_labels_distinguish(struct class_names *classes, struct error *err)
{
    for (size_t i = 1; i < classes->count; i++)
        for (size_t k = 0; k < i; k++) {
            if (strcmp(classes->names[i], classes->names[k]) != 0)
                continue;
            void *longer;
            size_t size = strlen(classes->names[i]) + 24;
            enum status status = memory_alloc(&longer, size, 1, "a class name", err);
            if (status != OK)
                return status;
            snprintf(longer, size, "%s (%zu)", classes->names[i], i);
            memory_free(classes->names[i]);
            classes->names[i] = longer;
            k = (size_t)-1; /* from the start: the longer name must be new as well */
        }
    return OK;
}

/* The output that an entry names, or -1; *name = its name. */
static long entry_of(const char **name, const cJSON *entry, size_t place, size_t outputs)
{
    *name = cJSON_IsString(entry) ? entry->valuestring : entry->string;
    if (cJSON_IsString(entry))
        return entry->string ? class_labels_number(entry->string, outputs) : (long)place;
    if (!cJSON_IsNumber(entry) || !entry->string || !(entry->valuedouble >= 0) ||
        !(entry->valuedouble < (double)outputs) || entry->valuedouble != (double)entry->valueint)
        return -1;
    return entry->valueint;
}

static enum status fill(struct class_names *out, const char **why, const cJSON *labels, struct error *err)
{
    const cJSON *entry;
    size_t place = 0;
    cJSON_ArrayForEach(entry, labels)
    {
        const char *name;
        long number = entry_of(&name, entry, place++, out->count);
        if (number < 0 || name[0] == '\0' || out->names[number]) {
            *why = "expected a name for each of the network's outputs, from 0 on";
            return OK;
        }
        enum status status = memory_strdup(&out->names[number], name, err);
        if (status != OK)
            return status;
    }
    return class_labels_distinguish(out, err);
}

enum status class_labels_read(struct class_names *out, const char **why, const cJSON *labels, size_t outputs,
                              struct error *err)
{
    void *names;
    *out = (struct class_names){0};
    *why = NULL;
    if (!cJSON_IsArray(labels) && !cJSON_IsObject(labels))
        *why = "expected a list of names, or names with their numbers";
    else if ((size_t)cJSON_GetArraySize(labels) != outputs || outputs == 0)
        *why = "another number of names than the network has outputs";
    if (*why)
        return OK;
    enum status status = memory_alloc(&names, outputs, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    *out = (struct class_names){.names = names, .count = outputs};
    status = fill(out, why, labels, err);
    if (status != OK || *why)
        class_names_free(out);
    return status;
}
