/* Staged unfreezing: which freeze point holds in which epoch. Epochs count from 1 in options and from 0 here.
 *
 *   --freeze-until 8 --unfreeze-at 3:6 --unfreeze-at 6:4      --freeze-until 6 --head-first 2
 *     epochs 1, 2      children 1..8 are frozen                 epochs 1, 2   all but the last child are frozen
 *     epochs 3, 4, 5   children 1..6                            epochs 3 on   children 1..6
 *     epochs 6 on      children 1..4
 *
 * The freeze point only goes down: what trains is never frozen again. What becomes trained joins the optimizer with
 * fresh state and a step count of its own, as torch.optim.Optimizer.add_param_group does (optimizer_add_trainable). The
 * schedule of the learning rate does not notice.
 */
#ifndef FREEZETUNE_UNFREEZE_H
#define FREEZETUNE_UNFREEZE_H

#include <stddef.h>

#include "core/net/net.h"

struct unfreeze {
    size_t epoch; /* from 0 */
    int until;    /* from this epoch on children 1..until are frozen */
};

/* Of a whole run: the steps down, by epoch. Zeros: the freeze point stays. */
struct unfreezing {
    size_t count;
    struct unfreeze steps[NET_CHILDREN];
};

/* What a user wants. */
struct unfreezing_options {
    int freeze_until;
    size_t head_first;              /* epochs; 0: none */
    const char *const *unfreeze_at; /* "EPOCH:N", in any order */
    size_t count;
    size_t epochs; /* of the run */
};

/* *first = the freeze point of the first epoch, *out = what follows. ERR_USAGE for a text that is no EPOCH:N or no
 * freeze point, an epoch out of 2..epochs or named twice, a freeze point that is not below the one before; ERR_USAGE
 * too for a head_first that leaves no epoch to the rest. */
MUST_CHECK enum status unfreezing_parse(int *first, struct unfreezing *out, const struct net *net,
                                        const struct unfreezing_options *options, struct error *err);

/* The freeze point of an epoch, from 0. */
int unfreezing_until(const struct unfreezing *unfreezing, int first, size_t epoch);

#endif
