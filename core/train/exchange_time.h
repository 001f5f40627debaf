/* How long the exchange of gradients goes on when the backward pass beside which it runs (exchange_queue.h) is over:
 * computed before the first step.
 *
 * A gradient is complete when the pass has gone through the steps behind it, each of which takes its share of the
 * pass's operations. The exchange takes one parameter after the other, from the last to the first, none before it is
 * complete. So what ends late is the exchange of much (layer4) behind little work, and that of the first layers.
 */
#ifndef FREEZETUNE_EXCHANGE_TIME_H
#define FREEZETUNE_EXCHANGE_TIME_H

#include "core/net/plan.h"

/* Seconds after a backward pass of `backward` seconds by a plan of a training pass, where the gradients of all that is
 * trainable take `moving` seconds in all. 0 or more, `moving` at most. */
double exchange_seconds_left(const struct plan *plan, double backward, double moving);

#endif
