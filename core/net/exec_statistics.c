/* The running statistics of BatchNorm: moved by each forward pass, or kept apart, so that passes which were made at the
 * same time move them one after the other. */
#include "core/net/exec_internal.h"

/* Does a pass move the running statistics of this layer? */
static bool moves(const struct program_bn *bn)
{
    return !bn->folded && bn->mode == BN_BATCH;
}

/* Where the statistics of layer `end` lie among all; of all layers: how many there are. */
static size_t place_of(const struct program *program, size_t end)
{
    size_t place = 0;
    for (size_t b = 0; b < end; b++)
        place += moves(&program->bns[b]) ? 2 * program->bns[b].channels : 0;
    return place;
}

size_t exec_statistics_count(const struct plan *plan)
{
    return place_of(plan->program, plan->program->bns_count);
}

void exec_keep_statistics(struct exec *exec, double *out)
{
    exec->statistics = out;
}

static void move(const struct exec *exec, size_t bn, const double *statistics)
{
    const struct program *program = exec->plan->program;
    batchnorm_move(&exec->bns[bn], statistics);
    program->net->params[program->bns[bn].param + 4].batches++;
}

void exec_move_statistics(struct exec *exec, const double *statistics)
{
    const struct program *program = exec->plan->program;
    for (size_t b = 0; b < program->bns_count; b++)
        if (moves(&program->bns[b]))
            move(exec, b, statistics + place_of(program, b));
}

/* The scratch of the sums is free once they are read: what is not kept may lie there. */
static void take(const struct exec *exec, size_t bn, const double *sums, size_t tiles, size_t rows)
{
    double *statistics = exec->statistics ? exec->statistics + place_of(exec->plan->program, bn) : exec_sums(exec);
    batchnorm_from_sums(&exec->bns[bn], statistics, sums, tiles, rows);
    if (!exec->statistics)
        move(exec, bn, statistics);
}

void exec_take_statistics(const struct exec *exec, size_t bn, size_t tiles, size_t rows)
{
    if (exec->pieces)
        exec_keep_sums(exec, 0, bn, exec_sums(exec), tiles);
    else
        take(exec, bn, exec_sums(exec), tiles, rows);
}

void exec_join_statistics(const struct exec *exec, size_t index)
{
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *out = &exec->plan->tensors[fused->out];
    if (!exec->pieces || fused->bn < 0 || !moves(&exec->plan->program->bns[fused->bn]))
        return;
    size_t bn = (size_t)fused->bn;
    take(exec, bn, exec_total_sums(exec, 0, bn), 1, exec->pieces->images * out->h * out->w);
}
