#include "core/ops/loss.h"

#include <math.h>

static double largest_of(const float *x, size_t count)
{
    double largest = x[0];
    for (size_t i = 1; i < count; i++)
        if (x[i] > largest)
            largest = x[i];
    return largest;
}

static double exp_sum(const float *logits, size_t classes, double largest)
{
    double sum = 0;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)logits[k] - largest);
    return sum;
}

void sigmoid(float *probability, const float *logits, size_t classes)
{
    for (size_t k = 0; k < classes; k++)
        probability[k] = (float)(1 / (1 + exp(-(double)logits[k])));
}

void softmax(float *probability, const float *logits, size_t classes)
{
    double largest = largest_of(logits, classes), sum = exp_sum(logits, classes, largest);
    for (size_t k = 0; k < classes; k++)
        probability[k] = (float)(exp((double)logits[k] - largest) / sum);
}

size_t logits_finite(const float *logits, size_t images, size_t classes)
{
    for (size_t i = 0; i < images * classes; i++)
        if (!isfinite(logits[i]))
            return i / classes;
    return images;
}

double targets_divisor(const struct targets *targets, size_t images)
{
    double sum = 0;
    if (targets->others || !targets->weights)
        return (double)images;
    for (size_t n = 0; n < images; n++)
        sum += (double)targets->weights[targets->labels[n]];
    return sum;
}

/* weights[k] * target[n,k] */
static double pull(const struct targets *targets, size_t n, size_t k, size_t classes)
{
    double target = 0;
    if (k == (size_t)targets->labels[n])
        target += targets->others ? targets->share : 1;
    if (targets->others && k == (size_t)targets->others[n])
        target += 1 - targets->share;
    target = (1 - targets->smoothing) * target + targets->smoothing / (double)classes;
    return targets->weights ? (double)targets->weights[k] * target : target;
}

double cross_entropy_targets(float *dlogits, const float *logits, const struct targets *targets, size_t images,
                             size_t classes, double divisor)
{
    double loss = 0, share = 1 / divisor;
    for (size_t n = 0; n < images; n++, logits += classes) {
        double largest = largest_of(logits, classes), sum = exp_sum(logits, classes, largest);
        double pulls = 0, product = 0;
        for (size_t k = 0; k < classes; k++) {
            double c = pull(targets, n, k, classes);
            pulls += c;
            product += c > 0 ? c * (double)logits[k] : 0; /* a logit may be minus infinity */
        }
        loss += pulls * (log(sum) + largest) - product;
        for (size_t k = 0; dlogits && k < classes; k++) {
            double p = exp((double)logits[k] - largest) / sum;
            dlogits[n * classes + k] = (float)((pulls * p - pull(targets, n, k, classes)) * share);
        }
    }
    return loss * share;
}

double cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t images, size_t classes)
{
    const struct targets targets = {.labels = labels};
    return cross_entropy_targets(dlogits, logits, &targets, images, classes, (double)images);
}

double mean_squared_error(float *dy, const float *y, const float *target, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double d = (double)y[i] - (double)target[i];
        sum += d * d;
        if (dy)
            dy[i] = (float)(2 * d / (double)count);
    }
    return sum / (double)count;
}
