#include "weights/onnx/onnx_graph.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/protobuf.h"
#include "core/net/op_info.h"
#include "core/ops/batchnorm.h"

/* Numbers of fields in onnx.proto, as MESSAGE_FIELD. */
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEMENT = 1, TENSOR_SHAPE = 2, SHAPE_DIM = 1 };
enum { DIM_VALUE = 1, DIM_PARAM = 2 };
/* Numbers of enum values there. */
enum { ATTRIBUTE_IS_FLOAT = 1, ATTRIBUTE_IS_INT = 2, ATTRIBUTE_IS_INTS = 7, ELEMENT_FLOAT = 1, ELEMENT_UINT8 = 2 };

/* A value of the network in the graph. */
struct value_name {
    char name[NET_NAME];
    bool flat; /* [N,C], not [N,C,H,W] */
};

struct maker {
    struct onnx_graph *graph;
    const struct net *net;
    const struct onnx_options *options;
    struct value_name *values;
    size_t numbers[OP_KINDS]; /* nodes so far, by kind: those without parameters are numbered */
    struct error *err;
};

/* ---- pieces ------------------------------------------------------------------------------------------------------ */

static struct bytes message(const struct maker *m)
{
    return bytes_start("the graph of an ONNX file", m->err);
}

static struct bytes node(const struct maker *m, const char *type, const char *name, const char *output)
{
    struct bytes out = message(m);
    proto_text(&out, NODE_NAME, name);
    proto_text(&out, NODE_OP_TYPE, type);
    proto_text(&out, NODE_OUTPUT, output);
    return out;
}

static void add_node(struct maker *m, struct bytes *node_bytes)
{
    proto_message(&m->graph->bytes, GRAPH_NODE, node_bytes);
}

static void put_ints(const struct maker *m, struct bytes *to, const char *name, const size_t *values, size_t count)
{
    struct bytes out = message(m);
    proto_text(&out, ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < count; i++)
        proto_integer(&out, ATTRIBUTE_INTS, values[i]);
    proto_integer(&out, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INTS);
    proto_message(to, NODE_ATTRIBUTE, &out);
}

static void put_int(const struct maker *m, struct bytes *to, const char *name, size_t value)
{
    struct bytes out = message(m);
    proto_text(&out, ATTRIBUTE_NAME, name);
    proto_integer(&out, ATTRIBUTE_I, value);
    proto_integer(&out, ATTRIBUTE_TYPE, ATTRIBUTE_IS_INT);
    proto_message(to, NODE_ATTRIBUTE, &out);
}

static void put_float(const struct maker *m, struct bytes *to, const char *name, float value)
{
    struct bytes out = message(m);
    proto_text(&out, ATTRIBUTE_NAME, name);
    proto_float(&out, ATTRIBUTE_F, value);
    proto_integer(&out, ATTRIBUTE_TYPE, ATTRIBUTE_IS_FLOAT);
    proto_message(to, NODE_ATTRIBUTE, &out);
}

/* kernel_shape, strides and pads, which are the same on all sides. */
static void put_window(const struct maker *m, struct bytes *to, const struct op *op)
{
    put_ints(m, to, "kernel_shape", (size_t[]){op->kernel, op->kernel}, 2);
    put_ints(m, to, "strides", (size_t[]){op->stride, op->stride}, 2);
    put_ints(m, to, "pads", (size_t[]){op->pad, op->pad, op->pad, op->pad}, 4);
}

/* Makes an initializer an input of the node. */
static void put_tensor(struct maker *m, struct bytes *to, const char *name, enum onnx_part part,
                       const struct param *param, const struct param *bn)
{
    struct onnx_tensor *tensor = &m->graph->tensors[m->graph->count++];
    *tensor = (struct onnx_tensor){.part = part, .param = param, .bn = bn};
    snprintf(tensor->name, sizeof tensor->name, "%s", name);
    proto_text(to, NODE_INPUT, name);
}

static void put_param(struct maker *m, struct bytes *to, const struct param *param)
{
    put_tensor(m, to, param->name, ONNX_PLAIN, param, NULL);
}

