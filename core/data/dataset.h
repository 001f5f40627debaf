/* --data, or --labels, as a whole: which photos train, which validate, which are judged. layout.h says how folders are
 * read, labels.h how a list is. */
#ifndef FREEZETUNE_DATASET_H
#define FREEZETUNE_DATASET_H

#include "core/data/folder.h"

struct dataset {
    struct class_names classes;
    struct photo_list train, val; /* train.note tells what is to be said of all */
};

enum group_by { GROUP_NONE, GROUP_FOLDER, GROUP_COLUMN };
extern const char *const group_by_names[]; /* "none", "folder", "column" */

/* Where photos and classes come from, and how they are split. */
struct dataset_source {
    const char *data;                /* the folder; with labels the one that relative paths begin at, or NULL: that of
                                        the labels file */
    const char *labels, *val_labels; /* labels files (labels.h), or NULL: folders are the classes */
    double val_split;                /* in (0, 1); 0: not asked for */
    unsigned folds, fold;            /* at least 2, and 1..folds; 0: not asked for */
    uint64_t seed;
    enum group_by group_by; /* photos that belong together stay together in the split (photo_groups.h) */
    size_t limit;           /* training photos of a class that are kept (limit.h); 0: all */
};

/* As dataset_open and dataset_open_fold say of folders, dataset_labels.h of labels files. With groups a split that is
 * there is checked: ERR_DATA when a group lies on both sides; for one that is made see split_groups.h. ERR_USAGE for a
 * column without labels, ERR_DATA for a labels file without it. */
MUST_CHECK enum status dataset_open_source(struct dataset *out, const struct dataset_source *source, struct error *err);

/* Opens --data. val_split in (0, 1), or 0 when none was asked for: needed without train/ and val/ (ERR_USAGE), refused
 * with them (ERR_USAGE). ERR_DATA for folders that could be a split but cannot be used as one, see layout.h; as
 * folder_list says; for a class in val/ that train/ lacks, for fewer than two classes, and when nothing validates. A
 * class without photos in val is left to the scan. */
MUST_CHECK enum status dataset_open(struct dataset *out, const char *dir, double val_split, uint64_t seed,
                                    struct error *err);

/* The same for one of `folds` parts (at least 2) of a folder of class folders: fold 1..folds validates its photos, all
 * others train. ERR_USAGE with train/ and val/; ERR_DATA when there are fewer photos than folds. */
MUST_CHECK enum status dataset_open_fold(struct dataset *out, const char *dir, unsigned folds, unsigned fold,
                                         uint64_t seed, struct error *err);
/* All photos, to look at them: those of a split as it is, or those of one folder of class folders as train, with an
 * empty val. Errors of dataset_open, but for what it says of --val-split. */
MUST_CHECK enum status dataset_open_all(struct dataset *out, const char *dir, struct error *err);
void dataset_close(struct dataset *dataset);

/* Photos to judge with a model that knows *known (in any order): DIR itself if its folders are the model's classes,
 * else DIR's val/ (or validation/, ...), else its test/. Class numbers are the model's. One class is enough here. A
 * folder whose name the model does not know is ERR_DATA naming it, with the folder that was meant where that can be
 * seen. */
MUST_CHECK enum status dataset_open_val(struct photo_list *out, const char *dir, const struct class_names *known,
                                        struct error *err);

/* Photos to judge from a labels file (relative paths begin at `base`, or at its folder with NULL): those of its split
 * val, or test where it has none; without such a column all. Class numbers are those of *known, in any order. As
 * labels_read says; ERR_DATA for a label that is not known (by line) and when nothing is left. */
MUST_CHECK enum status dataset_labels_val(struct photo_list *out, const char *path, const char *base,
                                          const struct class_names *known, struct error *err);

/* The same for a model that names no classes: those of the folders, sorted, are *classes (class_names_free). DIR has
 * a val/ or test/, or is the folder of class folders. */
MUST_CHECK enum status dataset_open_unnamed(struct photo_list *out, struct class_names *classes, const char *dir,
                                            struct error *err);

#endif
