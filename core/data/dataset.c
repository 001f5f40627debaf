#define _GNU_SOURCE
#include "core/data/dataset.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/data/dataset_labels.h"
#include "core/data/dataset_split.h"
#include "core/data/layout.h"
#include "core/data/limit.h"
#include "core/data/split.h"
#include "core/data/walk.h"

const char *const group_by_names[] = {
    [GROUP_NONE] = "none", [GROUP_FOLDER] = "folder", [GROUP_COLUMN] = "column", NULL};

void dataset_close(struct dataset *dataset)
{
    class_names_free(&dataset->classes);
    photo_list_free(&dataset->train);
    photo_list_free(&dataset->val);
}

static enum status open_two(struct dataset *data, const struct layout *layout, struct error *err)
{
    char shown[300];
    const char *train = layout->train, *val = layout->val;
    struct walk_names folders = {0}, files = {0};
    size_t hidden = 0;
    enum status status = folder_list(&data->train, &data->classes, train, layout->train_part, NULL, err);
    if (status == OK)
        status = dataset_check_classes(data, train, err);
    if (status == OK)
        status = walk_folder(&folders, &files, &hidden, val, err);
    for (size_t i = 0; status == OK && i < folders.count; i++) {
        const char *name = walk_names_get(&folders, i);
        if (class_names_find(&data->classes, name) == PHOTO_NO_CLASS)
            status = error_set(err, ERR_DATA, "%s: class '%s' has no folder in %s: classes are matched by name", val,
                               text_escape(shown, sizeof shown, name), train);
    }
    walk_names_free(&folders);
    walk_names_free(&files);
    if (status == OK)
        status = folder_list(&data->val, NULL, val, layout->val_part, &data->classes, err);
    return status;
}

/* Groups by folders; *given points to them, or is NULL without. */
static enum status find_groups(struct photo_groups *groups, const struct photo_groups **given,
                               const struct photo_list *list, const struct class_names *classes, enum group_by by,
                               struct error *err)
{
    *given = by == GROUP_NONE ? NULL : groups;
    return *given ? photo_groups_add_folders(groups, list, classes, err) : OK;
}

static enum status check_groups(const struct dataset *data, const char *dir, enum group_by by, struct error *err)
{
    struct photo_groups train = {0}, val = {0};
    const struct photo_groups *given;
    enum status status = find_groups(&train, &given, &data->train, &data->classes, by, err);
    if (status == OK)
        status = find_groups(&val, &given, &data->val, &data->classes, by, err);
    if (status == OK && given)
        status = photo_groups_check(&train, &val, dir, err);
    photo_groups_free(&train);
    photo_groups_free(&val);
    return status;
}

static enum status open_one(struct dataset *data, const char *dir, const struct split *split, enum group_by by,
                            struct error *err)
{
    struct photo_groups groups = {0};
    const struct photo_groups *given;
    enum status status = folder_list(&data->train, &data->classes, dir, NULL, NULL, err);
    if (status == OK)
        status = dataset_check_classes(data, dir, err);
    if (status == OK)
        status = find_groups(&groups, &given, &data->train, &data->classes, by, err);
    if (status == OK)
        status = dataset_split_off(data, given, split, err);
    photo_groups_free(&groups);
    return status;
}

static enum status open_whole(struct dataset *data, const char *dir, struct error *err)
{
    enum status status = folder_list(&data->train, &data->classes, dir, NULL, NULL, err);
    return status == OK ? dataset_check_classes(data, dir, err) : status;
}

/* There is a split already, and another was asked for. */
static enum status refuse_split(const struct layout *layout, const char *dir, const struct split *split,
                                struct error *err)
{
    size_t length = strlen(dir);
    if (layout->train_part)
        return error_set(err, ERR_USAGE, "%s: its class folders have %s/ and %s/ already: leave %s out", dir,
                         layout->train_part, layout->val_part, split->folds ? "--folds" : "--val-split");
    const char *train = layout->train + length, *val = layout->val + length;
    train += *train == '/';
    val += *val == '/';
    if (split->folds)
        return error_set(err, ERR_USAGE,
                         "%s: has %s/ and %s/ already: leave --folds out, or fold over the photos of one folder alone, "
                         "with --data %s",
                         dir, train, val, layout->train);
    return error_set(err, ERR_USAGE,
                     "%s: has %s/ and %s/ already: leave --val-split out, or split the photos of one folder, with "
                     "--data %s",
                     dir, train, val, layout->train);
}

