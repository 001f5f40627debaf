#include "tests/support/compare.h"

#include <math.h>
#include <stdio.h>

double compare_distance(const float *found, size_t found_count, const float *wanted, size_t wanted_count)
{
    double difference = 0, size = 0;
    if (found_count != wanted_count || found_count == 0)
        return INFINITY;
    for (size_t i = 0; i < found_count; i++) {
        double d = (double)found[i] - (double)wanted[i];
        difference += d * d;
        size += (double)wanted[i] * (double)wanted[i];
    }
    double distance = sqrt(difference) / sqrt(size);
    return isfinite(difference) && isfinite(size) && size > 0 ? distance : INFINITY;
}

void compare_tensor(struct comparison *comparison, const char *name, const float *found, size_t found_count,
                    const float *wanted, size_t wanted_count, double tolerance)
{
    double distance = compare_distance(found, found_count, wanted, wanted_count);
    if (comparison->tensors == 0 || !(distance <= comparison->worst)) {
        comparison->worst = distance;
        snprintf(comparison->worst_name, sizeof comparison->worst_name, "%s", name);
    }
    comparison->tensors++;
    if (!(distance <= tolerance)) {
        if (comparison->failures == 0)
            snprintf(comparison->first_fault, sizeof comparison->first_fault,
                     "%.200s: distance %.3g, allowed %.3g (%zu values, %zu wanted)", name, distance, tolerance,
                     found_count, wanted_count);
        comparison->failures++;
    }
}

bool compare_passed(const struct comparison *comparison)
{
    return comparison->tensors > 0 && comparison->failures == 0;
}
