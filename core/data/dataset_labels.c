#define _GNU_SOURCE
#include "core/data/dataset_labels.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/text.h"
#include "core/data/dataset_split.h"
#include "core/data/labels.h"
#include "core/data/labels_path.h"
#include "core/data/line.h"
#include "core/data/walk.h"

enum { SHOWN = 300 };

static const char not_trained[] = "is no class: no photo with it trains";

/* ---- the order of photos ----------------------------------------------------------------------------------------- */

static int by_label_and_path(const void *a, const void *b, void *text)
{
    const struct label *x = a, *y = b;
    const char *texts = text;
    int order = strcmp(texts + x->label, texts + y->label);
    return order ? order : labels_path_order(texts + x->file, texts + y->file);
}

/* The file again, its rows by class. */
static enum status read_ordered(struct labels *out, const char *path, const char *base, struct error *err)
{
    enum status status = labels_read(out, path, base, err);
    if (status == OK)
        qsort_r(out->rows, out->count, sizeof *out->rows, by_label_and_path, out->text);
    return status;
}

static const char *label_of(const struct labels *labels, size_t row)
{
    return labels_text(labels, labels->rows[row].label);
}

static size_t count_part(const struct labels *labels, enum split_part part)
{
    size_t count = 0;
    for (size_t i = 0; i < labels->count; i++)
        count += labels->rows[i].part == part;
    return count;
}

static void set_part(struct labels *labels, enum split_part part)
{
    for (size_t i = 0; i < labels->count; i++)
        if (labels->rows[i].part == PART_NONE)
            labels->rows[i].part = part;
}

/* ---- which validate ---------------------------------------------------------------------------------------------- */

/* The files and what was asked for must say it once. */
static enum status check_asked(const struct labels *train, const struct labels *val, const struct split *split,
                               struct error *err)
{
    const char *option = split->folds ? "--folds" : "--val-split";
    bool asked = split->folds || split->fraction > 0;
    if (asked && val->path)
        return error_set(err, ERR_USAGE, "%s: --val-labels says which photos validate: leave %s out", val->path,
                         option);
    if (asked && train->has_split)
        return error_set(err, ERR_USAGE, "%s: its column 'split' says which photos validate: leave %s out", train->path,
                         option);
    if (!asked && !val->path && !train->has_split)
        return error_set(err, ERR_USAGE,
                         "%s: has no column 'split': set the share that validates with --val-split 0.2, or list the "
                         "photos that validate with --val-labels",
                         train->path);
    return OK;
}

/* A column `split` beside --val-labels may only say the same. */
static enum status check_parts(const struct labels *labels, enum split_part part, enum split_part other,
                               const char *option, struct error *err)
{
    const struct label *wrong = NULL;
    for (size_t i = 0; i < labels->count; i++)
        if (labels->rows[i].part == other && (!wrong || labels->rows[i].line < wrong->line))
            wrong = &labels->rows[i];
    if (!wrong)
        return OK;
    return error_set(err, ERR_DATA, "%s: line %zu: its split is %s, but with --val-labels the photos of %s %s",
                     labels->path, wrong->line, other == PART_VAL ? "val" : "train", option,
                     part == PART_VAL ? "validate" : "train");
}

static enum status settle_parts(struct labels *train, struct labels *val, const struct split *split, struct error *err)
{
    enum status status = check_asked(train, val, split, err);
    if (status == OK && val->path)
        status = check_parts(train, PART_TRAIN, PART_VAL, "--labels", err);
    if (status == OK && val->path)
        status = check_parts(val, PART_VAL, PART_TRAIN, "--val-labels", err);
    set_part(train, PART_TRAIN);
    set_part(val, PART_VAL);
    if (status == OK && count_part(train, PART_TRAIN) == 0)
        status = error_set(err, ERR_DATA, "%s: no photo trains: none has the split train", train->path);
    if (status == OK && train->has_split && !val->path && count_part(train, PART_VAL) == 0)
        status = error_set(err, ERR_DATA, "%s: no photo validates: none has the split val", train->path);
    if (status == OK && val->path && count_part(val, PART_VAL) == 0)
        status = error_set(err, ERR_DATA, "%s: no photo validates: all have the split test", val->path);
    return status;
}

/* ---- the lists --------------------------------------------------------------------------------------------------- */

/* The labels of the photos that train. */
static enum status take_classes(struct class_names *out, const struct labels *labels, struct error *err)
{
    void *names;
    const char *last = NULL;
    enum status status = memory_alloc(&names, labels->count, sizeof *out->names, "the class names", err);
    if (status != OK)
        return status;
    out->names = names;
    for (size_t i = 0; status == OK && i < labels->count; i++) {
        const char *label = label_of(labels, i);
        if (labels->rows[i].part != PART_TRAIN || (last && strcmp(last, label) == 0))
            continue;
        status = memory_strdup(&out->names[out->count], label, err);
        out->count += status == OK;
        last = label;
    }
    return status;
}

/* The photos of a part. Classes are numbered as *classes has them, in any order; the first line with another is an
 * error, which ends in `why`. */
