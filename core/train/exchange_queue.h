/* The exchange of gradients beside backward: a thread that takes the parameters of a step in the order in which they
 * were planned, the same on all peers, and calls gradient_exchange_sum for each as soon as it is ready. So the
 * network works on the last layers while the gradients of those before them are computed.
 *
 * A step: begin, plan for each parameter, start when it is certain that all peers will make all of theirs ready, ready
 * for each in any order, before start or after it, wait.
 */
#ifndef FREEZETUNE_EXCHANGE_QUEUE_H
#define FREEZETUNE_EXCHANGE_QUEUE_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/train/gradient_exchange.h"

struct exchange_queue;

/* For steps of at most `most` parameters. Borrows `exchange`, which the thread alone uses from start to wait.
 * ERR_SYSTEM without memory or thread. */
MUST_CHECK enum status exchange_queue_create(struct exchange_queue **out, struct gradient_exchange *exchange,
                                             size_t most, struct error *err);
/* Between steps, or after an error of the peers. */
void exchange_queue_destroy(struct exchange_queue *queue);

void exchange_queue_begin(struct exchange_queue *queue);
/* Returns the number by which the parameter is made ready. Borrows nodes until wait. */
size_t exchange_queue_plan(struct exchange_queue *queue, float *nodes, size_t values);
void exchange_queue_start(struct exchange_queue *queue);
void exchange_queue_ready(struct exchange_queue *queue, size_t number);
/* Returns when all that was planned is summed, or with the error of the first exchange that failed. */
MUST_CHECK enum status exchange_queue_wait(struct exchange_queue *queue, struct error *err);

#endif
