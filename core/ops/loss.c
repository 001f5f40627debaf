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

void softmax(float *probability, const float *logits, size_t classes)
{
    double largest = largest_of(logits, classes), sum = exp_sum(logits, classes, largest);
    for (size_t k = 0; k < classes; k++)
        probability[k] = (float)(exp((double)logits[k] - largest) / sum);
}

double cross_entropy(float *dlogits, const float *logits, const int32_t *labels, size_t images, size_t classes)
{
    double loss = 0, share = 1.0 / (double)images;
    for (size_t n = 0; n < images; n++, logits += classes) {
        double largest = largest_of(logits, classes), sum = exp_sum(logits, classes, largest);
        size_t label = (size_t)labels[n];
        loss += log(sum) + largest - (double)logits[label];
        for (size_t k = 0; dlogits && k < classes; k++) {
            double p = exp((double)logits[k] - largest) / sum;
            dlogits[n * classes + k] = (float)((p - (k == label ? 1.0 : 0.0)) * share);
        }
    }
    return loss * share;
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
