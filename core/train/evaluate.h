/* A pass over photos without learning, after an epoch: batch by batch what eval and predict do. Photos are resized and
 * cropped in the middle, BatchNorm uses running statistics; a photo's answer does not depend on its neighbours in the
 * batch, but for the rounding of products of other sizes.
 */
#ifndef FREEZETUNE_EVALUATE_H
#define FREEZETUNE_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/data/loader.h"
#include "core/net/run.h"
#include "core/train/metrics.h"

/* Called after every batch with the number of photos so far (bad ones included); false stops the pass. */
typedef bool evaluate_hook(void *context, size_t done);

/* Runs photos 0..count-1 of the loader's list through the run of an inference plan and ADDS to *metrics. Photos without
 * a class are an error of the caller (asserted). *stopped tells whether the hook (which may be NULL) ended it early.
 * Errors of loader_next. */
MUST_CHECK enum status evaluate(struct metrics *metrics, bool *stopped, struct run *run, struct loader *loader,
                                size_t count, evaluate_hook *hook, void *context, struct error *err);

#endif
