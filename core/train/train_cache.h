/* The feature cache of a training run: planned with each stage, opened when the stage is prepared. */
#ifndef FREEZETUNE_TRAIN_CACHE_H
#define FREEZETUNE_TRAIN_CACHE_H

#include "core/train/train_private.h"

/* Before the stage of options->freeze is planned: whether there is a cache, and options->cut and ->from. Errors of
 * feature_plan_begin. */
MUST_CHECK enum status train_cache_begin(struct train *train, struct plan_options *options, struct error *err);
/* After that: how large it is. Errors of feature_plan_size. */
MUST_CHECK enum status train_cache_size(struct train *train, struct error *err);

/* After stage_prepare: opens what was planned and gives it to the feeds. A cache that was not asked for by name and
 * cannot be opened is none, with the reason in the plan. */
MUST_CHECK enum status train_cache_open(struct train *train, struct error *err);
/* Before the stage goes. */
void train_cache_close(struct train *train);

#endif
