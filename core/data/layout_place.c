#define _GNU_SOURCE
#include "core/data/layout_place.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"

enum { LEVELS = 8 }; /* folders alone in a folder */

/* ---- down -------------------------------------------------------------------------------------------------------- */

static bool leads_on(const char *inner, const char *outer)
{
    enum split_part part = split_name_parse(outer).part;
    return strcmp(inner, outer) == 0 || split_name_neutral(inner) ||
           (part != PART_NONE && split_name_parse(inner).part == part);
}

/* Goes from *path, owned, through folders that are alone in theirs; with `outer` only as far as their names say nothing
 * new. *folders is how many folders there are where it ends. */
static enum status go_down(char **path, size_t *folders, const char *outer, struct error *err)
{
    enum status status = OK;
    for (int level = 0; status == OK; level++) {
        struct walk_names names;
        bool photos, on;
        status = subfolders_look(&names, &photos, *path, err);
        if (status != OK)
            return status;
        *folders = photos ? 0 : names.count;
        on = *folders == 1 && level < LEVELS && (!outer || leads_on(walk_names_get(&names, 0), outer));
        char *deeper = NULL;
        if (on)
            status = path_join(&deeper, *path, walk_names_get(&names, 0), err);
        walk_names_free(&names);
        if (!on)
            break;
        if (status == OK) {
            memory_free(*path);
            *path = deeper;
        }
    }
    return status;
}

enum status layout_settle(char **out, const char *dir, const char *name, struct error *err)
{
    char *part = NULL, *deep = NULL;
    size_t folders = 0;
    enum status status = path_join(&part, dir, name, err);
    if (status == OK)
        status = memory_strdup(&deep, part, err);
    if (status == OK && go_down(&deep, &folders, name, NULL) == OK && folders > 0) {
        memory_free(part);
        part = deep;
        deep = NULL;
    }
    memory_free(deep);
    if (status == OK)
        *out = part;
    else
        memory_free(part);
    return status;
}

enum status layout_check_single(const struct subfolders *subs, struct error *err)
{
    const struct subfolder *only = NULL;
    char *path;
    size_t folders = 0;
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (sub->photos || (only && sub->folders.count > 0))
            return OK;
        if (sub->folders.count > 0)
            only = sub;
    }
    if (!only || subs->photos)
        return OK;
    enum status status = path_join(&path, subs->dir, only->name, err);
    if (status != OK)
        return status;
    status = go_down(&path, &folders, NULL, err);
    if (status == ERR_SYSTEM || folders < 2)
        status = status == ERR_SYSTEM ? status : OK; /* one class, or what cannot be read: said when it is listed */
    else
        status = error_set(err, ERR_DATA, "%s: holds photos only in %s/: did you mean --data %s?", subs->dir,
                           only->name, path);
    memory_free(path);
    return status;
}

/* ---- up ---------------------------------------------------------------------------------------------------------- */

/* The folder above, owned, or NULL; *name is where the last component begins in `dir`, with its slashes behind it. */
static char *parent_of(const char *dir, char name[NAME_MAX + 1])
{
    char *real = realpath(dir, NULL), *parent = NULL;
    const char *slash = real ? strrchr(real, '/') : NULL;
    if (!slash || !slash[1] || strlen(slash + 1) > NAME_MAX) {
        free(real);
        return NULL;
    }
    size_t own = strlen(slash + 1);
    memcpy(name, slash + 1, own + 1);
    /* In the words that were used, where they hold the name: not /mnt/x/photos for photos/cats. */
    size_t length = strlen(dir);
    while (length > 1 && dir[length - 1] == '/')
        length--;
    bool last = length > own + 1 && dir[length - own - 1] == '/' && memcmp(dir + length - own, name, own) == 0;
    size_t keep = last ? length - own - 1 : slash == real ? 1 : (size_t)(slash - real);
    if (memory_strdup(&parent, last ? dir : real, NULL) == OK)
        parent[keep] = '\0';
    free(real);
    return parent;
}

/* Do `name` and another folder of these make a split? */
static bool is_part(const struct subfolders *subs, const char *name)
{
    struct split_name own = split_name_parse(name);
    for (size_t i = 0; own.part != PART_NONE && i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (sub->split.part != PART_NONE && sub->split.part != own.part && sub->folders.count > 0 &&
            strcmp(sub->split.rest, own.rest) == 0)
            return true;
    }
    return false;
}

/* The folder above that was meant, owned: the one with the class folders, or the one with the split that they are a
 * part of. NULL when none can be seen. */
static char *meant_above(const char *dir)
{
    char name[NAME_MAX + 1];
    struct subfolders subs;
    char *parent = parent_of(dir, name), *above;
    if (!parent || subfolders_read(&subs, parent, NULL) != OK) {
        memory_free(parent);
        return NULL;
    }
    size_t classes = 0;
    for (size_t i = 0; i < subs.count; i++)
        classes += subs.each[i].photos;
    subfolders_free(&subs);
    if (classes < 2) {
        memory_free(parent);
        return NULL;
    }
    above = parent_of(parent, name);
    if (above && subfolders_read(&subs, above, NULL) == OK) {
        if (is_part(&subs, name)) {
            memory_free(parent);
            parent = above;
            above = NULL;
        }
        subfolders_free(&subs);
    }
    memory_free(above);
    return parent;
}

enum status layout_check_empty(const struct subfolders *subs, struct error *err)
{
    char *meant = subs->count == 0 && subs->photos ? meant_above(subs->dir) : NULL;
    enum status status = OK;
    if (meant)
        status = error_set(err, ERR_DATA, "%s: holds photos, but no class folders: did you mean --data %s?", subs->dir,
                           meant);
    else if (subs->count == 0)
        status = error_set(err, ERR_DATA,
                           "%s: holds %s: put the photos of each class into a folder of its own, like %s/cats and "
                           "%s/dogs",
                           subs->dir, subs->photos ? "photos, but no class folders" : "no class folders", subs->dir,
                           subs->dir);
    memory_free(meant);
    return status;
}

/* DIR/train without --val-split. */
static enum status check_part(const struct subfolders *subs, struct error *err)
{
    char name[NAME_MAX + 1];
    struct subfolders beside;
    char *parent = parent_of(subs->dir, name);
    enum status status = OK;
    if (parent && subfolders_read(&beside, parent, NULL) == OK) {
        if (is_part(&beside, name))
            status = error_set(err, ERR_USAGE,
                               "%s: is a part of a split: did you mean --data %s? Else set the share that validates, "
                               "with --val-split 0.2",
                               subs->dir, parent);
        subfolders_free(&beside);
    }
    memory_free(parent);
    return status;
}

enum status layout_check_place(const struct subfolders *subs, bool asked, struct error *err)
{
    enum status status = layout_check_empty(subs, err);
    if (status == OK)
        status = layout_check_single(subs, err);
    if (status == OK && !asked)
        status = check_part(subs, err);
    return status;
}
