#include "core/net/net.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/net/net_internal.h"

enum status net_create(struct net **out, const char *arch, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, 1, sizeof(struct net), "a network", err);
    if (status != OK)
        return status;
    struct net *net = memory;
    snprintf(net->arch, sizeof net->arch, "%s", arch);
    net->output = -1;
    *out = net;
    return OK;
}

void net_destroy(struct net *net)
{
    if (!net)
        return;
    memory_free(net->storage);
    memory_free(net->ops);
    memory_free(net->values);
    memory_free(net->params);
    memory_free(net);
}

/* ---- builder ----------------------------------------------------------------------------------------------------- */
static bool grow(struct net *net, void **array, size_t *capacity, size_t need, size_t size)
{
    return net->trouble.status == OK && memory_grow(array, capacity, need, size, "a network", &net->trouble) == OK;
}

static int value_new(struct net *net, size_t channels)
{
    void *values = net->values;
    if (!grow(net, &values, &net->values_capacity, net->values_count + 1, sizeof *net->values))
        return 0;
    net->values = values;
    net->values[net->values_count] = (struct value){.channels = channels};
    return (int)net->values_count++;
}

int net_input(struct net *net, size_t channels)
{
    net->input = value_new(net, channels);
    return net->input;
}

void net_child(struct net *net, const char *name)
{
    assert(net->children < NET_CHILDREN);
    snprintf(net->child_names[++net->children], NET_NAME, "%s", name);
}

struct op *net_op_new(struct net *net, enum op_kind kind, int a, int b, size_t channels_out)
{
    void *ops = net->ops;
    if (!grow(net, &ops, &net->ops_capacity, net->ops_count + 1, sizeof *net->ops))
        return NULL;
    net->ops = ops;
    int out = value_new(net, channels_out);
    if (net->trouble.status != OK)
        return NULL;
    struct op *op = &net->ops[net->ops_count++];
    *op = (struct op){.kind = kind,
                      .child = (int)net->children,
                      .in = {a, b},
                      .out = out,
                      .param = -1,
                      .bias = -1,
                      .kernel = 1,
                      .stride = 1};
    net->values[a].readers++;
    if (b >= 0)
        net->values[b].readers++;
    net->output = out;
    return op;
}

static int param_new(struct net *net, const char *name, const char *suffix, enum param_role role, size_t rank,
                     const size_t shape[])
{
    void *params = net->params;
    if (!grow(net, &params, &net->params_capacity, net->params_count + 1, sizeof *net->params))
        return -1;
    net->params = params;
    struct param *param = &net->params[net->params_count];
    *param = (struct param){.role = role, .child = (int)net->children, .rank = rank, .count = 1};
    int length = snprintf(param->name, sizeof param->name, "%s.%s", name, suffix);
    assert(length > 0 && (size_t)length < sizeof param->name);
    for (size_t i = 0; i < rank; i++) {
        param->shape[i] = shape[i];
        if (!size_mul(&param->count, param->count, shape[i]))
            error_set(&net->trouble, ERR_USAGE, "%s: too many values", param->name);
    }
    if (role == PARAM_BATCHES)
        param->count = 0;
    param->learnable = role != PARAM_RUNNING_MEAN && role != PARAM_RUNNING_VAR && role != PARAM_BATCHES;
    param->trainable = param->learnable;
    return (int)net->params_count++;
}

size_t net_channels(const struct net *net, int value)
{
    return net->trouble.status == OK ? net->values[value].channels : 1;
}

int net_conv(struct net *net, int x, const char *name, size_t channels_out, size_t kernel, size_t stride, size_t pad)
{
    const size_t shape[] = {channels_out, net_channels(net, x), kernel, kernel};
    struct op *op = net_op_new(net, OP_CONV, x, -1, channels_out);
    if (!op)
        return x;
    op->kernel = kernel;
    op->stride = stride;
    op->pad = pad;
    op->param = param_new(net, name, "weight", PARAM_WEIGHT, 4, shape);
    return op->out;
}

