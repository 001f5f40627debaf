/* The weight gradient of a convolution by products of panels (panel.h): dw[K, R*S*C] = dy^T a.
 *
 * Rows of a and dy are packed in groups that stay in the cache; then each square of 32 outputs by 32 inputs adds the
 * group's sum. In bfloat16 a unit of odd rows has a row of zeros more, so that pairs lie within a unit. A row of `a`
 * (the values under one window) is `parts` runs of `width` values, each packed into whole panels, so that a run may
 * begin anywhere.
 */
#ifndef FREEZETUNE_WEIGHT_PANELS_H
#define FREEZETUNE_WEIGHT_PANELS_H

#include "core/ops/conv.h"

struct weight_panels {
    size_t parts, width;
    size_t unit;    /* rows that are packed at a time: one item of work */
    size_t scratch; /* floats that packing takes for each thread */
    /* Rows m0..m0+rows of `a` through conv_input as rows at..at+rows, to be summed, of panels of `count` rows, part
     * after part. m0 is a multiple of `unit`, rows at most that. */
    void (*pack)(void *panels, size_t count, size_t at, const struct conv_task *task, size_t m0, size_t rows,
                 float *scratch);
};

/* Floats of scratch that weight_panels_run takes. */
size_t weight_panels_scratch(const struct weight_panels *how, const struct conv_shape *shape, size_t images,
                             size_t threads);
/* OVERWRITES dw[K, parts*width]. The order of the sums depends on the shape and the batch alone. */
void weight_panels_run(float *dw, const struct weight_panels *how, const struct conv_task *task, const void *dy,
                       struct pool *pool, float *scratch);

#endif
