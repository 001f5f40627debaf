#include "core/net/run.h"

#include <assert.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/memory.h"
#include "core/net/run_internal.h"
#include "core/ops/blas.h"
#include "core/ops/lanes.h"

/* ---- places ------------------------------------------------------------------------------------------------------ */
float *run_tensor(const struct run *run, int tensor)
{
    return run->arena + run->plan->tensors[tensor].offset;
}

float *run_kept(const struct run *run, int tensor)
{
    const struct plan_tensor *planned = &run->plan->tensors[tensor];
    return run->arena + (planned->remade ? planned->remade_offset : planned->offset);
}

float *run_gradient(const struct run *run, int tensor)
{
    return run->arena + run->plan->tensors[tensor].gradient;
}

static float *run_scratch(const struct run *run, struct plan_region region)
{
    return run->scratch + region.at;
}

float *run_prepared(const struct run *run)
{
    return run_scratch(run, run->plan->scratch.prepared);
}

double *run_sums(const struct run *run)
{
    return (double *)(void *)run_scratch(run, run->plan->scratch.sums);
}

double *run_residual_sums(const struct run *run)
{
    return (double *)(void *)run_scratch(run, run->plan->scratch.residual_sums);
}

float *run_gradient_scratch(const struct run *run)
{
    return run_scratch(run, run->plan->scratch.gradient);
}

float *run_tiles(const struct run *run)
{
    return run_scratch(run, run->plan->scratch.tiles);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */
static void place_batchnorms(struct run *run)
{
    const struct program *program = run->plan->program;
    float *state = run->state;
    for (size_t b = 0; b < program->bns_count; b++) {
        const struct plan_bn *planned = &run->plan->bns[b];
        const struct param *params = &program->net->params[program->bns[b].param];
        run->bns[b] = (struct batchnorm){.channels = program->bns[b].channels,
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

void run_refold(struct run *run)
{
    const struct program *program = run->plan->program;
    for (size_t b = 0; b < program->bns_count; b++)
        if (program->bns[b].folded)
            batchnorm_fold(run->bns[b].scale, run->bns[b].shift, &run->bns[b]);
    for (size_t i = 0; i < program->folded_steps; i++) {
        const struct plan_step *planned = &run->plan->steps[i];
        if (planned->prepared.floats > 0)
            planned->kernel->prepare(run->state + planned->prepared.at,
                                     program->net->params[program->net->ops[program->steps[i].op].param].data,
                                     &planned->shape, run->pool);
    }
}

void normalise_table(float table[3 * 256], const struct normalise *normalise)
{
    for (int c = 0; c < 3; c++)
        for (int v = 0; v < 256; v++)
            table[c * 256 + v] = ((float)v / 255.0f - normalise->mean[c]) / normalise->std[c];
}

enum status run_create(struct run **out, const struct plan *plan, const struct normalise *normalise, struct pool *pool,
                       void *shared, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct run), "the run", err);
    if (status != OK)
        return status;
    struct run *run = memory;
    run->plan = plan;
    run->pool = pool;
    if ((status = memory_alloc(&memory, plan->program->bns_count, sizeof *run->bns, "the run", err)) != OK)
        goto cleanup;
    run->bns = memory;
    if ((status = memory_alloc(&memory, plan->state_floats, sizeof(float), "the run", err)) != OK)
        goto cleanup;
    run->state = memory;
    if (!shared) {
        if ((status = memory_alloc(&run->owned, plan_shared_bytes(plan), 1, "activations", err)) != OK)
            goto cleanup;
        shared = run->owned;
    }
    if (plan_uses_blas(plan) && (status = blas_open(pool_threads(pool), err)) != OK)
        goto cleanup;
    run->arena = shared;
    run->scratch = run->arena + plan->arena_floats;
    if (normalise)
        normalise_table(run->pixel_table, normalise);
    place_batchnorms(run);
    run_refold(run);
    *out = run;
    return OK;
cleanup:
    run_destroy(run);
    return status;
}

void run_destroy(struct run *run)
{
    if (!run)
        return;
    memory_free(run->bns);
    memory_free(run->state);
    memory_free(run->owned);
    memory_free(run);
}

void run_set_profile(struct run *run, struct profile *profile)
{
    run->profile = profile;
}

double run_clock(const struct run *run)
{
    return run->profile ? clock_seconds() : 0;
}

void run_profile(const struct run *run, size_t index, enum profile_pass pass, double start)
{
    if (run->profile)
        profile_add(run->profile, 0, index, pass, run->images, start);
}

/* ---- one step ---------------------------------------------------------------------------------------------------- */
struct view run_view(const struct run *run, const struct operand *operand, const float *x)
{
    struct view view = {.x = x, .relu = operand->relu};
    if (operand->bn >= 0) {
        view.scale = run->bns[operand->bn].scale;
        view.shift = run->bns[operand->bn].shift;
    }
    return view;
}

/* ---- steps over the whole batch ---------------------------------------------------------------------------------- */
static struct op_task batch_task(const struct run *run, size_t index)
{
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    const struct plan_step *planned = &plan->steps[index];
    struct op_task task = {.run = run,
                           .index = index,
                           .planned = planned,
                           .from = &plan->tensors[step->in.tensor],
                           .to = &plan->tensors[step->out],
                           .in = run_view(run, &step->in, run_tensor(run, step->in.tensor)),
                           .out = run_tensor(run, step->out),
                           .images = run->images,
                           .tiles = run_tiles(run),
                           .pool = run->pool};
    if (step->residual.tensor >= 0)
        task.residual = run_view(run, &step->residual, run_tensor(run, step->residual.tensor));
    if (planned->saved.floats > 0)
        task.saved = run->arena + planned->saved.at;
    return task;
}

struct op_task run_backward_task(const struct run *run, size_t index)
{
    const struct step *step = &run->plan->program->steps[index];
    struct op_task task = batch_task(run, index);
    task.in.x = run_kept(run, step->in.tensor);
    task.residual = (struct view){0};
    task.out = run_kept(run, step->out);
    return task;
}

/* An operator without a forward of its own: image by image. */
static void forward_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    struct op_task task = *(const struct op_task *)context;
    task.in.x += image * task.from->floats;
    task.out += image * task.to->floats;
    if (task.saved)
        task.saved = (uint8_t *)task.saved + image * task.planned->saved_bytes;
    task.images = 1;
    task.image = image;
    task.pool = NULL;
    op_info_of(task.run->plan->program->steps[task.index].kind)->forward_image(&task);
}

/* Steps from..to-1 over the whole batch. */
static void run_steps(struct run *run, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        const struct op_info *info = op_info_of(run->plan->program->steps[i].kind);
        double start = run_clock(run);
        struct op_task task = batch_task(run, i);
        if (info->forward)
            info->forward(&task);
        else
            pool_for(run->pool, run->images, forward_item, &task);
        run_profile(run, i, PROFILE_FORWARD, start);
    }
}

