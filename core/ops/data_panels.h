/* The data gradient of a convolution by products of panels (panel.h), for any window, stride and padding.
 *
 * With the padding, pixel h + pad of the input is reached by line r of the window of output row p when it is
 * p * stride + r. So only lines r = h + pad modulo stride reach it, the t-th of these, r = class + t * stride, from
 * output row (h + pad) / stride - t; columns likewise. Pixels of one class (row and column modulo stride) are a
 * convolution of stride 1 of dy with the lines and columns of that class, the last first: one product for a row of
 * them, with whole sums, on rows of dy that are padded with zeros.
 */
#ifndef FREEZETUNE_DATA_PANELS_H
#define FREEZETUNE_DATA_PANELS_H

#include "core/ops/conv.h"

/* Floats of scratch that data_panels_run takes. */
size_t data_panels_scratch(const struct conv_shape *shape, size_t threads);
/* As conv_kernel.backward_data. An image is an item of work, because it is padded as one, and a tile of `tail`. */
void data_panels_run(void *da, bool add, const struct conv_task *task, const void *dy, const struct tail *tail,
                     struct pool *pool, float *scratch);

#endif
