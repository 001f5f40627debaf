/* The combinations that sweep tries, and its choice from their results. */
#ifndef FREEZETUNE_SWEEP_PLAN_H
#define FREEZETUNE_SWEEP_PLAN_H

#include <stddef.h>

#include "cli/run/series.h"
#include "core/net/net.h"

enum { SWEEP_RATES_MOST = 32, SWEEP_LIMITS_MOST = 32, SWEEP_NAME = 96 };

/* --freeze-until: numbers and names of children and ranges of them, "4..9" or "6,layer4,9", ascending in the end and
 * each once. ERR_USAGE. */
MUST_CHECK enum status sweep_points(int out[NET_CHILDREN], size_t *count, const char *text, const struct net *net,
                                    struct error *err);

/* Leaves the first of the points that are one training (freeze_same); same_as[i] names the others of out[i], "3 4". */
void sweep_distinct(int points[NET_CHILDREN], size_t *count, char same_as[NET_CHILDREN][SERIES_SAME],
                    const struct net *net);

/* --lr: "0.001,0.01,find" (LR_FIND), in the order given, each once. ERR_USAGE. */
MUST_CHECK enum status sweep_rates(double out[SWEEP_RATES_MOST], size_t *count, const char *text, struct error *err);

/* --limit: "10,20,40,all" photos of a class, ascending in the end and each once; 0 stands for all and is the last.
 * Without a text all alone. ERR_USAGE. */
MUST_CHECK enum status sweep_limits(long long out[SWEEP_LIMITS_MOST], size_t *count, const char *text,
                                    struct error *err);

/* The folder of a combination: "6-0.001", "6-find"; with `limited` (--limit was given) "6-0.001-20", "6-0.001-all". */
void sweep_name(char out[SWEEP_NAME], int freeze_until, double lr, bool limited, long long limit);

/* How many photos of a class train, for comparing: all are more than any number. */
unsigned long long sweep_photos(const struct series_run *run);

/* Of the runs that train on most photos (--limit) the one with the highest accuracy, of equal ones the one with the
 * lower loss; NULL when none is done. */
const struct series_run *sweep_best(const struct series *series);

/* The least accuracy that is not more than one standard error below that of `best`: the lower end of its Wilson
 * interval with z = 1. */
double sweep_good_enough(const struct series_run *best);

/* The cheapest of those on as many photos that are good enough ("one standard error rule": Breiman, Friedman, Olshen
 * and Stone, "Classification and Regression Trees", 1984): fewest trained parameters, then highest accuracy, then lower
 * loss, then first. NULL when none is done. */
const struct series_run *sweep_recommended(const struct series *series);

#endif
