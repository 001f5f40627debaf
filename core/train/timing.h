/* Where a training run's time goes, for --profile: operator by operator in the network, and what is not the network.
 * Adds up over stages, because a run may put another in the place of the one that it began with. */
#ifndef FREEZETUNE_TIMING_H
#define FREEZETUNE_TIMING_H

#include "core/net/profile.h"
#include "core/train/stage.h"

struct timing {
    bool wanted; /* false: nothing is measured */
    struct profile_sums sums;
    struct profile *training, *evaluation;       /* of the current stage */
    double prefix, suffix, backward, validation; /* seconds, of the stages before it; backward with the optimizer */
    double all, optimizer, saving;
    double sink; /* what the gradients' receiver takes, a part of backward */
};

/* The runs of the stage, which is prepared, tell from now on what they spend. Nothing to do unless `wanted`. ERR_SYSTEM
 * without memory; the timing is then as it was. */
MUST_CHECK enum status timing_attach(struct timing *timing, struct stage *stage, struct error *err);
/* Adds up what the stage has told; to be called before the stage is freed. Twice is fine. */
void timing_detach(struct timing *timing, struct stage *stage);
void timing_free(struct timing *timing);

#endif
