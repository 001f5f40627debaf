/* Mean and variance of each channel of the inputs of BatchNorm layers, over some photos, to be compared with the
 * running statistics that were estimated in training. On photos like those of the training both agree; where pixels are
 * scaled otherwise, or the weights belong to a network of other strides or activations, they do not, although every
 * tensor fits.
 *
 * A run with moments (exec_set_moments) takes them on its way through its folded steps. The result of the pass keeps
 * its bits. A BatchNorm whose step adds the residual is left out: its output is never alone in memory.
 *
 *   moments  [photos][2][channels of all layers]   sum and sum of squares of the layer's output of each photo
 *
 * The output z * scale + shift is what is stored; mean and variance of z follow from its sums.
 */
#ifndef FREEZETUNE_BN_MOMENTS_H
#define FREEZETUNE_BN_MOMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/net/plan.h"

struct bn_moments;

/* Takes the first `most` photos (at least 1). The plan must outlive it. ERR_SYSTEM without memory. Owned by the caller
 * (bn_moments_destroy). */
MUST_CHECK enum status bn_moments_create(struct bn_moments **out, const struct plan *plan, size_t most,
                                         struct error *err);
void bn_moments_destroy(struct bn_moments *moments);

/* Photos taken so far. When there are `most`, it is full, and a run does no more work for it. */
size_t bn_moments_photos(const struct bn_moments *moments);
bool bn_moments_full(const struct bn_moments *moments);

/* ---- for the run ------------------------------------------------------------------------------------------------- */
/* A pass over `images` images begins, of pixels[images,H,W,3] unless that is NULL. */
void bn_moments_begin(struct bn_moments *moments, const uint8_t *pixels, size_t images);
/* Whether moments of the output of step `index` are taken of some images of this pass. */
bool bn_moments_wants(const struct bn_moments *moments, size_t index);
/* The output y[rows, channels] of step `index`, of image `image` of the pass, with neither residual nor ReLU. Does
 * nothing for an image that is not to be taken. Calls for different images may run at the same time. */
void bn_moments_add(struct bn_moments *moments, size_t index, size_t image, const void *y, size_t rows);

/* ---- answers ----------------------------------------------------------------------------------------------------- */
/* The mean square of the difference between pixels three apart, in units of ImageNet's standard deviation: how strong
 * the edges are that a first convolution responds to, whatever scale the photos are prepared to. 0 without pixels. */
double bn_moments_contrast(const struct bn_moments *moments);
/* The layers that are watched, in the order of the network. */
size_t bn_moments_layers(const struct bn_moments *moments);
const struct program_bn *bn_moments_layer(const struct bn_moments *moments, size_t layer); /* borrowed from the plan */
const struct net *bn_moments_net(const struct bn_moments *moments);
/* mean[C] and var[C] (biased) of the input of a layer, over all photos taken. OVERWRITES. A channel whose weight is 0
 * says nothing of its input: NaN. */
void bn_moments_get(double *mean, double *var, const struct bn_moments *moments, size_t layer);

#endif
