#include "core/net/plan.h"

#include <assert.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/sizes.h"
#include "core/net/op_info.h"
#include "core/net/place.h"
#include "core/net/plan_internal.h"

/* Rows of a folded step's output map from which it runs depth-first: large maps are bound by memory and gain from
 * staying in a core's cache; small ones would hand BLAS too few rows at a time. */
enum { DEPTH_FIRST_ROWS = 512 };

size_t plan_align(size_t floats)
{
    return (floats + PLAN_ALIGN - 1) / PLAN_ALIGN * PLAN_ALIGN;
}

struct plan_region plan_take(size_t *total, size_t floats)
{
    struct plan_region region = {.at = *total, .floats = floats};
    *total += plan_align(floats);
    return region;
}

void plan_need(size_t *need, size_t amount)
{
    if (*need < amount)
        *need = amount;
}

size_t plan_tensor_floats(const struct plan_tensor *tensor, size_t images)
{
    return precision_floats(tensor->values * images, tensor->precision);
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */
static bool shape_step(struct plan *plan, size_t index)
{
    const struct fused_op *fused = &plan->program->steps[index];
    const struct op *op = &plan->net->ops[fused->op];
    const struct plan_tensor *in = &plan->tensors[fused->in.tensor];
    struct plan_tensor *out = &plan->tensors[fused->out];
    struct plan_step *planned = &plan->steps[index];
    const struct op_info *info = op_info_of(fused->kind);
    out->h = in->h;
    out->w = in->w;
    return !info->shape || info->shape(planned, out, in, op, plan->options.conv);
}

enum precision plan_precision_at(const struct net *net, size_t op, enum precision precision)
{
    for (size_t i = net->ops_count; i-- > op;)
        if (net->ops[i].kind == OP_AVGPOOL)
            return precision;
    return PRECISION_F32;
}

/* Maps have the plan's precision. What the last average pooling makes and all that follows, logits among it, stays
 * float32: those are few values, and a class is told from another by small differences. A network without such a
 * pooling is float32 altogether. */
static void choose_precisions(struct plan *plan)
{
    const struct program *program = plan->program;
    plan->tensors[0].precision = plan_precision_at(plan->net, 0, plan->options.precision);
    for (size_t i = 0; i < program->steps_count; i++)
        plan->tensors[program->steps[i].out].precision =
            plan_precision_at(plan->net, (size_t)program->steps[i].op + 1, plan->options.precision);
}

/* Sizes are products of an image's sides and channel counts, each far below 2^32,
 * so an image cannot wrap; a batch can. */
static bool size_tensors(struct plan *plan)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++) {
        struct plan_tensor *tensor = &plan->tensors[t];
        size_t pixels, bytes;
        if (!size_mul(&pixels, tensor->h, tensor->w) || !size_mul(&tensor->values, pixels, tensor->channels) ||
            !size_mul(&bytes, tensor->values, plan->options.batch) || !size_mul(&bytes, bytes, sizeof(float) * 4))
            return false;
    }
    return true;
}

static void find_readers(struct plan *plan)
{
    const struct program *program = plan->program;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        plan->tensors[fused->out].maker = i;
        plan->tensors[fused->in.tensor].last_reader = i;
        if (fused->residual.tensor >= 0)
            plan->tensors[fused->residual.tensor].last_reader = i;
        if (i >= program->backward_from)
            plan->tensors[fused->out].has_gradient = true;
    }
}

/* Backward of a convolution is two products, each as large as forward's: the gradient of the data and that of the
 * weights. The first is left out where nothing before it is trained, as for the first trained convolution, the second
 * where its weights are frozen: a trained BatchNorm behind a frozen convolution still needs the first. So a step at
 * --freeze-until 6 costs 16.9 GFLOP and not three times 8.2. Element-wise work is not counted, as nobody counts it. */
static int backward_products(const struct plan *plan, size_t step)
{
    const struct fused_op *fused = &plan->program->steps[step];
    if (step < plan->program->backward_from || plan->steps[step].flops == 0)
        return 0;
    return plan->tensors[fused->in.tensor].has_gradient + plan->net->params[plan->net->ops[fused->op].param].trainable;
}

double plan_backward_flops(const struct plan *plan, size_t step)
{
    return backward_products(plan, step) * plan->steps[step].flops;
}

