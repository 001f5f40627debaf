#define _GNU_SOURCE
#include "core/data/subfolders.h"

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/photo_file.h"

/* The first photo settles it: the name of nearly every photo says that it is one. */
static enum status any_photo(bool *out, const char *dir, const struct walk_names *files, struct error *err)
{
    enum status status = OK;
    *out = false;
    for (size_t i = 0; status == OK && !*out && i < files->count; i++) {
        char *path;
        status = path_join(&path, dir, walk_names_get(files, i), err);
        if (status != OK)
            break;
        *out = photo_file_is(path);
        memory_free(path);
    }
    return status;
}

enum status subfolders_look(struct walk_names *folders, bool *photos, const char *dir, struct error *err)
{
    struct walk_names files = {0};
    size_t hidden = 0;
    *folders = (struct walk_names){0};
    enum status status = walk_folder(folders, &files, &hidden, dir, err);
    if (status == OK)
        status = any_photo(photos, dir, &files, err);
    walk_names_free(&files);
    if (status != OK)
        walk_names_free(folders);
    return status;
}

static enum status look_at(struct subfolder *sub, const char *dir, struct error *err)
{
    char *path;
    enum status status = path_join(&path, dir, sub->name, err);
    if (status != OK)
        return status;
    sub->split = split_name_parse(sub->name);
    status = subfolders_look(&sub->folders, &sub->photos, path, err);
    memory_free(path);
    if (status == OK || status == ERR_SYSTEM || sub->split.part != PART_NONE)
        return status;
    sub->photos = true;
    return OK;
}

enum status subfolders_read(struct subfolders *out, const char *dir, struct error *err)
{
    struct subfolders subs = {.dir = dir};
    void *memory = NULL;
    enum status status = subfolders_look(&subs.names, &subs.photos, dir, err);
    if (status == OK)
        status = memory_alloc(&memory, subs.names.count, sizeof *subs.each, "the list of folders", err);
    subs.each = memory;
    for (size_t i = 0; status == OK && i < subs.names.count; i++) {
        subs.each[i].name = walk_names_get(&subs.names, i);
        subs.count++;
        status = look_at(&subs.each[i], dir, err);
    }
    if (status != OK)
        subfolders_free(&subs);
    else
        *out = subs;
    return status;
}

void subfolders_free(struct subfolders *subs)
{
    for (size_t i = 0; i < subs->count; i++)
        walk_names_free(&subs->each[i].folders);
    memory_free(subs->each);
    walk_names_free(&subs->names);
    *subs = (struct subfolders){0};
}

bool subfolder_nested(const struct subfolder *sub)
{
    return sub->folders.count > 0 && !sub->photos;
}

/* `files` is how many may still be looked at: what is not known after so many is taken for photos. */
static bool holds_photo(const char *dir, int levels, size_t *files)
{
    struct walk_names folders = {0}, names = {0};
    size_t hidden = 0;
    bool found = false;
    if (walk_folder(&folders, &names, &hidden, dir, NULL) == OK) {
        found = names.count > *files;
        *files -= found ? 0 : names.count;
        if (!found && any_photo(&found, dir, &names, NULL) != OK)
            found = true;
    }
    for (size_t i = 0; levels > 0 && !found && i < folders.count; i++) {
        char *path;
        if (path_join(&path, dir, walk_names_get(&folders, i), NULL) != OK)
            break;
        found = holds_photo(path, levels - 1, files);
        memory_free(path);
    }
    walk_names_free(&folders);
    walk_names_free(&names);
    return found;
}

bool subfolder_holds_photo(const char *dir, const char *name)
{
    enum { LEVELS = 4, FILES = 20000 }; /* links may lead anywhere, also back up */
    size_t files = FILES;
    char *path;
    if (path_join(&path, dir, name, NULL) != OK)
        return false;
    bool found = holds_photo(path, LEVELS, &files);
    memory_free(path);
    return found;
}
