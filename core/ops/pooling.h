/* Max pooling (square window) and global average pooling, NHWC. */
#ifndef FREEZETUNE_POOLING_H
#define FREEZETUNE_POOLING_H

#include <stdint.h>

#include "core/base/threads.h"
#include "core/ops/conv.h"

/* Maps have the precision of the shape.
 * y[N,P,Q,C] = the largest of each window of input(x[N,H,W,C]); `shape` as for a convolution with k = c. `where`
 * [N,P,Q,C], if not NULL, remembers which place r*S+s of its window won (the first of equals, as PyTorch; NaN wins).
 * OVERWRITES. */
void maxpool_forward(void *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape,
                     size_t images, struct pool *pool);
/* dx = dy put where it came from. OVERWRITES dx[N,H,W,C], or ADDS to it when `add`. */
void maxpool_backward(void *dx, bool add, const void *dy, const uint8_t *where, const struct conv_shape *shape,
                      size_t images, struct pool *pool);
/* One image, for callers that thread above it. */
void maxpool_image(void *y, uint8_t *where, const struct conv_input *in, const struct conv_shape *shape);

struct avgpool_shape {
    size_t pixels, c;
    enum precision in, out; /* of x and dx, of y and dy */
};

/* y[N,C] = mean over the pixels of input(x[N,pixels,C]), summed in double. OVERWRITES. */
void avgpool_forward(void *y, const struct conv_input *in, const struct avgpool_shape *shape, size_t images,
                     struct pool *pool);
/* dx[n,pixel,c] = dy[n,c] / pixels. OVERWRITES, or ADDS when `add`. */
void avgpool_backward(void *dx, bool add, const void *dy, const struct avgpool_shape *shape, size_t images,
                      struct pool *pool);
/* One image. */
void avgpool_image(void *y, const struct conv_input *in, const struct avgpool_shape *shape);

#endif