static void count_flops(struct plan *plan)
{
    const struct program *program = plan->program;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct plan_step *planned = &plan->steps[i];
        *(fused->folded ? &plan->flops_prefix : &plan->flops_suffix) += planned->flops;
        plan->flops_features += i < plan->cut.steps ? planned->flops : 0;
        plan->flops_backward += plan_backward_flops(plan, i);
        plan->work += (1 + backward_products(plan, i)) * planned->work;
    }
}

/* ---- depth-first part -------------------------------------------------------------------------------------------- */
static size_t tensors_across(const struct plan *plan, size_t cut)
{
    const struct program *program = plan->program;
    size_t count = cut == 0 || plan->tensors[0].last_reader >= cut;
    for (size_t i = 0; i < cut; i++)
        count += plan->tensors[program->steps[i].out].last_reader >= cut;
    return count;
}

/* The cut in front of operator `op`. */
static struct plan_cut cut_at(const struct plan *plan, size_t op)
{
    const struct program *program = plan->program;
    struct plan_cut cut = {.tensor = -1};
    while (cut.steps < program->folded_steps && (size_t)program->steps[cut.steps].op < op)
        cut.steps++;
    if (cut.steps == 0)
        return cut;
    assert(tensors_across(plan, cut.steps) == 1);
    cut.tensor = program->steps[cut.steps - 1].out;
    cut.values = plan->tensors[cut.tensor].values;
    cut.precision = plan->tensors[cut.tensor].precision;
    return cut;
}

static void place_cuts(struct plan *plan)
{
    const struct plan_options *options = &plan->options;
    plan->cut = cut_at(plan, options->train ? plan->net->ops_count : options->cut);
    plan->from = cut_at(plan, options->train ? 0 : options->from);
}

/* Depth-first ends before the first map with fewer than DEPTH_FIRST_ROWS rows; in ResNet-50 at 224x224 the last is that
 * of layer2 (28x28). What the last of these steps makes is stored for the whole batch, so nothing else may cross the
 * boundary: inside a residual block the shortcut would cross it too, and the boundary moves back to the block's start.
 * Tensors before it live in a thread's buffer, one image at a time. Features are needed for the whole batch, so a
 * tensor at a cut does not, although the steps on both sides of it are depth-first. */
static void choose_depth_first(struct plan *plan)
{
    const struct program *program = plan->program;
    size_t cut = 0;
    while (cut < program->folded_steps) {
        const struct plan_tensor *out = &plan->tensors[program->steps[cut].out];
        if (out->h * out->w < DEPTH_FIRST_ROWS)
            break;
        cut++;
    }
    while (cut > 0 && cut < program->steps_count && tensors_across(plan, cut) != 1)
        cut--;
    plan->depth_first_steps = cut;
    for (size_t i = 0; i < cut; i++) {
        if (i == 0)
            plan->tensors[0].depth_first = true;
        plan->tensors[program->steps[i].out].depth_first = i + 1 < cut; /* the last one is for the whole batch */
    }
    /* As are features. */
    if (plan->cut.steps > 0)
        plan->tensors[plan->cut.tensor].depth_first = false;
    if (plan->from.steps > 0)
        plan->tensors[plan->from.tensor].depth_first = false;
}

/* A folded convolution may write its output over its residual, if that has no other reader: memory is read and written
 * once where it would be read twice and written once. Features keep their place: they are put in from outside. */
static bool takes_place(const struct plan *plan, size_t index)
{
    const struct fused_op *fused = &plan->program->steps[index];
    int residual = fused->residual.tensor;
    if (fused->kind != OP_CONV || residual <= 0 || residual == fused->in.tensor ||
        !plan->steps[index].kernel->over_residual)
        return false;
    bool features = (plan->cut.steps > 0 && residual == plan->cut.tensor) ||
                    (plan->from.steps > 0 && residual == plan->from.tensor);
    const struct plan_tensor *from = &plan->tensors[residual], *to = &plan->tensors[fused->out];
    return !features && from->last_reader == index && from->depth_first == to->depth_first;
}

static void choose_places(struct plan *plan)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++)
        plan->tensors[t].place_of = -1;
    for (size_t i = 0; i < plan->program->folded_steps; i++) {
        const struct fused_op *fused = &plan->program->steps[i];
        if (!takes_place(plan, i))
            continue;
        assert(fused->residual.tensor < fused->out); /* tensors are placed in their order, the root first */
        plan->tensors[fused->out].place_of = fused->residual.tensor;
    }
}

