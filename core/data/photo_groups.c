#define _GNU_SOURCE
#include "core/data/photo_groups.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"

enum status photo_groups_add(struct photo_groups *groups, const char *key, size_t length, struct error *err)
{
    static const char what[] = "the groups of photos";
    void *text = groups->text, *keys = groups->keys;
    enum status status = memory_grow(&text, &groups->text_room, groups->text_used + length + 1, 1, what, err);
    groups->text = text;
    if (status == OK)
        status = memory_grow(&keys, &groups->room, groups->count + 1, sizeof *groups->keys, what, err);
    groups->keys = keys;
    if (status != OK)
        return status;
    memcpy(groups->text + groups->text_used, key, length);
    groups->text[groups->text_used + length] = '\0';
    groups->keys[groups->count++] = groups->text_used;
    groups->text_used += length + 1;
    return OK;
}

static bool is_class(const struct class_names *classes, const char *name, size_t length)
{
    size_t low = 0, high = classes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const char *class = classes->names[middle];
        int order = strncmp(class, name, length);
        if (order == 0 && !class[length])
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

enum status photo_groups_add_folders(struct photo_groups *groups, const struct photo_list *list,
                                     const struct class_names *classes, struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < list->count; i++) {
        const char *name = photo_name(list, i), *slash = strrchr(name, '/');
        size_t length = slash ? (size_t)(slash - name) : 0, first = strcspn(name, "/");
        if (length > 0 && is_class(classes, name, first)) {
            size_t skipped = first < length ? first + 1 : length;
            name += skipped;
            length -= skipped;
        }
        status = photo_groups_add(groups, name, length, err);
    }
    return status;
}

void photo_groups_free(struct photo_groups *groups)
{
    memory_free(groups->text);
    memory_free(groups->keys);
    *groups = (struct photo_groups){0};
}

static int by_text(const void *a, const void *b, void *text)
{
    return strcmp((const char *)text + *(const size_t *)a, (const char *)text + *(const size_t *)b);
}

static bool holds(const struct photo_groups *sorted, const char *key)
{
    size_t low = 0, high = sorted->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(photo_groups_get(sorted, middle), key);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

enum status photo_groups_check(const struct photo_groups *train, const struct photo_groups *val, const char *where,
                               struct error *err)
{
    void *keys;
    enum status status = memory_alloc(&keys, train->count, sizeof *train->keys, "the groups of photos", err);
    if (status != OK)
        return status;
    struct photo_groups sorted = {.text = train->text, .keys = keys, .count = train->count};
    if (train->count > 0)
        memcpy(keys, train->keys, train->count * sizeof *train->keys);
    qsort_r(sorted.keys, sorted.count, sizeof *sorted.keys, by_text, sorted.text);
    for (size_t i = 0; status == OK && i < val->count; i++) {
        const char *key = photo_groups_get(val, i);
        char shown[300];
        if (key[0] && holds(&sorted, key))
            status = error_set(err, ERR_DATA,
                               "%s: the group '%s' has photos that train and photos that validate: move all of them to "
                               "one side, or leave --group-by out",
                               where, text_escape(shown, sizeof shown, key));
    }
    memory_free(keys);
    return status;
}
