/* Convolution as a step, and with it the linear layer, a 1x1 convolution of a 1x1 map: which kernel, what it needs of
 * scratch, forward with the BatchNorm, residual and ReLU that fusion gave it, backward. */
#include <string.h>

#include "core/net/op_info.h"
#include "core/net/plan_internal.h"
#include "core/net/exec_internal.h"
#include "core/ops/map_lanes.h"

/* ---- plan -------------------------------------------------------------------------------------------------------- */
static bool shape(struct plan_step *planned, struct plan_tensor *out, const struct plan_tensor *in, const struct op *op,
                  enum conv_engine engine)
{
    if (!conv_shape_init(&planned->shape, in->h, in->w, in->channels, out->channels, op->kernel, op->stride, op->pad))
        return false;
    planned->shape.precision = in->precision;
    out->h = planned->shape.p;
    out->w = planned->shape.q;
    planned->kernel = conv_kernel_choose(&planned->shape, engine);
    planned->flops = 2.0 * (double)(out->h * out->w * out->channels) * (double)(op->kernel * op->kernel * in->channels);
    planned->work = planned->kernel->work ? planned->kernel->work(&planned->shape) : planned->flops;
    return true;
}

/* Weights are prepared once where each image needs them again, where the caller asks for it, and in a frozen part that
 * is trained behind, which has memory to spare and many passes to come; not those that its kernel can do without, which
 * may be four times as large.
 */
static bool keeps_prepared(const struct plan *plan, size_t index)
{
    return index < plan->depth_first_steps ||
           ((plan->options.train || plan->options.keep_prepared) && index < plan->program->folded_steps &&
            !plan->steps[index].kernel->prepare_optional);
}

/* By AMX, ResNet-50 at batch 16: two fifths of a pass. */
bool prepared_pays(enum precision precision)
{
    return products_by_amx(precision);
}

/* Floats of scratch that weights take which are prepared for one pass: what tiles lie behind. */
static size_t prepared_in_scratch(const struct plan_step *planned)
{
    bool kept = planned->prepared.floats > 0 || planned->kernel->prepare_optional;
    return kept ? 0 : plan_align(planned->kernel->prepared_size(&planned->shape));
}

/* Prepared weights are kept in the state or made in scratch at each pass (keeps_prepared); depth-first they must be
 * kept, because no thread may prepare for the others. A depth-first convolution needs tiles for one thread and no sums:
 * its BatchNorm is folded. All others need sums for BatchNorm's moments in forward and, where gradients pass through,
 * for the tail of the data gradient: the larger of the two, since they are never there together. */
static void add_needs(struct plan *plan, size_t index, struct plan_needs *needs)
{
    struct plan_step *planned = &plan->steps[index];
    const struct conv_kernel *kernel = planned->kernel;
    size_t threads = plan->options.threads, batch = plan->options.batch;
    size_t scratch = kernel->scratch(&planned->shape);
    if (keeps_prepared(plan, index))
        planned->prepared = plan_take(&plan->state_floats, kernel->prepared_size(&planned->shape));
    if (index < plan->depth_first_steps) {
        plan_need(&needs->thread_tiles, scratch);
        return;
    }
    plan_need(&needs->sums_doubles, kernel->tiles(&planned->shape, batch) * 2 * planned->shape.k);
    plan_need(&needs->tiles, prepared_in_scratch(planned) + threads * scratch);
    if (index >= plan->program->backward_from) {
        plan_need(&needs->tiles, kernel->backward_scratch(&planned->shape, batch, threads));
        plan_need(&needs->sums_doubles, kernel->tail_tiles(&planned->shape, batch) * 2 * planned->shape.c);
    }
}

/* ---- forward ----------------------------------------------------------------------------------------------------- */
static struct conv_task conv_task(const struct op_task *task)
{
    const struct exec *exec = task->exec;
    const struct program *program = exec->plan->program;
    const struct fused_op *fused = &program->steps[task->index];
    const struct op *op = &program->net->ops[fused->op];
    struct conv_task conv = {.kernel = task->planned->kernel,
                             .shape = task->planned->shape,
                             .images = task->images,
                             .in = task->in,
                             .w = program->net->params[op->param].data,
                             .y = task->out};
    if (op->bias >= 0)
        conv.epilogue.shift = program->net->params[op->bias].data;
    if (fused->folded) {
        if (fused->bn >= 0) {
            conv.epilogue.scale = exec->bns[fused->bn].scale;
            conv.epilogue.shift = exec->bns[fused->bn].shift;
        }
        conv.epilogue.residual = task->residual.x;
        conv.epilogue.relu = fused->relu && !exec_takes_moments(exec, task->index);
    }
    return conv;
}

/* Transforms the weights for this pass, if the kernel wants that and they are not kept: where the tiles begin, whose
 * rest is returned. Backward needs none of them, and has the whole room. */
static float *prepare(const struct op_task *task, struct conv_task *conv)
{
    const struct plan_step *planned = task->planned;
    size_t floats = prepared_in_scratch(planned);
    if (planned->prepared.floats > 0)
        conv->prepared = task->exec->state + planned->prepared.at;
    if (floats > 0) {
        conv->kernel->prepare(task->tiles, conv->w, &conv->shape, task->exec->pool);
        conv->prepared = task->tiles;
    }
    return task->tiles + floats;
}

