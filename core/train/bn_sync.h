/* --bn-sync: BatchNorm's statistics over the pieces of the whole batch, those of all processes (struct exec_pieces).
 * Each process computes its pieces together, layer by layer; at every layer all gather the double sums of each piece
 * and add them in the order of the pieces, which is that of the photos. So all have the same statistics, those that a
 * process with all of the batch would have, to the rounding of sums in double; and they do not depend on how the pieces
 * are dealt.
 */
#ifndef FREEZETUNE_BN_SYNC_H
#define FREEZETUNE_BN_SYNC_H

#include <stddef.h>

#include "core/base/error.h"
#include "core/net/exec.h"
#include "core/train/peers.h"
#include "core/train/share.h"

struct bn_sync {
    const struct peers *peers;
    double *sums;  /* of two operands, each [pieces][values]; then [values] of all pieces */
    size_t *sizes; /* [peers->count], then [pieces + 1]: where pieces begin */
    size_t most;   /* pieces of a step */
    size_t values; /* of a piece, at the widest layer */
    size_t count;  /* pieces of this step */
    enum status status;
    struct error error; /* the first of this step */
    struct exec_pieces pieces;
};

/* For steps of up to `pieces` pieces by a plan. OVERWRITES *out; free it with bn_sync_free, also after an error.
 * Borrows peers. ERR_SYSTEM without memory. */
MUST_CHECK enum status bn_sync_create(struct bn_sync *out, const struct peers *peers, const struct plan *plan,
                                      size_t pieces, struct error *err);
void bn_sync_free(struct bn_sync *sync);
/* Bytes that bn_sync_create takes. */
size_t bn_sync_bytes(const struct peers *peers, const struct plan *plan, size_t pieces);

/* From here to bn_sync_end a run's passes are over the pieces of this process in a step, those of `share` (share_begin)
 * of a batch of `photos`: piece i of all P begins at photo photos * i / P. The sync must stay where it is. */
void bn_sync_begin(struct bn_sync *sync, struct exec *exec, const struct share *share, size_t photos);
void bn_sync_end(struct bn_sync *sync, struct exec *exec);

/* Whether all sums of the step so far could be gathered. What was computed after the first that could not is useless.
 * Errors of peers_gather. */
MUST_CHECK enum status bn_sync_status(const struct bn_sync *sync, struct error *err);

/* Bytes that a process with `own` of `pieces` pieces sends to each other one in a step by a plan. */
double bn_sync_sent(const struct plan *plan, size_t own);

#endif
