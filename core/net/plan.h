/* The plan: every shape, every buffer's place and lifetime, the kernels, the memory and the work, all known before the
 * first image. Made once from (network, batch, image size, freeze); running it (exec.h) allocates nothing.
 *
 *   arena   | tensors of the suffix, kept until backward has used them      placed by lifetime:
 *           | sums that backward makes again from what is kept              what is never alive at the same time
 *           | gradients of tensors, alive from their reader to their maker  shares its place
 *           | tensors of folded steps that run over the whole batch
 *   scratch | the largest step's: tiles and partial sums of each thread, or
 *           | the buffers in which each thread carries one image depth-first through the first folded steps
 *   state   | BatchNorm's coefficients, folded weights: small, kept from step to step
 *
 * The features of an image are what crosses the cut: the one tensor that the steps before it make and the others read.
 * Those steps are folded and no step after them changes their weights, so features can be kept and put in again
 * (exec_forward_features). They have the same bytes in any batch, at any place in it, in every plan that has this cut.
 */
#ifndef FREEZETUNE_PLAN_H
#define FREEZETUNE_PLAN_H

#include "core/net/freeze.h"
#include "core/net/fuse.h"
#include "core/net/net.h"
#include "core/ops/conv.h"

enum { PLAN_ROWS = 256 }; /* rows of a tile where a step is not a product */

struct plan_options {
    enum precision precision; /* of the maps up to the last average pooling; what comes after it is float32 */
    bool train;               /* false: forward only, everything folded; `freeze` is then ignored */
    /* Forward only, for weights that stay: they are prepared once instead of at each pass, which pays with few images
     * in many passes, or where prepared_pays. It takes as much memory as the weights that are prepared. No bit
     * differs. */
    bool keep_prepared;
    size_t batch; /* the most images of a pass */
    size_t height, width;
    struct freeze freeze;
    enum conv_engine conv; /* which kernels may be chosen */
    size_t threads;
    /* Operators before a cut, as freeze_cut counts them; 0: none. A training plan has the cut of its own freeze point,
     * whatever is said here. */
    size_t cut;  /* whose features are to be had for the whole batch */
    size_t from; /* a shallower one, from whose features those of `cut` can be made (exec_advance) */
};

/* A part of the arena, of scratch, of a thread's part of scratch or of the state: all in floats. The plan alone knows
 * where a part lies; who runs it adds `at` to the memory's address and computes no place of its own. */
struct plan_region {
    size_t at, floats;
};

/* Where an operator boundary lies among the steps. */
struct plan_cut {
    size_t steps;             /* before it; 0: there is no such cut */
    int tensor;               /* that crosses it */
    size_t values;            /* of one image's features */
    enum precision precision; /* and how they are stored */
};

/* A tensor is [images, h, w, channels]. Offsets are in floats into the arena. */
struct plan_tensor {
    size_t h, w, channels, values; /* values of one image */
    enum precision precision;      /* of the tensor and of its gradient */
    size_t offset;                 /* in the arena, or in a thread's buffer when depth_first */
    bool depth_first;
    int place_of; /* the residual of its maker, whose place it takes over, or -1 */
    bool remade;  /* a merge's sum: dropped after its last reader, recomputed when backward reaches that reader */
    size_t remade_offset; /* where backward finds it */
    bool has_gradient;
    size_t gradient;           /* offset */
    int gradient_of;           /* the tensor whose gradient's place this one takes over, or -1 */
    size_t maker, last_reader; /* the step that makes it (0 of the input), the last that reads it */
};

struct plan_step {
    struct conv_shape shape;          /* of what has a window */
    const struct conv_kernel *kernel; /* of a convolution, else NULL */
    struct plan_region prepared; /* of the state: weights prepared once. No floats: prepared for each pass, if at all */
    struct plan_region saved; /* of the arena, when backward comes: what forward keeps for it, saved_bytes an image */
    size_t saved_bytes;
    double flops; /* of one image, forward, counted as direct convolution */
    double work;  /* the same as its kernel makes them: fewer with Winograd */
};

/* What a BatchNorm keeps in the state, each of `channels` floats: see struct batchnorm. */
struct plan_bn {
    struct plan_region mean, inverse, scale, shift, a, b, c;
};

/* Scratch is used in one of two ways at a time: these parts for steps over the whole batch, or, depth-first, a part of
 * plan_thread.stride floats for each thread. */
struct plan_scratch {
    struct plan_region sums, residual_sums; /* doubles: BatchNorm's partial sums; the latter is the second half of the
                                               former, for a merge's second operand */
    struct plan_region gradient;            /* of one parameter */
    struct plan_region tiles;               /* of every thread, in forward behind the step's prepared weights; the
                                               gradient of a bias, when no tile is */
};

struct plan_thread {
    size_t stride;
    struct plan_region buffer, tiles; /* of one thread's part: the tensors of one image, tiles */
};

struct plan {
    struct plan_options options;
    const struct net *net;
    struct program *program;
    struct plan_tensor *tensors;
    struct plan_step *steps;
    struct plan_bn *bns; /* as program.bns */

    struct plan_cut cut, from;

    size_t depth_first_steps; /* the first steps, run one image per thread */

    size_t arena_floats, scratch_floats, state_floats;
    struct plan_scratch scratch;
    struct plan_thread thread;

    /* Operations of one image, counted as direct convolution: folded forward, the rest of forward, backward; and the
     * part of the first up to the cut. */
    double flops_prefix, flops_suffix, flops_backward, flops_features;
    double work; /* the first three, as the kernels make them */
};

/* Whether keep_prepared pays with any number of images: where products are so fast that preparing weights is a good
 * part of a pass. */
bool prepared_pays(enum precision precision);

/* ERR_USAGE when the image is too small for the network, or for CONV_IM2COL in another precision than float32;
 * ERR_SYSTEM without memory. `net` must outlive the plan; its trainable flags must be set (freeze_apply). */
MUST_CHECK enum status plan_create(struct plan **out, const struct net *net, const struct plan_options *options,
                                   struct error *err);
void plan_destroy(struct plan *plan);

/* How what the operators before `op` make is stored in a plan of that precision, known before it is made: as float32
 * from the last average pooling on, and where there is none. */
enum precision plan_precision_at(const struct net *net, size_t op, enum precision precision);

/* Bytes that exec_create will allocate for it (arena, scratch and state). */
size_t plan_bytes(const struct plan *plan);
/* Bytes of the arena and scratch, which two runs that never work at the same time can share. */
size_t plan_shared_bytes(const struct plan *plan);

/* Operations of one image in the backward pass of a step, counted as forward's are. */
double plan_backward_flops(const struct plan *plan, size_t step);

/* Whether BLAS makes some of its products when that engine chooses the kernels: all with CONV_IM2COL; else, with AVX2
 * or wider vectors, only the gradient of a trained first convolution. */
bool plan_uses_blas(const struct plan *plan, enum conv_engine engine);

/* Whether a batch of `images` would give some BatchNorm with batch statistics a single value per channel. */
bool plan_batch_too_small(const struct plan *plan, size_t images);

#endif
