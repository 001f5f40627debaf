/* Answering fewer photos to be right more often: a photo whose confidence (the largest probability) is below a
 * threshold is not answered.
 *
 *   coverage = answered / photos        error = wrong / answered
 */
#ifndef FREEZETUNE_COVERAGE_H
#define FREEZETUNE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/train/calibration.h"

/* Of `photos` photos, `answered` have a confidence of `threshold` or more, and `wrong` of these are wrong. */
struct coverage_point {
    double threshold;
    size_t answered, wrong;
};

/* OVERWRITES points[0..most-1] with at most `most` >= 1 of them, highest threshold first; the last one has threshold 0
 * and answers all. Returns how many there are. SORTS scores[count >= 1] by confidence, surest first. Photos with the
 * same confidence are answered together; a threshold lies in the middle between two confidences, so that rounding
 * moves no photo over it. */
size_t coverage_curve(struct coverage_point *points, size_t most, struct photo_score *scores, size_t count);

/* The upper end of the exact one-sided interval of a share (Clopper and Pearson, Biometrika 26, 1934): the share at
 * which `wrong` or fewer of `count` have the chance 1 - confidence. 1 when count is 0 or all are wrong. */
double share_at_most(size_t wrong, size_t count, double confidence);

/* The point with the highest threshold that answers at least this share of the photos; NULL without points. */
const struct coverage_point *coverage_of_share(const struct coverage_point *points, size_t count, double share);
/* The point with the lowest threshold whose error is at most `error` with 95 % confidence (share_at_most); NULL when
 * there is none. */
const struct coverage_point *coverage_of_error(const struct coverage_point *points, size_t count, double error);
/* So many photos, all answered and all right, are needed to promise `error`. */
size_t coverage_least(double error);

#endif
