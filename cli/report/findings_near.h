/* Photos that show the same picture as another one, in other bytes.
 *
 * Two steps, since neither would do alone: for each photo the NEAR_MOST photos before it whose embeddings have the
 * largest cosine (a turned copy may be as far off as another photo of the same flower); and of these the
 * ones on which it can be laid (core/data/align.h, which takes milliseconds for a pair).
 * docs/decisions/check.md has the figures. */
#ifndef FREEZETUNE_FINDINGS_NEAR_H
#define FREEZETUNE_FINDINGS_NEAR_H

#include "cli/report/findings.h"
#include "core/base/threads.h"
#include "core/data/align.h"
#include "core/data/scan.h"
#include "core/features/near.h"

#define CHECK_COSINE 0.4f /* of candidates */

struct near_input {
    const struct dataset *dataset;
    const struct scan_report *scan;  /* copies of the same bytes are said already: only the first is looked at */
    const struct align_photo *align; /* [train, then val] */
    float *embeddings;               /* [the same][width]; OVERWRITTEN */
    size_t width;
    float least; /* correlation from which two photos are the same picture */
    near_watch *watch;
    void *context;
};

/* A finding for a photo at most: beside one of another class if there is one, else of the other list, else of its own;
 * of several the most alike. *stopped: the watch said so. ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_look_near(struct findings *out, const struct near_input *input, struct pool *pool,
                                          bool *stopped, struct error *err);

#endif
