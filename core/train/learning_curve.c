#include "core/train/learning_curve.h"

#include <math.h>

#include "core/train/statistics.h"

/* x = ln n, y = ln e, weight = 1 / var(y). */
struct weighed {
    double x, y, weight;
};

static struct weighed weigh(const struct learning_point *point)
{
    double m = (double)point->count, e = ((double)point->wrong + 0.5) / (m + 1);
    return (struct weighed){log((double)point->photos), log(e), e * m / (1 - e)};
}

bool learning_curve_fit(struct learning_curve *out, const struct learning_point *points, size_t count)
{
    double sum = 0, x_mean = 0, y_mean = 0, xx = 0, xy = 0, chi = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        const struct weighed p = weigh(&points[i]);
        sum += p.weight;
        x_mean += p.weight * p.x;
        y_mean += p.weight * p.y;
        most = i == 0 || p.x > most ? p.x : most;
    }
    if (count == 0)
        return false;
    x_mean /= sum;
    y_mean /= sum;
    for (size_t i = 0; i < count; i++) {
        const struct weighed p = weigh(&points[i]);
        xx += p.weight * (p.x - x_mean) * (p.x - x_mean);
        xy += p.weight * (p.x - x_mean) * (p.y - y_mean);
    }
    if (!(xx > 1e-9 * sum)) /* one number of photos */
        return false;
    double slope = xy / xx, deviation = 1 / sqrt(xx);
    for (size_t i = 0; i < count; i++) {
        const struct weighed p = weigh(&points[i]);
        double off = p.y - y_mean - slope * (p.x - x_mean);
        chi += p.weight * off * off;
    }
    if (count > 2 && chi > (double)(count - 2))
        deviation *= sqrt(chi / (double)(count - 2));
    double now = exp(y_mean + slope * (most - x_mean));
    *out = (struct learning_curve){.power = -slope,
                                   .power_error = deviation,
                                   .now = fmin(now, 1),
                                   .twice = fmin(now * exp2(slope), 1),
                                   .low = fmin(now * exp2(slope - INTERVAL_95 * deviation), 1),
                                   .high = fmin(now * exp2(slope + INTERVAL_95 * deviation), 1)};
    return true;
}
