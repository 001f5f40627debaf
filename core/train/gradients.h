/* The gradients of all trainable parameters, kept from backward to the update: for their common norm (--clip-norm), or
 * because they are summed over the pieces of a batch (--micro-batch). A run that asks for neither has none of this:
 * each of its parameters is updated as soon as its gradient is complete (optimizer.h).
 *
 * Sums and scaling are cut into pieces of fixed size, so that they give the same bytes for any pool.
 */
#ifndef FREEZETUNE_GRADIENTS_H
#define FREEZETUNE_GRADIENTS_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/net/net.h"

struct gradients;

/* Room for every parameter that is trainable now. Borrows net and pool. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradients_create(struct gradients **out, const struct net *net, struct pool *pool,
                                        struct error *err);
void gradients_destroy(struct gradients *gradients);
/* Room for those that have become trainable since. ERR_SYSTEM without memory. */
MUST_CHECK enum status gradients_add_trainable(struct gradients *gradients, struct error *err);

/* Bytes that gradients_create would take for the parameters that are trainable now. */
size_t gradients_bytes(const struct net *net);

/* Begins a step: what is added next to a parameter OVERWRITES what was there. */
void gradients_clear(struct gradients *gradients);
/* ADDS the gradient of one trainable parameter, laid out as the parameter is. */
void gradients_add(struct gradients *gradients, size_t param, const float *gradient);

/* torch.nn.utils.clip_grad_norm_: returns the norm of all that was added since gradients_clear, taken as one vector,
 * and multiplies it by min(1, most / (norm + 1e-6)). The sum of squares is in double. A norm that is not finite leaves
 * everything as it is. */
double gradients_clip(struct gradients *gradients, double most);

/* The sum for one parameter, borrowed; NULL when nothing was added to it since gradients_clear. */
const float *gradients_get(const struct gradients *gradients, size_t param);

#endif
