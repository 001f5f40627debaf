/* Whether the network fits these photos: compares the inputs of its BatchNorm layers (bn_moments.h) with the running
 * statistics that were estimated in training. All figures are in log2 of a variance: s(layer) is the median over the
 * channels of a layer of log2((var + eps) / (running_var + eps)).
 *
 * Photos that are unlike those of the training (scans, X-rays, pictures of the night) move s by as much as a wrong
 * network does, 4 and more, so that s alone says nothing. Four differences of it do:
 *
 *   input   s(bn1) - log2 of the photos' contrast beside that of natural photos: conv1 sees edges, and so there is as
 *           much of it in its output as in the pixels, unless these are scaled otherwise than in training
 *   stem    s(layer1.0.bn1) - s(bn1): what lies between the two is the pooling of the stem
 *   blocks  s(bn3) - s(bn1) in the bottleneck blocks that halve the image, the first of layer2 and layer3, less the
 *           mean of s(bn2) - s(bn1) in the other blocks, whose bn3 adds the residual: it moves where the stride is in
 *           another convolution, or where the image is blurred before it
 *   last    s(bn3) - s(bn1) in the first block of layer4: the effect of another activation adds up until there
 *
 * The limits lie between the figures that were measured with the right network on 20 kinds of photos and those with
 * other networks: docs/benchmarks/running-statistics.md. BGR order, dilation and padding are not seen: they leave
 * variances as they are.
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

/* *out from moments that were taken with pixels. The first of the four figures beyond its limits is the finding: those
 * behind it follow from it. ERR_SYSTEM without memory. */
MUST_CHECK enum status bn_check(struct bn_check *out, const struct bn_moments *moments, struct error *err);

#endif
