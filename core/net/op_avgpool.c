/* Global average pooling as an operator of a network: torch.nn.AdaptiveAvgPool2d(1). */
#include "core/net/net_internal.h"
#include "core/net/op_info.h"
#include "core/ops/pooling.h"

int net_avgpool(struct net *net, int x)
{
    return net_op_simple(net, OP_AVGPOOL, x);
}

static bool shape(struct plan_step *planned, struct plan_tensor *out, const struct plan_tensor *in, const struct op *op,
                  enum conv_engine engine)
{
    (void)planned;
    (void)in;
    (void)op;
    (void)engine;
    out->h = out->w = 1;
    return true;
}

static struct avgpool_shape shape_of(const struct op_task *task)
{
    return (struct avgpool_shape){.pixels = task->from->h * task->from->w,
                                  .c = task->from->channels,
                                  .in = task->from->precision,
                                  .out = task->to->precision};
}

static void forward(const struct op_task *task)
{
    struct avgpool_shape pooling = shape_of(task);
    avgpool_forward(task->out, &task->in, &pooling, task->images, task->pool);
}

static void forward_image(const struct op_task *task)
{
    struct avgpool_shape pooling = shape_of(task);
    avgpool_image(task->out, &task->in, &pooling);
}

static void backward_data(void *dx, bool add, const void *dy, const struct op_task *task)
{
    struct avgpool_shape pooling = shape_of(task);
    avgpool_backward(dx, add, dy, &pooling, task->images, task->pool);
}

const struct op_info op_avgpool = {.name = "avgpool",
                                   .onnx = "GlobalAveragePool",
                                   .shape = shape,
                                   .forward = forward,
                                   .forward_image = forward_image,
                                   .backward_data = backward_data};
