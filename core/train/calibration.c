#include "core/train/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/rng.h"

/* ---- the temperature --------------------------------------------------------------------------------------------- */

static double largest_of(const float *logits, size_t classes)
{
    double largest = (double)logits[0];
    for (size_t k = 1; k < classes; k++)
        largest = (double)logits[k] > largest ? (double)logits[k] : largest;
    return largest;
}

/* With b = 1 / T and z the logits, the loss of an image is log sum exp(b z) - b z[label]; *slope is its derivative by
 * b, the mean of z under p_T minus z[label], and *curvature the second one, the variance of z under p_T. Summed over
 * the images. z is measured from its largest, which changes neither. */
static void derivatives(double *slope, double *curvature, double b, const float *logits, const int32_t *labels,
                        size_t images, size_t classes)
{
    *slope = *curvature = 0;
    for (size_t i = 0; i < images; i++) {
        const float *row = logits + i * classes;
        double largest = largest_of(row, classes), sum = 0, first = 0, second = 0;
        for (size_t k = 0; k < classes; k++) {
            double z = (double)row[k] - largest, e = exp(b * z);
            sum += e;
            first += e * z;
            second += e * z * z;
        }
        double mean = first / sum;
        *slope += mean - ((double)row[labels[i]] - largest);
        *curvature += second / sum - mean * mean;
    }
}

/* Does the loss have its least value at some 0 < b < infinity? At b = 0 it must fall, and at infinity rise: there has
 * to be an image whose label is not the largest. */
static bool has_minimum(const float *logits, const int32_t *labels, size_t images, size_t classes)
{
    double slope, curvature;
    bool wrong = false;
    for (size_t i = 0; i < images && !wrong; i++)
        wrong = largest_of(logits + i * classes, classes) > (double)logits[i * classes + (size_t)labels[i]];
    if (!wrong)
        return false;
    derivatives(&slope, &curvature, 0, logits, labels, images, classes);
    return slope < 0;
}

bool temperature_fit(double *temperature, const float *logits, const int32_t *labels, size_t images, size_t classes)
{
    enum { TIMES_MOST = 200 };
    double b = 1, low = 0, high = INFINITY, slope, curvature;
    *temperature = 1;
    if (!has_minimum(logits, labels, images, classes))
        return false;
    for (int i = 0; i < TIMES_MOST; i++) {
        derivatives(&slope, &curvature, b, logits, labels, images, classes);
        if (slope > 0)
            high = b;
        else
            low = b;
        double next = b - slope / curvature;
        if (!(next < 8 * b)) /* far out, where the loss is flat */
            next = 8 * b;
        if (!(next > low && next < high))
            next = high < INFINITY ? (low + high) / 2 : 2 * b;
        bool still = fabs(next - b) <= 1e-14 * b;
        b = next;
        if (still || slope == 0)
            break;
    }
    *temperature = 1 / b;
    return true;
}

void temperature_softmax(double *probability, const float *logits, size_t classes, double temperature)
{
    double largest = largest_of(logits, classes), sum = 0;
    for (size_t k = 0; k < classes; k++) {
        probability[k] = exp(((double)logits[k] - largest) / temperature);
        sum += probability[k];
    }
    for (size_t k = 0; k < classes; k++)
        probability[k] /= sum;
}

void temperature_apply(double *out, const double *probability, size_t classes, double temperature)
{
    double largest = 0, sum = 0;
    for (size_t k = 0; k < classes; k++)
        largest = probability[k] > largest ? probability[k] : largest;
    for (size_t k = 0; k < classes; k++) {
        out[k] = pow(probability[k] / largest, 1 / temperature);
        sum += out[k];
    }
    for (size_t k = 0; k < classes; k++)
        out[k] /= sum;
}

/* ---- of a photo, and reliability --------------------------------------------------------------------------------- */

