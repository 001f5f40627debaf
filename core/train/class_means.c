#include "core/train/class_means.h"

#include <math.h>

#include "core/base/memory.h"

double logits_energy(const float *logits, size_t classes)
{
    double largest = (double)logits[0], sum = 0;
    for (size_t k = 1; k < classes; k++)
        largest = (double)logits[k] > largest ? (double)logits[k] : largest;
    for (size_t k = 0; k < classes; k++)
        sum += exp((double)logits[k] - largest);
    return largest + log(sum);
}

enum status class_means_init(struct class_means *out, size_t classes, size_t size, struct error *err)
{
    void *sums = NULL, *counts = NULL;
    size_t row;
    enum status status = size_mul(&row, size, sizeof(double)) ? OK : error_memory(err, "the class means", classes);
    if (status == OK)
        status = memory_alloc(&sums, classes, row, "the class means", err);
    if (status == OK)
        status = memory_alloc(&counts, classes, sizeof(size_t), "the class means", err);
    if (status == OK)
        *out = (struct class_means){.classes = classes, .size = size, .sums = sums, .counts = counts};
    else
        memory_free(sums);
    return status;
}

void class_means_free(struct class_means *means)
{
    memory_free(means->sums);
    memory_free(means->counts);
    *means = (struct class_means){0};
}

void class_means_add(struct class_means *means, const float *features, size_t label)
{
    double *sum = means->sums + label * means->size;
    for (size_t i = 0; i < means->size; i++)
        sum[i] += (double)features[i];
    means->counts[label]++;
}

double class_means_distance(const struct class_means *means, const float *features, int32_t label)
{
    double nearest = INFINITY;
    for (size_t k = 0; k < means->classes; k++) {
        const double *sum = means->sums + k * means->size;
        double own = label >= 0 && (size_t)label == k, count = (double)means->counts[k] - own, squares = 0;
        if (!(count > 0))
            continue;
        for (size_t i = 0; i < means->size; i++) {
            double off = (double)features[i] - (sum[i] - own * (double)features[i]) / count;
            squares += off * off;
        }
        nearest = squares < nearest ? squares : nearest;
    }
    return sqrt(nearest);
}
