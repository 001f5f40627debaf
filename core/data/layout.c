#include "core/data/layout.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/data/layout_class_parts.h"
#include "core/data/layout_inner.h"
#include "core/data/layout_parts.h"
#include "core/data/layout_place.h"
#include "core/data/line.h"
#include "core/data/subfolders.h"

void layout_free(struct layout *layout)
{
    memory_free(layout->train);
    memory_free(layout->val);
    memory_free(layout->train_part);
    memory_free(layout->val_part);
    memory_free(layout->note);
    *layout = (struct layout){0};
}

/* ---- photos to train on ------------------------------------------------------------------------------------------ */

static bool is_used(const struct parts *parts, const struct subfolder *sub)
{
    return sub == parts->train || sub == parts->val;
}

/* What is not clear from "train" and "val": other names, a test part, folders that are not used. */
static void note_parts(struct line *text, const struct subfolders *subs, const struct parts *parts,
                       const struct layout *layout)
{
    size_t dir = strlen(subs->dir), listed = 0;
    const char *train = layout->train + dir, *val = layout->val + dir;
    bool plain = strcmp(train + (*train == '/'), "train") == 0 && strcmp(val + (*val == '/'), "val") == 0;
    if (!plain || parts->test)
        line_add(text, "%s/ trains, %s/ validates", train + (*train == '/'), val + (*val == '/'));
    if (parts->val == parts->test)
        line_add(text, ", as there is no val/; to keep it for the end, use --data %s --val-split 0.2", layout->train);
    else if (parts->test)
        line_add(text, ", %s/ is not used (freezetune eval --data %s/%s measures on it)", parts->test->name, subs->dir,
                 parts->test->name);
    for (size_t i = 0; i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (is_used(parts, sub) || sub == parts->test)
            continue;
        if (listed == 0)
            line_add(text, "%snot used: ", text->used ? "; " : "");
        line_list(text, &listed, sub->name);
    }
    line_list_end(text, listed);
}

static enum status take_parts(struct layout *out, const struct subfolders *subs, struct parts *parts, struct error *err)
{
    struct layout layout = {0};
    struct line text = {.used = 0};
    if (!parts->val)
        parts->val = parts->test;
    enum status status = layout_settle(&layout.train, subs->dir, parts->train->name, err);
    if (status == OK)
        status = layout_settle(&layout.val, subs->dir, parts->val->name, err);
    if (status == OK) {
        note_parts(&text, subs, parts, &layout);
        status = line_take(&layout.note, &text, err);
    }
    if (status != OK)
        layout_free(&layout);
    else
        *out = layout;
    return status;
}

static enum status take_class_parts(struct layout *out, const struct subfolders *subs, const struct class_parts *parts,
                                    struct error *err)
{
    struct layout layout = {0};
    struct line text = {.used = 0};
    const char *val = parts->val ? parts->val : parts->test;
    enum status status = memory_strdup(&layout.train, subs->dir, err);
    if (status == OK)
        status = memory_strdup(&layout.val, subs->dir, err);
    if (status == OK)
        status = memory_strdup(&layout.train_part, parts->train, err);
    if (status == OK)
        status = memory_strdup(&layout.val_part, val, err);
    line_add(&text, "%s/ in each class folder trains, %s/ validates", parts->train, val);
    if (parts->val && parts->test)
        line_add(&text, ", %s/ is not used", parts->test);
    if (status == OK)
        status = line_take(&layout.note, &text, err);
    if (status != OK)
        layout_free(&layout);
    else
        *out = layout;
    return status;
}

static enum status find(struct layout *out, const struct subfolders *subs, bool asked, bool groups, struct error *err)
{
    struct class_parts class_parts;
    struct parts parts;
    struct line note = {.used = 0};
    enum status status = parts_choose(&parts, subs, err);
    if (status != OK)
        return status;
    if (parts_are_split(&parts))
        return take_parts(out, subs, &parts, err);
    status = class_parts_find(&class_parts, subs, err);
    if (status == OK && class_parts.train)
        return take_class_parts(out, subs, &class_parts, err);
    if (status == OK)
        status = parts_refuse_lone(subs, err);
    if (status == OK)
        status = parts_check_flat(&note, subs, err);
    if (status == OK)
        status = layout_check_place(subs, asked, err);
    if (status == OK)
        status = inner_refuse_splits(subs, err);
    if (status == OK)
        status = inner_check(&note, subs, groups, err);
    return status == OK ? line_take(&out->note, &note, err) : status;
}

enum status layout_find(struct layout *out, const char *dir, bool asked, bool groups, struct error *err)
{
    struct subfolders subs;
    enum status status = subfolders_read(&subs, dir, err);
    if (status != OK)
        return status;
    *out = (struct layout){0};
    status = find(out, &subs, asked, groups, err);
    subfolders_free(&subs);
    return status;
}

