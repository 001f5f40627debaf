/* How honest probabilities are, and one temperature that makes them more so.
 *
 *   p_T[k] = softmax(logits / T)[k]        T > 1 makes them less sure, T < 1 more; the answer stays the same
 *
 * Guo et al., "On Calibration of Modern Neural Networks", ICML 2017: T is fitted on validation photos by minimising the
 * mean of -log p_T[label], which is convex in 1 / T.
 */
#ifndef FREEZETUNE_CALIBRATION_H
#define FREEZETUNE_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/train/statistics.h"

/* ---- the temperature --------------------------------------------------------------------------------------------- */

/* T of logits[images, classes] with labels[images], by Newton's method on 1 / T within a bracket; sums in double in the
 * order of the images. False, with 1 in *temperature, when there is none: every image is right, so that no T is too
 * small, or the logits know less than chance; and when there is no image. */
bool temperature_fit(double *temperature, const float *logits, const int32_t *labels, size_t images, size_t classes);

/* OVERWRITES probability[classes] with softmax(logits / temperature), in double. */
void temperature_softmax(double *probability, const float *logits, size_t classes, double temperature);
/* The same from probabilities at temperature 1, as a file holds them: p^(1/T), normalised. May be in place. */
void temperature_apply(double *out, const double *probability, size_t classes, double temperature);

/* ---- of a photo -------------------------------------------------------------------------------------------------- */

/* NLL = -log p[label]; Brier's score = sum over k of (p[k] - [k = label])^2 (Brier, 1950: 0 to 2); confidence: the
 * largest probability. */
struct photo_score {
    double nll, brier, confidence;
    bool right; /* its class is the label; a tie goes to the smaller number */
};
struct photo_score photo_score_of(const double *probability, size_t classes, size_t label);

/* ---- reliability ------------------------------------------------------------------------------------------------- */

/* Answers by their confidence, in bins of the same width: bin b holds b / BINS < confidence <= (b + 1) / BINS. */
enum { RELIABILITY_BINS = 15 };
struct reliability_bin {
    size_t count, right;
    double confidence; /* sum */
};
struct reliability {
    size_t count;
    struct reliability_bin bins[RELIABILITY_BINS];
};
/* Begins as {0}. */
void reliability_add(struct reliability *reliability, double confidence, bool right);
/* The expected calibration error (Naeini et al., AAAI 2015): the mean over the answers of | share of right answers of
 * the bin - mean confidence of the bin |. It is biased upwards: honest probabilities have an error above 0 too, by
 * chance, and more of it the fewer photos there are (calibration_scores.ece_honest says how much). 0 without an answer.
 */
double reliability_ece(const struct reliability *reliability);

/* ---- of many photos ---------------------------------------------------------------------------------------------- */

struct scored {
    double value, low, high; /* 95 % interval */
};
struct calibration_scores {
    struct scored nll, brier, ece;
    double ece_honest; /* the mean ECE if every answer were right with exactly its confidence: the bias */
};

/* Means over scores[count >= 1]. Intervals: the 2.5 and 97.5 % quantiles of BOOTSTRAP_TIMES resamplings of the photos
 * (Efron's percentile bootstrap), drawn with rng.h by fixed keys: the same scores give the same interval. ERR_SYSTEM
 * without memory. */
enum { BOOTSTRAP_TIMES = 1000 };
MUST_CHECK enum status calibration_measure(struct calibration_scores *out, const struct photo_score *scores,
                                           size_t count, struct error *err);

#endif
