/* Where the photos of a run come from: --data, --labels and --val-labels as absolute paths, which config.json records,
 * so that a run is resumed from any folder. */
#ifndef FREEZETUNE_DATA_PATHS_H
#define FREEZETUNE_DATA_PATHS_H

#include "cli/run/train_options.h"
#include "core/base/error.h"
#include "core/data/dataset.h"

/* Owned (data_paths_free). */
struct data_paths {
    char *data;                /* NULL: paths in a labels file begin at its own folder */
    char *labels, *val_labels; /* or NULL */
};

/* --data, "data" where neither it nor --labels was given. ERR_NOINPUT for what is not there, ERR_DATA for --data that
 * is no folder, ERR_USAGE for --val-labels without --labels. */
MUST_CHECK enum status data_paths_find(struct data_paths *out, const struct train_values *values, struct error *err);
MUST_CHECK enum status data_paths_copy(struct data_paths *out, const struct data_paths *paths, struct error *err);
void data_paths_free(struct data_paths *paths);

/* What names the photos in messages: the labels file, or the folder. Borrowed. */
const char *data_paths_name(const struct data_paths *paths);

/* The absolute path of a file by its folder's: a file that is a link stays in the folder where it was named. Owned by
 * the caller (memory_free). ERR_NOINPUT. */
MUST_CHECK enum status data_paths_absolute(char **out, const char *file, struct error *err);

#endif
