/* Backward: what is common to all steps, and the walk over them. */
#include <string.h>

#include "core/base/clock.h"
#include "core/net/exec.h"
#include "core/net/exec_internal.h"
#include "core/ops/map_lanes.h"

void exec_give(const struct backward *back, int param, const float *gradient)
{
    if (back->exec->plan->net->params[param].trainable)
        back->sink(back->context, (size_t)param, gradient);
}

/* ---- rows in tiles: for steps that are not products -------------------------------------------------------------- */
struct rows_work {
    enum precision precision;
    void *g; /* gradient of the values that the readers saw */
    size_t rows, channels;
    const void *y; /* ReLU's mask: where y > 0; NULL for none */
    struct tail tails[2];
    void *out; /* apply: dz = BatchNorm's backward of g */
    const void *z;
    const struct batchnorm *bn;
    bool batch;
};

static size_t tile_of_rows(const struct rows_work *work, size_t tile, size_t *m0)
{
    *m0 = tile * PLAN_ROWS;
    return work->rows - *m0 < PLAN_ROWS ? work->rows - *m0 : PLAN_ROWS;
}

static void mask_and_sum_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct rows_work *work = context;
    enum { ROWS = 8 }; /* through all passes at a time, while they are in the cache */
    size_t m0, rows = tile_of_rows(work, tile, &m0);
    for (size_t done = 0, count; done < rows; done += count) {
        size_t m = m0 + done, at = m * work->channels;
        count = rows - done < ROWS ? rows - done : ROWS;
        if (work->y)
            map_lanes(work->precision)
                ->mask(map_at(work->g, at, work->precision), map_from(work->y, at, work->precision), count,
                       work->channels);
        for (int i = 0; i < 2; i++)
            tail_apply(&work->tails[i], work->g, m, count, work->channels, tile, done == 0);
    }
}

static void apply_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct rows_work *work = context;
    size_t m0, rows = tile_of_rows(work, tile, &m0), at = m0 * work->channels;
    const struct batchnorm *bn = work->bn;
    map_lanes(work->precision)
        ->gradient_apply(map_at(work->out, at, work->precision), map_from(work->g, at, work->precision),
                         map_from(work->z, at, work->precision), bn->a, work->batch ? bn->b : NULL,
                         work->batch ? bn->c : NULL, rows, work->channels);
}

size_t exec_row_tiles(size_t rows)
{
    return (rows + PLAN_ROWS - 1) / PLAN_ROWS;
}

