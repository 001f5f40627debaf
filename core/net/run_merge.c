/* The merge: relu(in + residual), each through its BatchNorm. Made in forward and, where the plan gives the sum up,
 * once more in backward, in the same tiles: the same bytes. */
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
