/* The photos of a run, found again: those that it trained on and those that it validated.
 *
 * They are listed as train lists them, from the options in RUN/config.json, which also has a hash of the lists as they
 * were. Where that differs, files were added, removed or renamed since, and RUN/predictions_val.csv says which were
 * validated. So it does for a run of an older version, which has no hash and may have split in another way.
 */
#ifndef FREEZETUNE_RUN_PHOTOS_H
#define FREEZETUNE_RUN_PHOTOS_H

#include "cli/run/record_config.h"
#include "core/data/dataset.h"

struct run_photos {
    struct dataset dataset; /* class numbers: the model's; photos of other classes are left out */
    bool changed;           /* train holds what was added since, too */
    size_t gone;            /* of the photos that were validated; known where one folder was split */
};

/* Lists `data` as the run listed its own: its --data, or where that has moved to. `classes` are the model's. Errors of
 * dataset_open; ERR_DATA when the photos have changed and nothing tells which were validated. Free with
 * run_photos_free, also after an error. */
MUST_CHECK enum status run_photos_open(struct run_photos *out, const struct record_config *record, const char *data,
                                       const struct class_names *classes, struct error *err);
void run_photos_free(struct run_photos *photos);

#endif
