/* Addition as a step, the merge: relu(in + residual), each through its BatchNorm. Made in forward and, where the plan
 * gives the sum up, once more in backward, in the same tiles: the same bytes. With one operand it stores a value that
 * fusion had only promised. */
#include <string.h>

#include "core/net/op_info.h"
#include "core/net/exec_internal.h"
#include "core/ops/lanes.h"

struct merge_work {
    const struct exec *exec;
    const struct fused_op *fused;
    float *out;
    size_t rows, channels;
};

static void merge_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct merge_work *work = context;
    const struct fused_op *fused = work->fused;
    size_t m0 = tile * PLAN_ROWS, rows = work->rows - m0 < PLAN_ROWS ? work->rows - m0 : PLAN_ROWS;
    size_t at = m0 * work->channels;
    struct conv_input in = exec_input(work->exec, &fused->in, exec_tensor(work->exec, fused->in.tensor) + at),
                      residual = {0};
    if (fused->residual.tensor >= 0)
        residual = exec_input(work->exec, &fused->residual, exec_tensor(work->exec, fused->residual.tensor) + at);
    lanes()->affine(work->out + at, in.x, rows, work->channels, in.scale, in.shift, residual.x, residual.scale,
                    residual.shift, fused->relu);
}

void exec_merge(const struct exec *exec, size_t index, float *out)
{
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *planned = &exec->plan->tensors[fused->out];
    struct merge_work work = {exec, fused, out, exec->images * planned->h * planned->w, planned->channels};
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
    lanes()->affine(task->out, in->x, task->to->h * task->to->w, task->to->channels, in->scale, in->shift, residual->x,
                    residual->scale, residual->shift, relu);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
/* Hands g to an operand without BatchNorm. Nothing to do where the operand's gradient lives in the same place. */
static void pass_on(const struct exec *exec, size_t index, const struct operand *operand, const float *g, size_t floats)
{
    const struct plan_tensor *tensor = &exec->plan->tensors[operand->tensor];
    float *to = exec_gradient(exec, operand->tensor);
    if (to == g)
        return;
    if (tensor->last_reader == index)
        memcpy(to, g, floats * sizeof *to);
    else
        lanes()->add(to, g, floats);
}

/* Both operands get the same gradient g, masked by the merge's own ReLU, and each takes it through its own BatchNorm.
 * So the mask and both sums are one pass over g, and only then are the operands finished: a block with a downsampling
 * shortcut has a BatchNorm on both sides, one with an identity shortcut on one. The plan may let the second operand's
 * gradient live where g does (alias_gradients); therefore the first is written while g is still what it was. */
static void backward(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct plan *plan = exec->plan;
    const struct fused_op *fused = &plan->program->steps[index];
    const struct plan_tensor *out = &plan->tensors[fused->out];
    const struct operand *operands[2] = {&fused->in,
                                         &fused->residual}; /* the second may share g's place: it comes last */
    double *sums[2] = {exec_sums(exec), exec_residual_sums(exec)};
    float *g = exec_gradient(exec, fused->out);
    size_t rows = exec->images * out->h * out->w;
    struct tail tails[2] = {{0}, {0}};
    bool wanted[2];
    double start = exec_clock(exec);
    for (int i = 0; i < 2; i++) {
        wanted[i] = operands[i]->tensor >= 0 && plan->tensors[operands[i]->tensor].has_gradient;
        if (wanted[i])
            tails[i] = exec_operand_tail(exec, operands[i], sums[i]);
    }
    exec_mask_and_sum(exec, g, fused->relu ? exec_kept(exec, fused->out) : NULL, rows, out->channels, tails);
    for (int i = 0; i < 2; i++) {
        if (wanted[i] && operands[i]->bn >= 0)
            exec_finish_operand(back, operands[i], exec_gradient(exec, operands[i]->tensor), g, sums[i],
                                exec_row_tiles(rows));
        else if (wanted[i])
            pass_on(exec, index, operands[i], g, rows * out->channels);
    }
    exec_profile(exec, index, PROFILE_DATA, start);
}

const struct op_info op_add = {
    .name = "add", .onnx = "Add", .forward = forward, .forward_image = forward_image, .backward = backward};