/* ---- the input --------------------------------------------------------------------------------------------------- */
static void load_image(const struct run *run, float *to, size_t image)
{
    const struct plan_tensor *input = &run->plan->tensors[0];
    if (run->pixels)
        lanes()->pixels(to, run->pixels + image * input->floats, input->h * input->w, run->pixel_table);
    else
        memcpy(to, run->x + image * input->floats, input->floats * sizeof *to);
}

static void load_item(void *context, size_t image, size_t thread)
{
    (void)thread;
    const struct run *run = context;
    load_image(run, run_tensor(run, 0) + image * run->plan->tensors[0].floats, image);
}

/* ---- depth-first ------------------------------------------------------------------------------------------------- */
static float *image_tensor(const struct run *run, int tensor, float *buffer, size_t image)
{
    const struct plan_tensor *planned = &run->plan->tensors[tensor];
    return planned->depth_first ? buffer + planned->offset : run_tensor(run, tensor) + image * planned->floats;
}

static struct op_task image_task(const struct run *run, size_t index, float *buffer, size_t image, float *tiles)
{
    const struct plan *plan = run->plan;
    const struct step *step = &plan->program->steps[index];
    struct op_task task = {.run = run,
                           .index = index,
                           .planned = &plan->steps[index],
                           .from = &plan->tensors[step->in.tensor],
                           .to = &plan->tensors[step->out],
                           .in = run_view(run, &step->in, image_tensor(run, step->in.tensor, buffer, image)),
                           .out = image_tensor(run, step->out, buffer, image),
                           .images = 1,
                           .image = image,
                           .tiles = tiles};
    if (step->residual.tensor >= 0)
        task.residual = run_view(run, &step->residual, image_tensor(run, step->residual.tensor, buffer, image));
    return task;
}