/* Three things can follow the product while its tiles are in the cache. A folded BatchNorm, residual and ReLU are the
 * epilogue. A lazy BatchNorm with batch statistics gathers sums, from which its scale and shift come afterwards for the
 * reader to apply; with running statistics there is nothing to do here. Where running statistics are watched, the ReLU
 * is left out and made up for after the moments were taken, with the same bits. Features must not depend on the batch
 * they came in: before a cut, kernels whose rows depend on their neighbours (BLAS) run image by image. */
static void forward(const struct op_task *task)
{
    const struct exec *exec = task->exec;
    const struct program *program = exec->plan->program;
    const struct fused_op *fused = &program->steps[task->index];
    struct conv_task conv = conv_task(task);
    const struct program_bn *bn = fused->bn >= 0 ? &program->bns[fused->bn] : NULL;
    bool gathers = bn && !bn->folded && bn->mode == BN_BATCH;
    if (gathers)
        conv.epilogue.sums = exec_sums(exec);
    float *tiles = prepare(task, &conv);
    if (task->index < exec->plan->cut.steps && !conv.kernel->rows_alone)
        conv_forward_apart(&conv, task->pool, tiles);
    else
        conv_forward(&conv, task->pool, tiles);
    if (exec_takes_moments(exec, task->index))
        exec_take_batch(exec, task->index, conv.y);
    if (gathers)
        exec_take_statistics(exec, (size_t)fused->bn, conv.kernel->tiles(&conv.shape, conv.images),
                             conv.images * conv.shape.p * conv.shape.q);
}

static void forward_image(const struct op_task *task)
{
    struct conv_task conv = conv_task(task);
    if (task->planned->prepared.floats > 0)
        conv.prepared = task->exec->state + task->planned->prepared.at;
    for (size_t tile = 0, count = conv.kernel->tiles(&conv.shape, 1); tile < count; tile++)
        conv.kernel->forward(&conv, tile, task->tiles);
    if (exec_takes_moments(task->exec, task->index))
        exec_take_image(task->exec, task->index, task->image, conv.y);
}

/* ---- backward ---------------------------------------------------------------------------------------------------- */
static void bias_gradient(const struct backward *back, const struct conv_task *conv, int bias, const void *dy)
{
    const struct exec *exec = back->exec;
    size_t rows = conv->images * conv->shape.p * conv->shape.q, channels = conv->shape.k;
    double *sums = exec_sums(exec);
    float *dbias = exec_gradient_scratch(exec);
    memset(sums, 0, 2 * channels * sizeof *sums);
    map_lanes(conv->shape.precision)->moments(sums, sums + channels, dy, rows, channels);
    for (size_t k = 0; k < channels; k++)
        dbias[k] = (float)sums[k];
    exec_give(back, bias, dbias);
}

/* The data gradient comes before the weights': giving the gradient of a weight updates it, and the data gradient needs
 * the weights that forward used. It is left out where nothing before is trained. The output's gradient is that of the
 * stored tensor already; the input's is masked and summed for the operand's BatchNorm in the kernel's tail, and
 * finished when the sums are complete (backward_end). */
static void backward(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct fused_op *fused = &exec->plan->program->steps[index];
    const struct plan_tensor *in = &exec->plan->tensors[fused->in.tensor];
    struct op_task task = exec_backward_task(exec, index);
    struct conv_task conv = conv_task(&task);
    double start = exec_clock(exec);
    if (!in->has_gradient)
        return;
    struct tail tail = exec_operand_tail(exec, &fused->in, exec_sums(exec));
    conv.kernel->backward_data(exec_gradient(exec, fused->in.tensor), in->last_reader != index, &conv,
                               exec_gradient(exec, fused->out), &tail, task.pool, task.tiles);
    exec_keep_operand(exec, 0, &fused->in, exec_sums(exec), conv.kernel->tail_tiles(&conv.shape, conv.images));
    exec_profile(exec, index, PROFILE_DATA, start);
}

/* The bias goes before the weight because both use the same scratch. */
static void backward_end(const struct backward *back, size_t index)
{
    const struct exec *exec = back->exec;
    const struct plan *plan = exec->plan;
    const struct fused_op *fused = &plan->program->steps[index];
    const struct op *op = &plan->net->ops[fused->op];
    struct op_task task = exec_backward_task(exec, index);
    struct conv_task conv = conv_task(&task);
    const void *dy = exec_gradient(exec, fused->out);
    double start = exec_clock(exec);
    if (plan->tensors[fused->in.tensor].has_gradient) {
        void *da = exec_gradient(exec, fused->in.tensor);
        exec_finish_operand(back, 0, &fused->in, da, da, exec_sums(exec),
                            conv.kernel->tail_tiles(&conv.shape, conv.images));
        exec_profile_more(exec, index, PROFILE_DATA, start);
    }
    start = exec_clock(exec);
    if (op->bias >= 0 && plan->net->params[op->bias].trainable)
        bias_gradient(back, &conv, op->bias, dy);
    if (plan->net->params[op->param].trainable) {
        conv.kernel->backward_weight(exec_gradient_scratch(exec), &conv, dy, task.pool, task.tiles);
        exec_profile(exec, index, PROFILE_WEIGHT, start);
        exec_give(back, op->param, exec_gradient_scratch(exec));
    }
}

const struct op_info op_conv = {.name = "conv",
                                .onnx = "Conv",
                                .window = true,
                                .shape = shape,
                                .needs = add_needs,
                                .forward = forward,
                                .forward_image = forward_image,
                                .backward = backward,
                                .backward_end = backward_end};
