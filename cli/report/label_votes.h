/* What several runs say of the same photos: for each photo the mean of their probabilities.
 *
 * Two trainings on other folds make other mistakes, and their mean fewer (docs/decisions/check.md). Memory: classes
 * doubles for each photo.
 */
#ifndef FREEZETUNE_LABEL_VOTES_H
#define FREEZETUNE_LABEL_VOTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

struct label_votes {
    size_t photos, classes;
    double *sums;     /* [photos][classes] */
    uint32_t *count;  /* [photos]: runs that have it */
    uint32_t *labels; /* [photos], of the last of them */
};

/* At least one class. ERR_SYSTEM without memory. label_votes_free also after an error and of zeros. */
MUST_CHECK enum status label_votes_init(struct label_votes *out, size_t photos, size_t classes, struct error *err);
void label_votes_free(struct label_votes *votes);

/* ADDS p[classes] of one run, in which the photo has this label. */
void label_votes_add(struct label_votes *votes, size_t photo, size_t label, const double *p);
/* The mean, p[classes]; false: no run has this photo, and p stays. */
bool label_votes_mean(double *p, const struct label_votes *votes, size_t photo);

#endif
