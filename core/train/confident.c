#include "core/train/confident.h"

#include <assert.h>
#include <stdbool.h>

#include "core/base/memory.h"

#define TOLERANCE 1e-6
#define THRESHOLD_LEAST 2e-6
#define THRESHOLD_NONE 2.0 /* no probability reaches it */

enum status confident_init(struct confident *out, size_t classes, double doubtful, struct error *err)
{
    void *thresholds, *photos;
    assert(classes >= 2);
    enum status status = memory_alloc(&thresholds, classes, sizeof *out->thresholds, "the labels", err);
    if (status != OK)
        return status;
    status = memory_alloc(&photos, classes, sizeof *out->photos, "the labels", err);
    if (status != OK) {
        memory_free(thresholds);
        return status;
    }
    *out = (struct confident){.classes = classes, .doubtful = doubtful, .thresholds = thresholds, .photos = photos};
    return OK;
}

void confident_free(struct confident *confident)
{
    memory_free(confident->thresholds);
    memory_free(confident->photos);
    *confident = (struct confident){0};
}

void confident_learn(struct confident *confident, size_t label, const double *p)
{
    confident->thresholds[label] += p[label];
    confident->photos[label]++;
}

void confident_settle(struct confident *confident)
{
    for (size_t k = 0; k < confident->classes; k++) {
        double *threshold = &confident->thresholds[k];
        *threshold = confident->photos[k] ? *threshold / (double)confident->photos[k] : THRESHOLD_NONE;
        if (*threshold < THRESHOLD_LEAST)
            *threshold = THRESHOLD_LEAST;
    }
}

/* How many classes reach their threshold, and the last of them. */
static size_t confident_class(size_t *class, const struct confident *confident, const double *p)
{
    size_t reached = 0;
    for (size_t k = 0; k < confident->classes; k++)
        if (p[k] >= confident->thresholds[k] - TOLERANCE) {
            *class = k;
            reached++;
        }
    return reached;
}

static size_t most_probable(const struct confident *confident, const double *p)
{
    size_t best = 0;
    for (size_t k = 1; k < confident->classes; k++)
        if (p[k] > p[best])
            best = k;
    return best;
}

enum confidence confident_judge(double *score, size_t *class, const struct confident *confident, size_t label,
                                const double *p)
{
    double other = 0;
    size_t guess = label, most = most_probable(confident, p);
    size_t reached = confident_class(&guess, confident, p);
    if (reached > 1)
        guess = most; /* which need not have reached its own */
    for (size_t k = 0; k < confident->classes; k++)
        if (k != label && p[k] > other)
            other = p[k];
    if (p[label] + TOLERANCE > other)
        return CONFIDENCE_RIGHT;
    bool wrong = reached > 0 && guess != label;
    double margin = (p[label] - other + 1) / 2;
    if (!wrong && margin > confident->doubtful)
        return CONFIDENCE_RIGHT;
    *score = margin;
    *class = wrong ? guess : most;
    return wrong ? CONFIDENCE_WRONG : CONFIDENCE_DOUBTFUL;
}