int net_batchnorm(struct net *net, int x, const char *name)
{
    const size_t channels = net_channels(net, x);
    struct op *op = net_op_new(net, OP_BATCHNORM, x, -1, channels);
    if (!op)
        return x;
    op->param = param_new(net, name, "weight", PARAM_BN_WEIGHT, 1, &channels);
    param_new(net, name, "bias", PARAM_BN_BIAS, 1, &channels);
    param_new(net, name, "running_mean", PARAM_RUNNING_MEAN, 1, &channels);
    param_new(net, name, "running_var", PARAM_RUNNING_VAR, 1, &channels);
    param_new(net, name, "num_batches_tracked", PARAM_BATCHES, 0, NULL);
    return op->out;
}

int net_op_simple(struct net *net, enum op_kind kind, int x)
{
    struct op *op = net_op_new(net, kind, x, -1, net_channels(net, x));
    return op ? op->out : x;
}

int net_relu(struct net *net, int x)
{
    return net_op_simple(net, OP_RELU, x);
}

int net_add(struct net *net, int a, int b)
{
    assert(net_channels(net, a) == net_channels(net, b));
    struct op *op = net_op_new(net, OP_ADD, a, b, net_channels(net, a));
    return op ? op->out : a;
}

int net_linear(struct net *net, int x, const char *name, size_t features_out)
{
    const size_t shape[] = {features_out, net_channels(net, x)};
    struct op *op = net_op_new(net, OP_LINEAR, x, -1, features_out);
    if (!op)
        return x;
    op->param = param_new(net, name, "weight", PARAM_WEIGHT, 2, shape);
    op->bias = param_new(net, name, "bias", PARAM_BIAS, 1, shape);
    return op->out;
}

enum status net_finish(struct net *net, struct error *err)
{
    if (net->trouble.status != OK)
        return error_set(err, net->trouble.status, "%s", net->trouble.text);
    size_t total = 0, step = MEMORY_ALIGN / sizeof(float);
    for (size_t i = 0; i < net->params_count; i++)
        total += (net->params[i].count + step - 1) / step * step;
    void *memory;
    enum status status = memory_alloc(&memory, total, sizeof(float), "the network's parameters", err);
    if (status != OK)
        return status;
    net->storage = memory;
    float *next = net->storage;
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        param->data = param->count ? next : NULL;
        next += (param->count + step - 1) / step * step;
        if (param->role == PARAM_BN_WEIGHT || param->role == PARAM_RUNNING_VAR)
            for (size_t j = 0; j < param->count; j++)
                param->data[j] = 1.0f;
    }
    return OK;
}

/* ---- questions --------------------------------------------------------------------------------------------------- */
int net_param_find(const struct net *net, const char *name)
{
    for (size_t i = 0; i < net->params_count; i++)
        if (strcmp(net->params[i].name, name) == 0)
            return (int)i;
    return -1;
}

size_t net_classes(const struct net *net)
{
    return net->values[net->output].channels;
}

size_t net_floats(const struct net *net)
{
    size_t total = 0;
    for (size_t i = 0; i < net->params_count; i++)
        total += net->params[i].count;
    return total;
}

/* ---- layouts: OIHW in files, OHWI here --------------------------------------------------------------------------- */
void param_buffer_from_torch(float *buffer, const struct param *param, const float *torch)
{
    if (param->rank < 4) {
        memcpy(buffer, torch, param->count * sizeof *buffer);
        return;
    }
    size_t channels = param->shape[1], pixels = param->shape[2] * param->shape[3];
    for (size_t k = 0; k < param->shape[0]; k++, buffer += channels * pixels, torch += channels * pixels)
        for (size_t rs = 0; rs < pixels; rs++)
            for (size_t c = 0; c < channels; c++)
                buffer[rs * channels + c] = torch[c * pixels + rs];
}

void param_buffer_to_torch(float *torch, const struct param *param, const float *buffer)
{
    if (param->rank < 4) {
        memcpy(torch, buffer, param->count * sizeof *torch);
        return;
    }
    size_t channels = param->shape[1], pixels = param->shape[2] * param->shape[3];
    for (size_t k = 0; k < param->shape[0]; k++, buffer += channels * pixels, torch += channels * pixels)
        for (size_t rs = 0; rs < pixels; rs++)
            for (size_t c = 0; c < channels; c++)
                torch[c * pixels + rs] = buffer[rs * channels + c];
}

void param_from_torch(struct param *param, const float *torch)
{
    param_buffer_from_torch(param->data, param, torch);
}

void param_to_torch(float *torch, const struct param *param)
{
    param_buffer_to_torch(torch, param, param->data);
}
