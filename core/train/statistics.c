#include "core/train/statistics.h"

#include <math.h>
#include <stdlib.h>

struct interval interval_of_share(size_t right, size_t count, double z)
{
    if (count == 0)
        return (struct interval){0, 1};
    double n = (double)count, p = (double)right / n;
    double middle = p + z * z / (2 * n), half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
    double low = (middle - half) / (1 + z * z / n), high = (middle + half) / (1 + z * z / n);
    return (struct interval){right == 0 ? 0 : low, right == count ? 1 : high};
}

struct mean mean_of(const double *values, size_t count)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++)
        sum += values[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    return (struct mean){mean, count > 1 ? sqrt(squares / (double)(count - 1)) : 0};
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}
