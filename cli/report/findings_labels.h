/* Likely wrong labels, from what the networks of a run said of photos that they were not trained on: the
 * probabilities_val.csv of each fold of `train --folds K`, or of a single run for the photos that it validated
 * (core/train/confident.h). */
#ifndef FREEZETUNE_FINDINGS_LABELS_H
#define FREEZETUNE_FINDINGS_LABELS_H

#include "cli/report/findings.h"

struct label_counts {
    size_t judged;   /* rows of photos that are in the dataset, with the label that they have there */
    size_t unknown;  /* rows of photos that are not */
    size_t relabels; /* rows whose photo has another label there by now: not judged */
};

/* runs[count], at least one, are the folders, and counts[count] is what was found of each (OVERWRITES). Of several
 * runs the mean of what they say of a photo is judged (label_votes.h). Photos are found by the name that the run knew
 * them by, below train first. ERR_NOINPUT when a folder holds no probabilities, ERR_DATA when no photo of its is in the
 * dataset or when the tables differ in their classes; errors of probabilities_open and _next. */
MUST_CHECK enum status findings_look_labels(struct findings *out, struct label_counts *counts,
                                            const struct dataset *dataset, const char *const *runs, size_t count,
                                            struct error *err);

#endif
