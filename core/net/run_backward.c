/* Backward. When a step's turn comes, the gradient of its output is ready: of the tensor as it is stored, before any
 * lazy BatchNorm and ReLU, because whoever wrote it took it through them (finish_operand). */
#include <string.h>

#include "core/base/clock.h"
#include "core/net/run.h"
#include "core/net/run_internal.h"
#include "core/ops/lanes.h"
#include "core/ops/pooling.h"

struct backward {
    struct run *run;
    gradient_sink *sink;
    void *context;
};

static void give(const struct backward *back, int param, const float *gradient)
{
    if (back->run->plan->net->params[param].trainable)
        back->sink(back->context, (size_t)param, gradient);
}

/* ---- rows in tiles: for steps that are not products -------------------------------------------------------------- */
struct rows_work {
    const struct run *run;
    float *g; /* gradient of the values that the readers saw */
    size_t rows, channels;
    const float *y; /* ReLU's mask: where y > 0; NULL for none */
    struct tail tails[2];
    float *out; /* apply: dz = BatchNorm's backward of g */
    const float *z;
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
    size_t m0, rows = tile_of_rows(work, tile, &m0);
    float *g = work->g + m0 * work->channels;
    if (work->y)
        lanes()->mask(g, work->y + m0 * work->channels, rows, work->channels);
    for (int i = 0; i < 2; i++)
        tail_apply(&work->tails[i], g, m0, rows, work->channels, tile, true);
}

static void apply_tile(void *context, size_t tile, size_t thread)
{
    (void)thread;
    const struct rows_work *work = context;
    size_t m0, rows = tile_of_rows(work, tile, &m0), at = m0 * work->channels;
    const struct batchnorm *bn = work->bn;
    lanes()->gradient_apply(work->out + at, work->g + at, work->z + at, bn->a, work->batch ? bn->b : NULL,
                            work->batch ? bn->c : NULL, rows, work->channels);
}

static size_t row_tiles(size_t rows)
{
    return (rows + PLAN_ROWS - 1) / PLAN_ROWS;
}

/* ---- operands ---------------------------------------------------------------------------------------------------- */
static struct tail operand_tail(const struct run *run, const struct operand *operand, double *sums)
{
    struct tail tail = {0};
    if (operand->bn < 0 && !operand->relu)
        return tail;
    tail.z = run_kept(run, operand->tensor);
    tail.relu = operand->relu;
    if (operand->bn >= 0) {
        tail.scale = run->bns[operand->bn].scale;
        tail.shift = run->bns[operand->bn].shift;
        tail.mean = run->bns[operand->bn].mean;
        tail.sums = sums;
    }
    return tail;
}

/* Takes the gradient `g` of what a reader saw back through the operand's BatchNorm, given its tail's sums: parameters
 * to the sink, the gradient of the stored tensor into `out` (which may be g). */
