/* The uncertainty of a figure. */
#ifndef FREEZETUNE_STATISTICS_H
#define FREEZETUNE_STATISTICS_H

#include <stddef.h>

struct interval {
    double low, high; /* within [0, 1] */
};

/* The score interval of a share (Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA
 * 22, 1927) that was measured as right / count, z standard errors wide to either side:
 *
 *   (p + z^2 / 2n -+ z * sqrt(p * (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
 *
 * It holds for shares near 0 and 1 and for few photos too, where p -+ z * sqrt(p * (1 - p) / n) has no width. [0, 1]
 * when count is 0. */
struct interval interval_of_share(size_t right, size_t count, double z);

/* z of an interval that holds the true share 95 times of 100. */
#define INTERVAL_95 1.959963984540054

/* Mean of count >= 1 values and their standard deviation (divisor count - 1; 0 for one value). */
struct mean {
    double mean, deviation;
};
struct mean mean_of(const double *values, size_t count);

/* The middle of count >= 1 values, the mean of the middle two of an even number. SORTS them. */
double median_of(double *values, size_t count);

#endif
