/* A block of tiles by Winograd's method, forward or the gradient of the input, for tiles of either size (winograd.h):
 *
 *   out = A^T [ U . V ] A,   V = B^T in B
 *
 * One panel of 32 outputs at a time: its products, then its transformation back while both are in the second cache. So
 * a block may be small, and a batch of 7x7 maps still gives many threads work. */
#ifndef FREEZETUNE_WINOGRAD_BLOCK_H
#define FREEZETUNE_WINOGRAD_BLOCK_H

#include "core/ops/winograd_cut.h"

/* What a kernel has of its own. */
struct winograd_block {
    const struct winograd_sizes *sizes;
    enum precision maps, operands; /* how in and out, and V, are stored */
    size_t scratch;                /* floats that `products` takes */
    /* See struct winograd_lanes. */
    void (*input)(void *v, struct winograd_steps steps, const struct conv_input *in, struct winograd_map map,
                  struct winograd_row row);
    void (*output)(void *y, const float *m, size_t frequency, struct winograd_map map, struct winograd_row row,
                   size_t c, size_t n, bool add, const struct panel_finish *finish);
    /* m = U V for outputs 32*panel.. of all tiles of the layout, as float32; v has `channels` of them. */
    void (*products)(float *m, const void *v, const struct winograd_layout *layout, size_t channels, size_t panel,
                     const void *weights, float *scratch);
};

/* Floats of scratch of one thread. */
size_t winograd_block_scratch(const struct winograd_block *how, const struct conv_shape *shape);

/* conv_kernel.forward with block number `tile`; `weights` goes to `products`. */
void winograd_block_forward(const struct winograd_block *how, const struct conv_task *task, size_t tile,
                            const void *weights, float *scratch);

/* conv_kernel.backward_data; scratch is that of all threads. The weights are turned ones:
 *
 *   forward:  y[p,q,k] = sum a[p+r-1, q+s-1, c] w[k,r,s,c]
 *   data:     da[h,w,c] = sum dy[h+r-1, w+s-1, k] w[k,2-r,2-s,c] */
void winograd_block_data(const struct winograd_block *how, void *da, bool add, const struct conv_task *task,
                         const void *dy, const struct tail *tail, const void *weights, struct pool *pool,
                         float *scratch);

#endif
