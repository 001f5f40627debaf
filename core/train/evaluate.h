/* A pass over photos without learning, after an epoch: batch by batch what eval and predict do. Photos are resized and
 * cropped in the middle, BatchNorm uses running statistics; a photo's answer does not depend on its neighbours in the
 * batch, but for the rounding of products of other sizes. */
#ifndef FREEZETUNE_EVALUATE_H
#define FREEZETUNE_EVALUATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/exec.h"
#include "core/train/feed.h"
#include "core/train/metrics.h"

/* Called after every batch, which has been added to the metrics, with its logits[batch->count, classes]; both are
 * borrowed for the call. batch->position is the number of photos so far (bad ones included). false stops the pass. */
typedef bool evaluate_hook(void *context, const struct photo_batch *batch, const float *logits);

/* Runs the photos of a pass that was begun (feed_start, in the plain view) through the run of an inference plan and
 * ADDS to *metrics: to the end, or until the hook (which may be NULL) stops it, which is OK too. Photos without a class
 * are an error of the caller (asserted). Errors of feed_next and feed_forward. */
MUST_CHECK enum status evaluate(struct metrics *metrics, struct exec *exec, struct feed *feed, evaluate_hook *hook,
                                void *context, struct error *err);

#endif
