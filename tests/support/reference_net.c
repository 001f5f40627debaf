#include "tests/support/reference_net.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/batchnorm.h"
#include "tests/support/naive.h"

struct reference_net {
    const struct net *net;
    const struct freeze *freeze;
    size_t images;
    size_t *height, *width;   /* of each value */
    double **values, **grads; /* of each value [images,h,w,c] */
    double **params, **dparams, **running;
    double *scratch; /* as large as the largest value */
};

static double *doubles(size_t count)
{
    double *memory = calloc(count ? count : 1, sizeof *memory);
    assert(memory);
    return memory;
}

static size_t value_rows(const struct reference_net *reference, int value)
{
    return reference->images * reference->height[value] * reference->width[value];
}

static size_t value_count(const struct reference_net *reference, int value)
{
    return value_rows(reference, value) * reference->net->values[value].channels;
}

static struct conv_shape shape_of(const struct reference_net *reference, const struct op *op)
{
    struct conv_shape shape;
    bool fits = conv_shape_init(&shape, reference->height[op->in[0]], reference->width[op->in[0]],
                                reference->net->values[op->in[0]].channels, reference->net->values[op->out].channels,
                                op->kernel, op->stride, op->pad);
    assert(fits);
    (void)fits;
    return shape;
}

struct reference_net *reference_create(const struct net *net, const struct freeze *freeze, size_t images, size_t height,
                                       size_t width)
{
    struct reference_net *reference = calloc(1, sizeof *reference);
    assert(reference);
    *reference = (struct reference_net){.net = net, .freeze = freeze, .images = images};
    reference->height = calloc(net->values_count, sizeof(size_t));
    reference->width = calloc(net->values_count, sizeof(size_t));
    reference->values = calloc(net->values_count, sizeof(double *));
    reference->grads = calloc(net->values_count, sizeof(double *));
    reference->params = calloc(net->params_count, sizeof(double *));
    reference->dparams = calloc(net->params_count, sizeof(double *));
    reference->running = calloc(net->params_count, sizeof(double *));
    reference->height[net->input] = height;
    reference->width[net->input] = width;
    for (size_t i = 0; i < net->ops_count; i++) {
        const struct op *op = &net->ops[i];
        reference->height[op->out] = reference->height[op->in[0]];
        reference->width[op->out] = reference->width[op->in[0]];
        if (op->kind == OP_CONV || op->kind == OP_MAXPOOL) {
            struct conv_shape shape = shape_of(reference, op);
            reference->height[op->out] = shape.p;
            reference->width[op->out] = shape.q;
        } else if (op->kind == OP_AVGPOOL) {
            reference->height[op->out] = reference->width[op->out] = 1;
        }
    }
    size_t largest = 1;
    for (size_t v = 0; v < net->values_count; v++) {
        size_t count = value_count(reference, (int)v);
        reference->values[v] = doubles(count);
        reference->grads[v] = doubles(count);
        largest = count > largest ? count : largest;
    }
    for (size_t i = 0; i < net->params_count; i++) {
        reference->params[i] = doubles(net->params[i].count);
        reference->dparams[i] = doubles(net->params[i].count);
        reference->running[i] = doubles(net->params[i].count);
        largest = net->params[i].count > largest ? net->params[i].count : largest;
    }
    reference->scratch = doubles(largest);
    return reference;
}

void reference_destroy(struct reference_net *reference)
{
    if (!reference)
        return;
    for (size_t v = 0; v < reference->net->values_count; v++) {
        free(reference->values[v]);
        free(reference->grads[v]);
    }
    for (size_t i = 0; i < reference->net->params_count; i++) {
        free(reference->params[i]);
        free(reference->dparams[i]);
        free(reference->running[i]);
    }
    free(reference->height);
    free(reference->width);
    free(reference->values);
    free(reference->grads);
    free(reference->params);
    free(reference->dparams);
    free(reference->running);
    free(reference->scratch);
    free(reference);
}

static bool batch_statistics(const struct reference_net *reference, const struct op *op)
{
    return reference->freeze && freeze_bn_mode(reference->freeze, op->child) == BN_BATCH;
}

static void batchnorm_op(struct reference_net *reference, const struct op *op)
{
    size_t rows = value_rows(reference, op->out), channels = reference->net->values[op->out].channels;
    double **params = &reference->params[op->param], **running = &reference->running[op->param];
    const double *x = reference->values[op->in[0]];
    double *mean = doubles(channels), *var = doubles(channels);
    if (batch_statistics(reference, op)) {
        naive_moments(mean, var, x, rows, channels);
        for (size_t c = 0; c < channels; c++) {
            double unbiased = var[c] * (double)rows / (double)(rows - 1);
            running[2][c] = params[2][c] + BATCHNORM_MOMENTUM * (mean[c] - params[2][c]);
            running[3][c] = params[3][c] + BATCHNORM_MOMENTUM * (unbiased - params[3][c]);
        }
    } else {
        memcpy(mean, params[2], channels * sizeof *mean);
        memcpy(var, params[3], channels * sizeof *var);
        memcpy(running[2], params[2], channels * sizeof *mean);
        memcpy(running[3], params[3], channels * sizeof *var);
    }
    naive_batchnorm_forward(reference->values[op->out], x, params[0], params[1], mean, var, BATCHNORM_EPS, rows,
                            channels);
    free(mean);
    free(var);
}

