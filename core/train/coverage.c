#include "core/train/coverage.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

static const double confidence_level = 0.95;

static int surest_first(const void *a, const void *b)
{
    double x = ((const struct photo_score *)a)->confidence, y = ((const struct photo_score *)b)->confidence;
    return (x < y) - (x > y);
}

size_t coverage_curve(struct coverage_point *points, size_t most, struct photo_score *scores, size_t count)
{
    size_t found = 0, wrong = 0;
    qsort(scores, count, sizeof *scores, surest_first);
    for (size_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        wrong += !scores[i].right;
        if (!last && scores[i + 1].confidence == scores[i].confidence)
            continue;
        /* The points share the photos evenly: the next one is due after (found + 1) / most of them. */
        if (!last && (double)(i + 1) * (double)most < (double)(found + 1) * (double)count)
            continue;
        if (!last && found + 1 == most)
            continue;
        double below = last ? 0 : scores[i + 1].confidence;
        points[found++] = (struct coverage_point){
            .threshold = last ? 0 : (scores[i].confidence + below) / 2, .answered = i + 1, .wrong = wrong};
    }
    return found;
}

/* log of the chance of `wrong` or fewer of `count` at a share 0 < p < 1. */
static double log_chance(size_t wrong, size_t count, double p)
{
    double n = (double)count, largest = -INFINITY, sum = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i <= wrong; i++) {
            double k = (double)i;
            double term = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(p) + (n - k) * log1p(-p);
            if (pass == 0)
                largest = term > largest ? term : largest;
            else
                sum += exp(term - largest);
        }
    return largest + log(sum);
}

double share_at_most(size_t wrong, size_t count, double confidence)
{
    double low = 0, high = 1, wanted = log(1 - confidence);
    if (wrong >= count)
        return 1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (log_chance(wrong, count, middle) > wanted)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* Is the share that is at most `error` sure enough? One look at the chance, where share_at_most needs sixty. */
static bool is_promised(const struct coverage_point *point, double error)
{
    if (point->wrong >= point->answered)
        return error >= 1;
    return error >= 1 || (error > 0 && log_chance(point->wrong, point->answered, error) <= log(1 - confidence_level));
}

const struct coverage_point *coverage_of_share(const struct coverage_point *points, size_t count, double share)
{
    for (size_t i = 0; i < count; i++)
        if ((double)points[i].answered >= share * (double)points[count - 1].answered)
            return &points[i];
    return NULL;
}

const struct coverage_point *coverage_of_error(const struct coverage_point *points, size_t count, double error)
{
    for (size_t i = count; i > 0; i--)
        if (is_promised(&points[i - 1], error))
            return &points[i - 1];
    return NULL;
}

size_t coverage_least(double error)
{
    double photos = error < 1 ? ceil(log(1 - confidence_level) / log1p(-error)) : 1;
    return photos < 1e18 ? (size_t)photos : (size_t)1e18;
}