static enum status take_part(struct photo_list *list, const struct labels *labels, enum split_part part,
                             const struct class_names *classes, const char *why, struct error *err)
{
    const struct label *unknown = NULL;
    char shown[SHOWN];
    size_t class = 0;
    enum status status = list->root ? OK : memory_strdup(&list->root, labels->root, err);
    for (size_t i = 0; status == OK && i < labels->count; i++) {
        const struct label *row = &labels->rows[i];
        if (i == 0 || strcmp(label_of(labels, i), label_of(labels, i - 1)) != 0)
            for (class = 0; class < classes->count && strcmp(classes->names[class], label_of(labels, i)) != 0;)
                class ++;
        if (row->part != part)
            continue;
        if (class < classes->count)
            status = photo_list_push(list, labels_text(labels, row->file), NULL, (uint32_t) class, err);
        else if (!unknown || row->line < unknown->line)
            unknown = row;
    }
    if (status != OK || !unknown)
        return status;
    return error_set(err, ERR_DATA, "%s: line %zu: the label '%s' %s", labels->path, unknown->line,
                     text_escape(shown, sizeof shown, labels_text(labels, unknown->label)), why);
}

/* The groups of a part, in the order of take_part. */
static enum status take_groups(struct photo_groups *groups, const struct photo_list *list, const struct labels *labels,
                               enum split_part part, const struct class_names *classes, enum group_by by,
                               struct error *err)
{
    enum status status = OK;
    if (by == GROUP_FOLDER)
        return photo_groups_add_folders(groups, list, classes, err);
    if (!labels->has_group)
        return error_set(err, ERR_DATA, "%s: has no column 'group', which --group-by column reads", labels->path);
    for (size_t i = 0; status == OK && i < labels->count; i++) {
        const char *group = labels_text(labels, labels->rows[i].group);
        if (labels->rows[i].part == part)
            status = photo_groups_add(groups, group, strlen(group), err);
    }
    return status;
}

/* Fills data->val, and with groups holds both lists against them. */
static enum status divide(struct dataset *data, const struct labels *train, const struct labels *val,
                          const struct split *split, enum group_by by, struct error *err)
{
    struct photo_groups groups[2] = {{0}, {0}};
    const struct labels *from = val->path ? val : train->has_split ? train : NULL;
    enum status status = OK;
    if (by != GROUP_NONE)
        status = take_groups(&groups[0], &data->train, train, PART_TRAIN, &data->classes, by, err);
    if (status == OK && from)
        status = take_part(&data->val, from, PART_VAL, &data->classes, not_trained, err);
    else if (status == OK)
        status = dataset_split_off(data, by == GROUP_NONE ? NULL : &groups[0], split, err);
    if (status == OK && from && by != GROUP_NONE) {
        status = take_groups(&groups[1], &data->val, from, PART_VAL, &data->classes, by, err);
        if (status == OK)
            status = photo_groups_check(&groups[0], &groups[1], train->path, err);
    }
    photo_groups_free(&groups[0]);
    photo_groups_free(&groups[1]);
    return status;
}

static enum status note_tests(struct dataset *data, const struct labels *train, const struct labels *val,
                              struct error *err)
{
    struct line line = {.used = 0};
    size_t tests = count_part(train, PART_TEST) + count_part(val, PART_TEST);
    if (tests > 0)
        line_add(&line, "%s: %zu photo%s of the split test %s left alone", train->path, tests, tests == 1 ? "" : "s",
                 tests == 1 ? "is" : "are");
    return line_take(&data->train.note, &line, err);
}

enum status dataset_labels_open(struct dataset *out, const struct dataset_source *source, const struct split *split,
                                struct error *err)
{
    struct labels train = {0}, val = {0};
    struct dataset data = {0};
    enum status status = read_ordered(&train, source->labels, source->data, err);
    if (status == OK && source->val_labels)
        status = read_ordered(&val, source->val_labels, source->data, err);
    if (status == OK)
        status = settle_parts(&train, &val, split, err);
    if (status == OK)
        status = take_classes(&data.classes, &train, err);
    if (status == OK)
        status = dataset_check_classes(&data, train.path, err);
    if (status == OK)
        status = take_part(&data.train, &train, PART_TRAIN, &data.classes, not_trained, err);
    if (status == OK)
        status = divide(&data, &train, &val, split, source->group_by, err);
    if (status == OK)
        status = note_tests(&data, &train, &val, err);
    labels_free(&train);
    labels_free(&val);
    if (status == OK)
        *out = data;
    else
        dataset_close(&data);
    return status;
}

/* ---- photos to judge --------------------------------------------------------------------------------------------- */

enum status dataset_labels_val(struct photo_list *out, const char *path, const char *base,
                               const struct class_names *known, struct error *err)
{
    struct labels labels = {0};
    struct photo_list list = {0};
    enum status status = read_ordered(&labels, path, base, err);
    set_part(&labels, PART_VAL);
    enum split_part part = count_part(&labels, PART_VAL) > 0 ? PART_VAL : PART_TEST;
    if (status == OK && count_part(&labels, part) == 0)
        status = error_set(err, ERR_DATA, "%s: there is nothing to measure: all photos have the split train", path);
    if (status == OK)
        status = take_part(&list, &labels, part, known, "is not among the classes of the model", err);
    labels_free(&labels);
    if (status == OK)
        *out = list;
    else
        photo_list_free(&list);
    return status;
}
