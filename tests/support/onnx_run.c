#include "tests/support/onnx_run.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/test.h"

/* ---- protobuf ---------------------------------------------------------------------------------------------------- */

struct field {
    unsigned number, wire;
    uint64_t value; /* of a varint */
    const uint8_t *data;
    size_t size; /* of a run of bytes, or 4 */
};

struct cursor {
    const uint8_t *at, *end;
};

static uint64_t varint(struct cursor *c)
{
    uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(c->at < c->end && shift < 64);
        value |= (uint64_t)(*c->at & 0x7F) << shift;
        if (!(*c->at++ & 0x80))
            return value;
    }
}

static int next_field(struct field *out, struct cursor *c)
{
    if (c->at == c->end)
        return 0;
    uint64_t tag = varint(c);
    *out = (struct field){.number = (unsigned)(tag >> 3), .wire = tag & 7};
    if (out->wire == 0) {
        out->value = varint(c);
        return 1;
    }
    assert_true(out->wire == 2 || out->wire == 5);
    out->size = out->wire == 5 ? 4 : (size_t)varint(c);
    assert_true(out->size <= (size_t)(c->end - c->at));
    out->data = c->at;
    c->at += out->size;
    return 1;
}

static struct cursor inside(const struct field *field)
{
    assert_int_equal(field->wire, 2);
    return (struct cursor){field->data, field->data + field->size};
}

static void text(char *out, size_t size, const struct field *field)
{
    assert_int_equal(field->wire, 2);
    assert_true(field->size < size);
    memcpy(out, field->data, field->size);
    out[field->size] = '\0';
}

static void unexpected(const char *message, const struct field *field)
{
    fail_msg("%s has a field %u of wire type %u", message, field->number, field->wire);
}

/* ---- messages of onnx.proto -------------------------------------------------------------------------------------- */

static void read_attribute(struct onnx_node *node, struct cursor c)
{
    struct field f;
    char name[32] = "";
    size_t ints[4] = {0}, count = 0, one = 0;
    uint64_t type = 0;
    float real = 0;
    while (next_field(&f, &c)) {
        if (f.number == 1)
            text(name, sizeof name, &f);
        else if (f.number == 2 && f.wire == 5)
            memcpy(&real, f.data, 4);
        else if (f.number == 3)
            one = (size_t)f.value;
        else if (f.number == 8 && f.wire == 0 && count < 4)
            ints[count++] = (size_t)f.value;
        else if (f.number == 20)
            type = f.value;
        else
            unexpected("AttributeProto", &f);
    }
    bool perm = strcmp(name, "perm") == 0;
    for (size_t i = 1; i < count && !perm; i++)
        assert_int_equal(ints[i], ints[0]);
    if (perm && type == 7 && count == 4)
        memcpy(node->perm, ints, sizeof ints);
    else if (strcmp(name, "kernel_shape") == 0 && type == 7 && count == 2)
        node->kernel = ints[0];
    else if (strcmp(name, "strides") == 0 && type == 7 && count == 2)
        node->stride = ints[0];
    else if (strcmp(name, "pads") == 0 && type == 7 && count == 4)
        node->pad = ints[0];
    else if (strcmp(name, "to") == 0 && type == 2)
        assert_int_equal(one, 1);
    else if (strcmp(name, "axis") == 0 && type == 2)
        node->axis = one;
    else if (strcmp(name, "transB") == 0 && type == 2)
        node->trans_b = one;
    else if (strcmp(name, "epsilon") == 0 && type == 1)
        node->epsilon = (double)real;
    else
        fail_msg("attribute %s of type %d", name, (int)type);
}

static void read_node(struct onnx_model *model, struct cursor c)
{
    struct field f;
    char name[ONNX_RUN_NAME];
    assert_true(model->nodes_count < ONNX_RUN_NODES);
    struct onnx_node *node = &model->nodes[model->nodes_count++];
    while (next_field(&f, &c)) {
        if (f.number == 1 && node->input_count < ONNX_RUN_INPUTS)
            text(node->inputs[node->input_count++], ONNX_RUN_NAME, &f);
        else if (f.number == 2)
            text(node->output, sizeof node->output, &f);
        else if (f.number == 3)
            text(name, sizeof name, &f);
        else if (f.number == 4)
            text(node->type, sizeof node->type, &f);
        else if (f.number == 5)
            read_attribute(node, inside(&f));
        else
            unexpected("NodeProto", &f);
    }
}

