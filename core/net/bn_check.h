/* Whether the network knows these photos: what its BatchNorm layers see (bn_moments.h) beside the running statistics
 * that were estimated in training. All figures are in log2 of a variance, the median over the channels of a layer of
 * log2((var + eps) / (running_var + eps)), called s(layer).
 *
 * Photos that are unlike those of the training (scans, X-rays, pictures of the night) move s by as much as a wrong
 * network does, 4 and more, so that s alone says nothing. Four differences of it do:
 *
 *   input   s(bn1) - log2 of the photos' contrast beside that of natural photos: conv1 sees edges, and so there is as
 *           much of it in its output as in the pixels, unless these are scaled otherwise than in training
 *   stem    s(layer1.0.bn1) - s(bn1): what lies between the two is the pooling of the stem
 *   blocks  where a bottleneck block of layers 2 and 3 halves the image, s behind its 3x3 convolution - s before it,
 * less the same of the blocks that do not: another place of the stride or a blur before it moves this last    the same
 * difference in the first block of layer4 alone: another activation adds up until there
 *
 * The limits lie between what was measured on photos of 20 kinds and with networks of other kinds: docs/NOTES.md. They
 * do not see BGR order, dilation or padding: those leave variances as they are.
 */
#ifndef FREEZETUNE_BN_CHECK_H
#define FREEZETUNE_BN_CHECK_H

#include "core/net/bn_moments.h"

enum { BN_CHECK_LEAST = 16, BN_CHECK_MOST = 32 }; /* photos */

enum bn_finding {
    BN_UNKNOWN, /* too few photos, statistics that were never estimated, a network without the layers above */
    BN_AGREES,
    BN_INPUT,  /* the pixels are scaled otherwise */
    BN_STEM,   /* another pooling in the stem */
    BN_BLOCKS, /* other strides or blur pooling in the blocks */
    BN_ACTIVATIONS
};

struct bn_check {
    enum bn_finding finding;
    size_t photos;
    double input, stem;
    double blocks, last; /* 0 for basic blocks, where they are not measured */
};

/* From moments that were taken with pixels. The first of the four that is off is the finding: what comes behind
 * follows from it. ERR_SYSTEM without memory. */
MUST_CHECK enum status bn_check(struct bn_check *out, const struct bn_moments *moments, struct error *err);

#endif
