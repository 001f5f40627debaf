/* A list for --labels of the photos that are worth training on: file,label and, where the dataset has a val, split
 * (docs/formats.md). Paths are absolute. Nothing else is touched: the photos stay where they are.
 *
 * Left out: what is unreadable or of one colour; of two of the same bytes or the same picture the second, which is the
 * one of val where the first trains; and a photo whose label is likely wrong, unless `wrong` says otherwise.
 */
#ifndef FREEZETUNE_FINDINGS_APPLY_H
#define FREEZETUNE_FINDINGS_APPLY_H

#include <stdio.h>

#include "cli/report/findings.h"

enum wrong_labels { WRONG_LEAVE_OUT, WRONG_CORRECT, WRONG_KEEP };
extern const char *const wrong_label_choices[]; /* "leave-out", "correct", "keep", NULL */

struct applied {
    size_t listed, corrected;
    size_t left_out[FINDING_KINDS]; /* photos, by the first reason */
    size_t unnamed;                 /* whose name is no UTF-8: a list cannot name them */
};

/* Writes the list to `out`. ERR_SYSTEM without memory; ERR_NOINPUT when the folder of a list is gone. */
MUST_CHECK enum status findings_apply(FILE *out, struct applied *applied, const struct findings *findings,
                                      const struct dataset *dataset, enum wrong_labels wrong, struct error *err);

#endif
