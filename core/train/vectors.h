/* Long vectors of floats, worked on by all threads of a pool in parts of fixed size, so that every result is the same
 * for any pool. */
#ifndef FREEZETUNE_VECTORS_H
#define FREEZETUNE_VECTORS_H

#include <stddef.h>

#include "core/base/threads.h"

/* y = x. OVERWRITES y[count], which does not overlap x. */
void vectors_copy(struct pool *pool, float *y, const float *x, size_t count);
/* y += x. ADDS to y[count], which does not overlap x. */
void vectors_add(struct pool *pool, float *y, const float *x, size_t count);
/* y *= factor, in place. */
void vectors_scale(struct pool *pool, float *y, float factor, size_t count);

/* *sum += the squares of x[count], in double, part by part. Scratch: parts[vectors_parts(count)]. */
void vectors_add_squares(struct pool *pool, double *sum, const float *x, double *parts, size_t count);
size_t vectors_parts(size_t count);

#endif
