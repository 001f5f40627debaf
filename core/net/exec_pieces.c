/* Passes over several pieces that go through the network together (struct exec_pieces). The arena holds the whole pass;
 * a step works on the images of one piece after the other, and what BatchNorm needs of all of them waits in between as
 * sums of each. */
#include <assert.h>
#include <string.h>

#include "core/net/exec_internal.h"

void exec_set_pieces(struct exec *exec, const struct exec_pieces *pieces)
{
    exec->pieces = pieces;
}

size_t exec_pieces_values(const struct plan *plan)
{
    size_t most = 1;
    for (size_t b = 0; b < plan->program->bns_count; b++)
        most = plan->program->bns[b].channels > most ? plan->program->bns[b].channels : most;
    return 2 * most;
}

size_t exec_pieces_count(const struct exec *exec)
{
    return exec->pieces ? exec->pieces->count : 1;
}

void exec_enter_piece(struct exec *exec, size_t piece)
{
    if (!exec->pieces)
        return;
    assert(exec->pieces->begin[exec->pieces->count] == exec->pass);
    exec->piece = piece;
    exec->first = exec->pieces->begin[piece];
    exec->images = exec->pieces->begin[piece + 1] - exec->first;
}

void exec_leave_pieces(struct exec *exec)
{
    exec->first = 0;
    exec->images = exec->pass;
}

static double *sums_of(const struct exec *exec, int which, size_t channels)
{
    return exec->pieces->sums[which] + (exec->pieces->before + exec->piece) * 2 * channels;
}

void exec_keep_sums(const struct exec *exec, int which, size_t bn, const double *sums, size_t tiles)
{
    size_t channels = exec->plan->program->bns[bn].channels;
    if (exec->pieces)
        batchnorm_add_tiles(sums_of(exec, which, channels), sums, tiles, channels);
}

const double *exec_kept_sums(const struct exec *exec, int which, size_t bn)
{
    return sums_of(exec, which, exec->plan->program->bns[bn].channels);
}

const double *exec_total_sums(const struct exec *exec, int which, size_t bn)
{
    const struct exec_pieces *pieces = exec->pieces;
    return pieces->total(pieces->context, pieces->sums[which], 2 * exec->plan->program->bns[bn].channels);
}
