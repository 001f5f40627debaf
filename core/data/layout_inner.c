#include "core/data/layout_inner.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"

static bool holds_split(const struct walk_names *folders)
{
    for (size_t i = 0; i < folders->count; i++) {
        struct split_name a = split_name_parse(walk_names_get(folders, i));
        for (size_t j = 0; a.part == PART_TRAIN && j < folders->count; j++) {
            struct split_name b = split_name_parse(walk_names_get(folders, j));
            if ((b.part == PART_VAL || b.part == PART_TEST) && strcmp(a.rest, b.rest) == 0)
                return true;
        }
    }
    return false;
}

/* DIR/flowers/train or DIR/cats/train. Labels that are split in the same way do not count
 * (images/train, labels/train). */
enum status inner_refuse_splits(const struct subfolders *subs, struct error *err)
{
    struct line names = {.used = 0};
    const char *first = NULL;
    size_t listed = 0;
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (!holds_split(&sub->folders) || (!sub->photos && !subfolder_holds_photo(subs->dir, sub->name)))
            continue;
        first = first ? first : sub->name;
        line_list(&names, &listed, sub->name);
    }
    line_list_end(&names, listed);
    if (listed == 0)
        return OK;
    if (listed == 1)
        return error_set(err, ERR_DATA, "%s: %s/ is split into train/ and val/: did you mean --data %s/%s?", subs->dir,
                         first, subs->dir, first);
    return error_set(err, ERR_DATA,
                     "%s: each of %s is split: name one, with --data %s/%s; or, if they are classes, put them into the "
                     "parts, like %s/train/%s",
                     subs->dir, names.bytes, subs->dir, first, subs->dir, first);
}

struct inner {
    const char *name;
    const struct subfolder *in;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct inner *)a)->name, ((const struct inner *)b)->name);
}

/* Names that several class folders hold, with photos below: how many, two of the folders, and the first name. */
struct shared {
    size_t names;
    const struct subfolder *one, *other;
    const char *name;
    bool direct; /* photos lie in the class folders too */
};

static bool holds_photos(const struct subfolder *sub, const char *dir, const char *name)
{
    char *path;
    if (path_join(&path, dir, sub->name, NULL) != OK)
        return false;
    bool holds = subfolder_holds_photo(path, name);
    memory_free(path);
    return holds;
}

static void count_shared(struct shared *out, const struct inner *inner, size_t count, const char *dir)
{
    for (size_t i = 0, end; i < count; i = end) {
        const struct subfolder *with[2];
        size_t found = 0;
        for (end = i; end < count && strcmp(inner[end].name, inner[i].name) == 0; end++)
            if (found < 2 && holds_photos(inner[end].in, dir, inner[end].name))
                with[found++] = inner[end].in;
        if (found < 2)
            continue;
        if (out->names++ == 0) {
            out->one = with[0];
            out->other = with[1];
            out->name = inner[i].name;
        }
        out->direct |= with[0]->photos || with[1]->photos;
    }
}

static enum status find_shared(struct shared *out, const struct subfolders *subs, struct error *err)
{
    size_t count = 0, used = 0;
    void *memory;
    *out = (struct shared){0};
    for (size_t i = 0; i < subs->count; i++)
        count += subs->each[i].folders.count;
    enum status status = memory_alloc(&memory, count, sizeof(struct inner), "the list of folders", err);
    if (status != OK)
        return status;
    struct inner *inner = memory;
    for (size_t i = 0; i < subs->count; i++)
        for (size_t j = 0; j < subs->each[i].folders.count; j++)
            inner[used++] = (struct inner){walk_names_get(&subs->each[i].folders, j), &subs->each[i]};
    qsort(inner, count, sizeof *inner, by_name);
    count_shared(out, inner, count, subs->dir);
    memory_free(inner);
    return OK;
}

/* day/cats, day/dogs, night/cats, night/dogs: which are the classes? */
enum status inner_check(struct line *note, const struct subfolders *subs, bool groups, struct error *err)
{
    struct shared shared;
    size_t nested = 0;
    enum status status = find_shared(&shared, subs, err);
    if (status != OK)
        return status;
    for (size_t i = 0; i < subs->count; i++)
        nested += subfolder_nested(&subs->each[i]);
    if (shared.names > 1 && !shared.direct && !groups)
        return error_set(err, ERR_DATA,
                         "%s: %s/ and %s/ hold the same folders (%s/ and others), so it is not clear which are the "
                         "classes: use one, with --data %s/%s, name them train/ and val/ if they are a split, or put "
                         "the photos of a class directly into its folder",
                         subs->dir, shared.one->name, shared.other->name, shared.name, subs->dir, shared.one->name);
    if (shared.names > 0)
        line_add(note, "%sthe classes are the folders of %s; those in them, like %s/%s, are %s", note->used ? "; " : "",
                 subs->dir, shared.one->name, shared.name, groups ? "groups of photos" : "not classes");
    else if (nested > 0 && nested == subs->count)
        line_add(note, "%sthe classes are the folders of %s; those in them are not classes", note->used ? "; " : "",
                 subs->dir);
    return OK;
}