static void finish_operand(const struct backward *back, const struct operand *operand, float *out, float *g,
                           const double *sums, size_t tiles)
{
    struct run *run = back->run;
    if (operand->bn < 0)
        return;
    const struct program_bn *planned = &run->plan->program->bns[operand->bn];
    const struct plan_tensor *tensor = &run->plan->tensors[operand->tensor];
    struct batchnorm *bn = &run->bns[operand->bn];
    float *dweight = run_gradient_scratch(run), *dbias = run_tiles(run);
    bool batch = planned->mode == BN_BATCH;
    size_t rows = run->images * tensor->h * tensor->w;
    batchnorm_backward(bn, dweight, dbias, sums, tiles, rows, batch);
    give(back, planned->param, dweight);
    give(back, planned->param + 1, dbias);
    struct rows_work work = {.run = run,
                             .g = g,
                             .rows = rows,
                             .channels = tensor->channels,
                             .out = out,
                             .z = run_kept(run, operand->tensor),
                             .bn = bn,
                             .batch = batch};
    pool_for(run->pool, row_tiles(rows), apply_tile, &work);
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */
static void bias_gradient(const struct backward *back, const struct conv_task *task, int bias, const float *dy)
{
    struct run *run = back->run;
    size_t rows = run->images * task->shape.p * task->shape.q, channels = task->shape.k;
    double *sums = run_sums(run);
    float *dbias = run_gradient_scratch(run);
    memset(sums, 0, 2 * channels * sizeof *sums);
    lanes()->moments(sums, sums + channels, dy, rows, channels);
    for (size_t k = 0; k < channels; k++)
        dbias[k] = (float)sums[k];
    give(back, bias, dbias);
}

static void conv_backward(const struct backward *back, size_t index)
{
    struct run *run = back->run;
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    const struct op *op = &plan->net->ops[step->op];
    const struct plan_tensor *in = &plan->tensors[step->in.tensor];
    struct conv_task task =
        run_conv_task(run, index, run->images, run_kept(run, step->in.tensor), NULL, run_kept(run, step->out));
    const float *dy = run_gradient(run, step->out);
    double start = run_clock(run);
    if (in->has_gradient) {
        float *da = run_gradient(run, step->in.tensor);
        struct tail tail = operand_tail(run, &step->in, run_sums(run));
        task.kernel->backward_data(da, in->last_reader != index, &task, dy, &tail, run->pool, run_tiles(run));
        finish_operand(back, &step->in, da, da, run_sums(run), task.kernel->tail_tiles(&task.shape, run->images));
        if (run->profile)
            profile_add(run->profile, 0, index, PROFILE_DATA, run->images, start);
    }
    start = run_clock(run);
    if (op->bias >= 0 && plan->net->params[op->bias].trainable)
        bias_gradient(back, &task, op->bias, dy);
    if (plan->net->params[op->param].trainable) {
        task.kernel->backward_weight(run_gradient_scratch(run), &task, dy, run->pool, run_tiles(run));
        if (run->profile)
            profile_add(run->profile, 0, index, PROFILE_WEIGHT, run->images, start);
        give(back, op->param, run_gradient_scratch(run));
    }
}

static void pooling_backward(const struct backward *back, size_t index)
{
    struct run *run = back->run;
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    const struct plan_tensor *in = &plan->tensors[step->in.tensor];
    const float *dy = run_gradient(run, step->out);
    if (!in->has_gradient)
        return;
    float *dx = run_gradient(run, step->in.tensor);
    if (step->kind == STEP_MAXPOOL)
        maxpool_backward(dx, dy, (const uint8_t *)(run->arena + plan->steps[index].where), &plan->steps[index].shape,
                         run->images, run->pool);
    else
        avgpool_backward(dx, dy, run->images, in->h * in->w, in->channels, run->pool);
    struct rows_work work = {.run = run,
                             .g = dx,
                             .rows = run->images * in->h * in->w,
                             .channels = in->channels,
                             .tails = {operand_tail(run, &step->in, run_sums(run))}};
    if (!work.tails[0].z)
        return;
    pool_for(run->pool, row_tiles(work.rows), mask_and_sum_tile, &work);
    finish_operand(back, &step->in, dx, dx, run_sums(run), row_tiles(work.rows));
}

/* Hands g to an operand without BatchNorm. Nothing to do where the operand's gradient lives in the same place. */
static void pass_on(struct run *run, size_t index, const struct operand *operand, const float *g, size_t floats)
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

static void merge_backward(const struct backward *back, size_t index)
{
    struct run *run = back->run;
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    const struct plan_tensor *out = &plan->tensors[step->out];
    const struct operand *operands[2] = {&step->in,
                                         &step->residual}; /* the second may share g's place: it comes last */
    double *sums[2] = {run_sums(run), run_residual_sums(run)};
    struct rows_work work = {.run = run,
                             .g = run_gradient(run, step->out),
                             .rows = run->images * out->h * out->w,
                             .channels = out->channels,
                             .y = step->relu ? run_kept(run, step->out) : NULL};
    bool wanted[2];
    for (int i = 0; i < 2; i++) {
        wanted[i] = operands[i]->tensor >= 0 && plan->tensors[operands[i]->tensor].has_gradient;
        if (wanted[i])
            work.tails[i] = operand_tail(run, operands[i], sums[i]);
    }
    pool_for(run->pool, row_tiles(work.rows), mask_and_sum_tile, &work);
    for (int i = 0; i < 2; i++) {
        if (wanted[i] && operands[i]->bn >= 0)
            finish_operand(back, operands[i], run_gradient(run, operands[i]->tensor), work.g, sums[i],
                           row_tiles(work.rows));
        else if (wanted[i])
            pass_on(run, index, operands[i], work.g, work.rows * work.channels);
    }
}

/* Makes again what this step reads and forward has given up, if no reader came before it. */
static void remake(struct run *run, size_t index, const struct operand *operand)
{
    const struct plan_tensor *planned = operand->tensor >= 0 ? &run->plan->tensors[operand->tensor] : NULL;
    if (!planned || !planned->remade || planned->last_reader != index)
        return;
    double start = run_clock(run);
    run_merge(run, planned->maker, run_kept(run, operand->tensor));
    if (run->profile) /* the photos are counted when its backward comes */
        profile_add(run->profile, 0, planned->maker, PROFILE_DATA, 0, start);
}

static void step_backward(const struct backward *back, size_t index)
{
    struct run *run = back->run;
    const struct step *step = &run->plan->program->steps[index];
    enum step_kind kind = step->kind;
    remake(run, index, &step->in);
    remake(run, index, &step->residual);
    if (kind == STEP_CONV) {
        conv_backward(back, index);
        return;
    }
    double start = run_clock(run);
    if (kind == STEP_MERGE)
        merge_backward(back, index);
    else
        pooling_backward(back, index);
    if (run->profile)
        profile_add(run->profile, 0, index, PROFILE_DATA, run->images, start);
}

void run_backward(struct run *run, const float *dlogits, gradient_sink *sink, void *context)
{
    const struct program *program = run->plan->program;
    struct backward back = {run, sink, context};
    double start = run_clock(run);
    size_t last = program->steps_count - 1;
    if (program->backward_from > last)
        return;
    const struct plan_tensor *logits = &run->plan->tensors[program->steps[last].out];
    memcpy(run_gradient(run, program->steps[last].out), dlogits, run->images * logits->floats * sizeof *dlogits);
    for (size_t i = program->steps_count; i-- > program->backward_from;)
        step_backward(&back, i);
    if (run->profile)
        run->profile->backward += clock_seconds() - start;
}
