#include "cli/run/eval_photos.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/model/eval_unnamed.h"
#include "cli/run/data_paths.h"
#include "cli/run/record_photos.h"
#include "cli/run/run_photos.h"
#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/divide.h"
#include "core/data/overlap.h"

const char *const part_choices[] = {[PART_VAL] = "val", [PART_TRAIN] = "train", [PART_TRAIN + 1] = NULL};

static bool is_folder(const char *path)
{
    struct stat info;
    return path_stat(&info, path) == 0 && S_ISDIR(info.st_mode);
}

/* ---- what is measured -------------------------------------------------------------------------------------------- */

static void remark_on_changes(const struct run_photos *photos, const struct record_config *record, const char *data,
                              int part)
{
    if (!photos->changed)
        return;
    if (!dataset_is_one_folder(&photos->dataset))
        remark("%s: photos were added, removed or renamed since %s was trained", data, record->folder);
    else if (part == PART_VAL && photos->gone > 0)
        warn("%s: photos were added, removed or renamed since %s was trained: %zu of those that it validated are gone; "
             "the other %zu are measured",
             data, record->folder, photos->gone, photos->dataset.val.count);
    else if (part == PART_VAL)
        remark("%s: photos were added, removed or renamed since %s was trained: those that it validated are measured",
               data, record->folder);
    else
        warn(
            "%s: photos were added, removed or renamed since %s was trained: new ones are measured as if they had been "
            "trained on",
            data, record->folder);
}

static enum status open_part(struct eval_photos *out, const struct record_config *record, const char *data, int part,
                             const struct class_names *classes, struct error *err)
{
    struct run_photos photos;
    enum status status = run_photos_open(&photos, record, data, classes, err);
    struct photo_list *list = part == PART_VAL ? &photos.dataset.val : &photos.dataset.train;
    if (status == ERR_USAGE) /* as train would say it, with options that eval does not have */
        status = error_set(err, ERR_DATA,
                           "%s: its folders are not laid out as they were when %s was trained; name the photos to "
                           "measure with --data DIR, without --split",
                           data, record->folder);
    if (status == OK && list->count == 0)
        status = error_set(err, ERR_NOINPUT, "%s: holds none of the photos that %s %s; name other photos with --data",
                           data, record->folder, part == PART_VAL ? "validated" : "was trained on");
    if (status == OK) {
        remark_on_changes(&photos, record, data, part);
        *out = (struct eval_photos){.list = *list, .part = part};
        *list = (struct photo_list){0};
    }
    run_photos_free(&photos);
    return status;
}

/* A labels file and, where it is given, the folder that its paths begin at. */
static enum status open_labels(struct eval_photos *out, const struct eval_given *given, const struct class_names *known,
                               struct error *err)
{
    const struct train_values values = {.data = given->data, .labels = given->labels};
    struct data_paths paths = {0};
    *out = (struct eval_photos){.part = -1};
    enum status status = data_paths_find(&paths, &values, err);
    if (status == OK)
        status = dataset_labels_val(&out->list, paths.labels, paths.data, known, err);
    data_paths_free(&paths);
    return status;
}

static enum status open_all(struct eval_photos *out, const char *given, struct model_info *info, const char *model,
                            struct error *err)
{
    char *data;
    *out = (struct eval_photos){.part = -1};
    enum status status = path_data(&data, given, err);
    if (status != OK)
        return status;
    if (info->own_classes)
        status = dataset_open_val(&out->list, data, &info->classes, err);
    else
        status = eval_unnamed_open(&out->list, info, model, data, err);
    memory_free(data);
    return status;
}

/* The part of a labels file that was given, which the record's options divide. */
static enum status open_part_of_labels(struct eval_photos *out, const struct record_config *record,
                                       const struct eval_given *given, int part, const struct class_names *classes,
                                       struct error *err)
{
    const struct train_values values = {.data = given->data, .labels = given->labels};
    struct data_paths paths = {0};
    char *folder = NULL;
    const char *name;
    struct record_config other = *record;
    enum status status = data_paths_find(&paths, &values, err);
    if (status == OK && !paths.data)
        status = path_split(&folder, &name, paths.labels, err);
    other.labels = paths.labels;
    other.based = paths.data != NULL;
    other.data = paths.data ? paths.data : folder;
    if (status == OK)
        status = open_part(out, &other, other.data, part, classes, err);
    memory_free(folder);
    data_paths_free(&paths);
    return status;
}

