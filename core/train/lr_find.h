/* A range test of learning rates: the rate rises exponentially from step to step, the loss falls, then grows beyond all
 * bounds, and a good rate lies below the place where it turned (Smith, "Cyclical Learning Rates for Training Neural
 * Networks", WACV 2017; as fastai's lr_find does it).
 *
 *   rate of step k (from 0)   low * (high / low)^(k / (STEPS - 1))
 *   smoothed loss             a = beta * a + (1 - beta) * loss from a = 0, divided by 1 - beta^(k + 1)
 *   over                      after STEPS steps, or as soon as the smoothed loss is above DIVERGED times its least
 *   chosen                    a tenth of the rate at which the smoothed loss was least, rounded to two digits
 *
 * Steps run by train_range with the schedule given here; the training loop passes each to lr_find_add.
 */
#ifndef FREEZETUNE_LR_FIND_H
#define FREEZETUNE_LR_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/train/schedule.h"

enum { LR_FIND_STEPS = 100, LR_FIND_LEAST = 10 }; /* steps of a test; the fewest that say anything */
extern const double lr_find_low, lr_find_high;

struct lr_point {
    double lr, loss, smoothed;
};

/* Begins as {0}. */
struct lr_find {
    struct lr_point points[LR_FIND_STEPS];
    size_t count;
    size_t least; /* where the smoothed loss was least so far */
    double sum;   /* the weighted sum of losses */
};

/* The rates of the test; the epochs and steps_per_epoch of the run stay the caller's. */
struct schedule lr_find_schedule(const struct schedule *of_run);

/* The next step's rate and loss, a finite number. Steps beyond the last are skipped. */
void lr_find_add(struct lr_find *find, double lr, double loss);
bool lr_find_over(const struct lr_find *find);

/* ERR_DATA when fewer than LR_FIND_LEAST steps were made or the smoothed loss fell by less than 1 %,
 * with what to do. */
MUST_CHECK enum status lr_find_choose(double *lr, const struct lr_find *find, struct error *err);

#endif
