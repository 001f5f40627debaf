/* What the rest of core/net has to know of an operator, and the table of all of them.
 *
 * A new operator is a file with its row, a line in OP_TABLE, its kind and its builder's declaration in net.h
 * (docs/howto-operator.md). Its row says how fusion's steps (fuse.h) are planned and run. An operator without
 * forward_image is never a step by itself: BatchNorm and ReLU wait in an operand or are folded into a convolution.
 *
 * A row with forward_image and backward_data alone is enough for whatever reads one tensor and writes another: the
 * operand's BatchNorm and ReLU, their gradients, threads and memory are the caller's. Convolution and addition, which
 * take part in all of that, have forward and backward besides.
 */
#ifndef FREEZETUNE_OP_INFO_H
#define FREEZETUNE_OP_INFO_H

#include "core/net/plan.h"

struct backward;
struct plan_needs;
struct exec;

/* A step at work: forward over the whole batch, or depth-first over one image, or backward over the batch. All memory
 * is borrowed. */
struct op_task {
    const struct exec *exec;
    size_t index; /* of the step */
    const struct plan_step *planned;
    const struct plan_tensor *from, *to; /* h, w, channels of one image: of the input, of the output */
    struct conv_input in, residual;      /* [images,from->h,from->w,from->channels]; residual.x is NULL without one */
    void *out;                           /* [images,to->h,to->w,to->channels] */
    void *saved;          /* saved_bytes(from, to) for each image, from forward to backward; NULL: no backward comes */
    size_t images, image; /* how many, and the number of the first in the batch */
    float *tiles;         /* scratch, as needs asked for it */
    struct pool *pool;    /* NULL for one image: its caller is a thread of it */
};

struct op_info {
    const char *name; /* "maxpool": names nodes of ONNX that have no parameter, maxpool_1 and so on */
    const char *onnx; /* its op_type in ONNX */
    bool window;      /* it has op.kernel, stride and pad: attributes of its ONNX node */

    /* Only operators that are steps have the rest. NULL where it says so. */

    /* Fills out->h and w, and planned->shape if it has a use for that; false: the input is too small. NULL: the output
     * has the input's height and width. */
    bool (*shape)(struct plan_step *planned, struct plan_tensor *out, const struct plan_tensor *in, const struct op *op,
                  enum conv_engine engine);
    /* Bytes that forward keeps of one image for backward, beside input and output, which are there. NULL: none. */
    size_t (*saved_bytes)(const struct plan_tensor *in, const struct plan_tensor *out);
    /* What it needs of scratch and state. NULL: nothing. */
    void (*needs)(struct plan *plan, size_t index, struct plan_needs *needs);

    /* OVERWRITES out. forward NULL: forward_image for each image, over the pool. */
    void (*forward)(const struct op_task *task);
    void (*forward_image)(const struct op_task *task);

    /* One of the two. backward_data: the gradient dx of what `in` reads, after its BatchNorm and ReLU, given dy of out;
     * OVERWRITES dx, or ADDS to it when `add`. Parameters would get none. backward and backward_end: all of it in two
     * parts, between which the sums of the operands' BatchNorm become complete, see exec_internal.h. */
    void (*backward_data)(void *dx, bool add, const void *dy, const struct op_task *task);
    void (*backward)(const struct backward *back, size_t index);
    void (*backward_end)(const struct backward *back, size_t index);
};

/* The table: the kind in net.h and the row. */
/* clang-format off */
#define OP_TABLE(line)                \
    line(OP_CONV, op_conv)            \
    line(OP_BATCHNORM, op_batchnorm)  \
    line(OP_RELU, op_relu)            \
    line(OP_MAXPOOL, op_maxpool)      \
    line(OP_ADD, op_add)              \
    line(OP_AVGPOOL, op_avgpool)      \
    line(OP_LINEAR, op_linear)
/* clang-format on */

#define OP_DECLARATION(kind, row) extern const struct op_info row;
OP_TABLE(OP_DECLARATION)

const struct op_info *op_info_of(enum op_kind kind);

#endif
