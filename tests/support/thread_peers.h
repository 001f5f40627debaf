/* Peers (core/train/peers.h) that are threads of one process: they copy from each other's memory. For tests of what is
 * done with peers, without a library that connects processes. */
#ifndef FREEZETUNE_THREAD_PEERS_H
#define FREEZETUNE_THREAD_PEERS_H

#include "core/train/peers.h"

/* What one rank does, on a thread of its own: cmocka's assertions do not work there. `context` is the same for all. */
typedef enum status thread_peers_work(void *context, const struct peers *peers, struct error *err);

/* Runs a group of `count` ranks, 1 or more, and waits for all of them. ends[rank] is what each returned, and its text.
 * Where ranks do not fit together the calls fail and say why, and nobody waits for ever: ERR_IO once a rank has ended,
 * with or without an error; ERR_PROMISE on all ranks where they make different calls or name different sizes. Fails the
 * test when threads cannot be started. */
void thread_peers_run(struct error *ends, size_t count, thread_peers_work *work, void *context);

/* For a rank at work: the calls it has made so far, those beside included while no other thread makes any. */
size_t thread_peers_calls(const struct peers *peers);

#endif
