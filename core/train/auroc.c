#include "core/train/auroc.h"

#include <math.h>
#include <stdlib.h>

#include "core/train/statistics.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean and variance over a[n] of the share of b[m] below it, ties counting half. Both are sorted. */
static void placements(double *mean, double *variance, const double *a, size_t n, const double *b, size_t m)
{
    size_t below = 0, not_above = 0;
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        while (below < m && b[below] < a[i])
            below++;
        while (not_above < m && b[not_above] <= a[i])
            not_above++;
        double share = ((double)below + (double)not_above) / (2 * (double)m);
        sum += share;
        squares += share * share;
    }
    *mean = sum / (double)n;
    double spread = squares / (double)n - *mean * *mean;
    *variance = n > 1 && spread > 0 ? spread * (double)n / (double)(n - 1) : 0;
}

struct auroc auroc_measure(double *higher, size_t n, double *lower, size_t m)
{
    double area, below, of_higher, of_lower;
    qsort(higher, n, sizeof *higher, by_value);
    qsort(lower, m, sizeof *lower, by_value);
    placements(&area, &of_higher, higher, n, lower, m);
    placements(&below, &of_lower, lower, m, higher, n);
    double half = INTERVAL_95 * sqrt(of_higher / (double)n + of_lower / (double)m);
    struct auroc auroc = {area, fmax(area - half, 0), fmin(area + half, 1)};
    if (!(half > 0)) {
        size_t least = n < m ? n : m;
        struct interval interval = interval_of_share((size_t)(area * (double)least + 0.5), least, INTERVAL_95);
        auroc.low = fmin(interval.low, area);
        auroc.high = fmax(interval.high, area);
    }
    return auroc;
}
