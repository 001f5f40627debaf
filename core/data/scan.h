/* The look at the photos before training: what can be said without decoding them. Reports, prints nothing.
 *
 * Every file is opened once and its head and end are read (image_probe). Files of equal size, head
 * and end, of which one trains and one validates, are read whole and hashed. What passes may still turn out bad when it
 * is decoded: the loader keeps that list. Photos found bad here are to be told to the loader (loader_mark_bad), which
 * saves it from trying.
 */
#ifndef FREEZETUNE_SCAN_H
#define FREEZETUNE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/folder.h"
#include "core/data/image.h"

enum { SCAN_FEW_PHOTOS = 20 }; /* a class with fewer usable training photos is worth a warning */

struct scan_class {
    uint32_t train, val;         /* photos listed */
    uint32_t bad_train, bad_val; /* of these, bad */
};

struct scan_bad {
    bool val; /* which list */
    uint32_t photo;
    const char *reason; /* owned by the report */
};

/* The same bytes in train and in val. */
struct scan_duplicate {
    uint32_t train, val;
};

/* Lists are in the order of the photos, train before val; pairs by val. All owned (scan_report_free). */
struct scan_report {
    struct scan_class *classes; /* [number of classes] */
    size_t class_count;
    size_t few; /* classes with train - bad_train < SCAN_FEW_PHOTOS */
    struct scan_bad *bad;
    size_t bad_count;
    struct scan_duplicate *duplicates; /* one for each val photo that train holds too, with the first such photo */
    size_t duplicate_count;
    uint64_t bytes;      /* of all files together */
    size_t photo_memory; /* the most that decoding one of the others takes, see image_cost */
    size_t hidden, stray;
};

/* ERR_SYSTEM without memory; bad photos are a result, not an error. Uses the pool. */
MUST_CHECK enum status scan_dataset(struct scan_report *out, const struct dataset *dataset,
                                    const struct image_options *options, struct pool *pool, struct error *err);
void scan_report_free(struct scan_report *report);

#endif
