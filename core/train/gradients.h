/* The gradients of all trainable parameters, kept from backward to the update: for their common norm (--clip-norm), or
 * because they are summed over the pieces of a batch (--micro-batch), which may be those of several processes. A run
 * that asks for none of this has none of it: each of its parameters is updated as soon as its gradient is complete
 * (optimizer.h).
 *
 * The pieces of a step are dealt to the peers by peers_first and added in the order of sum_tree.h, so that the sums are
 * the same bytes for any number of peers. A process keeps as many vectors of each parameter as its block needs at once:
 * alone one for up to three pieces, and log2(pieces) rounded down for more. Of the last child's parameters it has room
 * for as many as one alone needs: a step that trains no others may be `whole`, made by every peer by itself.
 *
 * Sums and scaling are cut into parts of fixed size, so that they give the same bytes for any pool.
 */
#ifndef FREEZETUNE_GRADIENTS_H
#define FREEZETUNE_GRADIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/net/net.h"
#include "core/train/peers.h"

struct gradients;

/* Room for every parameter that is trainable now, in steps of at most `pieces` pieces of all peers together. Borrows
 * net, pool and peers. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradients_create(struct gradients **out, const struct net *net, struct pool *pool,
                                        const struct peers *peers, size_t pieces, struct error *err);
void gradients_destroy(struct gradients *gradients);
/* Room for those that have become trainable since. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradients_add_trainable(struct gradients *gradients, struct error *err);

/* Bytes that gradients_create would take for the parameters that are trainable now: for sums, and for their exchange
 * with peers, 0 alone. They depend on the rank. */
size_t gradients_bytes(const struct net *net, const struct peers *peers, size_t pieces);
size_t gradients_exchange_bytes(const struct net *net, const struct peers *peers, size_t pieces);

/* Bytes that the busiest peer sends to the others in a step of `pieces` pieces, of the parameters that are trainable
 * now: its nodes but for its own slice, and the sum of its slice to each. */
double gradients_sent(const struct net *net, const struct peers *peers, size_t pieces);

/* Begins a step of `pieces` pieces, 1 or more, with nothing added: this process adds those of its block,
 * peers_first(peers, rank, pieces) up to where the next rank's begin, perhaps none. In a `whole` step it adds all
 * pieces and nothing is exchanged; then only parameters of the last child are trainable, and all peers do the same. */
void gradients_begin(struct gradients *gradients, size_t pieces, bool whole);
/* ADDS the gradient of one trainable parameter, laid out as the parameter is: once for each piece of the block, in
 * their order. With peers every trainable parameter is added to; alone some may be left out. */
void gradients_add(struct gradients *gradients, size_t param, const float *gradient);
/* All peers are certain to add all of their pieces: from now on what has the last one is exchanged, by a thread of its
 * own, while others are still being added. All peers call it in a step, or none; it may come at any place before
 * gradients_sum. */
void gradients_start(struct gradients *gradients);
/* Ends a step: makes the sums over all pieces, the same bytes on every peer. All peers call it, after the same
 * gradients_add_trainable. Errors of peers_exchange; alone there is none. */
MUST_CHECK enum status gradients_sum(struct gradients *gradients, struct error *err);

/* After gradients_sum. torch.nn.utils.clip_grad_norm_: returns the norm of all sums, taken as one vector, and
 * multiplies it by min(1, most / (norm + 1e-6)). The sum of squares is in double. A norm that is not finite leaves
 * everything as it is. */
double gradients_clip(struct gradients *gradients, double most);

/* The sum for one parameter, borrowed; NULL before gradients_sum, or when nothing was added to it. */
const float *gradients_get(const struct gradients *gradients, size_t param);

#endif
