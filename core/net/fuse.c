#include "core/net/fuse.h"

#include <string.h>

#include "core/base/memory.h"

/* The pass walks the operators once and remembers of each value how it can be read. */
struct pass {
    struct program *program;
    const struct net *net;
    const struct freeze *freeze;
    struct operand *operands; /* of each value */
    int *makers;              /* of each tensor: the step that makes it, -1 for the input */
    bool folding;
};

static const struct operand nothing = {.tensor = -1, .bn = -1};

static int tensor_new(struct pass *pass, size_t channels)
{
    struct program *program = pass->program;
    program->tensor_channels[program->tensors_count] = channels;
    pass->makers[program->tensors_count] = (int)program->steps_count - 1;
    return (int)program->tensors_count++;
}

static struct fused_op *fused_new(struct pass *pass, enum op_kind kind, size_t op, struct operand in,
                                  struct operand residual)
{
    const struct net *net = pass->net;
    struct fused_op *fused = &pass->program->steps[pass->program->steps_count++];
    *fused = (struct fused_op){.kind = kind,
                               .op = (int)op,
                               .child = net->ops[op].child,
                               .folded = pass->folding,
                               .in = in,
                               .residual = residual,
                               .bn = -1};
    fused->out = tensor_new(pass, net->values[net->ops[op].out].channels);
    return fused;
}

static struct fused_op *maker_of(struct pass *pass, struct operand operand)
{
    int maker = operand.tensor >= 0 ? pass->makers[operand.tensor] : -1;
    return maker >= 0 ? &pass->program->steps[maker] : NULL;
}

static bool plain(struct operand operand)
{
    return operand.bn < 0 && !operand.relu;
}

static struct operand plain_tensor(int tensor)
{
    return (struct operand){.tensor = tensor, .bn = -1};
}

/* Stores what is only promised: a merge of one operand. */
static struct operand materialise(struct pass *pass, size_t op, struct operand operand)
{
    struct operand bare = operand;
    bare.relu = false;
    struct fused_op *fused = fused_new(pass, OP_ADD, op, bare, nothing);
    fused->relu = operand.relu;
    return plain_tensor(fused->out);
}

/* Whether something can still be folded into the step that made this operand. */
static bool open_for(struct pass *pass, struct operand operand, int value, enum op_kind kind)
{
    struct fused_op *maker = maker_of(pass, operand);
    return maker && maker->kind == kind && maker->folded == pass->folding && plain(operand) && !maker->relu &&
           pass->net->values[value].readers == 1;
}

/* A BatchNorm belongs to the convolution whose output it reads alone. If another reader took the convolution's output
 * too, or a ReLU, residual or another BatchNorm came between, scale and shift could not be part of the convolution and
 * no rule covers it: the network is refused (ERR_PROMISE) rather than run in another way than it was declared. Folded,
 * the operand stays plain; lazy, it is the same stored tensor with the BatchNorm still to be applied by its readers,
 * because batch statistics are known only after the last row. */
static bool fuse_batchnorm(struct pass *pass, const struct op *op)
{
    struct program *program = pass->program;
    struct operand in = pass->operands[op->in[0]];
    if (!open_for(pass, in, op->in[0], OP_CONV) || maker_of(pass, in)->bn >= 0 ||
        maker_of(pass, in)->residual.tensor >= 0)
        return false;
    int bn = (int)program->bns_count++;
    program->bns[bn] = (struct program_bn){.param = op->param,
                                           .child = op->child,
                                           .channels = pass->net->values[op->out].channels,
                                           .mode = pass->freeze ? freeze_bn_mode(pass->freeze, op->child) : BN_EVAL,
                                           .folded = pass->folding};
    maker_of(pass, in)->bn = bn;
    if (!pass->folding)
        in.bn = bn;
    pass->operands[op->out] = in;
    return true;
}

/* A ReLU goes into the step that makes its input, if that can still take it: a folded convolution or a merge. Otherwise
 * it waits in the operand: behind a lazy BatchNorm it cannot come before its scale and shift are known. A ReLU whose
 * input has two readers may not wait: the other one reads the same tensor without it, and settle() looks at the
 * readers of the ReLU's output only. Then the value is stored by a merge of one operand. */
static bool fuse_relu(struct pass *pass, size_t index)
{
    const struct op *op = &pass->net->ops[index];
    struct operand in = pass->operands[op->in[0]];
    enum op_kind kind = pass->folding ? OP_CONV : OP_ADD;
    if (open_for(pass, in, op->in[0], kind))
        maker_of(pass, in)->relu = true;
    else
        in.relu = true;
    if (in.relu && pass->net->values[op->in[0]].readers > 1)
        in = materialise(pass, index, in); /* others read the same tensor without it */
    pass->operands[op->out] = in;
    return true;
}