/* Makes a constant of `count` values an input of the node. */
static void put_constant(struct maker *m, struct bytes *to, const char *name, const float *values, size_t count)
{
    struct onnx_graph *graph = m->graph;
    struct param *param = &graph->constants[graph->constants_count];
    float *own = graph->values[graph->constants_count++];
    memcpy(own, values, count * sizeof *own);
    *param = (struct param){.role = PARAM_BIAS, .rank = 1, .shape = {count}, .count = count, .data = own};
    put_tensor(m, to, name, ONNX_PLAIN, param, NULL);
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

/* "layer3.0.conv2" of "layer3.0.conv2.weight"; "relu_7" of what has no parameters. */
static void op_name(char out[NET_NAME], struct maker *m, const struct op *op)
{
    if (op->param < 0) {
        snprintf(out, NET_NAME, "%s_%zu", op_info_of(op->kind)->name, ++m->numbers[op->kind]);
        return;
    }
    const char *name = m->net->params[op->param].name;
    snprintf(out, NET_NAME, "%.*s", (int)(strrchr(name, '.') - name), name);
}

/* The BatchNorm into which the convolution's output goes and nothing else, or NULL. */
static const struct op *folded_bn(const struct maker *m, const struct op *conv)
{
    if (!m->options->fold || m->net->values[conv->out].readers != 1)
        return NULL;
    for (size_t i = 0; i < m->net->ops_count; i++)
        if (m->net->ops[i].in[0] == conv->out)
            return m->net->ops[i].kind == OP_BATCHNORM ? &m->net->ops[i] : NULL;
    return NULL;
}

static bool is_folded(const struct maker *m, const struct op *bn)
{
    for (size_t i = 0; i < m->net->ops_count; i++)
        if (m->net->ops[i].out == bn->in[0])
            return m->net->ops[i].kind == OP_CONV && folded_bn(m, &m->net->ops[i]) == bn;
    return false;
}

static void add_conv(struct maker *m, const struct op *op, const char *name, const char *output)
{
    const struct param *weight = &m->net->params[op->param];
    const struct op *bn = folded_bn(m, op);
    struct bytes out = node(m, op_info_of(op->kind)->onnx, name, output);
    proto_text(&out, NODE_INPUT, m->values[op->in[0]].name);
    if (bn) {
        const struct param *params = &m->net->params[bn->param];
        char bias[NET_NAME];
        snprintf(bias, sizeof bias, "%.57s.bias", name);
        put_tensor(m, &out, weight->name, ONNX_SCALED, weight, params);
        put_tensor(m, &out, bias, ONNX_SHIFT, &params[1], params);
    } else {
        put_param(m, &out, weight);
        if (op->bias >= 0)
            put_param(m, &out, &m->net->params[op->bias]);
    }
    put_window(m, &out, op);
    add_node(m, &out);
}

static void add_batchnorm(struct maker *m, const struct op *op, const char *name, const char *output)
{
    struct bytes out = node(m, op_info_of(op->kind)->onnx, name, output);
    proto_text(&out, NODE_INPUT, m->values[op->in[0]].name);
    for (int i = 0; i < 4; i++) /* weight, bias, running mean, running variance: ONNX's order is PyTorch's */
        put_param(m, &out, &m->net->params[op->param + i]);
    put_float(m, &out, "epsilon", (float)BATCHNORM_EPS);
    add_node(m, &out);
}

static void add_linear(struct maker *m, const struct op *op, const char *name, const char *output)
{
    const struct value_name *in = &m->values[op->in[0]];
    char flat[NET_NAME];
    snprintf(flat, sizeof flat, "%s", in->name);
    if (!in->flat) {
        snprintf(flat, sizeof flat, "%.50s.flatten", name);
        struct bytes out = node(m, "Flatten", flat, flat);
        proto_text(&out, NODE_INPUT, in->name);
        put_int(m, &out, "axis", 1);
        add_node(m, &out);
    }
    struct bytes out = node(m, op_info_of(op->kind)->onnx, name, output);
    proto_text(&out, NODE_INPUT, flat);
    put_param(m, &out, &m->net->params[op->param]);
    put_param(m, &out, &m->net->params[op->bias]);
    put_int(m, &out, "transB", 1);
    add_node(m, &out);
}

static void add_plain(struct maker *m, const struct op *op, const char *name, const char *output)
{
    const struct op_info *info = op_info_of(op->kind);
    struct bytes out = node(m, info->onnx, name, output);
    for (int i = 0; i < 2; i++)
        if (op->in[i] >= 0)
            proto_text(&out, NODE_INPUT, m->values[op->in[i]].name);
    if (info->window)
        put_window(m, &out, op);
    add_node(m, &out);
}

static void add_op(struct maker *m, const struct op *op)
{
    struct value_name *value = &m->values[op->out];
    char name[NET_NAME];
    op_name(name, m, op);
    value->flat = op->kind == OP_LINEAR || m->values[op->in[0]].flat;
    if (op->kind == OP_BATCHNORM && is_folded(m, op)) {
        *value = m->values[op->in[0]]; /* the convolution's output is this already */
        return;
    }
    snprintf(value->name, sizeof value->name, "%s", op->out == m->net->output ? ONNX_OUTPUT : name);
    if (op->kind == OP_CONV)
        add_conv(m, op, name, value->name);
    else if (op->kind == OP_BATCHNORM)
        add_batchnorm(m, op, name, value->name);
    else if (op->kind == OP_LINEAR)
        add_linear(m, op, name, value->name);
    else
        add_plain(m, op, name, value->name);
}

/* ---- around the network ------------------------------------------------------------------------------------------ */

/* A node with one input, and with a constant as the second where `values` is not NULL. */
static struct bytes step(struct maker *m, const char *type, const char *input, const char *output, const char *constant,
                         const float *values, size_t count)
{
    struct bytes out = node(m, type, output, output);
    proto_text(&out, NODE_INPUT, input);
    if (values)
        put_constant(m, &out, constant, values, count);
    return out;
}

/* From uint8 [batch,height,width,3] to what the network reads: the operations of normalise_table, in its order. */
static void add_normalise(struct maker *m)
{
    static const float levels = 255;
    const struct normalise *normalise = m->options->normalise;
    struct bytes out = step(m, "Cast", ONNX_INPUT, "pixels.float", NULL, NULL, 0);
    put_int(m, &out, "to", ELEMENT_FLOAT);
    add_node(m, &out);
    out = step(m, "Div", "pixels.float", "pixels.scaled", "pixels.levels", &levels, 1);
    add_node(m, &out);
    out = step(m, "Sub", "pixels.scaled", "pixels.centred", "pixels.mean", normalise->mean, 3);
    add_node(m, &out);
    out = step(m, "Div", "pixels.centred", "pixels.normalised", "pixels.std", normalise->std, 3);
    add_node(m, &out);
    out = step(m, "Transpose", "pixels.normalised", "pixels", NULL, NULL, 0);
    put_ints(m, &out, "perm", (size_t[]){0, 3, 1, 2}, 4);
    add_node(m, &out);
}

/* Along axis 1, which before set 13 is where the matrix of older definitions is cut: the same for [batch,classes]. */
static void add_softmax(struct maker *m)
{
    const float temperature = m->options->temperature;
    const char *logits = ONNX_OUTPUT;
    struct bytes out;
    if (temperature > 0) {
        out = step(m, "Div", logits, "logits.tempered", "temperature", &temperature, 1);
        add_node(m, &out);
        logits = "logits.tempered";
    }
    out = step(m, "Softmax", logits, ONNX_OUTPUT_SOFTMAX, NULL, NULL, 0);
    put_int(m, &out, "axis", 1);
    add_node(m, &out);
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

/* A tensor [batch, dims...] as input or output of the graph. */
static void put_value(struct maker *m, unsigned field, const char *name, unsigned element, const size_t *dims,
                      size_t count)
{
    struct bytes shape = message(m), tensor = message(m), type = message(m), out = message(m);
    for (size_t i = 0; i <= count; i++) {
        struct bytes dim = message(m);
        if (i == 0)
            proto_text(&dim, DIM_PARAM, "batch");
        else
            proto_integer(&dim, DIM_VALUE, dims[i - 1]);
        proto_message(&shape, SHAPE_DIM, &dim);
    }
    proto_integer(&tensor, TENSOR_ELEMENT, element);
    proto_message(&tensor, TENSOR_SHAPE, &shape);
    proto_message(&type, TYPE_TENSOR, &tensor);
    proto_text(&out, VALUE_NAME, name);
    proto_message(&out, VALUE_TYPE, &type);
    proto_message(&m->graph->bytes, field, &out);
}

static void put_ends(struct maker *m)
{
    const struct onnx_options *options = m->options;
    const size_t planes[] = {m->net->values[m->net->input].channels, options->height, options->width};
    const size_t pixels[] = {options->height, options->width, 3};
    if (options->normalise)
        put_value(m, GRAPH_INPUT, ONNX_INPUT, ELEMENT_UINT8, pixels, 3);
    else
        put_value(m, GRAPH_INPUT, ONNX_INPUT, ELEMENT_FLOAT, planes, 3);
    put_value(m, GRAPH_OUTPUT, options->softmax ? ONNX_OUTPUT_SOFTMAX : ONNX_OUTPUT, ELEMENT_FLOAT,
              (size_t[]){net_classes(m->net)}, 1);
}

enum status onnx_graph_make(struct onnx_graph *out, const struct net *net, const struct onnx_options *options,
                            struct error *err)
{
    struct maker m = {.graph = out, .net = net, .options = options, .err = err};
    void *tensors = NULL, *values = NULL;
    *out = (struct onnx_graph){.bytes = message(&m)};
    assert(!options->normalise || net->values[net->input].channels == 3);
    enum status status =
        memory_alloc(&tensors, net->params_count + ONNX_CONSTANTS, sizeof *out->tensors, "a list of tensors", err);
    out->tensors = tensors;
    if (status == OK)
        status = memory_alloc(&values, net->values_count, sizeof *m.values, "a list of values", err);
    if (status != OK)
        return status;
    m.values = values;
    snprintf(m.values[net->input].name, NET_NAME, "%s", options->normalise ? "pixels" : ONNX_INPUT);
    if (options->normalise)
        add_normalise(&m);
    for (size_t i = 0; i < net->ops_count; i++)
        add_op(&m, &net->ops[i]);
    if (options->softmax)
        add_softmax(&m);
    proto_text(&out->bytes, GRAPH_NAME, net->arch);
    put_ends(&m);
    memory_free(values);
    return out->bytes.status;
}

void onnx_graph_free(struct onnx_graph *graph)
{
    bytes_free(&graph->bytes);
    memory_free(graph->tensors);
    *graph = (struct onnx_graph){0};
}