static struct onnx_array *add_array(struct onnx_model *model, const char *name, size_t rank, const size_t shape[4])
{
    assert_null(onnx_model_array(model, name)); /* every value has one source */
    assert_true(model->arrays_count < 2 * ONNX_RUN_NODES);
    struct onnx_array *array = &model->arrays[model->arrays_count++];
    snprintf(array->name, sizeof array->name, "%s", name);
    array->rank = rank;
    array->count = 1;
    for (size_t i = 0; i < rank; i++)
        array->count *= array->shape[i] = shape[i];
    array->values = calloc(array->count, sizeof *array->values);
    assert_non_null(array->values);
    return array;
}

static void read_initializer(struct onnx_model *model, struct cursor c)
{
    struct field f, raw = {0};
    char name[ONNX_RUN_NAME] = "";
    size_t shape[4] = {0}, rank = 0;
    uint64_t type = 0;
    while (next_field(&f, &c)) {
        if (f.number == 1 && f.wire == 0 && rank < 4)
            shape[rank++] = (size_t)f.value;
        else if (f.number == 2)
            type = f.value;
        else if (f.number == 8)
            text(name, sizeof name, &f);
        else if (f.number == 9)
            raw = f;
        else
            unexpected("TensorProto", &f);
    }
    assert_int_equal(type, 1);
    struct onnx_array *array = add_array(model, name, rank, shape);
    assert_int_equal(raw.size, array->count * 4);
    for (size_t i = 0; i < array->count; i++) {
        float value;
        memcpy(&value, raw.data + 4 * i, 4);
        array->values[i] = (double)value;
    }
}

/* The only field of a message. */
static struct cursor only(struct cursor c, unsigned number)
{
    struct field f;
    assert_true(next_field(&f, &c));
    assert_int_equal(f.number, number);
    assert_true(c.at == c.end);
    return inside(&f);
}

static void read_shape(char shape[64], struct cursor c)
{
    struct field f, value;
    size_t end = 0;
    while (next_field(&f, &c)) {
        assert_int_equal(f.number, 1);
        struct cursor dim = inside(&f);
        char name[32];
        assert_true(next_field(&value, &dim));
        if (value.number == 1)
            snprintf(name, sizeof name, "%d", (int)value.value);
        else
            text(name, sizeof name, &value);
        end += (size_t)snprintf(shape + end, 64 - end, "%s%s", end ? "," : "", name);
    }
}

static void read_value(char name[ONNX_RUN_NAME], char shape[64], uint64_t *type, struct cursor c)
{
    struct field f;
    while (next_field(&f, &c)) {
        if (f.number == 1) {
            text(name, ONNX_RUN_NAME, &f);
            continue;
        }
        assert_int_equal(f.number, 2);
        struct cursor tensor = only(inside(&f), 1);
        while (next_field(&f, &tensor)) {
            if (f.number == 1)
                *type = f.value;
            else if (f.number == 2)
                read_shape(shape, inside(&f));
            else
                unexpected("TypeProto.Tensor", &f);
        }
    }
}

static void read_graph(struct onnx_model *model, struct cursor c)
{
    struct field f;
    char name[ONNX_RUN_NAME];
    while (next_field(&f, &c)) {
        if (f.number == 1)
            read_node(model, inside(&f));
        else if (f.number == 2)
            text(name, sizeof name, &f);
        else if (f.number == 5)
            read_initializer(model, inside(&f));
        else if (f.number == 11)
            read_value(model->input, model->input_shape, &model->input_type, inside(&f));
        else if (f.number == 12)
            read_value(model->output, model->output_shape, &model->output_type, inside(&f));
        else
            unexpected("GraphProto", &f);
    }
}

static void read_prop(struct onnx_model *model, struct cursor c)
{
    struct field f;
    assert_true(model->props_count < ONNX_RUN_PROPS);
    struct onnx_text *prop = &model->props[model->props_count++];
    while (next_field(&f, &c)) {
        if (f.number == 1)
            text(prop->key, sizeof prop->key, &f);
        else if (f.number == 2)
            text(prop->value, sizeof prop->value, &f);
        else
            unexpected("StringStringEntryProto", &f);
    }
}

struct onnx_model *onnx_model_read(const uint8_t *bytes, size_t size)
{
    struct cursor c = {bytes, bytes + size};
    struct field f, version;
    char producer[64];
    struct onnx_model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    while (next_field(&f, &c)) {
        if (f.number == 1) {
            model->ir_version = f.value;
        } else if (f.number == 2 || f.number == 3) {
            text(producer, sizeof producer, &f);
        } else if (f.number == 7) {
            read_graph(model, inside(&f));
        } else if (f.number == 8) {
            struct cursor opset = inside(&f);
            assert_true(next_field(&version, &opset) && version.number == 2);
            model->opset = version.value;
        } else if (f.number == 14) {
            read_prop(model, inside(&f));
        } else {
            unexpected("ModelProto", &f);
        }
    }
    return model;
}

