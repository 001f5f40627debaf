/* What the files of a run share: where everything is. */
#ifndef FREEZETUNE_RUN_INTERNAL_H
#define FREEZETUNE_RUN_INTERNAL_H

#include "core/net/bn_moments.h"
#include "core/net/run.h"
#include "core/ops/batchnorm.h"

struct run {
    const struct plan *plan;
    struct pool *pool;
    float *arena, *scratch; /* borrowed or owned */
    float *state;
    void *owned;

    struct batchnorm *bns; /* as program.bns */
    float pixel_table[3 * 256];
    struct profile *profile;    /* or NULL */
    struct bn_moments *moments; /* or NULL */
    size_t images;              /* of the current pass */
    const uint8_t *pixels;      /* its input: one of the two */
    const float *x;
    size_t from, to; /* the depth-first steps to run */
};

/* A step's convolution over `images` images, with its operands at these places. */
struct conv_task run_conv_task(const struct run *run, size_t index, size_t images, const float *in,
                               const float *residual, float *out);
/* How a tensor at `x` is read. */
struct view run_view(const struct run *run, const struct operand *operand, const float *x);

float *run_tensor(const struct run *run, int tensor);   /* in the arena: the whole batch, as forward has it */
float *run_kept(const struct run *run, int tensor);     /* as backward has it: a sum made again lies elsewhere */
float *run_gradient(const struct run *run, int tensor); /* of the whole batch */

/* Step `index`, a merge, from its operands as forward has them. OVERWRITES out [images,h,w,channels]. */
void run_merge(const struct run *run, size_t index, float *out);

/* Whether the moments of the output of step `index` are to be taken in this pass. Then its task is to leave out the
 * ReLU, and run_take_image (of one image's output y), or run_take_batch (of the whole batch's), takes the moments and
 * makes up for that, with the same bits. */
bool run_takes_moments(const struct run *run, size_t index);
void run_take_image(const struct run *run, size_t index, size_t image, float *y);
void run_take_batch(const struct run *run, size_t index, float *y);

/* Parts of the scratch memory: see plan.h. */
double *run_sums(const struct run *run);
double *run_residual_sums(const struct run *run);
float *run_gradient_scratch(const struct run *run);
float *run_tiles(const struct run *run);

/* The time, if it is asked for. */
double run_clock(const struct run *run);

#endif
