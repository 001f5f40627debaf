/* Fusion: from a network's operators to a program, whose steps are fused operators.
 *
 * A fused operator is a product or a pooling with all that surrounds it. What it reads is an operand: a stored tensor,
 * and what is still to be done to it at the load (BatchNorm, ReLU). So an activation between a convolution and the next
 * one is stored once, before BatchNorm, and never again after it.
 *
 *   folded  (before freeze_cut, or the whole network for inference)
 *           BatchNorm's running statistics become a scale and a shift of the step that feeds it; addition and ReLU join
 *           the same step. Operands are plain.
 *   lazy    (the trained suffix, or whatever uses batch statistics)
 *           BatchNorm and ReLU wait in the operand of the reader; an addition is a step of its own (merge), with
 *           its ReLU.
 */
#ifndef FREEZETUNE_FUSE_H
#define FREEZETUNE_FUSE_H

#include "core/net/freeze.h"
#include "core/net/net.h"

struct operand {
    int tensor; /* -1: none */
    int bn;     /* lazy BatchNorm of this tensor, an index into program.bns, or -1 */
    bool relu;
};

struct fused_op {
    enum op_kind kind; /* how it runs: OP_CONV of a linear layer too, OP_ADD of every merge */
    int op;            /* its main operator (the addition of a merge) */
    int child;         /* that operator's */
    bool folded;
    struct operand in, residual; /* merge: relu(in + residual); folded convolution: residual added to the output */
    int out;                     /* tensor */
    int bn;                      /* BatchNorm of the output, or -1: folded into the step, or lazy (statistics) */
    bool relu;                   /* applied by the step itself */
};

struct program_bn {
    int param; /* index of its weight; bias, mean, variance and count follow */
    int child;
    size_t channels;
    enum bn_mode mode;
    bool folded;
};

struct program {
    const struct net *net;
    size_t steps_count, tensors_count, bns_count;
    struct fused_op *steps;
    size_t *tensor_channels; /* tensor 0 is the network's input */
    struct program_bn *bns;
    size_t folded_steps;  /* these come first */
    size_t backward_from; /* the first step with something to train in it; steps_count for none */
};

/* `freeze` NULL: inference, everything folded. ERR_PROMISE for a list of operators that no rule covers. Owned by the
 * caller (program_destroy); `net` must outlive it. */
MUST_CHECK enum status program_create(struct program **out, const struct net *net, const struct freeze *freeze,
                                      struct error *err);
void program_destroy(struct program *program);

#endif
