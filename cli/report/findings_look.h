/* From what is known of photos and classes to findings: where something begins to be one. docs/decisions/check.md has
 * the photos on which the limits were chosen. */
#ifndef FREEZETUNE_FINDINGS_LOOK_H
#define FREEZETUNE_FINDINGS_LOOK_H

#include "cli/report/findings.h"
#include "core/data/quality_scan.h"
#include "core/data/scan.h"

#define CHECK_TINY 64         /* pixels of the short side: below it, a photo is tiny */
#define CHECK_ONE_COLOUR 2.0f /* largest standard deviation: below it, nothing is to be seen */
#define CHECK_DARK 64         /* 99th percentile of grey: below it, dark */
#define CHECK_BRIGHT 242      /* 5th percentile of grey: above it, bright */
#define CHECK_BLURRED 0.012f  /* sharpness: below it, blurred */
#define CHECK_ODD_SHAPE 3     /* long side / short side: from it on, most is outside of the middle square */
#define CHECK_IMBALANCE 10    /* times as many photos in the largest class */

/* ERR_SYSTEM without memory. */
MUST_CHECK enum status findings_look_photos(struct findings *out, const struct dataset *dataset,
                                            const struct quality_photo *photos, struct error *err);
MUST_CHECK enum status findings_look_duplicates(struct findings *out, const struct dataset *dataset,
                                                const struct scan_report *scan, struct error *err);
MUST_CHECK enum status findings_look_classes(struct findings *out, const struct dataset *dataset,
                                             const struct quality_photo *photos, struct error *err);

#endif