void onnx_model_free(struct onnx_model *model)
{
    for (size_t i = 0; i < model->arrays_count; i++)
        free(model->arrays[i].values);
    free(model);
}

const struct onnx_array *onnx_model_array(const struct onnx_model *model, const char *name)
{
    for (size_t i = 0; i < model->arrays_count; i++)
        if (strcmp(model->arrays[i].name, name) == 0)
            return &model->arrays[i];
    return NULL;
}

/* ---- operators --------------------------------------------------------------------------------------------------- */

/* The pixel of x at output row p, column q and place r, s of the window; false outside. */
static int window_at(size_t *i, size_t *j, const struct onnx_node *node, const struct onnx_array *x, size_t p, size_t q,
                     size_t r, size_t s)
{
    size_t row = p * node->stride + r, column = q * node->stride + s;
    *i = row - node->pad;
    *j = column - node->pad;
    return row >= node->pad && column >= node->pad && *i < x->shape[2] && *j < x->shape[3];
}

/* One output of Conv (w not NULL) or MaxPool. */
static double window_value(const struct onnx_node *node, const struct onnx_array *x, const struct onnx_array *w,
                           const size_t at[4])
{
    double value = w ? 0 : -INFINITY;
    size_t i, j, channels = w ? x->shape[1] : 1;
    for (size_t c = 0; c < channels; c++)
        for (size_t r = 0; r < node->kernel; r++)
            for (size_t s = 0; s < node->kernel; s++) {
                if (!window_at(&i, &j, node, x, at[2], at[3], r, s))
                    continue;
                size_t channel = w ? c : at[1];
                double pixel = x->values[((at[0] * x->shape[1] + channel) * x->shape[2] + i) * x->shape[3] + j];
                if (w)
                    value += pixel * w->values[((at[1] * channels + c) * node->kernel + r) * node->kernel + s];
                else
                    value = fmax(value, pixel);
            }
    return value;
}

static void run_window(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *x,
                       const struct onnx_array *w, const struct onnx_array *bias)
{
    size_t shape[4] = {x->shape[0], w ? w->shape[0] : x->shape[1],
                       (x->shape[2] + 2 * node->pad - node->kernel) / node->stride + 1,
                       (x->shape[3] + 2 * node->pad - node->kernel) / node->stride + 1};
    struct onnx_array *y = add_array(model, node->output, 4, shape);
    size_t at[4], next = 0;
    for (at[0] = 0; at[0] < shape[0]; at[0]++)
        for (at[1] = 0; at[1] < shape[1]; at[1]++)
            for (at[2] = 0; at[2] < shape[2]; at[2]++)
                for (at[3] = 0; at[3] < shape[3]; at[3]++)
                    y->values[next++] = window_value(node, x, w, at) + (bias ? bias->values[at[1]] : 0);
}

static void run_batchnorm(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *in[])
{
    const struct onnx_array *x = in[0];
    struct onnx_array *y = add_array(model, node->output, x->rank, x->shape);
    size_t pixels = x->shape[2] * x->shape[3];
    for (size_t i = 0; i < x->count; i++) {
        size_t c = i / pixels % x->shape[1];
        y->values[i] = (x->values[i] - in[3]->values[c]) / sqrt(in[4]->values[c] + node->epsilon) * in[1]->values[c] +
                       in[2]->values[c];
    }
}

static void run_gemm(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *in[])
{
    const struct onnx_array *x = in[0], *w = in[1];
    assert_true(x->rank == 2 && w->rank == 2 && node->trans_b == 1 && x->shape[1] == w->shape[1]);
    struct onnx_array *y = add_array(model, node->output, 2, (size_t[4]){x->shape[0], w->shape[0]});
    for (size_t i = 0; i < y->count; i++) {
        size_t n = i / w->shape[0], k = i % w->shape[0];
        y->values[i] = in[2]->values[k];
        for (size_t c = 0; c < w->shape[1]; c++)
            y->values[i] += x->values[n * w->shape[1] + c] * w->values[k * w->shape[1] + c];
    }
}

/* Div and Sub, whose second input has one value or one for each of the last dimension. */
static void run_constant(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *in[])
{
    const struct onnx_array *x = in[0];
    size_t last = x->shape[x->rank - 1];
    int div = strcmp(node->type, "Div") == 0;
    assert_true(in[1]->rank == 1 && (in[1]->count == 1 || in[1]->count == last));
    struct onnx_array *y = add_array(model, node->output, x->rank, x->shape);
    for (size_t i = 0; i < x->count; i++) {
        double value = in[1]->values[in[1]->count == 1 ? 0 : i % last];
        y->values[i] = div ? x->values[i] / value : x->values[i] - value;
    }
}