struct photo_score photo_score_of(const double *probability, size_t classes, size_t label)
{
    size_t best = 0;
    double brier = 0;
    for (size_t k = 0; k < classes; k++) {
        double off = probability[k] - (k == label);
        brier += off * off;
        best = probability[k] > probability[best] ? k : best;
    }
    /* What a double cannot hold counts as the least that it can: the mean stays a number. */
    double of_label = probability[label] > 0x1p-1074 ? probability[label] : 0x1p-1074;
    return (struct photo_score){
        .nll = -log(of_label), .brier = brier, .confidence = probability[best], .right = best == label};
}

void reliability_add(struct reliability *reliability, double confidence, bool right)
{
    double place = ceil(confidence * RELIABILITY_BINS) - 1;
    int at = place > 0 ? (place < RELIABILITY_BINS ? (int)place : RELIABILITY_BINS - 1) : 0;
    struct reliability_bin *bin = &reliability->bins[at];
    bin->count++;
    bin->right += right;
    bin->confidence += confidence;
    reliability->count++;
}

double reliability_ece(const struct reliability *reliability)
{
    double sum = 0;
    for (int b = 0; b < RELIABILITY_BINS; b++)
        sum += fabs((double)reliability->bins[b].right - reliability->bins[b].confidence);
    return reliability->count ? sum / (double)reliability->count : 0;
}

/* ---- of many photos ---------------------------------------------------------------------------------------------- */

enum { NLL, BRIER, ECE, MEASURES };
enum { RESAMPLES, HONEST }; /* items of the streams: photos drawn; right answers drawn */

/* OVERWRITES values[MEASURES] with the means over count photos: photo i is draw[i], or i where draw is NULL. */
static void measure(double values[MEASURES], const struct photo_score *scores, size_t count, struct rng *draw)
{
    struct reliability reliability = {0};
    double nll = 0, brier = 0;
    for (size_t i = 0; i < count; i++) {
        const struct photo_score *score = &scores[draw ? rng_below(draw, (uint32_t)count) : i];
        nll += score->nll;
        brier += score->brier;
        reliability_add(&reliability, score->confidence, score->right);
    }
    values[NLL] = nll / (double)count;
    values[BRIER] = brier / (double)count;
    values[ECE] = reliability_ece(&reliability);
}

static double honest_ece(const struct photo_score *scores, size_t count)
{
    double sum = 0;
    for (uint32_t t = 0; t < BOOTSTRAP_TIMES; t++) {
        struct rng rng = rng_stream(0, RNG_BOOTSTRAP, t, HONEST);
        struct reliability reliability = {0};
        for (size_t i = 0; i < count; i++)
            reliability_add(&reliability, scores[i].confidence, rng_double(&rng) < scores[i].confidence);
        sum += reliability_ece(&reliability);
    }
    return sum / BOOTSTRAP_TIMES;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static struct scored interval_of(double value, double *resampled)
{
    qsort(resampled, BOOTSTRAP_TIMES, sizeof *resampled, by_value);
    return (struct scored){value, resampled[BOOTSTRAP_TIMES / 40],
                           resampled[BOOTSTRAP_TIMES - 1 - BOOTSTRAP_TIMES / 40]};
}

enum status calibration_measure(struct calibration_scores *out, const struct photo_score *scores, size_t count,
                                struct error *err)
{
    double values[MEASURES], drawn[MEASURES];
    void *memory;
    enum status status = memory_alloc(&memory, MEASURES * BOOTSTRAP_TIMES, sizeof(double), "the resamplings", err);
    if (status != OK)
        return status;
    double *resampled = memory;
    measure(values, scores, count, NULL);
    for (uint32_t t = 0; t < BOOTSTRAP_TIMES; t++) {
        struct rng rng = rng_stream(0, RNG_BOOTSTRAP, t, RESAMPLES);
        measure(drawn, scores, count, &rng);
        for (size_t m = 0; m < MEASURES; m++)
            resampled[m * BOOTSTRAP_TIMES + t] = drawn[m];
    }
    *out = (struct calibration_scores){.nll = interval_of(values[NLL], resampled),
                                       .brier = interval_of(values[BRIER], resampled + BOOTSTRAP_TIMES),
                                       .ece = interval_of(values[ECE], resampled + 2 * BOOTSTRAP_TIMES),
                                       .ece_honest = honest_ece(scores, count)};
    memory_free(memory);
    return OK;
}
