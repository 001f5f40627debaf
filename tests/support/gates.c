#include "tests/support/gates.h"

#include <stdio.h>

#include "core/base/memory.h"
#include "core/net/exec_internal.h"
#include "core/ops/map_lanes.h"
#include "weights/safetensors/safetensors.h"

enum { GATES_MAX = 256, GATES_NAME = 16 };

struct gates {
    const struct exec *exec;
    size_t relus, pools; /* met so far */
    size_t count;
    char names[GATES_MAX][GATES_NAME];
    struct weight_tensor tensors[GATES_MAX];
    uint8_t *values[GATES_MAX]; /* owned */
    struct error *err;
};

/* A new U8 tensor [N,C,P,Q] for what belongs to this tensor of the plan, in gates->values[gates->count - 1]. */
static enum status add(struct gates *gates, const char *kind, size_t number, const struct plan_tensor *planned)
{
    void *memory;
    size_t bytes = gates->exec->images * planned->values;
    if (gates->count == GATES_MAX)
        return error_set(gates->err, ERR_PROMISE, "gates: more than %d", GATES_MAX);
    enum status status = memory_alloc(&memory, bytes, 1, "gates", gates->err);
    if (status != OK)
        return status;
    char *name = gates->names[gates->count];
    snprintf(name, GATES_NAME, "%s%zu", kind, number);
    gates->values[gates->count] = memory;
    gates->tensors[gates->count++] =
        (struct weight_tensor){.name = name,
                               .dtype = WEIGHT_U8,
                               .rank = 4,
                               .shape = {gates->exec->images, planned->channels, planned->h, planned->w},
                               .data = memory,
                               .bytes = bytes};
    return OK;
}

/* Where [image,c,pixel] of PyTorch lies in our [image,pixel,c]. */
static size_t place_of(const struct plan_tensor *planned, size_t image, size_t c, size_t pixel)
{
    return image * planned->values + pixel * planned->channels + c;
}

/* One more ReLU of the program. Its input is how `z` is read; NULL where no gradient comes. The mask is made by what
 * backward makes it with. */
static enum status add_relu(struct gates *gates, int tensor, const struct conv_input *z)
{
    const struct plan_tensor *planned = &gates->exec->plan->tensors[tensor];
    size_t number = gates->relus++, pixels = planned->h * planned->w, count = gates->exec->images * planned->values;
    if (!z)
        return OK;
    void *memory;
    enum status status = memory_alloc(&memory, 2 * count, sizeof(float), "gates", gates->err);
    if (status != OK)
        return status;
    float *open = memory, *stored = open + count; /* the latter in the map's precision */
    const struct map_lanes *lanes = map_lanes(planned->precision);
    for (size_t i = 0; i < count; i++)
        open[i] = 1;
    lanes->narrow(stored, open, count);
    lanes->mask_affine(stored, z->x, gates->exec->images * pixels, planned->channels, z->scale, z->shift);
    lanes->widen(open, stored, count);
    status = add(gates, "relu", number, planned);
    if (status == OK) {
        uint8_t *next = gates->values[gates->count - 1];
        for (size_t n = 0; n < gates->exec->images; n++)
            for (size_t c = 0; c < planned->channels; c++)
                for (size_t pixel = 0; pixel < pixels; pixel++)
                    *next++ = open[place_of(planned, n, c, pixel)] != 0;
    }
    memory_free(open);
    return status;
}

static enum status add_pool(struct gates *gates, size_t index)
{
    const struct plan *plan = gates->exec->plan;
    const struct plan_tensor *planned = &plan->tensors[plan->program->steps[index].out];
    size_t number = gates->pools++;
    if (!plan->tensors[plan->program->steps[index].in.tensor].has_gradient)
        return OK;
    const uint8_t *where = (const uint8_t *)(gates->exec->arena + plan->steps[index].saved.at);
    enum status status = add(gates, "pool", number, planned);
    if (status != OK)
        return status;
    uint8_t *next = gates->values[gates->count - 1];
    for (size_t n = 0; n < gates->exec->images; n++)
        for (size_t c = 0; c < planned->channels; c++)
            for (size_t pixel = 0; pixel < planned->h * planned->w; pixel++)
                *next++ = where[place_of(planned, n, c, pixel)];
    return OK;
}

/* A ReLU that waits in the operand. */
static enum status add_operand(struct gates *gates, const struct operand *operand)
{
    if (operand->tensor < 0 || !operand->relu)
        return OK;
    struct conv_input input = exec_input(gates->exec, operand, exec_tensor(gates->exec, operand->tensor));
    return add_relu(gates, operand->tensor, gates->exec->plan->tensors[operand->tensor].has_gradient ? &input : NULL);
}

/* The step's own ReLU. A sum that forward has given up is recomputed, here too. */
static enum status add_own(struct gates *gates, size_t index)
{
    const struct plan *plan = gates->exec->plan;
    int out = plan->program->steps[index].out;
    const struct plan_tensor *planned = &plan->tensors[out];
    struct conv_input input = {.x = exec_tensor(gates->exec, out)};
    void *memory = NULL;
    if (planned->remade) {
        size_t count = gates->exec->images * planned->values;
        enum status status = memory_alloc(&memory, count, sizeof(float), "gates", gates->err);
        if (status != OK)
            return status;
        exec_merge(gates->exec, index, memory);
        input.x = memory;
    }
    enum status status = add_relu(gates, out, planned->has_gradient ? &input : NULL);
    memory_free(memory);
    return status;
}

/* A step's own ReLU comes last, and its output is the tensor that backward takes the mask from. */
static enum status add_step(struct gates *gates, size_t index)
{
    const struct plan *plan = gates->exec->plan;
    const struct fused_op *fused = &plan->program->steps[index];
    enum status status = add_operand(gates, &fused->in);
    if (status == OK)
        status = add_operand(gates, &fused->residual);
    if (status == OK && fused->kind == OP_MAXPOOL)
        status = add_pool(gates, index);
    if (status == OK && fused->relu)
        status = add_own(gates, index);
    return status;
}

static enum status check_all_met(const struct gates *gates)
{
    const struct net *net = gates->exec->plan->net;
    size_t relus = 0, pools = 0;
    for (size_t i = 0; i < net->ops_count; i++) {
        relus += net->ops[i].kind == OP_RELU;
        pools += net->ops[i].kind == OP_MAXPOOL;
    }
    return relus == gates->relus && pools == gates->pools
               ? OK
               : error_set(gates->err, ERR_PROMISE,
                           "gates: %zu ReLUs and %zu poolings met, the network has %zu and %zu", gates->relus,
                           gates->pools, relus, pools);
}

enum status gates_write(const char *path, const struct exec *exec, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct gates), "gates", err);
    if (status != OK)
        return status;
    struct gates *gates = memory;
    gates->exec = exec;
    gates->err = err;
    for (size_t i = 0; i < exec->plan->program->steps_count && status == OK; i++)
        status = add_step(gates, i);
    if (status == OK)
        status = check_all_met(gates);
    if (status == OK)
        status = safetensors_write(path, gates->tensors, gates->count, NULL, 0, err);
    for (size_t i = 0; i < gates->count; i++)
        memory_free(gates->values[i]);
    memory_free(gates);
    return status;
}