static void run_transpose(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *x)
{
    size_t shape[4], step[4], next = 0;
    const size_t steps[4] = {x->shape[1] * x->shape[2] * x->shape[3], x->shape[2] * x->shape[3], x->shape[3], 1};
    assert_int_equal(x->rank, 4);
    for (size_t i = 0; i < 4; i++) {
        shape[i] = x->shape[node->perm[i]];
        step[i] = steps[node->perm[i]];
    }
    struct onnx_array *y = add_array(model, node->output, 4, shape);
    for (size_t a = 0; a < shape[0]; a++)
        for (size_t b = 0; b < shape[1]; b++)
            for (size_t c = 0; c < shape[2]; c++)
                for (size_t d = 0; d < shape[3]; d++)
                    y->values[next++] = x->values[a * step[0] + b * step[1] + c * step[2] + d * step[3]];
}

static void run_softmax(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *x)
{
    size_t classes = x->shape[1];
    assert_true(x->rank == 2 && node->axis == 1);
    struct onnx_array *y = add_array(model, node->output, 2, x->shape);
    for (size_t n = 0; n < x->shape[0]; n++) {
        double sum = 0;
        for (size_t k = 0; k < classes; k++)
            sum += exp(x->values[n * classes + k]);
        for (size_t k = 0; k < classes; k++)
            y->values[n * classes + k] = exp(x->values[n * classes + k]) / sum;
    }
}

static void run_simple(struct onnx_model *model, const struct onnx_node *node, const struct onnx_array *in[])
{
    const struct onnx_array *x = in[0];
    size_t pixels = x->rank == 4 ? x->shape[2] * x->shape[3] : 1;
    if (strcmp(node->type, "GlobalAveragePool") == 0) {
        struct onnx_array *y = add_array(model, node->output, 4, (size_t[4]){x->shape[0], x->shape[1], 1, 1});
        for (size_t i = 0; i < x->count; i++)
            y->values[i / pixels] += x->values[i] / (double)pixels;
    } else if (strcmp(node->type, "Flatten") == 0) {
        assert_int_equal(node->axis, 1);
        struct onnx_array *y = add_array(model, node->output, 2, (size_t[4]){x->shape[0], x->count / x->shape[0]});
        memcpy(y->values, x->values, x->count * sizeof *x->values);
    } else if (strcmp(node->type, "Cast") == 0) {
        struct onnx_array *y = add_array(model, node->output, x->rank, x->shape);
        memcpy(y->values, x->values, x->count * sizeof *x->values);
    } else {
        int add = strcmp(node->type, "Add") == 0;
        if (!add)
            assert_string_equal(node->type, "Relu");
        struct onnx_array *y = add_array(model, node->output, x->rank, x->shape);
        for (size_t i = 0; i < x->count; i++)
            y->values[i] = add ? x->values[i] + in[1]->values[i] : fmax(x->values[i], 0);
    }
}

static void run_node(struct onnx_model *model, const struct onnx_node *node)
{
    const struct onnx_array *in[ONNX_RUN_INPUTS] = {NULL};
    for (size_t i = 0; i < node->input_count; i++) {
        in[i] = onnx_model_array(model, node->inputs[i]);
        if (!in[i])
            fail_msg("%s is read before it is made", node->inputs[i]);
    }
    if (strcmp(node->type, "Conv") == 0)
        run_window(model, node, in[0], in[1], in[2]);
    else if (strcmp(node->type, "MaxPool") == 0)
        run_window(model, node, in[0], NULL, NULL);
    else if (strcmp(node->type, "BatchNormalization") == 0)
        run_batchnorm(model, node, in);
    else if (strcmp(node->type, "Gemm") == 0)
        run_gemm(model, node, in);
    else if (strcmp(node->type, "Div") == 0 || strcmp(node->type, "Sub") == 0)
        run_constant(model, node, in);
    else if (strcmp(node->type, "Transpose") == 0)
        run_transpose(model, node, in[0]);
    else if (strcmp(node->type, "Softmax") == 0)
        run_softmax(model, node, in[0]);
    else
        run_simple(model, node, in);
}

const struct onnx_array *onnx_model_run(struct onnx_model *model, const double *x, size_t n, size_t c, size_t h,
                                        size_t w)
{
    struct onnx_array *input = add_array(model, model->input, 4, (size_t[4]){n, c, h, w});
    memcpy(input->values, x, input->count * sizeof *x);
    for (size_t i = 0; i < model->nodes_count; i++)
        run_node(model, &model->nodes[i]);
    return onnx_model_array(model, model->output);
}
