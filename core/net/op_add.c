/* Addition as a step, the merge: relu(in + residual), each through its BatchNorm. Made in forward and, where the plan
 * gives the sum up, once more in backward, in the same tiles: the same bytes. With one operand it stores a value that
 * fusion had only promised. */
#include <string.h>

#include "core/net/op_info.h"
#include "core/net/run_internal.h"
#include "core/ops/lanes.h"

struct merge_work {
    const struct run *run;
    const struct step *step;
    float *out;
    size_t rows, channels;
};

static void merge_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct merge_work *work = context;
    const struct step *step = work->step;
    size_t m0 = tile * PLAN_ROWS, rows = work->rows - m0 < PLAN_ROWS ? work->rows - m0 : PLAN_ROWS;
    size_t at = m0 * work->channels;
    struct view in = run_view(work->run, &step->in, run_tensor(work->run, step->in.tensor) + at), residual = {0};
    if (step->residual.tensor >= 0)
        residual = run_view(work->run, &step->residual, run_tensor(work->run, step->residual.tensor) + at);
    lanes()->affine(work->out + at, in.x, rows, work->channels, in.scale, in.shift, residual.x, residual.scale,
                    residual.shift, step->relu);
}

void run_merge(const struct run *run, size_t index, float *out)
{
    const struct step *step = &run->plan->program->steps[index];
    const struct plan_tensor *planned = &run->plan->tensors[step->out];
    struct merge_work work = {run, step, out, run->images * planned->h * planned->w, planned->channels};
    pool_for(run->pool, (work.rows + PLAN_ROWS - 1) / PLAN_ROWS, merge_tile, &work);
}

static void forward(const struct op_task *task)
{
    run_merge(task->run, task->index, task->out);
}

static void forward_image(const struct op_task *task)
{
    const struct view *in = &task->in, *residual = &task->residual;
    bool relu = task->run->plan->program->steps[task->index].relu;
    lanes()->affine(task->out, in->x, task->to->h * task->to->w, task->to->channels, in->scale, in->shift, residual->x,
                    residual->scale, residual->shift, relu);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
/* Hands g to an operand without BatchNorm. Nothing to do where the operand's gradient lives in the same place. */
static void pass_on(const struct run *run, size_t index, const struct operand *operand, const float *g, size_t floats)
{
    const struct plan_tensor *tensor = &run->plan->tensors[operand->tensor];
    float *to = run_gradient(run, operand->tensor);
    if (to == g)
        return;
    if (tensor->last_reader == index)
        memcpy(to, g, floats * sizeof *to);
    else
        lanes()->add(to, g, floats);
}

static void backward(const struct backward *back, size_t index)
{
    const struct run *run = back->run;
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    const struct plan_tensor *out = &plan->tensors[step->out];
    const struct operand *operands[2] = {&step->in,
                                         &step->residual}; /* the second may share g's place: it comes last */
    double *sums[2] = {run_sums(run), run_residual_sums(run)};
    float *g = run_gradient(run, step->out);
    size_t rows = run->images * out->h * out->w;
    struct tail tails[2] = {{0}, {0}};
    bool wanted[2];
    double start = run_clock(run);
    for (int i = 0; i < 2; i++) {
        wanted[i] = operands[i]->tensor >= 0 && plan->tensors[operands[i]->tensor].has_gradient;
        if (wanted[i])
            tails[i] = run_operand_tail(run, operands[i], sums[i]);
    }
    run_mask_and_sum(run, g, step->relu ? run_kept(run, step->out) : NULL, rows, out->channels, tails);
    for (int i = 0; i < 2; i++) {
        if (wanted[i] && operands[i]->bn >= 0)
            run_finish_operand(back, operands[i], run_gradient(run, operands[i]->tensor), g, sums[i],
                               run_row_tiles(rows));
        else if (wanted[i])
            pass_on(run, index, operands[i], g, rows * out->channels);
    }
    run_profile(run, index, PROFILE_DATA, start);
}

const struct op_info op_add = {
    .name = "add", .onnx = "Add", .forward = forward, .forward_image = forward_image, .backward = backward};