static void depth_first_image(void *context, size_t image, size_t thread)
{
    const struct run *run = context;
    const struct plan *plan = run->plan;
    float *part = run->scratch + thread * plan->thread.stride;
    float *buffer = part + plan->thread.buffer.at, *tiles = part + plan->thread.tiles.at;
    if (run->from == 0)
        load_image(run, image_tensor(run, 0, buffer, image), image);
    for (size_t i = run->from; i < run->to; i++) {
        struct op_task task = image_task(run, i, buffer, image, tiles);
        double start = run_clock(run);
        op_info_of(plan->program->steps[i].kind)->forward_image(&task);
        if (run->profile)
            profile_add(run->profile, thread, i, PROFILE_FORWARD, 1, start);
    }
}

/* Folded steps, each image by one thread: from the input, or a cut, to the tensor behind the last of them. */
static void run_depth_first(struct run *run, size_t from, size_t to)
{
    run->from = from;
    run->to = to;
    pool_for(run->pool, run->images, depth_first_image, run);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* Folded steps from..to-1; each of the two is 0, a cut or the end of the folded steps. */
static void forward_folded(struct run *run, size_t from, size_t to)
{
    size_t depth_first = run->plan->depth_first_steps;
    double start = run_clock(run);
    if (from < depth_first)
        run_depth_first(run, from, to < depth_first ? to : depth_first);
    else if (from == 0)
        pool_for(run->pool, run->images, load_item, run);
    if (to > depth_first)
        run_steps(run, from > depth_first ? from : depth_first, to);
    if (run->profile)
        run->profile->prefix += clock_seconds() - start;
}

static const float *forward_suffix(struct run *run)
{
    const struct program *program = run->plan->program;
    double start = run_clock(run);
    for (size_t b = 0; b < program->bns_count; b++)
        if (!program->bns[b].folded && program->bns[b].mode == BN_EVAL)
            batchnorm_from_running(&run->bns[b]);
    run_steps(run, program->folded_steps, program->steps_count);
    if (run->profile)
        run->profile->suffix += clock_seconds() - start;
    return run_tensor(run, program->steps[program->steps_count - 1].out);
}

static void set_input(struct run *run, const uint8_t *pixels, const float *x, size_t images)
{
    run->pixels = pixels;
    run->x = x;
    run->images = images;
    if (run->moments)
        bn_moments_begin(run->moments, pixels, images);
}

const float *run_forward_pixels(struct run *run, const uint8_t *pixels, size_t images)
{
    set_input(run, pixels, NULL, images);
    forward_folded(run, 0, run->plan->program->folded_steps);
    return forward_suffix(run);
}

const float *run_forward(struct run *run, const float *x, size_t images)
{
    set_input(run, NULL, x, images);
    forward_folded(run, 0, run->plan->program->folded_steps);
    return forward_suffix(run);
}

/* ---- in two parts ------------------------------------------------------------------------------------------------ */
void run_features(struct run *run, const uint8_t *pixels, size_t images)
{
    assert(run->plan->cut.steps > 0);
    set_input(run, pixels, NULL, images);
    forward_folded(run, 0, run->plan->cut.steps);
}

const float *run_forward_features(struct run *run, size_t images)
{
    assert(run->plan->cut.steps > 0);
    run->images = images;
    forward_folded(run, run->plan->cut.steps, run->plan->program->folded_steps);
    return forward_suffix(run);
}

void run_advance(struct run *run, size_t images)
{
    assert(run->plan->from.steps > 0 && run->plan->from.steps < run->plan->cut.steps);
    run->images = images;
    forward_folded(run, run->plan->from.steps, run->plan->cut.steps);
}

float *run_features_place(const struct run *run)
{
    return run_tensor(run, run->plan->cut.tensor);
}

size_t run_features_count(const struct run *run)
{
    return run->plan->cut.floats;
}

size_t run_pixels_size(const struct run *run)
{
    return run->plan->tensors[0].floats;
}

float *run_advance_place(const struct run *run)
{
    return run_tensor(run, run->plan->from.tensor);
}
