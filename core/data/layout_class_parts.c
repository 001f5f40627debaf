#include "core/data/layout_class_parts.h"

#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"

/* The folder that stands for a part and has no other words in its name: the plain one, else the first. */
static const char *find_part(const struct walk_names *folders, enum split_part part)
{
    const char *found = NULL;
    for (size_t i = 0; i < folders->count; i++) {
        const char *name = walk_names_get(folders, i);
        struct split_name split = split_name_parse(name);
        if (split.part == part && split.rest[0] == '\0' && (split.plain || !found))
            found = name;
    }
    return found;
}

static bool has(const struct walk_names *folders, const char *name)
{
    for (size_t i = 0; i < folders->count; i++)
        if (strcmp(walk_names_get(folders, i), name) == 0)
            return true;
    return false;
}

/* *photos: do photos lie directly in dir/sub, or in the part of it? ERR_NOINPUT, ERR_IO when it cannot be read. */
static enum status look_into(bool *photos, const char *dir, const struct subfolder *sub, const char *part,
                             struct error *err)
{
    char *folder = NULL, *path = NULL;
    struct walk_names folders = {0};
    enum status status = path_join(&folder, dir, sub->name, err);
    if (status == OK && part)
        status = path_join(&path, folder, part, err);
    if (status == OK)
        status = subfolders_look(&folders, photos, part ? path : folder, err);
    walk_names_free(&folders);
    memory_free(path);
    memory_free(folder);
    return status;
}

/* The parts of the first folder that has them; NULL when there is none. */
static const struct subfolder *find_first(struct class_parts *out, const struct subfolders *subs)
{
    bool photos;
    for (size_t i = 0; i < subs->count; i++) {
        const struct walk_names *folders = &subs->each[i].folders;
        struct class_parts parts = {.train = find_part(folders, PART_TRAIN),
                                    .val = find_part(folders, PART_VAL),
                                    .test = find_part(folders, PART_TEST)};
        if (!parts.train || !(parts.val || parts.test) ||
            look_into(&photos, subs->dir, &subs->each[i], parts.train, NULL) != OK || !photos)
            continue;
        *out = parts;
        return &subs->each[i];
    }
    return NULL;
}

static enum status check_class(const struct class_parts *parts, const struct subfolder *first,
                               const struct subfolder *sub, const char *dir, struct error *err)
{
    const char *val = parts->val ? parts->val : parts->test, *missing = NULL;
    bool photos;
    enum status status = sub->photos ? look_into(&photos, dir, sub, NULL, err) : OK;
    if (status != OK)
        return status; /* sub->photos: or it cannot be read */
    if (sub->photos)
        return error_set(err, ERR_DATA,
                         "%s: %s/ holds photos, while %s/ is split into %s/ and %s/: put them into %s/%s and %s/%s",
                         dir, sub->name, first->name, parts->train, val, sub->name, parts->train, sub->name, val);
    if (!has(&sub->folders, parts->train))
        missing = parts->train;
    else if (!has(&sub->folders, val))
        missing = val;
    if (missing)
        return error_set(err, ERR_DATA,
                         "%s: %s/ has no %s/, while %s/ is split into %s/ and %s/: all classes need the same parts",
                         dir, sub->name, missing, first->name, parts->train, val);
    status = look_into(&photos, dir, sub, parts->train, err);
    if (status == OK && !photos)
        return error_set(err, ERR_DATA,
                         "%s: no photos lie in %s/%s, while they do in %s/%s: all classes need the same parts", dir,
                         sub->name, parts->train, first->name, parts->train);
    return status;
}

enum status class_parts_find(struct class_parts *out, const struct subfolders *subs, struct error *err)
{
    struct class_parts parts;
    const struct subfolder *first = find_first(&parts, subs);
    size_t classes = 0;
    bool meant = first != NULL;
    *out = (struct class_parts){0};
    for (size_t i = 0; meant && i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (!sub->photos && !subfolder_holds_photo(subs->dir, sub->name))
            continue;
        classes++;
        meant = !split_name_neutral(sub->name);
    }
    if (!meant || classes < 2)
        return OK;
    for (size_t i = 0; i < subs->count; i++) {
        enum status status = check_class(&parts, first, &subs->each[i], subs->dir, err);
        if (status != OK)
            return status;
    }
    *out = parts;
    return OK;
}
