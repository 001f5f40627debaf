#include "core/net/exec.h"

#include <assert.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/net/exec_internal.h"
#include "core/ops/blas.h"
#include "core/ops/map_lanes.h"

/* ---- places ------------------------------------------------------------------------------------------------------ */
static void *first_at_work(const struct exec *exec, const struct plan_tensor *planned, size_t offset)
{
    return map_at(exec->arena + offset, exec->first * planned->values, planned->precision);
}

void *exec_tensor(const struct exec *exec, int tensor)
{
    const struct plan_tensor *planned = &exec->plan->tensors[tensor];
    return first_at_work(exec, planned, planned->offset);
}

void *exec_kept(const struct exec *exec, int tensor)
{
    const struct plan_tensor *planned = &exec->plan->tensors[tensor];
    return first_at_work(exec, planned, planned->remade ? planned->remade_offset : planned->offset);
}

void *exec_gradient(const struct exec *exec, int tensor)
{
    const struct plan_tensor *planned = &exec->plan->tensors[tensor];
    return first_at_work(exec, planned, planned->gradient);
}

static float *exec_scratch(const struct exec *exec, struct plan_region region)
{
    return exec->scratch + region.at;
}

double *exec_sums(const struct exec *exec)
{
    return (double *)(void *)exec_scratch(exec, exec->plan->scratch.sums);
}

double *exec_residual_sums(const struct exec *exec)
{
    return (double *)(void *)exec_scratch(exec, exec->plan->scratch.residual_sums);
}

float *exec_gradient_scratch(const struct exec *exec)
{
    return exec_scratch(exec, exec->plan->scratch.gradient);
}

float *exec_tiles(const struct exec *exec)
{
    return exec_scratch(exec, exec->plan->scratch.tiles);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */
static void place_batchnorms(struct exec *exec)
{
    const struct program *program = exec->plan->program;
    float *state = exec->state;
    for (size_t b = 0; b < program->bns_count; b++) {
        const struct plan_bn *planned = &exec->plan->bns[b];
        const struct param *params = &program->net->params[program->bns[b].param];
        exec->bns[b] = (struct batchnorm){.channels = program->bns[b].channels,
                                          .weight = params[0].data,
                                          .bias = params[1].data,
                                          .running_mean = params[2].data,
                                          .running_var = params[3].data,
                                          .mean = state + planned->mean.at,
                                          .inverse = state + planned->inverse.at,
                                          .scale = state + planned->scale.at,
                                          .shift = state + planned->shift.at,
                                          .a = state + planned->a.at,
                                          .b = state + planned->b.at,
                                          .c = state + planned->c.at};
    }
}

static void refold(struct exec *exec, bool all)
{
    const struct program *program = exec->plan->program;
    for (size_t b = 0; b < program->bns_count; b++)
        if (program->bns[b].folded)
            batchnorm_fold(exec->bns[b].scale, exec->bns[b].shift, &exec->bns[b]);
    for (size_t i = 0; i < program->folded_steps; i++) {
        const struct plan_step *planned = &exec->plan->steps[i];
        if (planned->prepared.floats == 0)
            continue;
        const struct param *weight = &program->net->params[program->net->ops[program->steps[i].op].param];
        if (all || weight->trainable)
            planned->kernel->prepare(exec->state + planned->prepared.at, weight->data, &planned->shape, exec->pool);
    }
}

void exec_refold(struct exec *exec)
{
    refold(exec, true);
}

void exec_refold_trained(struct exec *exec)
{
    refold(exec, false);
}

void normalise_table(float table[3 * 256], const struct normalise *normalise)
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c * 256 + v] = ((float)v / 255.0f - normalise->mean[c]) / normalise->std[c];
}

/* Opens it where the plan has products for it. Who has chosen it without need can do without. */
static enum status open_blas(const struct plan *plan, const struct pool *pool, struct error *err)
{
    struct error why = {.text = ""};
    if (!plan_uses_blas(plan, plan->options.conv))
        return OK;
    enum status status = blas_open(pool_threads(pool), &why);
    return status == OK ? OK
                        : error_set(err, status, "%s%s", why.text,
                                    plan_uses_blas(plan, CONV_FAST) ? "" : ", or choose --conv fast, which needs none");
}

