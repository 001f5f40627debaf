/* One convolution with all that may surround it, for every kernel that takes its numbers, and what the definition in
 * double makes of it. */
#ifndef FREEZETUNE_TESTS_CONV_TRIAL_H
#define FREEZETUNE_TESTS_CONV_TRIAL_H

#include <stdint.h>

#include "core/ops/conv.h"
#include "tests/support/conv_cases.h"

/* The numbers of a trial: random ones, rounded where an exact kernel rounds; or whole ones, so small that bfloat16
 * holds them after Winograd's transformations as well: then nothing is lost by rounding. */
enum numbers { RANDOM, ROUNDED, WHOLE, NUMBERS };

/* One convolution with its inputs, and the references. Maps are there as they are stored and, rounded to that, as
 * floats of the same name. */
struct maps {
    void *x, *dy, *residual, *z, *before;
};

struct trial {
    struct conv_shape shape;
    enum numbers numbers;
    const struct conv_kernel *kernel;
    struct conv_task task;
    size_t images, x_count, y_count, w_count, rows, pixels;
    float *x, *w, *dy, *scale, *shift, *y_scale, *y_shift, *residual, *z, *z_scale, *z_shift, *mean, *before;
    struct maps maps;
    double *a, *w_wide, *dy_wide, *want_y, *want_da, *want_dw;
    double tolerance;
};

/* ROUNDED: for the kernels that round operands and weights to the precision, and so are the references made. */
void trial_init(struct trial *t, const struct conv_case *one, uint64_t seed, enum precision precision,
                enum numbers numbers, bool affine, bool relu);
/* The kernel, and how near it is to be. */
void trial_use(struct trial *t, const struct conv_kernel *kernel);
void trial_end(struct trial *t);

#endif
