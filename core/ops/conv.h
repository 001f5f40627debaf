/* Convolution, NHWC, and with it the linear layer (a 1x1 convolution of a 1x1 map).
 *
 *   y[N,P,Q,K] = conv(input(x[N,H,W,C]), w[K,R,S,C]),  pad per side, as torch.nn.Conv2d without groups and dilation
 *
 * Rows: all of a batch's output pixels in one line, m = (n*P + p)*Q + q, M = N*P*Q of them, so y is [M,K].
 *
 * What surrounds the product is done while a tile of it is in the cache:
 *   input     how the input is made from what is stored: a = relu?(x * scale + shift), BatchNorm applied at the load
 *   epilogue  what happens to a fresh tile of y: folded BatchNorm or bias, residual, ReLU; or the sums of BatchNorm
 *   tail      backward: what happens to a fresh tile of da: the ReLU's mask and the backward sums of BatchNorm
 *
 * Maps (x, y, residual, z, their gradients) are stored in the shape's precision; products are summed in float32 and
 * rounded once, after all that surrounds them. Weights, their gradients and everything per channel are float.
 *
 * A kernel cuts the work into tiles whose number and size depend on the shape and the batch alone, never on threads;
 * each tile writes to places of its own. conv_kernels[] is the table of kernels; conv_kernel_choose picks one.
 */
#ifndef FREEZETUNE_CONV_H
#define FREEZETUNE_CONV_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/threads.h"
#include "core/ops/panel.h"
#include "core/ops/precision.h"

/* Who makes the products (--conv). */
enum conv_engine {
    CONV_FAST,  /* our kernels, and Winograd's method, which multiplies less than the definition does */
    CONV_EXACT, /* our kernels, with the definition's multiplications */
    CONV_IM2COL /* im2col in tiles, or a map's own rows for 1x1, and BLAS's sgemm: all three products of every shape */
};
extern const char *const conv_engine_names[]; /* "fast" and so on, NULL at the end */

struct conv_shape {
    size_t h, w, c; /* input map */
    size_t r, s;    /* kernel */
    size_t stride, pad;
    size_t p, q, k; /* output map: p = (h + 2*pad - r) / stride + 1 */
    enum precision precision;
};

/* Fills p and q; float32. false when the padded input is smaller than the kernel. */
bool conv_shape_init(struct conv_shape *out, size_t h, size_t w, size_t c, size_t k, size_t kernel, size_t stride,
                     size_t pad);

/* a = relu?(x * scale + shift). scale and shift NULL together: x as it is stored. */
struct conv_input {
    const void *x;
    const float *scale, *shift;
    bool relu;
};

/* y = relu?(y * scale + shift + residual); sums gathers moments of y before all that (then the rest must be unset). */
struct epilogue {
    const float *scale, *shift; /* [K], NULL: 1 and 0 */
    const void *residual;       /* [M,K] or NULL */
    bool relu;
    double *sums; /* NULL, or [tiles][2][K]: per tile, sum and sum of squares. OVERWRITTEN. */
};

/* da *= mask of (z * scale + shift) when relu; sums gathers sum(da) and sum(da * (z - mean)) after that. */
struct tail {
    enum precision precision;   /* of da and z */
    const void *z;              /* [N*H*W, C], NULL: nothing to do */
    const float *scale, *shift; /* [C] */
    const float *mean;          /* [C], NULL: no sums */
    bool relu;
    double *sums; /* [tail_tiles][2][C]. OVERWRITTEN. */
};

struct conv_kernel;

/* One convolution, ready to run over `images` images. */
struct conv_task {
    const struct conv_kernel *kernel;
    struct conv_shape shape;
    size_t images;
    struct conv_input in;
    const float *w;        /* [K,R,S,C] */
    const float *prepared; /* for forward: weights as kernel->prepare made them; NULL where that is allowed */
    void *y;
    struct epilogue epilogue;
};

