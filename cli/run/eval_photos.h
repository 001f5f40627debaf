/* Which photos eval measures, and the remarks on them: photos that a model was trained on make it look better. */
#ifndef FREEZETUNE_EVAL_PHOTOS_H
#define FREEZETUNE_EVAL_PHOTOS_H

#include "cli/model/model_file.h"
#include "cli/run/record_config.h"
#include "core/base/threads.h"
#include "core/data/dataset.h"

/* The parts of a run's photos: the choices of --split. */
enum { PART_VAL, PART_TRAIN };
extern const char *const part_choices[]; /* "val", "train" */

struct eval_photos {
    struct photo_list list; /* class numbers: the model's */
    int part;               /* PART_, of the run's photos; -1: all that --data names */
    bool trained_known;     /* after eval_photos_check: */
    size_t trained;         /* how many of the list are in the run's training part */
};

/* --data and --labels; NULL where not given. */
struct eval_given {
    const char *data, *labels;
};

/* The classes are those of `info`, which may be changed where nothing names them (eval_unnamed.h): `model` is then
 * named in what is said. With nothing given and a record the part of the run's own photos; with something given and
 * `split` (--split was given) that of it, split as the run split its own; else DIR/val, or DIR, or what a labels file
 * has to judge (dataset_labels_val). stderr: a remark where the
 * photos have changed since the run. ERR_NOINPUT when they are not there, ERR_USAGE for a `split` without a record,
 * ERR_DATA. Free with photo_list_free(&out->list). */
MUST_CHECK enum status eval_photos_open(struct eval_photos *out, const struct record_config *record,
                                        const struct eval_given *given, bool split, int part, struct model_info *info,
                                        const char *model, struct error *err);

/* Photos that --data or --labels named: stderr says how many of them the run was trained on: by photos.bin where its
 * own photos are gone, and without one that this is not known. Silent without a record. */
MUST_CHECK enum status eval_photos_check(struct eval_photos *photos, const struct record_config *record,
                                         const struct eval_given *given, const struct class_names *classes,
                                         struct pool *pool, struct error *err);

#endif