static void forward_op(struct reference_net *reference, const struct op *op)
{
    const struct net *net = reference->net;
    const double *x = reference->values[op->in[0]];
    double *y = reference->values[op->out];
    struct conv_shape shape;
    switch (op->kind) {
    case OP_CONV:
        shape = shape_of(reference, op);
        naive_conv_forward(y, x, reference->params[op->param], &shape, reference->images);
        break;
    case OP_BATCHNORM:
        batchnorm_op(reference, op);
        break;
    case OP_RELU:
        naive_relu_forward(y, x, value_count(reference, op->out));
        break;
    case OP_MAXPOOL:
        shape = shape_of(reference, op);
        naive_maxpool_forward(y, x, &shape, reference->images);
        break;
    case OP_ADD:
        naive_add(y, x, reference->values[op->in[1]], value_count(reference, op->out));
        break;
    case OP_AVGPOOL:
        naive_avgpool_forward(y, x, reference->images, reference->height[op->in[0]] * reference->width[op->in[0]],
                              net->values[op->out].channels);
        break;
    case OP_LINEAR:
        naive_linear_forward(y, x, reference->params[op->param], reference->params[op->bias], reference->images,
                             net->values[op->in[0]].channels, net->values[op->out].channels);
        break;
    default:
        assert(0 && "an operator that the reference has");
    }
}

const double *reference_forward(struct reference_net *reference, const double *x)
{
    const struct net *net = reference->net;
    for (size_t i = 0; i < net->params_count; i++)
        for (size_t j = 0; j < net->params[i].count; j++)
            reference->params[i][j] = (double)net->params[i].data[j];
    memcpy(reference->values[net->input], x, value_count(reference, net->input) * sizeof *x);
    for (size_t i = 0; i < net->ops_count; i++)
        forward_op(reference, &net->ops[i]);
    return reference->values[net->output];
}

const double *reference_value(const struct reference_net *reference, int value, size_t *rows)
{
    *rows = reference->height[value] * reference->width[value];
    return reference->values[value];
}

static void add_to(double *to, const double *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] += from[i];
}

static void backward_op(struct reference_net *reference, const struct op *op)
{
    const struct net *net = reference->net;
    const double *x = reference->values[op->in[0]], *dy = reference->grads[op->out];
    double **params = &reference->params[op->param >= 0 ? op->param : 0];
    double **dparams = &reference->dparams[op->param >= 0 ? op->param : 0];
    double *dx = reference->scratch;
    size_t channels_in = net->values[op->in[0]].channels, channels = net->values[op->out].channels;
    size_t rows = value_rows(reference, op->out);
    struct conv_shape shape;
    switch (op->kind) {
    case OP_CONV:
        shape = shape_of(reference, op);
        naive_conv_backward_weight(dparams[0], dy, x, &shape, reference->images);
        naive_conv_backward_data(dx, dy, params[0], &shape, reference->images);
        break;
    case OP_BATCHNORM:
        if (batch_statistics(reference, op))
            naive_batchnorm_backward_train(dx, dparams[0], dparams[1], dy, x, params[0], BATCHNORM_EPS, rows, channels);
        else
            naive_batchnorm_backward_eval(dx, dparams[0], dparams[1], dy, x, params[0], params[2], params[3],
                                          BATCHNORM_EPS, rows, channels);
        break;
    case OP_RELU:
        naive_relu_backward(dx, dy, x, rows * channels);
        break;
    case OP_MAXPOOL:
        shape = shape_of(reference, op);
        naive_maxpool_backward(dx, dy, x, &shape, reference->images);
        break;
    case OP_ADD:
        memcpy(dx, dy, rows * channels * sizeof *dx);
        add_to(reference->grads[op->in[1]], dy, rows * channels);
        break;
    case OP_AVGPOOL:
        naive_avgpool_backward(dx, dy, reference->images, reference->height[op->in[0]] * reference->width[op->in[0]],
                               channels);
        break;
    case OP_LINEAR:
        naive_linear_backward(dx, dparams[0], dparams[op->bias - op->param], dy, x, params[0], reference->images,
                              channels_in, channels);
        break;
    default:
        assert(0 && "an operator that the reference has");
    }
    add_to(reference->grads[op->in[0]], dx, value_count(reference, op->in[0]));
}

void reference_backward(struct reference_net *reference, const double *dlogits)
{
    const struct net *net = reference->net;
    for (size_t v = 0; v < net->values_count; v++)
        memset(reference->grads[v], 0, value_count(reference, (int)v) * sizeof(double));
    memcpy(reference->grads[net->output], dlogits, value_count(reference, net->output) * sizeof *dlogits);
    for (size_t i = net->ops_count; i-- > 0;)
        backward_op(reference, &net->ops[i]);
}

const double *reference_gradient(const struct reference_net *reference, size_t param)
{
    return reference->dparams[param];
}

const double *reference_running(const struct reference_net *reference, size_t param)
{
    return reference->running[param];
}