static bool fuse_add(struct pass *pass, size_t index)
{
    const struct op *op = &pass->net->ops[index];
    struct operand a = pass->operands[op->in[0]], b = pass->operands[op->in[1]];
    if (!pass->folding) {
        if (a.relu)
            a = materialise(pass, index, a);
        if (b.relu)
            b = materialise(pass, index, b);
        pass->operands[op->out] = plain_tensor(fused_new(pass, OP_ADD, index, a, b)->out);
        return true;
    }
    /* Into the later of the two steps: by then the other operand is there. */
    bool a_later = pass->makers[a.tensor] > pass->makers[b.tensor];
    struct operand late = a_later ? a : b, early = a_later ? b : a;
    int late_value = op->in[a_later ? 0 : 1];
    if (!plain(early) || !open_for(pass, late, late_value, OP_CONV) || maker_of(pass, late)->residual.tensor >= 0)
        return false;
    maker_of(pass, late)->residual = early;
    pass->operands[op->out] = late;
    return true;
}

static void own_step(struct pass *pass, size_t index, enum op_kind kind)
{
    const struct op *op = &pass->net->ops[index];
    pass->operands[op->out] = plain_tensor(fused_new(pass, kind, index, pass->operands[op->in[0]], nothing)->out);
}

static bool fuse_op(struct pass *pass, size_t index)
{
    const struct op *op = &pass->net->ops[index];
    switch (op->kind) {
    case OP_BATCHNORM:
        return fuse_batchnorm(pass, op);
    case OP_RELU:
        return fuse_relu(pass, index);
    case OP_ADD:
        return fuse_add(pass, index);
    case OP_LINEAR:
        own_step(pass, index, OP_CONV);
        return true;
    default:
        own_step(pass, index, op->kind);
        return true;
    }
}

/* A promise can be kept for one reader only: what several read, and the network's output, is stored. */
static void settle(struct pass *pass, size_t index)
{
    const struct op *op = &pass->net->ops[index];
    struct operand *operand = &pass->operands[op->out];
    bool last = op->out == pass->net->output;
    if (!plain(*operand) && (last || pass->net->values[op->out].readers > 1))
        *operand = materialise(pass, index, *operand);
}

static bool is_trained(const struct param *params, int param)
{
    return param >= 0 && params[param].trainable;
}

static size_t first_trained_step(const struct program *program)
{
    const struct param *params = program->net->params;
    for (size_t i = 0; i < program->steps_count; i++) {
        const struct fused_op *fused = &program->steps[i];
        const struct op *op = &program->net->ops[fused->op];
        if (is_trained(params, op->param) || is_trained(params, op->bias) ||
            (fused->bn >= 0 && is_trained(params, program->bns[fused->bn].param)))
            return i;
    }
    return program->steps_count;
}

static enum status allocate(struct pass *pass, struct program **out, struct error *err)
{
    const struct net *net = pass->net;
    void *memory;
    size_t most_steps = 2 * net->ops_count + 1; /* every operator may need a materialised operand */
    enum status status = memory_alloc(&memory, 1, sizeof(struct program), "the program", err);
    if (status != OK)
        return status;
    struct program *program = *out = memory;
    if ((status = memory_alloc(&memory, most_steps, sizeof *program->steps, "the program", err)) != OK)
        return status;
    program->steps = memory;
    if ((status = memory_alloc(&memory, most_steps, sizeof *program->tensor_channels, "the program", err)) != OK)
        return status;
    program->tensor_channels = memory;
    if ((status = memory_alloc(&memory, net->ops_count, sizeof *program->bns, "the program", err)) != OK)
        return status;
    program->bns = memory;
    if ((status = memory_alloc(&memory, net->values_count, sizeof *pass->operands, "the program", err)) != OK)
        return status;
    pass->operands = memory;
    if ((status = memory_alloc(&memory, most_steps, sizeof *pass->makers, "the program", err)) != OK)
        return status;
    pass->makers = memory;
    return OK;
}

enum status program_create(struct program **out, const struct net *net, const struct freeze *freeze, struct error *err)
{
    struct pass pass = {.net = net, .freeze = freeze};
    struct program *program = NULL;
    enum status status = allocate(&pass, &program, err);
    if (status != OK)
        goto cleanup;
    pass.program = program;
    program->net = net;

    pass.makers[0] = -1;
    program->tensor_channels[program->tensors_count++] = net->values[net->input].channels;
    pass.operands[net->input] = plain_tensor(0);
    size_t cut = freeze ? freeze_cut(net, freeze) : net->ops_count;
    for (size_t i = 0; i < net->ops_count; i++) {
        pass.folding = i < cut;
        if (i == cut)
            program->folded_steps = program->steps_count;
        if (!fuse_op(&pass, i)) {
            status = error_set(err, ERR_PROMISE, "%s: operator %zu follows in an order that fusion does not know",
                               net->arch, i);
            goto cleanup;
        }
        settle(&pass, i);
    }
    if (cut == net->ops_count)
        program->folded_steps = program->steps_count;
    program->backward_from = freeze ? first_trained_step(program) : program->steps_count;
    *out = program;
    program = NULL;
cleanup:
    memory_free(pass.operands);
    memory_free(pass.makers);
    program_destroy(program);
    return status;
}

void program_destroy(struct program *program)
{
    if (!program)
        return;
    memory_free(program->steps);
    memory_free(program->tensor_channels);
    memory_free(program->bns);
    memory_free(program);
}