enum status eval_photos_open(struct eval_photos *out, const struct record_config *record,
                             const struct eval_given *given, bool split, int part, struct model_info *info,
                             const char *model, struct error *err)
{
    const char *data = given->data;
    if (!record->folder && split)
        return error_set(err, ERR_USAGE,
                         "--split %s: the model is not in the folder of its run, which records how the photos were "
                         "split: name that folder with --model",
                         part_choices[part]);
    if (given->labels && !split)
        return open_labels(out, given, &info->classes, err);
    if (given->labels)
        return open_part_of_labels(out, record, given, part, &info->classes, err);
    if (!record->folder || (data && !split))
        return open_all(out, data, info, model, err);
    if (!data && !is_folder(record->data))
        return error_set(err, ERR_NOINPUT,
                         "%s: %s was trained on the photos there, and there is no such folder; say where they are now "
                         "with --data DIR --split %s, or name other photos with --data DIR",
                         record->data, record->folder, part_choices[part]);
    return open_part(out, record, data ? data : record->data, part, &info->classes, err);
}

/* ---- what is to be said of it ------------------------------------------------------------------------------------ */

/* `same` is the name of the first one there, NULL where it is not known; `how` stands behind the run's name. */
static void warn_of_trained(const struct eval_photos *photos, const struct overlap *overlap, const char *same,
                            const struct record_config *record, const char *how, const char *remedy)
{
    char place[600] = "";
    const char *first = photo_name(&photos->list, overlap->photo);
    if (same && strcmp(first, same) != 0)
        snprintf(place, sizeof place, " is %.500s there", same);
    warn("%s: %zu of the %zu photos %s in the training part of %s%s, which makes the accuracy look better than it is; "
         "the first: %s%s; %s",
         photos->list.root, overlap->count, photos->list.count, overlap->count == 1 ? "is" : "are", record->folder, how,
         first, place, remedy);
}

/* *known is false when the run's photos, or how they were split, cannot be told any more. Elsewhere than they were,
 * photos are the run's only if all of them have their names. */
static enum status find_run_photos(struct run_photos *run, bool *known, const struct record_config *record,
                                   const char *data, const struct class_names *classes, struct error *err)
{
    bool there = is_folder(record->data);
    struct error why;
    enum status status = run_photos_open(run, record, there ? record->data : data, classes, &why);
    *known = status == OK && (there || !run->changed);
    if (status != ERR_SYSTEM)
        return OK;
    return error_set(err, status, "%s", why.text);
}

static enum status check_against(struct eval_photos *photos, const struct run_photos *run,
                                 const struct record_config *record, bool there, struct pool *pool, struct error *err)
{
    struct overlap overlap;
    enum status status = overlap_find(&overlap, &photos->list, &run->dataset.train, pool, err);
    if (status != OK)
        return status;
    photos->trained_known = !run->changed;
    photos->trained = overlap.count;
    if (overlap.count > 0)
        warn_of_trained(photos, &overlap, photo_name(&run->dataset.train, overlap.same), record,
                        run->changed ? " or were added to it since" : "",
                        there ? "leave --data out to measure the photos that it validated"
                              : "add --split val to measure the photos that it validated");
    return OK;
}

/* The run's folder keeps a hash of each photo (photos.bin). */
static enum status check_by_content(struct eval_photos *photos, const struct record_config *record, struct pool *pool,
                                    struct error *err)
{
    struct photo_stamp *stamps = NULL;
    struct overlap overlap;
    size_t count;
    bool known, there = is_folder(record->data);
    enum status status = record_photos_trained(&stamps, &count, &known, record->folder, record->photos, err);
    if (status == OK && !known)
        remark("%s: it is not known whether %s was trained on some of these photos: its own, in %s, are %s",
               photos->list.root, record->folder, record->data, there ? "not as they were" : "gone");
    if (status != OK || !known)
        return status;
    status = overlap_find_stamps(&overlap, &photos->list, stamps, count, pool, err);
    memory_free(stamps);
    if (status != OK)
        return status;
    photos->trained_known = true;
    photos->trained = overlap.count;
    if (overlap.count > 0)
        warn_of_trained(photos, &overlap, NULL, record, " (by their content)",
                        "measure photos that are new to it with --data");
    return OK;
}

enum status eval_photos_check(struct eval_photos *photos, const struct record_config *record,
                              const struct eval_given *given, const struct class_names *classes, struct pool *pool,
                              struct error *err)
{
    const char *data = given->data ? given->data : given->labels ? photos->list.root : NULL;
    struct run_photos run;
    bool known;
    if (!record->folder || !data || photos->part >= 0)
        return OK;
    enum status status = find_run_photos(&run, &known, record, data, classes, err);
    if (status == OK)
        status = known ? check_against(photos, &run, record, is_folder(record->data), pool, err)
                       : check_by_content(photos, record, pool, err);
    run_photos_free(&run);
    return status;
}
