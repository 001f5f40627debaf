/* The scan of the photos before training, without decoding them. It reports and prints nothing.
 *
 * Every file is opened once and its head and end are read (image_probe). Files of equal size, head and end are read
 * whole and hashed (same_bytes.h). What passes may still turn out bad when it is decoded: the loader keeps that list.
 * Photos whose content is bad are to be told to the loader (loader_mark_bad), which saves it from trying; those that
 * are away now (loader.h) are not, as they may be back when their turn comes.
 */
#ifndef FREEZETUNE_SCAN_H
#define FREEZETUNE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/data/dataset.h"
#include "core/data/image.h"
#include "core/data/photo_stamp.h"

enum { SCAN_FEW_PHOTOS = 20 }; /* a class with fewer usable training photos is worth a warning */

struct scan_class {
    uint32_t train, val;         /* photos listed */
    uint32_t bad_train, bad_val; /* of these, bad or away */
    uint32_t away_train;         /* of the bad_train, away */
};

struct scan_bad {
    bool val;  /* which list */
    bool away; /* cannot be opened or read now; else its content is bad */
    uint32_t photo;
    const char *reason; /* owned by the report */
};

/* What it means that two photos have the same bytes. */
enum scan_same {
    SCAN_LABEL_CONFLICT, /* they lie in different classes, in whichever lists: one of the labels is wrong */
    SCAN_LEAK,           /* the one trains and the other validates: the accuracy looks better than it is */
    SCAN_REPEAT,         /* class and list are the same: it counts twice */
    SCAN_SAME
};

/* A photo with the bytes of another one, which is the first of its class or, where the class has no earlier one, the
 * first of all with these bytes. So n photos of the same bytes are n - 1 pairs. */
struct scan_duplicate {
    enum scan_same kind;
    bool val, same_val; /* which list */
    uint32_t photo, same;
};

/* Lists are in the order of the photos, train before val. All owned (scan_report_free). */
struct scan_report {
    struct scan_class *classes; /* [number of classes] */
    size_t class_count;
    size_t few; /* classes with train - bad_train < SCAN_FEW_PHOTOS */
    struct scan_bad *bad;
    size_t bad_count, away_count;            /* all of them; those away */
    struct photo_stamp *stamps;              /* [train photos, then val photos] */
    struct scan_duplicate *duplicates;       /* by photo */
    size_t duplicate_count, same[SCAN_SAME]; /* all of them; of each kind */
    uint64_t bytes;                          /* of all files together */
    size_t photo_memory;                     /* the most that decoding one of the others takes, see image_cost */
    size_t hidden, stray, others;            /* of both lists */
};

/* ERR_SYSTEM without memory or descriptors; bad photos are a result, not an error. Uses the pool. */
MUST_CHECK enum status scan_dataset(struct scan_report *out, const struct dataset *dataset,
                                    const struct image_options *options, struct pool *pool, struct error *err);
void scan_report_free(struct scan_report *report);

#endif