int plan_place_root(const struct plan *plan, int tensor)
{
    while (plan->tensors[tensor].place_of >= 0)
        tensor = plan->tensors[tensor].place_of;
    return tensor;
}

static enum status place_depth_first(struct plan *plan, struct error *err)
{
    const struct program *program = plan->program;
    void *memory;
    enum status status = memory_alloc(&memory, program->tensors_count, sizeof(struct placed), "the plan", err);
    if (status != OK)
        return status;
    struct placed *buffers = memory; /* as many as tensors: those that have none have size 0 */
    for (size_t t = 0; t < program->tensors_count; t++) {
        const struct plan_tensor *tensor = &plan->tensors[t];
        struct placed *buffer = &buffers[plan_place_root(plan, (int)t)];
        if (!tensor->depth_first)
            continue;
        if (tensor->place_of < 0)
            *buffer = (struct placed){
                .size = plan_tensor_floats(tensor, 1), .start = tensor->maker, .end = tensor->last_reader};
        buffer->end = max_size(buffer->end, tensor->last_reader);
    }
    status = place(buffers, program->tensors_count, PLAN_ALIGN, &plan->thread.buffer.floats, err);
    for (size_t t = 0; status == OK && t < program->tensors_count; t++)
        if (plan->tensors[t].depth_first)
            plan->tensors[t].offset = buffers[plan_place_root(plan, (int)t)].offset;
    memory_free(buffers);
    return status;
}

/* ---- scratch and state ------------------------------------------------------------------------------------------- */
/* Tiles of PLAN_ROWS rows in a full batch of this tensor. */
static size_t row_tiles(const struct plan *plan, int tensor)
{
    const struct plan_tensor *t = &plan->tensors[tensor];
    return (plan->options.batch * t->h * t->w + PLAN_ROWS - 1) / PLAN_ROWS;
}

/* Steps run one after another, so scratch is as large as the largest of them needs. Sums count in doubles: a merge has
 * two operands with a BatchNorm each at once, hence four rows of channels (sum and sum of products, twice) for each
 * tile. One gradient is there at a time, because the optimizer takes it as soon as it is complete
 * (docs/decisions/gradient-lifetime.md): the largest trained parameter's. The gradient of a BatchNorm's bias comes with
 * that of its weight, when no tile is in use, and lies where tiles do: so they hold at least as many floats. */
static struct plan_needs find_needs(struct plan *plan)
{
    const struct program *program = plan->program;
    struct plan_needs needs = {0};
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct op_info *info = op_info_of(fused->kind);
        if (info->needs)
            info->needs(plan, i, &needs);
        else if (i >= program->backward_from) /* the sums of two operands, in tiles of PLAN_ROWS rows */
            plan_need(&needs.sums_doubles,
                      4 * plan->tensors[fused->in.tensor].channels * row_tiles(plan, fused->in.tensor));
    }
    for (size_t i = 0; i < plan->net->params_count && plan->options.train; i++)
        if (plan->net->params[i].trainable)
            plan_need(&needs.gradient, plan->net->params[i].count);
    for (size_t b = 0; b < program->bns_count; b++)
        plan_need(&needs.tiles, program->bns[b].channels); /* a bias's gradient, beside a weight's */
    return needs;
}

static void place_batchnorms(struct plan *plan)
{
    for (size_t b = 0; b < plan->program->bns_count; b++) {
        struct plan_bn *bn = &plan->bns[b];
        struct plan_region *const rows[] = {&bn->mean, &bn->inverse, &bn->scale, &bn->shift, &bn->a, &bn->b, &bn->c};
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
            *rows[i] = plan_take(&plan->state_floats, plan->program->bns[b].channels);
    }
}

static void place_scratch(struct plan *plan)
{
    struct plan_needs needs = find_needs(plan);
    struct plan_scratch *scratch = &plan->scratch;
    struct plan_thread *thread = &plan->thread;
    size_t batchwise = 0;
    scratch->sums = plan_take(&batchwise, needs.sums_doubles * 2);
    scratch->residual_sums.floats = needs.sums_doubles / 2 * 2;
    scratch->residual_sums.at = scratch->sums.at + scratch->sums.floats - scratch->residual_sums.floats;
    scratch->gradient = plan_take(&batchwise, needs.gradient);
    scratch->tiles = plan_take(&batchwise, needs.tiles);
    thread->buffer = plan_take(&thread->stride, thread->buffer.floats);
    thread->tiles = plan_take(&thread->stride, needs.thread_tiles);
    plan->scratch_floats = max_size(batchwise, plan->options.threads * thread->stride);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
bool plan_batch_too_small(const struct plan *plan, size_t images)
{
    const struct program *program = plan->program;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct plan_tensor *out = &plan->tensors[fused->out];
        if (fused->bn >= 0 && !program->bns[fused->bn].folded && program->bns[fused->bn].mode == BN_BATCH &&
            images * out->h * out->w < 2)
            return true;
    }
    return false;
}