void exec_mask_and_sum(const struct exec *exec, void *g, const void *y, const struct plan_tensor *tensor,
                       const struct tail tails[2])
{
    struct rows_work work = {.precision = tensor->precision,
                             .g = g,
                             .rows = exec->images * tensor->h * tensor->w,
                             .channels = tensor->channels,
                             .y = y,
                             .tails = {tails[0], tails[1]}};
    pool_for(exec->pool, exec_row_tiles(work.rows), mask_and_sum_tile, &work);
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */
struct tail exec_operand_tail(const struct exec *exec, const struct operand *operand, double *sums)
{
    struct tail tail = {0};
    if (operand->bn < 0 && !operand->relu)
        return tail;
    tail.precision = exec->plan->tensors[operand->tensor].precision;
    tail.z = exec_kept(exec, operand->tensor);
    tail.relu = operand->relu;
    if (operand->bn >= 0) {
        tail.scale = exec->bns[operand->bn].scale;
        tail.shift = exec->bns[operand->bn].shift;
        tail.mean = exec->bns[operand->bn].mean;
        tail.sums = sums;
    }
    return tail;
}

void exec_keep_operand(const struct exec *exec, int which, const struct operand *operand, const double *sums,
                       size_t tiles)
{
    if (operand->bn >= 0)
        exec_keep_sums(exec, which, (size_t)operand->bn, sums, tiles);
}

/* Between the two parts of a step with pieces: BatchNorm's coefficients, from the sums of all. */
static void join_operand(const struct exec *exec, int which, const struct operand *operand)
{
    if (!exec->pieces || operand->tensor < 0 || operand->bn < 0)
        return;
    const struct plan_tensor *tensor = &exec->plan->tensors[operand->tensor];
    size_t bn = (size_t)operand->bn;
    if (tensor->has_gradient && exec->plan->program->bns[bn].mode == BN_BATCH)
        batchnorm_backward(&exec->bns[bn], NULL, NULL, exec_total_sums(exec, which, bn), 1,
                           exec->pieces->images * tensor->h * tensor->w, true);
}

/* The gradients of BatchNorm's own parameters are those of a piece, as all that the sink is told. */
static void own_gradients(const struct backward *back, int which, size_t bn, const double *sums, size_t tiles,
                          size_t rows)
{
    struct exec *exec = back->exec;
    const struct program_bn *planned = &exec->plan->program->bns[bn];
    float *dweight = exec_gradient_scratch(exec), *dbias = exec_tiles(exec);
    if (exec->pieces) /* b and c are there */
        batchnorm_backward(&exec->bns[bn], dweight, dbias, exec_kept_sums(exec, which, bn), 1, rows, false);
    else
        batchnorm_backward(&exec->bns[bn], dweight, dbias, sums, tiles, rows, planned->mode == BN_BATCH);
    exec_give(back, planned->param, dweight);
    exec_give(back, planned->param + 1, dbias);
}

void exec_finish_operand(const struct backward *back, int which, const struct operand *operand, void *out, void *g,
                         const double *sums, size_t tiles)
{
    struct exec *exec = back->exec;
    if (operand->bn < 0)
        return;
    const struct plan_tensor *tensor = &exec->plan->tensors[operand->tensor];
    size_t rows = exec->images * tensor->h * tensor->w;
    own_gradients(back, which, (size_t)operand->bn, sums, tiles, rows);
    struct rows_work work = {.precision = tensor->precision,
                             .g = g,
                             .rows = rows,
                             .channels = tensor->channels,
                             .out = out,
                             .z = exec_kept(exec, operand->tensor),
                             .bn = &exec->bns[operand->bn],
                             .batch = exec->plan->program->bns[operand->bn].mode == BN_BATCH};
    pool_for(exec->pool, exec_row_tiles(rows), apply_tile, &work);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */
/* An operator that knows only the gradient of what it saw: the operand's BatchNorm and ReLU are done here. */
static void data_backward(const struct backward *back, const struct op_info *info, size_t index)
{
    const struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *in = &exec->plan->tensors[fused->in.tensor];
    double start = exec_clock(exec);
    if (!in->has_gradient)
        return;
    struct op_task task = exec_backward_task(exec, index);
    void *dx = exec_gradient(exec, fused->in.tensor);
    info->backward_data(dx, in->last_reader != index, exec_gradient(exec, fused->out), &task);
    const struct tail tails[2] = {exec_operand_tail(exec, &fused->in, exec_sums(exec))};
    if (tails[0].z) {
        exec_mask_and_sum(exec, dx, NULL, in, tails);
        exec_keep_operand(exec, 0, &fused->in, exec_sums(exec), exec_row_tiles(exec->images * in->h * in->w));
    }
    exec_profile(exec, index, PROFILE_DATA, start);
}

static void data_backward_end(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *in = &exec->plan->tensors[fused->in.tensor];
    double start = exec_clock(exec);
    if (!in->has_gradient)
        return;
    void *dx = exec_gradient(exec, fused->in.tensor);
    exec_finish_operand(back, 0, &fused->in, dx, dx, exec_sums(exec), exec_row_tiles(exec->images * in->h * in->w));
    exec_profile_more(exec, index, PROFILE_DATA, start);
}

/* Makes again what this step reads and forward has given up, if no reader came before it. */
static void remake(struct exec *exec, size_t index, const struct operand *operand)
{
    const struct plan_tensor *planned = operand->tensor >= 0 ? &exec->plan->tensors[operand->tensor] : NULL;
    if (!planned || !planned->remade || planned->last_reader != index)
        return;
    double start = exec_clock(exec);
    exec_merge(exec, planned->maker, exec_kept(exec, operand->tensor));
    exec_profile_more(exec, planned->maker, PROFILE_DATA, start); /* its photos are counted when its backward comes */
}

static void begin_step(const struct backward *back, size_t index)
{
    struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct op_info *info = op_info_of(fused->kind);
    remake(exec, index, &fused->in);
    remake(exec, index, &fused->residual);
    if (info->backward)
        info->backward(back, index);
    else
        data_backward(back, info, index);
}

static void end_step(const struct backward *back, size_t index)
{
    const struct op_info *info = op_info_of(back->exec->plan->program->steps[index].kind);
    if (info->backward)
        info->backward_end(back, index);
    else
        data_backward_end(back, index);
}

static void step_backward(const struct backward *back, size_t index)
{
    struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    for (size_t piece = 0; piece < exec_pieces_count(exec); piece++) {
        exec_enter_piece(exec, piece);
        begin_step(back, index);
    }
    join_operand(exec, 0, &fused->in);
    join_operand(exec, 1, &fused->residual);
    for (size_t piece = 0; piece < exec_pieces_count(exec); piece++) {
        exec_enter_piece(exec, piece);
        end_step(back, index);
    }
    exec_leave_pieces(exec);
}

void exec_backward(struct exec *exec, const float *dlogits, gradient_sink *sink, void *context)
{
    const struct program *program = exec->plan->program;
    struct backward back = {exec, sink, context};
    double start = exec_clock(exec);
    size_t last = program->steps_count - 1;
    if (program->backward_from > last)
        return;
    const struct plan_tensor *logits = &exec->plan->tensors[program->steps[last].out];
    if (exec->pass > 0)
        memcpy(exec_gradient(exec, program->steps[last].out), dlogits, exec->pass * logits->values * sizeof *dlogits);
    for (size_t i = program->steps_count; i-- > program->backward_from;)
        step_backward(&back, i);
    if (exec->profile)
        exec->profile->backward += clock_seconds() - start;
}