enum status exec_create(struct exec **out, const struct plan *plan, const struct normalise *normalise,
                        struct pool *pool, void *shared, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct exec), "the run", err);
    if (status != OK)
        return status;
    struct exec *exec = memory;
    exec->plan = plan;
    exec->pool = pool;
    if ((status = memory_alloc(&memory, plan->program->bns_count, sizeof *exec->bns, "the run", err)) != OK)
        goto cleanup;
    exec->bns = memory;
    if ((status = memory_alloc(&memory, plan->state_floats, sizeof(float), "the run", err)) != OK)
        goto cleanup;
    exec->state = memory;
    if (!shared) {
        if ((status = memory_alloc(&exec->owned, plan_shared_bytes(plan), 1, "activations", err)) != OK)
            goto cleanup;
        shared = exec->owned;
    }
    if ((status = open_blas(plan, pool, err)) != OK)
        goto cleanup;
    exec->arena = shared;
    exec->scratch = exec->arena + plan->arena_floats;
    if (normalise)
        normalise_table(exec->pixel_table, normalise);
    place_batchnorms(exec);
    exec_refold(exec);
    *out = exec;
    return OK;
cleanup:
    exec_destroy(exec);
    return status;
}

void exec_destroy(struct exec *exec)
{
    if (!exec)
        return;
    memory_free(exec->bns);
    memory_free(exec->state);
    memory_free(exec->owned);
    memory_free(exec);
}

void exec_set_profile(struct exec *exec, struct profile *profile)
{
    exec->profile = profile;
}

double exec_clock(const struct exec *exec)
{
    return exec->profile ? clock_seconds() : 0;
}

void exec_profile(const struct exec *exec, size_t index, enum profile_pass pass, double start)
{
    if (exec->profile)
        profile_add(exec->profile, 0, index, pass, exec->images, start);
}

void exec_profile_more(const struct exec *exec, size_t index, enum profile_pass pass, double start)
{
    if (exec->profile)
        profile_add_seconds(exec->profile, 0, index, pass, start);
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */
struct conv_input exec_input(const struct exec *exec, const struct operand *operand, const void *x)
{
    struct conv_input input = {.x = x, .relu = operand->relu};
    if (operand->bn >= 0) {
        input.scale = exec->bns[operand->bn].scale;
        input.shift = exec->bns[operand->bn].shift;
    }
    return input;
}

/* ---- steps over the whole batch ---------------------------------------------------------------------------------- */
static struct op_task batch_task(const struct exec *exec, size_t index)
{
    const struct plan *plan = exec->plan;
    const struct fused_op *fused = &plan->program->steps[index];
    const struct plan_step *planned = &plan->steps[index];
    struct op_task task = {.exec = exec,
                           .index = index,
                           .planned = planned,
                           .from = &plan->tensors[fused->in.tensor],
                           .to = &plan->tensors[fused->out],
                           .in = exec_input(exec, &fused->in, exec_tensor(exec, fused->in.tensor)),
                           .out = exec_tensor(exec, fused->out),
                           .images = exec->images,
                           .tiles = exec_tiles(exec),
                           .pool = exec->pool};
    if (fused->residual.tensor >= 0)
        task.residual = exec_input(exec, &fused->residual, exec_tensor(exec, fused->residual.tensor));
    if (planned->saved.floats > 0)
        task.saved = (uint8_t *)(exec->arena + planned->saved.at) + exec->first * planned->saved_bytes;
    return task;
}

struct op_task exec_backward_task(const struct exec *exec, size_t index)
{
    const struct fused_op *fused = &exec->plan->program->steps[index];
    struct op_task task = batch_task(exec, index);
    task.in.x = exec_kept(exec, fused->in.tensor);
    task.residual = (struct conv_input){0};
    task.out = exec_kept(exec, fused->out);
    return task;
}

/* An operator without a forward of its own: image by image. */
static void forward_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    struct op_task task = *(const struct op_task *)context;
    task.in.x = map_from(task.in.x, image * task.from->values, task.from->precision);
    task.out = map_at(task.out, image * task.to->values, task.to->precision);
    if (task.saved)
        task.saved = (uint8_t *)task.saved + image * task.planned->saved_bytes;
    task.images = 1;
    task.image = image;
    task.pool = NULL;
    op_info_of(task.exec->plan->program->steps[task.index].kind)->forward_image(&task);
}

