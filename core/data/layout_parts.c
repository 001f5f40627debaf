#include "core/data/layout_parts.h"

#include <string.h>

/* Does it stand for a part: not a class, into which photos were put directly? */
static bool is_part(const struct subfolder *sub)
{
    return sub->split.part != PART_NONE && (sub->folders.count > 0 || !sub->photos);
}

enum status parts_find(const struct subfolder **out, const struct subfolders *subs, enum split_part part,
                       const char *rest, struct error *err)
{
    const struct subfolder *found = NULL, *second = NULL;
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (!is_part(sub) || sub->split.part != part || (rest && strcmp(sub->split.rest, rest) != 0))
            continue;
        if (sub->split.plain || !found) {
            found = sub;
            second = NULL;
        } else if (!found->split.plain) {
            second = sub;
        }
    }
    *out = found;
    if (second && rest)
        return error_set(err, ERR_DATA, "%s: %s/ and %s/ could both be meant: rename or remove one", subs->dir,
                         found->name, second->name);
    if (second)
        *out = NULL;
    return OK;
}

static enum status find_parts(struct parts *out, const struct subfolders *subs, const char *rest, struct error *err)
{
    *out = (struct parts){0};
    enum status status = parts_find(&out->train, subs, PART_TRAIN, rest, err);
    if (status == OK)
        status = parts_find(&out->val, subs, PART_VAL, rest, err);
    if (status == OK)
        status = parts_find(&out->test, subs, PART_TEST, rest, err);
    return status;
}

bool parts_are_split(const struct parts *parts)
{
    return parts->train && (parts->val || parts->test);
}

enum status parts_choose(struct parts *out, const struct subfolders *subs, struct error *err)
{
    struct parts found = {0};
    enum status status = find_parts(out, subs, "", err);
    if (status != OK || parts_are_split(out))
        return status;
    for (size_t i = 0; status == OK && i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        struct parts parts;
        if (!is_part(sub) || sub->split.part != PART_TRAIN)
            continue;
        status = find_parts(&parts, subs, sub->split.rest, err);
        if (status != OK || !parts_are_split(&parts))
            continue;
        if (parts_are_split(&found) && found.train != parts.train)
            return error_set(err, ERR_DATA, "%s: holds more than one split, with %s/ and with %s/: give each a folder",
                             subs->dir, found.train->name, parts.train->name);
        found = parts;
    }
    if (status == OK && !parts_are_split(&found)) {
        status = find_parts(&found, subs, NULL, err);
        if (subs->count != (size_t) !!found.train + !!found.val + !!found.test)
            found = (struct parts){0};
    }
    *out = found;
    return status;
}

/* ---- names of parts that are no split ---------------------------------------------------------------------------- */

/* train/ with class folders, and nothing to validate on. */
enum status parts_refuse_lone(const struct subfolders *subs, struct error *err)
{
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        bool train = sub->split.part == PART_TRAIN;
        const struct subfolder *flat = NULL;
        if (sub->split.part == PART_NONE || !subfolder_nested(sub))
            continue;
        for (size_t j = 0; j < subs->count; j++)
            if (subs->each[j].split.part != PART_NONE && subs->each[j].photos &&
                strcmp(subs->each[j].split.rest, sub->split.rest) == 0)
                flat = &subs->each[j];
        if (flat && train)
            return error_set(err, ERR_DATA,
                             "%s: %s/ holds photos but no class folders, so it cannot validate: leave it aside, with "
                             "--data %s/%s --val-split 0.2",
                             subs->dir, flat->name, subs->dir, sub->name);
        if (flat)
            return error_set(err, ERR_DATA,
                             "%s: %s/ holds photos but no class folders, unlike %s/: put the photos of each class into "
                             "a folder of its own, like %s/%s/cats",
                             subs->dir, flat->name, sub->name, subs->dir, flat->name);
        if (sub->split.rest[0] == '\0')
            return error_set(err, ERR_DATA, "%s: has %s/ but no %s/: add it, or give --data %s/%s and --val-split 0.2",
                             subs->dir, sub->name, train ? "val" : "train", subs->dir, sub->name);
    }
    return OK;
}

/* Parts with photos directly in them: refused when there is nothing else, else classes, which is said. */
enum status parts_check_flat(struct line *note, const struct subfolders *subs, struct error *err)
{
    size_t named = 0, listed = 0;
    bool seen[PART_TEST + 1] = {0}, plain = false;
    struct line names = {.used = 0};
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (sub->split.part == PART_NONE || !sub->photos)
            continue;
        named++;
        seen[sub->split.part] = true;
        plain |= sub->split.rest[0] == '\0';
        line_list(&names, &listed, sub->name);
    }
    line_list_end(&names, listed);
    bool several = seen[PART_TRAIN] + seen[PART_VAL] + seen[PART_TEST] > 1;
    if (named == subs->count && (several || (named == 1 && plain)))
        return error_set(err, ERR_DATA,
                         "%s: %s: names of a split, with photos but no class folders in %s: put the photos of each "
                         "class into a folder of its own, like %s/%s/cats",
                         subs->dir, names.bytes, named > 1 ? "them" : "it", subs->dir, subs->each[0].name);
    if (several || plain)
        line_add(note, "%s %s taken for %s, because photos lie directly in %s", names.bytes, named > 1 ? "are" : "is",
                 named > 1 ? "classes" : "a class", named > 1 ? "them" : "it");
    return OK;
}
