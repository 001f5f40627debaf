/* How long a training run will take, before the first step. */
#ifndef FREEZETUNE_ESTIMATE_H
#define FREEZETUNE_ESTIMATE_H

#include "cli/run/run_setup.h"
#include "core/base/threads.h"
#include "core/net/plan.h"
#include "core/train/forecast.h"

/* The multiply-add peak of this machine with these threads in this precision, operations a second: measured for a tenth
 * of a second. */
double estimate_peak(struct pool *pool, enum precision precision);

/* Floating-point operations per second, counted as direct convolution, that this machine does on a plan like this: a
 * share of that precision's peak times what the plan's kernels spare (plan.work). An estimate for people: good to a
 * factor of 1.5 where the machine is not busy with other things and photos are not larger than the network is slow. */
double estimate_speed(double peak, const struct plan *plan);

/* With several processes the speed is that of all of them, as fast as this one; their exchange is not counted.
 * OVERWRITES *out: the run that `train` is a plan of, with the photos of `training`, and the range test before it when
 * its rate is still to be found. */
void estimate_forecast(struct forecast *out, const struct run_setup *setup, const struct train *train, double peak);

/* Training photos that a range test with these options takes; 0 when their rate is known. */
size_t estimate_search(const struct train_values *values);

#endif