/* Step `index` over the images at work. */
static void exec_step(struct exec *exec, size_t index)
{
    const struct op_info *info = op_info_of(exec->plan->program->steps[index].kind);
    double start = exec_clock(exec);
    struct op_task task = batch_task(exec, index);
    if (info->forward)
        info->forward(&task);
    else
        pool_for(exec->pool, exec->images, forward_item, &task);
    exec_profile(exec, index, PROFILE_FORWARD, start);
}

/* ---- the input --------------------------------------------------------------------------------------------------- */
static void load_image(const struct exec *exec, void *to, size_t image)
{
    const struct plan_tensor *input = &exec->plan->tensors[0];
    const struct map_lanes *lanes = map_lanes(input->precision);
    if (exec->pixels)
        lanes->pixels(to, exec->pixels + image * input->values, input->h * input->w, exec->pixel_table);
    else
        lanes->narrow(to, exec->x + image * input->values, input->values);
}

static void load_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    const struct exec *exec = context;
    const struct plan_tensor *input = &exec->plan->tensors[0];
    load_image(exec, map_at(exec_tensor(exec, 0), image * input->values, input->precision), image);
}

/* ---- depth-first ------------------------------------------------------------------------------------------------- */
static void *image_tensor(const struct exec *exec, int tensor, float *buffer, size_t image)
{
    const struct plan_tensor *planned = &exec->plan->tensors[tensor];
    if (planned->depth_first)
        return buffer + planned->offset;
    return map_at(exec_tensor(exec, tensor), image * planned->values, planned->precision);
}

static struct op_task image_task(const struct exec *exec, size_t index, float *buffer, size_t image, float *tiles)
{
    const struct plan *plan = exec->plan;
    const struct fused_op *fused = &plan->program->steps[index];
    struct op_task task = {.exec = exec,
                           .index = index,
                           .planned = &plan->steps[index],
                           .from = &plan->tensors[fused->in.tensor],
                           .to = &plan->tensors[fused->out],
                           .in = exec_input(exec, &fused->in, image_tensor(exec, fused->in.tensor, buffer, image)),
                           .out = image_tensor(exec, fused->out, buffer, image),
                           .images = 1,
                           .image = image,
                           .tiles = tiles};
    if (fused->residual.tensor >= 0)
        task.residual = exec_input(exec, &fused->residual, image_tensor(exec, fused->residual.tensor, buffer, image));
    return task;
}

/* One image through all depth-first steps, by one thread in its part of scratch: the maps of the first layers are large
 * (3.2 MB after conv1 at 224x224) and go from one step to the next through the core's cache instead of memory. Only the
 * last step, and a step at a cut, writes to the image's place in the batch. The pool cannot be used inside, so kernels
 * are called tile by tile. Starting from a cut there is no pixel to load: the features lie where it left them. */
static void depth_first_image(void *context, size_t image, size_t thread)
{
    const struct exec *exec = context;
    const struct plan *plan = exec->plan;
    float *part = exec->scratch + thread * plan->thread.stride;
    float *buffer = part + plan->thread.buffer.at, *tiles = part + plan->thread.tiles.at;
    if (exec->from == 0)
        load_image(exec, image_tensor(exec, 0, buffer, image), image);
    for (size_t i = exec->from; i < exec->to; i++) {
        struct op_task task = image_task(exec, i, buffer, image, tiles);
        double start = exec_clock(exec);
        op_info_of(plan->program->steps[i].kind)->forward_image(&task);
        if (exec->profile)
            profile_add(exec->profile, thread, i, PROFILE_FORWARD, 1, start);
    }
}

