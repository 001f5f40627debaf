/* What the processes of a group (peers.h) tell each other of a step beside its gradients: of each piece of the batch
 * its loss, its right answers, and what it moves BatchNorm's running statistics by. Every rank computes a block of the
 * pieces and then knows all of them in their order, so that each sums the same numbers and moves the same statistics in
 * the same order. Alone, the block is the whole batch; and so it is in a step that every rank makes by itself
 * (`whole`), which tells nobody anything.
 */
#ifndef FREEZETUNE_SHARE_H
#define FREEZETUNE_SHARE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/error.h"
#include "core/net/exec.h"
#include "core/train/peers.h"

struct share {
    const struct peers *peers;
    double *records;   /* [pieces][values] */
    size_t *sizes;     /* [ranks] */
    size_t values;     /* of a piece: loss, right answers, statistics */
    bool keeps;        /* statistics */
    size_t pieces;     /* of the current step */
    size_t first, end; /* of them, those of this rank */
    bool whole;        /* the current step: all are */
};

/* For steps of up to `pieces` pieces by a plan, whose statistics a group keeps unless they are `synced` (bn_sync.h):
 * then every pass moves them itself. OVERWRITES *out; free it with
 * share_free, also after an error. ERR_SYSTEM without memory. */
MUST_CHECK enum status share_create(struct share *out, const struct peers *peers, const struct plan *plan,
                                    size_t pieces, bool synced, struct error *err);
void share_free(struct share *share);
/* Bytes that share_create takes. */
size_t share_bytes(const struct peers *peers, const struct plan *plan, size_t pieces, bool synced);

/* A step of so many pieces begins. Those of this rank are first up to where end begins: where it is `whole`, all. */
void share_begin(struct share *share, size_t pieces, bool whole);

/* A pass over a piece of this rank begins and ends: in a group its statistics are kept for share_gather. */
void share_begin_piece(struct share *share, struct exec *exec, size_t piece);
void share_end_piece(struct share *share, struct exec *exec);
/* What a piece of this rank came to. */
void share_note(struct share *share, size_t piece, double loss, size_t right);

/* Gathers the pieces of all ranks, unless the step is whole. *loss and *right = their sums in order; the statistics
 * that were kept are moved. */
MUST_CHECK enum status share_gather(double *loss, size_t *right, struct share *share, struct exec *exec,
                                    struct error *err);

#endif
