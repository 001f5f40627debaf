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
#include "core/train/peers.h"

/* Called after every batch, which has been added to the metrics, with its logits[batch->count, classes]; both are
 * borrowed for the call. batch->position is the number of photos so far (bad ones included). false stops the pass. */
typedef bool evaluate_hook(void *context, const struct photo_batch *batch, const float *logits);

/* Runs the photos of a pass that was begun (feed_start, in the plain view) through the run of an inference plan and
 * ADDS to *metrics: to the end, or until the hook (which may be NULL) stops it, which is OK too. Photos without a class
 * are an error of the caller (asserted). Errors of feed_next and feed_forward. */
MUST_CHECK enum status evaluate(struct metrics *metrics, struct exec *exec, struct feed *feed, evaluate_hook *hook,
                                void *context, struct error *err);

/* The same over the batches that peers deal among them in turn: rank r computes every count'th one from its r'th on,
 * and all learn the logits of all, so that metrics and hook see on every rank what one process sees, in its order. The
 * hook's batch has no pixels. The feed has joined them (feed_join, evaluate_needs). `batch` is the most photos of a
 * batch, `classes` the network's. Where one rank fails all do (peers_settle); the hook must answer the same on all of
 * them. ERR_SYSTEM without memory. */
MUST_CHECK enum status evaluate_shared(struct metrics *metrics, struct exec *exec, struct feed *feed,
                                       const struct peers *peers, size_t batch, size_t classes, evaluate_hook *hook,
                                       void *context, struct error *err);
/* What rank r needs of batch i then: all of it or nothing. For feed_join; the context is the peers. */
size_t evaluate_needs(void *peers, uint32_t *places, size_t rank, size_t batch, size_t count);
/* Bytes that it takes while it runs; alone 0. */
size_t evaluate_shared_bytes(const struct peers *peers, size_t batch, size_t classes);

#endif
