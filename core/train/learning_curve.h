/* How much would more photos help? From the errors of trainings on fewer and more of them, all validated on the
 * same photos.
 *
 * The share of errors e of a training on n photos is taken to fall as a power of n (Hestness and others, "Deep Learning
 * Scaling is Predictable, Empirically", 2017): ln e = a - b ln n, by least squares with the weights 1 / var(ln e). With
 * w of m validation photos wrong, e = (w + 0.5) / (m + 1) and var(ln e) = (1 - e) / (e m), which is binomial. Where
 * points lie further from the line than that explains, the standard error of b grows by the root of chi^2 / (points -
 * 2): a training has luck of its own. The points count the same validation photos, so their errors go up and down
 * together, which moves a more than b: the interval is that of b alone.
 */
#ifndef FREEZETUNE_LEARNING_CURVE_H
#define FREEZETUNE_LEARNING_CURVE_H

#include <stdbool.h>
#include <stddef.h>

struct learning_point {
    size_t photos;       /* trained on, at least 1 */
    size_t wrong, count; /* of the validation photos; at least 1 */
};

struct learning_curve {
    double power, power_error; /* b and its standard error */
    double now, twice;         /* the share of errors on the line: of the largest n, and of 2 n */
    double low, high;          /* 95 of 100 such intervals hold the share at 2 n, if the law goes on; at most 1 */
};

/* False, with *out untouched, when there are fewer than two different numbers of photos. */
bool learning_curve_fit(struct learning_curve *out, const struct learning_point *points, size_t count);

#endif