/* Folded steps, each image by one thread: from the input, or a cut, to the tensor behind the last of them. */
static void exec_depth_first(struct exec *exec, size_t from, size_t to)
{
    exec->from = from;
    exec->to = to;
    pool_for(exec->pool, exec->images, depth_first_image, exec);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Folded steps from..to-1; each of the two is 0, a cut or the end of the folded steps. Pieces are no concern of theirs:
 * an image has the same bytes in any batch. */
static void forward_folded(struct exec *exec, size_t from, size_t to)
{
    size_t depth_first = exec->plan->depth_first_steps;
    double start = exec_clock(exec);
    if (exec->pass == 0)
        return;
    if (from < depth_first)
        exec_depth_first(exec, from, to < depth_first ? to : depth_first);
    else if (from == 0)
        pool_for(exec->pool, exec->images, load_item, exec);
    for (size_t i = from > depth_first ? from : depth_first; i < to; i++)
        exec_step(exec, i);
    if (exec->profile)
        exec->profile->prefix += clock_seconds() - start;
}

static const float *forward_suffix(struct exec *exec)
{
    const struct program *program = exec->plan->program;
    double start = exec_clock(exec);
    for (size_t b = 0; b < program->bns_count; b++)
        if (!program->bns[b].folded && program->bns[b].mode == BN_EVAL)
            batchnorm_from_running(&exec->bns[b]);
    for (size_t i = program->folded_steps; i < program->steps_count; i++) {
        for (size_t piece = 0; piece < exec_pieces_count(exec); piece++) {
            exec_enter_piece(exec, piece);
            exec_step(exec, i);
        }
        exec_leave_pieces(exec);
        exec_join_statistics(exec, i);
    }
    if (exec->profile)
        exec->profile->suffix += clock_seconds() - start;
    return exec_tensor(exec, program->steps[program->steps_count - 1].out);
}

static void set_images(struct exec *exec, size_t images)
{
    exec->pass = exec->images = images;
    exec->first = 0;
}

static void set_input(struct exec *exec, const uint8_t *pixels, const float *x, size_t images)
{
    exec->pixels = pixels;
    exec->x = x;
    set_images(exec, images);
    if (exec->moments)
        bn_moments_begin(exec->moments, pixels, images);
}

const float *exec_forward_pixels(struct exec *exec, const uint8_t *pixels, size_t images)
{
    set_input(exec, pixels, NULL, images);
    forward_folded(exec, 0, exec->plan->program->folded_steps);
    return forward_suffix(exec);
}

const float *exec_forward(struct exec *exec, const float *x, size_t images)
{
    set_input(exec, NULL, x, images);
    forward_folded(exec, 0, exec->plan->program->folded_steps);
    return forward_suffix(exec);
}

/* ---- in two parts ------------------------------------------------------------------------------------------------ */
void exec_features(struct exec *exec, const uint8_t *pixels, size_t images)
{
    assert(exec->plan->cut.steps > 0);
    set_input(exec, pixels, NULL, images);
    forward_folded(exec, 0, exec->plan->cut.steps);
}

const float *exec_forward_features(struct exec *exec, size_t images)
{
    assert(exec->plan->cut.steps > 0);
    set_images(exec, images);
    forward_folded(exec, exec->plan->cut.steps, exec->plan->program->folded_steps);
    return forward_suffix(exec);
}

void exec_advance(struct exec *exec, size_t images)
{
    assert(exec->plan->from.steps > 0 && exec->plan->from.steps < exec->plan->cut.steps);
    set_images(exec, images);
    forward_folded(exec, exec->plan->from.steps, exec->plan->cut.steps);
}

void *exec_features_place(const struct exec *exec)
{
    return exec_tensor(exec, exec->plan->cut.tensor);
}

size_t exec_features_count(const struct exec *exec)
{
    return exec->plan->cut.values;
}

enum precision exec_features_precision(const struct exec *exec)
{
    return exec->plan->cut.precision;
}

size_t exec_pixels_size(const struct exec *exec)
{
    return exec->plan->tensors[0].values;
}

void *exec_advance_place(const struct exec *exec)
{
    return exec_tensor(exec, exec->plan->from.tensor);
}
