#include "core/train/lr_find.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

const double lr_find_low = 1e-6, lr_find_high = 10;

static const double beta = 0.9, diverged = 4, fall = 0.99;

struct schedule lr_find_schedule(const struct schedule *of_run)
{
    struct schedule schedule = *of_run;
    schedule.kind = SCHEDULE_EXPONENTIAL;
    schedule.lr = lr_find_low;
    schedule.gamma = pow(lr_find_high / lr_find_low, 1.0 / (LR_FIND_STEPS - 1));
    schedule.warmup = 0;
    return schedule;
}

void lr_find_add(struct lr_find *find, double lr, double loss)
{
    if (find->count == LR_FIND_STEPS)
        return;
    size_t k = find->count++;
    find->sum = beta * find->sum + (1 - beta) * loss;
    find->points[k] = (struct lr_point){lr, loss, find->sum / (1 - pow(beta, (double)(k + 1)))};
    if (find->points[k].smoothed < find->points[find->least].smoothed)
        find->least = k;
}

bool lr_find_over(const struct lr_find *find)
{
    if (find->count == 0)
        return false;
    double last = find->points[find->count - 1].smoothed;
    return find->count == LR_FIND_STEPS || last > diverged * find->points[find->least].smoothed;
}

/* To two digits, as the nearest double to what a person would type. */
static double two_digits(double value)
{
    char text[32];
    snprintf(text, sizeof text, "%.1e", value);
    return strtod(text, NULL);
}

enum status lr_find_choose(double *lr, const struct lr_find *find, struct error *err)
{
    if (find->count < LR_FIND_LEAST)
        return error_set(err, ERR_DATA,
                         "--lr find: the loss diverged after %zu steps, at a rate of %g: choose a rate, such as --lr "
                         "0.001",
                         find->count, find->count ? find->points[find->count - 1].lr : lr_find_low);
    if (!(find->points[find->least].smoothed < fall * find->points[0].smoothed))
        return error_set(err, ERR_DATA,
                         "--lr find: the loss fell at no rate from %g to %g: choose a rate, such as --lr 0.001",
                         find->points[0].lr, find->points[find->count - 1].lr);
    *lr = two_digits(find->points[find->least].lr / 10);
    return OK;
}
