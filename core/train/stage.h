/* A stage: all of a training run that depends on the freeze point. The plan of a training pass, the plan of an
 * evaluation, a run of each and the memory that both work in, one after the other. A run holds one stage at a time.
 *
 *   stage_plan     freezes the network and plans: shapes, memory and work are known, nothing large is allocated
 *   stage_prepare  allocates, folds and prepares the weights as they are now
 *   stage_free     gives all of it back; a stage for another freeze point may follow in its place
 */
#ifndef FREEZETUNE_STAGE_H
#define FREEZETUNE_STAGE_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/base/threads.h"
#include "core/net/plan.h"
#include "core/net/exec.h"

struct stage {
    struct plan *plan, *evaluation_plan;
    void *shared; /* arena and scratch of both runs, which never work at the same time */
    struct exec *exec, *evaluation;
};

/* Sets the net's trainable flags as options->freeze says. `options` are those of the training pass; the evaluation
 * takes up to `evaluated` images at a time. Overwrites *out; errors of plan_create, after which there is nothing to
 * free. `net` must outlive the stage. */
MUST_CHECK enum status stage_plan(struct stage *out, struct net *net, const struct plan_options *options,
                                  size_t evaluated, struct error *err);

/* After stage_plan, with the net's parameters loaded. `pool` must outlive the stage. ERR_SYSTEM without memory; the
 * stage is then to be freed. */
MUST_CHECK enum status stage_prepare(struct stage *stage, const struct normalise *normalise, struct pool *pool,
                                     struct error *err);

/* Leaves zeros. A stage of zeros is fine. */
void stage_free(struct stage *stage);

/* Bytes that stage_prepare allocates: what both runs share once, what each keeps for itself. */
size_t stage_bytes(const struct stage *stage);

/* *out = the same for a stage with these options in another precision, planned for the answer alone; 0 where their
 * engine does not compute in it. Errors of stage_plan. */
MUST_CHECK enum status stage_bytes_in(size_t *out, struct net *net, const struct plan_options *options,
                                      size_t evaluated, enum precision precision, struct error *err);

#endif