/* `split` NULL: as it lies there. */
static enum status open_split(struct dataset *out, const char *dir, const struct split *split, enum group_by by,
                              struct error *err)
{
    bool asked = split && (split->fraction > 0 || split->folds);
    struct dataset data = {0};
    struct layout layout = {0};
    struct stat info;
    bool there = path_stat(&info, dir) == 0;
    if (!there && errno != ENOENT)
        return file_failure(dir, errno, err);
    if (!there)
        return error_set(err, ERR_NOINPUT, "%s: there is no such folder: --data names the folder of photos", dir);
    if (!S_ISDIR(info.st_mode))
        return error_set(err, ERR_NOINPUT, "%s: is not a folder: --data names the folder of photos", dir);
    enum status status = layout_find(&layout, dir, asked, by == GROUP_FOLDER, err);
    if (status == OK && layout.train && asked)
        status = refuse_split(&layout, dir, split, err);
    else if (status == OK && layout.train)
        status = open_two(&data, &layout, err);
    else if (status == OK && !split)
        status = open_whole(&data, dir, err);
    else if (status == OK && (!asked || !(split->fraction < 1)))
        status = error_set(err, ERR_USAGE,
                           "%s: has no train/ and val/: set the share that validates, with --val-split 0.2", dir);
    else if (status == OK)
        status = open_one(&data, dir, split, by, err);
    if (status == OK && layout.train)
        status = check_groups(&data, dir, by, err);
    if (status == OK) {
        data.train.note = layout.note;
        layout.note = NULL;
        *out = data;
    } else {
        dataset_close(&data);
    }
    layout_free(&layout);
    return status;
}

enum status dataset_open_source(struct dataset *out, const struct dataset_source *source, struct error *err)
{
    const struct split split = {
        .fraction = source->val_split, .folds = source->folds, .fold = source->fold, .seed = source->seed};
    assert(!split.folds || (split.folds >= 2 && split.fold >= 1 && split.fold <= split.folds));
    struct dataset data;
    enum status status;
    if (source->labels)
        status = dataset_labels_open(&data, source, &split, err);
    else if (source->group_by == GROUP_COLUMN)
        status = error_set(err, ERR_USAGE, "--group-by column: needs --labels, a file with a column 'group'");
    else
        status = open_split(&data, source->data, &split, source->group_by, err);
    if (status == OK && source->limit > 0 && (status = limit_list(&data.train, source->limit, source->seed, err)) != OK)
        dataset_close(&data);
    if (status == OK)
        *out = data;
    return status;
}

enum status dataset_open(struct dataset *out, const char *dir, double val_split, uint64_t seed, struct error *err)
{
    return dataset_open_source(out, &(struct dataset_source){.data = dir, .val_split = val_split, .seed = seed}, err);
}

enum status dataset_open_all(struct dataset *out, const char *dir, struct error *err)
{
    return open_split(out, dir, NULL, GROUP_NONE, err);
}

enum status dataset_open_fold(struct dataset *out, const char *dir, unsigned folds, unsigned fold, uint64_t seed,
                              struct error *err)
{
    return dataset_open_source(out, &(struct dataset_source){.data = dir, .folds = folds, .fold = fold, .seed = seed},
                               err);
}

/* ---- photos to judge --------------------------------------------------------------------------------------------- */

/* A name and its place in the caller's order. */
struct placed {
    char *name;
    uint32_t place;
};

static int by_placed_name(const void *a, const void *b)
{
    return strcmp(((const struct placed *)a)->name, ((const struct placed *)b)->name);
}

/* The model's classes sorted (names borrowed), and where each stands in the model. */
static enum status sort_known(char ***names, struct placed **placed, const struct class_names *known, struct error *err)
{
    void *sorted, *memory;
    enum status status = memory_alloc(&sorted, known->count, sizeof **names, "the class names", err);
    if (status != OK)
        return status;
    status = memory_alloc(&memory, known->count, sizeof **placed, "the class names", err);
    if (status != OK) {
        memory_free(sorted);
        return status;
    }
    *names = sorted;
    *placed = memory;
    for (size_t i = 0; i < known->count; i++)
        (*placed)[i] = (struct placed){.name = known->names[i], .place = (uint32_t)i};
    qsort(*placed, known->count, sizeof **placed, by_placed_name);
    for (size_t i = 0; i < known->count; i++)
        (*names)[i] = (*placed)[i].name;
    return OK;
}

enum status dataset_open_val(struct photo_list *out, const char *dir, const struct class_names *known,
                             struct error *err)
{
    struct placed *placed = NULL;
    struct class_names sorted = {.count = known->count};
    struct layout layout = {0};
    struct photo_list list;
    enum status status = sort_known(&sorted.names, &placed, known, err);
    if (status == OK)
        status = layout_find_val(&layout, dir, &sorted, err);
    if (status == OK)
        status = folder_list(&list, NULL, layout.val, layout.val_part, &sorted, err);
    if (status == OK) {
        for (size_t i = 0; i < list.count; i++)
            list.photos[i].class = placed[list.photos[i].class].place;
        list.note = layout.note;
        layout.note = NULL;
        *out = list;
    }
    layout_free(&layout);
    memory_free(placed);
    memory_free(sorted.names);
    return status;
}

enum status dataset_open_unnamed(struct photo_list *out, struct class_names *classes, const char *dir,
                                 struct error *err)
{
    const struct class_names none = {0};
    struct layout layout = {0};
    struct photo_list list;
    enum status status = layout_find_val(&layout, dir, &none, err);
    if (status == OK)
        status = folder_list(&list, classes, layout.val, layout.val_part, NULL, err);
    if (status == OK) {
        list.note = layout.note;
        layout.note = NULL;
        *out = list;
    }
    layout_free(&layout);
    return status;
}
