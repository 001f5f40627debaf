/* Which labels are likely wrong, from probabilities of networks that were not trained on the photo: confident learning
 * (Northcutt, Jiang, Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", JAIR 2021).
 *
 *   threshold of class j     the mean of p_j over the photos labelled j: what is usual for that class
 *   confident class of a     the class whose p reaches its threshold; of several the one with the largest p; of none
 *   photo                    none
 *   likely wrong             there is a confident class, it is not the label (the off-diagonal of the confident joint),
 *                            and the label's p is not the largest
 *   doubtful                 not that, but another class is more probable by 0.5 or more: score <= CONFIDENT_DOUBTFUL;
 *                            of means over several trainings, which make fewer mistakes, by 0.4 or more:
 *                            score <= CONFIDENT_DOUBTFUL_MEAN
 *   score                    (p_label - the largest other p + 1) / 2, the normalised margin: 0 is the most likely wrong
 *
 * Thresholds are compared with a tolerance of 1e-6 and are at least 2e-6, as in cleanlab 2.9 (filter_by
 * "confident_learning", ranked by "normalized_margin"), which gives the same likely
 * wrong photos in the same order. Doubtful labels are an addition of ours.
 *
 * Two passes over the rows: confident_learn each, confident_settle, confident_judge each.
 */
#ifndef FREEZETUNE_CONFIDENT_H
#define FREEZETUNE_CONFIDENT_H

#include <stddef.h>

#include "core/base/error.h"

#define CONFIDENT_DOUBTFUL 0.25
#define CONFIDENT_DOUBTFUL_MEAN 0.3

enum confidence { CONFIDENCE_RIGHT, CONFIDENCE_DOUBTFUL, CONFIDENCE_WRONG };

struct confident {
    size_t classes;
    double doubtful;    /* the largest score of a doubtful label */
    double *thresholds; /* [classes]: sums before confident_settle. Owned (confident_free) */
    size_t *photos;     /* [classes] by label */
};

/* At least 2 classes. ERR_SYSTEM without memory. */
MUST_CHECK enum status confident_init(struct confident *out, size_t classes, double doubtful, struct error *err);
void confident_free(struct confident *confident);

/* p[classes] of a photo with this label. */
void confident_learn(struct confident *confident, size_t label, const double *p);
/* From sums to thresholds; a class without photos is never confident. */
void confident_settle(struct confident *confident);
/* *score as above and *class, the confident class or the most probable one, are set unless the label is RIGHT. */
enum confidence confident_judge(double *score, size_t *class, const struct confident *confident, size_t label,
                                const double *p);

#endif