/* ---- photos to judge --------------------------------------------------------------------------------------------- */

static bool all_known(const struct walk_names *names, const struct class_names *known)
{
    for (size_t i = 0; i < names->count; i++)
        if (class_names_find(known, walk_names_get(names, i)) == PHOTO_NO_CLASS)
            return false;
    return names->count > 0;
}

/* The validation part, else the test part; *other is the one that is not used. */
static enum status judged_part(const struct subfolder **out, const struct subfolder **other,
                               const struct subfolders *subs, struct error *err)
{
    const struct subfolder *found[2] = {NULL, NULL};
    const enum split_part wanted[2] = {PART_VAL, PART_TEST};
    enum status status = OK;
    for (size_t i = 0; status == OK && i < 2; i++) {
        status = parts_find(&found[i], subs, wanted[i], "", err);
        if (status == OK && !found[i])
            status = parts_find(&found[i], subs, wanted[i], NULL, err);
    }
    *out = found[0] ? found[0] : found[1];
    *other = found[0] ? found[1] : NULL;
    return status;
}

static enum status take_part(struct layout *out, const struct subfolders *subs, const struct subfolder *part,
                             const struct subfolder *other, struct error *err)
{
    struct line note = {.used = 0};
    enum status status = layout_settle(&out->val, subs->dir, part->name, err);
    if (other)
        line_add(&note, "%s/ is measured, not %s/: --data %s/%s measures that", part->name, other->name, subs->dir,
                 other->name);
    else if (strcmp(part->name, "val") != 0)
        line_add(&note, "%s/ is measured", part->name);
    return status == OK ? line_take(&out->note, &note, err) : status;
}

/* No part to judge, and folders that are not the model's classes: what was meant? */
static enum status check_meant(const struct subfolders *subs, const struct class_names *known, struct error *err)
{
    const struct subfolder *train;
    enum status status = layout_check_empty(subs, err);
    for (size_t i = 0; status == OK && i < subs->count; i++) {
        const struct subfolder *sub = &subs->each[i];
        if (class_names_find(known, sub->name) != PHOTO_NO_CLASS)
            return OK; /* a class folder: the others are named when they are listed */
    }
    if (status == OK)
        status = parts_find(&train, subs, PART_TRAIN, NULL, err);
    if (status == OK && train && train->folders.count > 0)
        return error_set(err, ERR_DATA,
                         "%s: has %s/ but no val/ or test/: --data %s/%s measures the photos that were trained on",
                         subs->dir, train->name, subs->dir, train->name);
    for (size_t i = 0; status == OK && i < subs->count; i++)
        if (all_known(&subs->each[i].folders, known))
            return error_set(err, ERR_DATA, "%s: the class folders are in %s/: did you mean --data %s/%s?", subs->dir,
                             subs->each[i].name, subs->dir, subs->each[i].name);
    if (status == OK)
        status = inner_refuse_splits(subs, err);
    return status == OK ? layout_check_single(subs, err) : status;
}

static enum status take_class_part(struct layout *out, const struct subfolders *subs, const struct class_parts *parts,
                                   struct error *err)
{
    struct line note = {.used = 0};
    const char *part = parts->val ? parts->val : parts->test;
    enum status status = memory_strdup(&out->val, subs->dir, err);
    if (status == OK)
        status = memory_strdup(&out->val_part, part, err);
    line_add(&note, "%s/ in each class folder is measured", part);
    return status == OK ? line_take(&out->note, &note, err) : status;
}

static enum status find_val(struct layout *out, const struct subfolders *subs, const struct class_names *known,
                            struct error *err)
{
    const struct subfolder *part = NULL, *other = NULL;
    struct class_parts parts = {0};
    enum status status = OK;
    if (!all_known(&subs->names, known))
        status = judged_part(&part, &other, subs, err);
    if (status == OK && !part)
        status = class_parts_find(&parts, subs, err);
    if (status == OK && parts.train)
        return take_class_part(out, subs, &parts, err);
    if (status == OK && part)
        return take_part(out, subs, part, other, err);
    if (status == OK && !all_known(&subs->names, known))
        status = check_meant(subs, known, err);
    return status == OK ? memory_strdup(&out->val, subs->dir, err) : status;
}

enum status layout_find_val(struct layout *out, const char *dir, const struct class_names *known, struct error *err)
{
    struct layout layout = {0};
    struct subfolders subs;
    enum status status = subfolders_read(&subs, dir, err);
    if (status != OK)
        return status;
    status = find_val(&layout, &subs, known, err);
    subfolders_free(&subs);
    if (status != OK)
        layout_free(&layout);
    else
        *out = layout;
    return status;
}
