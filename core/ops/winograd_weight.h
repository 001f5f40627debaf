/* The gradient of the weights by Winograd's method, for tiles of either size (winograd.h):
 *
 *   forward:  y = A^T [ U . V ] A                 summed over c
 *   weight:   dU[f] = D[f]^T V[f], D = A dy A^T   summed over tiles; dw = G^T dU G
 *
 * Groups of rows of tiles: transform dy and a, then add the group's products to dU, cut into squares of 32 outputs by
 * 32 inputs, [f][32][32] each. With one group a square is only needed until it is transformed back. */
#ifndef FREEZETUNE_WINOGRAD_WEIGHT_H
#define FREEZETUNE_WINOGRAD_WEIGHT_H

#include "core/ops/winograd_cut.h"

/* What a kernel has of its own. An operand takes the room of a float: one, or a pair of bfloat16. */
struct winograd_weight {
    const struct winograd_sizes *sizes;
    enum precision products;
    size_t together; /* images whose tiles come in one operand: 2 for pairs */
    /* v = B^T d B and d = A dy A^T of one row of tiles of image `image`, or of `together` from there on, the last of
     * which may be missing. OVERWRITES the row's tiles. */
    void (*transform)(float *v, struct winograd_steps v_steps, float *d, struct winograd_steps d_steps,
                      const struct conv_task *task, const void *dy, size_t image, struct winograd_row row);
    /* dg[9][i] = G^T u G: see struct winograd_lanes. */
    void (*back)(float *dg, size_t ld, const float *u, size_t frequency, size_t n);
};

/* As conv_kernel.backward_weight, and the floats of its scratch. */
void winograd_weight_run(float *dw, const struct winograd_weight *how, const struct conv_task *task, const void *dy,
                         struct pool *pool, float *scratch);
size_t winograd_weight_scratch(const struct winograd_weight *how, const struct conv_shape *shape, size_t images,
                               size_t threads);

#endif
