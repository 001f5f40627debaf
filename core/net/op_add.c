/* Addition as a step, the merge: relu(in + residual), each through its BatchNorm. Made in forward and, where the plan
 * gives the sum up, once more in backward, in the same tiles: the same bytes. With one operand it stores a value that
 * fusion had only promised. */
#include <string.h>

#include "core/net/op_info.h"
#include "core/net/exec_internal.h"
#include "core/ops/map_lanes.h"

struct merge_work {
    const struct exec *exec;
    const struct fused_op *fused;
    void *out;
    size_t rows, channels;
    enum precision precision;
};

/* Rows of an operand from value `at` on, as it is read; .x NULL for no operand. */
static struct conv_input operand_at(const struct merge_work *work, const struct operand *operand, size_t at)
{
    if (operand->tensor < 0)
        return (struct conv_input){0};
    return exec_input(work->exec, operand, map_from(exec_tensor(work->exec, operand->tensor), at, work->precision));
}

static void merge_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct merge_work *work = context;
    const struct fused_op *fused = work->fused;
    size_t m0 = tile * PLAN_ROWS, rows = work->rows - m0 < PLAN_ROWS ? work->rows - m0 : PLAN_ROWS;
    size_t at = m0 * work->channels;
    struct conv_input in = operand_at(work, &fused->in, at), residual = operand_at(work, &fused->residual, at);
    map_lanes(work->precision)
        ->affine(map_at(work->out, at, work->precision), in.x, rows, work->channels, in.scale, in.shift, residual.x,
                 residual.scale, residual.shift, fused->relu);
}

void exec_merge(const struct exec *exec, size_t index, void *out)
{
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *planned = &exec->plan->tensors[fused->out];
    struct merge_work work = {
        exec, fused, out, exec->images * planned->h * planned->w, planned->channels, planned->precision};
    pool_for(exec->pool, (work.rows + PLAN_ROWS - 1) / PLAN_ROWS, merge_tile, &work);
}

static void forward(const struct op_task *task)
{
    exec_merge(task->exec, task->index, task->out);
}

static void forward_image(const struct op_task *task)
{
    const struct conv_input *in = &task->in, *residual = &task->residual;
    bool relu = task->exec->plan->program->steps[task->index].relu;
    map_lanes(task->to->precision)
        ->affine(task->out, in->x, task->to->h * task->to->w, task->to->channels, in->scale, in->shift, residual->x,
                 residual->scale, residual->shift, relu);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
/* Hands g to an operand without BatchNorm. Nothing to do where the operand's gradient lives in the same place. */
static void pass_on(const struct exec *exec, size_t index, const struct operand *operand, const void *g)
{
    const struct plan_tensor *tensor = &exec->plan->tensors[operand->tensor];
    size_t values = exec->images * tensor->values;
    void *to = exec_gradient(exec, operand->tensor);
    if (to == g)
        return;
    if (tensor->last_reader == index)
        memcpy(to, g, values * precision_size(tensor->precision));
    else
        map_lanes(tensor->precision)->add(to, g, values);
}

struct merge_operands {
    const struct operand *of[2]; /* the second may share g's place: it comes last */
    double *sums[2];
    bool wanted[2]; /* its gradient */
    size_t tiles;
};

static struct merge_operands operands_of(const struct exec *exec, size_t index)
{
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *out = &exec->plan->tensors[fused->out];
    struct merge_operands operands = {.of = {&fused->in, &fused->residual},
                                      .sums = {exec_sums(exec), exec_residual_sums(exec)},
                                      .tiles = exec_row_tiles(exec->images * out->h * out->w)};
    for (int i = 0; i < 2; i++)
        operands.wanted[i] = operands.of[i]->tensor >= 0 && exec->plan->tensors[operands.of[i]->tensor].has_gradient;
    return operands;
}

/* Both operands get the same gradient g, masked by the merge's own ReLU, and each takes it through its own BatchNorm.
 * So the mask and both sums are one pass over g, and only then are the operands finished: a block with a downsampling
 * shortcut has a BatchNorm on both sides, one with an identity shortcut on one. */
static void backward(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct merge_operands operands = operands_of(exec, index);
    struct tail tails[2] = {{0}, {0}};
    double start = exec_clock(exec);
    for (int i = 0; i < 2; i++)
        if (operands.wanted[i])
            tails[i] = exec_operand_tail(exec, operands.of[i], operands.sums[i]);
    exec_mask_and_sum(exec, exec_gradient(exec, fused->out), fused->relu ? exec_kept(exec, fused->out) : NULL,
                      &exec->plan->tensors[fused->out], tails);
    for (int i = 0; i < 2; i++)
        if (operands.wanted[i])
            exec_keep_operand(exec, i, operands.of[i], operands.sums[i], operands.tiles);
    exec_profile(exec, index, PROFILE_DATA, start);
}

/* The plan may let the second operand's gradient live where g does (alias_gradients); therefore the first is written
 * while g is still what it was. */
static void backward_end(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct merge_operands operands = operands_of(exec, index);
    void *g = exec_gradient(exec, exec->plan->program->steps[index].out);
    double start = exec_clock(exec);
    for (int i = 0; i < 2; i++) {
        const struct operand *operand = operands.of[i];
        if (operands.wanted[i] && operand->bn >= 0)
            exec_finish_operand(back, i, operand, exec_gradient(exec, operand->tensor), g, operands.sums[i],
                                operands.tiles);
        else if (operands.wanted[i])
            pass_on(exec, index, operand, g);
    }
    exec_profile_more(exec, index, PROFILE_DATA, start);
}

const struct op_info op_add = {.name = "add",
                               .onnx = "Add",
                               .forward = forward,
                               .forward_image = forward_image,
                               .backward = backward,
                               .backward_end = backward_end};
