/* The quality of every photo of a dataset: all of them are decoded, by all threads of the pool, at a small size. */
#ifndef FREEZETUNE_QUALITY_SCAN_H
#define FREEZETUNE_QUALITY_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/align.h"
#include "core/data/quality.h"
#include "core/data/scan.h"

struct quality_photo {
    struct quality quality; /* zeroes where the photo could not be decoded */
    char *reason;           /* why not, owned; NULL: it was decoded */
    bool away;              /* it cannot be opened or read now; else its content is bad */
};

/* Progress callback: `done` of `all` photos. Return false to stop. */
typedef bool quality_watch(void *context, size_t done, size_t all);

/* out[train photos, then val photos], owned (quality_photos_free); align[the same], zeroed by the caller, is filled for
 * those that could be decoded, or is NULL. Photos that the scan found bad have its reason and
 * are not tried. *stopped: `watch` (may be NULL) said so, and what was not reached is zeroes. ERR_SYSTEM without memory
 * or descriptors. */
MUST_CHECK enum status quality_dataset(struct quality_photo **out, struct align_photo *align,
                                       const struct dataset *dataset, const struct scan_report *scan,
                                       const struct image_options *options, struct pool *pool, quality_watch *watch,
                                       void *context, bool *stopped, struct error *err);
void quality_photos_free(struct quality_photo *photos, size_t count);

#endif
