/* Mixup and cutmix: the photos of a batch mixed with each other, as torchvision.transforms.v2.MixUp and CutMix do it,
 * on normalised values, after everything that is done to a photo alone. The last of that, RandomErasing's holes of
 * zeros, is done here too. Photo i is mixed with photo i - 1, the first one with the last, all with one lambda, drawn
 * from Beta(alpha, alpha) for every batch.
 *
 *   mixup   x[i] = lambda * x[i] + (1 - lambda) * x[i-1]    (Zhang et al., "mixup: Beyond Empirical Risk Minimization")
 *   cutmix  a box of x[i] is that of x[i-1]; lambda becomes the share of the pixels outside of the box
 *           (Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features")
 *   both    one of them for each batch, with equal chance, as RandomChoice in torchvision's reference recipe
 *
 * The label of i is then lambda times its own and 1 - lambda times that of i - 1: loss.h, struct targets.
 *
 * All that is random comes from rng_stream(seed, RNG_MIX, epoch, step of the epoch).
 */
#ifndef FREEZETUNE_MIX_H
#define FREEZETUNE_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/rng.h"
#include "core/base/threads.h"
#include "core/data/box.h"

enum mix_kind { MIX_NONE, MIX_UP, MIX_CUT };

/* What is done to one batch. */
struct mix {
    enum mix_kind kind;
    double share;                    /* lambda, after cutmix's correction: of a photo's own label */
    size_t left, top, right, bottom; /* cutmix: columns left..right-1 and rows top..bottom-1 are the neighbour's */
};

/* alpha of either, 0 for none; MIX_NONE when both are. */
struct mix mix_draw(double mixup, double cutmix, size_t height, size_t width, struct rng rng);

/* The box and the share that cutmix makes of lambda and of a box's middle, drawn from 0..width-1 and 0..height-1. */
struct mix mix_cut(double lambda, size_t x, size_t y, size_t height, size_t width);

/* The photos of a batch as they come from the loader, and how their bytes become numbers. */
struct mix_photos {
    const uint8_t *pixels; /* [count,height,width,3] */
    size_t count, height, width;
    const float *table;      /* [3][256], see normalise_table */
    const struct box *holes; /* [count] where a photo is 0, height 0: nowhere; or NULL: no photo has one */
};

/* x[count,height,width,3] = photos from..from+count-1 of the batch, normalised, with their holes, and mixed.
 * OVERWRITES. Products and their sum are rounded one by one, as torchvision's. */
void mix_images(float *x, const struct mix *mix, const struct mix_photos *photos, size_t from, size_t count,
                struct pool *pool);

/* out[i] = labels[i-1], the first one the last. OVERWRITES out[count], which is another array. */
void mix_labels(int32_t *out, const int32_t *labels, size_t count);

#endif