bool plan_uses_blas(const struct plan *plan, enum conv_engine engine)
{
    for (size_t i = 0; i < plan->program->steps_count; i++) {
        const struct conv_shape *shape = &plan->steps[i].shape;
        if (!plan->steps[i].kernel)
            continue;
        const struct conv_kernel *kernel = conv_kernel_choose(shape, engine);
        if (kernel->blas &&
            (kernel->blas(shape, false) || (i >= plan->program->backward_from && kernel->blas(shape, true))))
            return true;
    }
    return false;
}

static enum status allocate(struct plan *plan, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, plan->program->tensors_count, sizeof *plan->tensors, "the plan", err);
    if (status != OK)
        return status;
    plan->tensors = memory;
    status = memory_alloc(&memory, plan->program->steps_count, sizeof *plan->steps, "the plan", err);
    if (status == OK)
        plan->steps = memory;
    if (status == OK &&
        (status = memory_alloc(&memory, plan->program->bns_count, sizeof *plan->bns, "the plan", err)) == OK)
        plan->bns = memory;
    return status;
}

/* The order matters. Shapes come first, since everything counts in them; then who reads what, which says which
 * gradients there are; the cut before depth-first, because features leave the threads' buffers; places to take over
 * before buffers and arena, where the two that share one are laid out as one; and scratch last, because a thread's
 * buffer and the number of depth-first steps are known only then. */
static enum status lay_out(struct plan *plan, struct error *err)
{
    const struct program *program = plan->program;
    const struct plan_options *options = &plan->options;
    enum status status = allocate(plan, err);
    if (status != OK)
        return status;
    for (size_t t = 0; t < program->tensors_count; t++)
        plan->tensors[t].channels = program->tensor_channels[t];
    plan->tensors[0].h = options->height;
    plan->tensors[0].w = options->width;
    choose_precisions(plan);
    for (size_t i = 0; i < program->steps_count; i++)
        if (!shape_step(plan, i))
            return error_set(err, ERR_USAGE, "an image of %zux%zu is too small for %s: use a larger --image-size",
                             options->width, options->height, plan->net->arch);
    if (!size_tensors(plan))
        return error_memory(err, "the plan: the batch or the image is too large", SIZE_MAX);
    find_readers(plan);
    place_cuts(plan);
    count_flops(plan);
    choose_depth_first(plan);
    choose_places(plan);
    status = place_depth_first(plan, err);
    if (status == OK)
        status = plan_place_arena(plan, err);
    if (status != OK)
        return status;
    place_scratch(plan);
    place_batchnorms(plan);
    return OK;
}

enum status plan_create(struct plan **out, const struct net *net, const struct plan_options *options, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct plan), "the plan", err);
    if (status != OK)
        return status;
    struct plan *plan = memory;
    plan->net = net;
    plan->options = *options;
    if (options->precision != PRECISION_F32 && options->conv == CONV_IM2COL)
        status = error_set(err, ERR_USAGE, "BLAS computes in float32: leave out --precision bf16, or --conv im2col");
    else
        status = program_create(&plan->program, net, options->train ? &options->freeze : NULL, err);
    if (status == OK)
        status = lay_out(plan, err);
    if (status != OK)
        plan_destroy(plan);
    else
        *out = plan;
    return status;
}

void plan_destroy(struct plan *plan)
{
    if (!plan)
        return;
    program_destroy(plan->program);
    memory_free(plan->tensors);
    memory_free(plan->steps);
    memory_free(plan->bns);
    memory_free(plan);
}

size_t plan_shared_bytes(const struct plan *plan)
{
    return (plan->arena_floats + plan->scratch_floats) * sizeof(float);
}

size_t plan_bytes(const struct plan *plan)
{
    return plan_shared_bytes(plan) + plan->state_floats * sizeof(float);
}
