/* The sums of gradients over the pieces of all peers, a parameter at a time. Each parameter is cut into as many slices
 * as there are peers. Every peer sends the slices of its nodes (sum_tree.h) to the peers that they are dealt to, each
 * adds all nodes of its slice in the order of their leaves, and the sums of the slices go back to all. So every byte is
 * sent twice at most, whatever the number of peers, and the additions are those of one process.
 */
#ifndef FREEZETUNE_GRADIENT_EXCHANGE_H
#define FREEZETUNE_GRADIENT_EXCHANGE_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/train/peers.h"

struct gradient_exchange;

/* For steps of at most `pieces` pieces, which are dealt by peers_first, and parameters of no values, so far. Borrows
 * peers. It adds in the caller's thread, which may be another one than that of the pool. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradient_exchange_create(struct gradient_exchange **out, const struct peers *peers,
                                                size_t pieces, struct error *err);
void gradient_exchange_destroy(struct gradient_exchange *exchange);
/* Room for parameters of at most `values` values, from now on. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradient_exchange_reserve(struct gradient_exchange *exchange, size_t values, struct error *err);

/* Bytes that gradient_exchange_reserve takes. */
size_t gradient_exchange_bytes(const struct peers *peers, size_t pieces, size_t values);

/* Begins a step of `pieces` pieces. */
void gradient_exchange_begin(struct gradient_exchange *exchange, size_t pieces);
/* nodes[][values] are this peer's of one parameter. All peers call it with the same parameter. OVERWRITES the first
 * with the sum over all pieces, the same bytes on every peer; there must be room for one where a peer has no piece.
 * Errors of peers_exchange. */
MUST_CHECK enum status gradient_exchange_sum(struct gradient_exchange *exchange, float *nodes, size_t values,
                                             struct error *err);

#endif
