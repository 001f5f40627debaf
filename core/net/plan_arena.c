/* The arena: what lies where and how long. Time runs 0..S-1 through forward and S..2S-1 back through backward. */
#include "core/base/memory.h"
#include "core/net/op_info.h"
#include "core/net/place.h"
#include "core/net/plan_internal.h"

static size_t backward_time(const struct plan *plan, size_t step)
{
    return 2 * plan->program->steps_count - 1 - step;
}

/* The sum of a merge is as large as each of its operands, which backward needs anyway, and costs one pass over them. So
 * it is not kept through the rest of forward but recomputed when backward reaches its last reader, unless an operand
 * is itself one of these: a residual network keeps the output of every second block. */
static void choose_remade(struct plan *plan)
{
    const struct program *program = plan->program;
    for (size_t i = program->backward_from; i + 1 < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        bool from_remade = plan->tensors[fused->in.tensor].remade ||
                           (fused->residual.tensor >= 0 && plan->tensors[fused->residual.tensor].remade);
        plan->tensors[fused->out].remade = fused->kind == OP_ADD && !from_remade;
    }
}

/* Whether the gradient of a merge's output can serve as that of its operand: the merge is the first to write it. */
static void alias_gradients(struct plan *plan)
{
    const struct program *program = plan->program;
    for (size_t t = 0; t < program->tensors_count; t++)
        plan->tensors[t].gradient_of = -1;
    for (size_t i = program->backward_from; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        int operand = fused->residual.tensor >= 0 ? fused->residual.tensor : fused->in.tensor;
        if (fused->kind == OP_ADD && plan->tensors[operand].has_gradient && plan->tensors[operand].last_reader == i)
            plan->tensors[operand].gradient_of = fused->out;
    }
}

static int gradient_root(const struct plan *plan, int tensor)
{
    while (plan->tensors[tensor].gradient_of >= 0)
        tensor = plan->tensors[tensor].gradient_of;
    return tensor;
}

struct arena {
    struct placed *buffers;
    size_t count;
    int *tensor_buffer, *remade_buffer, *gradient_buffer, *saved_buffer; /* -1: none; the last by step */
};

static int arena_add(struct arena *arena, size_t size, size_t start, size_t end)
{
    arena->buffers[arena->count] = (struct placed){.size = size, .start = start, .end = end};
    return (int)arena->count++;
}

/* The same buffer, until `end`. */
static int take_over(struct arena *arena, int buffer, size_t end)
{
    if (arena->buffers[buffer].end < end)
        arena->buffers[buffer].end = end;
    return buffer;
}

/* The last moment at which a tensor as forward left it is looked at. */
static size_t kept_until(const struct plan *plan, size_t t)
{
    const struct program *program = plan->program;
    const struct plan_tensor *tensor = &plan->tensors[t];
    if (tensor->remade)
        return tensor->last_reader;
    for (size_t i = program->backward_from; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        if (fused->out == (int)t || fused->in.tensor == (int)t || fused->residual.tensor == (int)t)
            return backward_time(plan, i);
    }
    return t == (size_t)program->steps[program->steps_count - 1].out ? program->steps_count : tensor->last_reader;
}

static void add_tensors(struct plan *plan, struct arena *arena)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++) {
        const struct plan_tensor *tensor = &plan->tensors[t];
        size_t size = plan_tensor_floats(tensor, plan->options.batch), end = kept_until(plan, t);
        /* While one image is at the last depth-first step another may be at the first. */
        if (tensor->maker < plan->depth_first_steps && end < plan->depth_first_steps)
            end = plan->depth_first_steps - 1;
        if (tensor->depth_first)
            arena->tensor_buffer[t] = -1;
        else if (tensor->place_of < 0)
            arena->tensor_buffer[t] = arena_add(arena, size, tensor->maker, end);
        else
            arena->tensor_buffer[t] = take_over(arena, arena->tensor_buffer[tensor->place_of], end);
        arena->remade_buffer[t] = !tensor->remade ? -1
                                                  : arena_add(arena, size, backward_time(plan, tensor->last_reader),
                                                              backward_time(plan, tensor->maker));
    }
}

static void add_gradients(struct plan *plan, struct arena *arena)
{
    const struct program *program = plan->program;
    for (size_t t = 0; t < program->tensors_count; t++)
        arena->gradient_buffer[t] = -1;
    for (size_t i = program->steps_count; i-- > program->backward_from;) {
        int t = program->steps[i].out, root = gradient_root(plan, t);
        const struct plan_tensor *tensor = &plan->tensors[t];
        size_t start = i + 1 == program->steps_count ? program->steps_count : backward_time(plan, tensor->last_reader);
        size_t end = backward_time(plan, i);
        if (root == t)
            arena->gradient_buffer[t] = arena_add(arena, plan_tensor_floats(tensor, plan->options.batch), start, end);
        else
            take_over(arena, arena->gradient_buffer[root], end);
    }
}

/* What forward keeps for backward beside tensors: max pooling's winners, for one. */
static void add_saved(struct plan *plan, struct arena *arena)
{
    const struct program *program = plan->program;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct op_info *info = op_info_of(fused->kind);
        struct plan_step *planned = &plan->steps[i];
        arena->saved_buffer[i] = -1;
        if (i < program->backward_from || !info->saved_bytes)
            continue;
        planned->saved_bytes = info->saved_bytes(&plan->tensors[fused->in.tensor], &plan->tensors[fused->out]);
        planned->saved.floats = planned->saved_bytes * plan->options.batch / sizeof(float) + 1;
        arena->saved_buffer[i] = arena_add(arena, plan_align(planned->saved.floats), i, backward_time(plan, i));
    }
}

static void take_places(struct plan *plan, const struct arena *arena)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++) {
        struct plan_tensor *tensor = &plan->tensors[t];
        if (arena->tensor_buffer[t] >= 0)
            tensor->offset = arena->buffers[arena->tensor_buffer[t]].offset;
        if (tensor->remade)
            tensor->remade_offset = arena->buffers[arena->remade_buffer[t]].offset;
        if (tensor->has_gradient)
            tensor->gradient = arena->buffers[arena->gradient_buffer[gradient_root(plan, (int)t)]].offset;
    }
    for (size_t i = 0; i < plan->program->steps_count; i++)
        if (arena->saved_buffer[i] >= 0)
            plan->steps[i].saved.at = arena->buffers[arena->saved_buffer[i]].offset;
}

enum status plan_place_arena(struct plan *plan, struct error *err)
{
    size_t tensors = plan->program->tensors_count, most = 3 * tensors + plan->program->steps_count;
    void *buffers = NULL, *numbers = NULL;
    enum status status = memory_alloc(&buffers, most, sizeof(struct placed), "the plan", err);
    if (status == OK)
        status = memory_alloc(&numbers, most, sizeof(int), "the plan", err);
    if (status == OK) {
        struct arena arena = {.buffers = buffers, .tensor_buffer = numbers};
        arena.remade_buffer = arena.tensor_buffer + tensors;
        arena.gradient_buffer = arena.remade_buffer + tensors;
        arena.saved_buffer = arena.gradient_buffer + tensors;
        choose_remade(plan);
        alias_gradients(plan);
        add_tensors(plan, &arena);
        add_gradients(plan, &arena);
        add_saved(plan, &arena);
        status = place(arena.buffers, arena.count, PLAN_ALIGN, &plan->arena_floats, err);
        if (status == OK)
            take_places(plan, &arena);
    }
    memory_free(numbers);
    memory_free(buffers);
    return status;
}
