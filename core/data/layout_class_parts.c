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

/* Do photos lie directly in dir/sub/part? */
static bool holds_photos(const char *dir, const struct subfolder *sub, const char *part)
{
    char *folder, *path = NULL;
    struct walk_names folders = {0};
    bool photos = false;
    if (path_join(&folder, dir, sub->name, NULL) == OK && path_join(&path, folder, part, NULL) == OK &&
        subfolders_look(&folders, &photos, path, NULL) != OK)
        photos = false;
    walk_names_free(&folders);
    memory_free(path);
    memory_free(folder);
    return photos;
}

/* The parts of the first folder that has them; NULL when there is none. */
static const struct subfolder *find_first(struct class_parts *out, const struct subfolders *subs)
{
    for (size_t i = 0; i < subs->count; i++) {
        const struct walk_names *folders = &subs->each[i].folders;
        struct class_parts parts = {.train = find_part(folders, PART_TRAIN),
                                    .val = find_part(folders, PART_VAL),
                                    .test = find_part(folders, PART_TEST)};
        if (!parts.train || !(parts.val || parts.test) || !holds_photos(subs->dir, &subs->each[i], parts.train))
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
    if (!holds_photos(dir, sub, parts->train))
        return error_set(err, ERR_DATA,
                         "%s: no photos lie in %s/%s, while they do in %s/%s: all classes need the same parts", dir,
                         sub->name, parts->train, first->name, parts->train);
    return OK;
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
