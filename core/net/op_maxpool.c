/* Max pooling as an operator of a network: torch.nn.MaxPool2d without dilation. */
#include "core/net/net_internal.h"
#include "core/net/op_info.h"
#include "core/ops/pooling.h"

int net_maxpool(struct net *net, int x, size_t kernel, size_t stride, size_t pad)
{
    struct op *op = net_op_new(net, OP_MAXPOOL, x, -1, net_channels(net, x));
    if (!op)
        return x;
    op->kernel = kernel;
    op->stride = stride;
    op->pad = pad;
    return op->out;
}

static bool shape(struct plan_step *planned, struct plan_tensor *out, const struct plan_tensor *in, const struct op *op,
                  enum conv_engine engine)
{
    (void)engine;
    if (!conv_shape_init(&planned->shape, in->h, in->w, in->channels, out->channels, op->kernel, op->stride, op->pad))
        return false;
    planned->shape.precision = in->precision;
    out->h = planned->shape.p;
    out->w = planned->shape.q;
    return true;
}

/* The place in its window that won, of each output. */
static size_t saved_bytes(const struct plan_tensor *in, const struct plan_tensor *out)
{
    (void)in;
    return out->values;
}

static void forward(const struct op_task *task)
{
    maxpool_forward(task->out, task->saved, &task->in, &task->planned->shape, task->images, task->pool);
}

static void forward_image(const struct op_task *task)
{
    maxpool_image(task->out, task->saved, &task->in, &task->planned->shape);
}

static void backward_data(void *dx, bool add, const void *dy, const struct op_task *task)
{
    maxpool_backward(dx, add, dy, task->saved, &task->planned->shape, task->images, task->pool);
}

const struct op_info op_maxpool = {.name = "maxpool",
                                   .onnx = "MaxPool",
                                   .window = true,
                                   .shape = shape,
                                   .saved_bytes = saved_bytes,
                                   .forward = forward,
                                   .forward_image = forward_image,
                                   .backward_data = backward_data};
