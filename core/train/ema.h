/* The exponential moving average of a network's weights, as PyTorch's torch.optim.swa_utils.AveragedModel(model,
 * multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True), updated after every step:
 *
 *   first update         average = value
 *   floats               average = average + (1 - decay) * (value - average)
 *                        Tensor.lerp_; parameters, running_mean, running_var
 *   num_batches_tracked  average = average * decay + value * (1 - decay)
 *                        in float32, cut to a whole number, as PyTorch's copy_ into an integer tensor cuts it: the
 *                        count lags behind and means nothing; nothing reads it
 *
 * What does not change (frozen parameters, statistics that are kept still) is its own average and takes no memory.
 *
 * The averages are put in the network's place while it is evaluated and saved as a model (ema_swap), so that everybody
 * who reads a network reads them.
 */
#ifndef FREEZETUNE_EMA_H
#define FREEZETUNE_EMA_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/net/freeze.h"
#include "core/net/net.h"

struct ema;

/* For what moves under `freeze`, which has been applied to the net. Borrows net and pool. ERR_SYSTEM without memory. */
MUST_CHECK enum status ema_create(struct ema **out, struct net *net, const struct freeze *freeze, double decay,
                                  struct pool *pool, struct error *err);
void ema_destroy(struct ema *ema);
/* Takes in what moves from now on as well: so far it was its own average. ERR_SYSTEM without memory. */
MUST_CHECK enum status ema_add_moving(struct ema *ema, const struct freeze *freeze, struct error *err);

/* Bytes that ema_create would take. */
size_t ema_bytes(const struct net *net, const struct freeze *freeze);

/* After a step. */
void ema_update(struct ema *ema);

/* Exchanges the network's values with their averages; again: back. Before the first update these are the values from
 * the time of ema_create. ema_update may be called only when the values are back (asserted). */
void ema_swap(struct ema *ema);

/* What a checkpoint holds: first the number of updates (param is -1), then what is averaged in the order of the
 * parameters. Either floats, laid out as the parameter is, or an integer; both may be written. */
struct ema_row {
    int param;
    float *floats;
    int64_t *integer;
};
size_t ema_row_count(const struct ema *ema);
struct ema_row ema_row_get(struct ema *ema, size_t index);

#endif