struct conv_kernel {
    const char *name;
    bool exact; /* multiplies as the definition does: allowed under --conv exact */
    bool wide;  /* faster than BLAS with vectors of AVX2 or wider alone: not chosen without them */
    bool pairs; /* rounds to bfloat16 what it has transformed: faster by AVX512_BF16 alone, not chosen without it */
    /* A row of y has the same bytes whatever rows are made with it. Not so where BLAS makes them: what it does with the
     * last rows of a product depends on how many there are. */
    bool rows_alone;
    /* Whether BLAS makes its products, forward or backward: blas_open comes before them. NULL: never. */
    bool (*blas)(const struct conv_shape *shape, bool backward);
    bool over_residual; /* y may lie where the epilogue's residual does: each value of that is read before it is lost */
    bool (*fits)(const struct conv_shape *shape);
    /* Floating-point operations that its products really make for one image, forward; the data and the weight gradient
     * make as many. NULL: as many as the definition. */
    double (*work)(const struct conv_shape *shape);

    /* Forward. tiles: items of work, each some rows of y with all their channels. scratch: floats for one thread.
     * prepared_size: floats that prepare makes of the weights, 0 for none. prepare_optional: forward takes NULL as
     * well, and gives the same bytes: preparing pays for weights that stay, not for those that change at every step. */
    size_t (*tiles)(const struct conv_shape *shape, size_t images);
    size_t (*scratch)(const struct conv_shape *shape);
    size_t (*prepared_size)(const struct conv_shape *shape);
    bool prepare_optional;
    void (*prepare)(float *prepared, const float *w, const struct conv_shape *shape, struct pool *pool);
    void (*forward)(const struct conv_task *task, size_t tile, float *scratch);

    /* Backward, over the whole batch. `scratch` holds backward_scratch(shape, images, threads) floats.
     *   forward:  y[M,K] = a[M,RSC] w[K,RSC]^T
     *   data:     da = dy w, gathered over the windows   OVERWRITES da[N,H,W,C], or ADDS to it when `add`
     *   weight:   dw = dy^T a                            OVERWRITES dw[K,R,S,C]
     * `tail` is applied to da (never together with `add`). */
    size_t (*backward_scratch)(const struct conv_shape *shape, size_t images, size_t threads);
    size_t (*tail_tiles)(const struct conv_shape *shape, size_t images);
    void (*backward_data)(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                          struct pool *pool, float *scratch);
    void (*backward_weight)(float *dw, const struct conv_task *task, const void *dy, struct pool *pool, float *scratch);
};

/* The kernel of an engine for a shape. There always is one, but for CONV_IM2COL in bfloat16, which BLAS does not
 * multiply: NULL. */
const struct conv_kernel *conv_kernel_choose(const struct conv_shape *shape, enum conv_engine engine);
/* All kernels, NULL at the end. */
extern const struct conv_kernel *const conv_kernels[];

/* The whole batch over the pool; `scratch` holds kernel->scratch(shape) floats for each thread. */
void conv_forward(const struct conv_task *task, struct pool *pool, float *scratch);
/* The same, each image as if it were the only one: its bytes do not depend on the others. Without sums. */
void conv_forward_apart(const struct conv_task *task, struct pool *pool, float *scratch);

/* For kernels: the epilogue of rows m..m+rows of task->y, of tile `tile`, unless their products did it. The first call
 * for a tile must say `first`: its sums start at zero. */
void epilogue_apply(const struct conv_task *task, size_t m, size_t rows, size_t tile, bool first);
/* The same for kernels whose products do it while they are stored: *finish is what they do to rows from m on and
 * channels from `channel` on, and is returned, or NULL for nothing. Sums are not among it: they stay with
 * epilogue_apply. */
const struct panel_finish *epilogue_finish(struct panel_finish *finish, const struct conv_task *task, size_t m,
                                           size_t channel);
/* The tail of rows m..m+rows of da [N*H*W, C], of tail tile `tile`. */
void tail_apply(const struct tail *tail, void *da, size_t m, size_t rows, size_t channels, size_t tile, bool first);

#endif
