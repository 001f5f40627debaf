/* How far a photo is from what a network knows: in feature space, from the nearest mean of a class; and by its energy.
 * For photos of no class at all (strangers), which a softmax answers all the same. */
#ifndef FREEZETUNE_CLASS_MEANS_H
#define FREEZETUNE_CLASS_MEANS_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* log sum exp(logits[classes]): minus the energy of Liu et al., "Energy-based Out-of-distribution Detection", NeurIPS
 * 2020, at temperature 1. Higher: better known. */
double logits_energy(const float *logits, size_t classes);

struct class_means {
    size_t classes, size;
    double *sums;   /* [classes, size] */
    size_t *counts; /* [classes] */
};

/* ERR_SYSTEM without memory. Owned (class_means_free). */
MUST_CHECK enum status class_means_init(struct class_means *out, size_t classes, size_t size, struct error *err);
void class_means_free(struct class_means *means);
void class_means_add(struct class_means *means, const float *features, size_t label);

/* The distance (Euclid's) of features[size] to the nearest mean. `label` is the class of a photo that has been added,
 * which is left out of its own class's mean, as if it were new; -1: of one that has not. INFINITY when no mean is left.
 */
double class_means_distance(const struct class_means *means, const float *features, int32_t label);

#endif
