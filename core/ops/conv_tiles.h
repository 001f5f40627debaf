/* For the convolution kernels made of plain products: rows cut into tiles, and the weight gradient cut into blocks. */
#ifndef FREEZETUNE_CONV_TILES_H
#define FREEZETUNE_CONV_TILES_H

#include "core/ops/conv.h"

/* `rows` cut into equal tiles whose operands of `width` floats a row stay in the cache; the last may be shorter. */
struct tiling {
    size_t tiles, rows_per_tile;
};
struct tiling tiling_of(size_t rows, size_t width);
/* The most rows that a tile can have, whatever the number of rows. */
size_t tiling_most_rows(size_t width);

/* The rows m0..m0+rows of the input matrix a[M, R*S*C], columns j0..j1: *ld is the length of a stored row. Either
 * points into the input or fills `scratch` [rows, j1 - j0]. */
typedef const float *conv_gather(const struct conv_task *task, size_t m0, size_t rows, size_t j0, size_t j1,
                                 float *scratch, size_t *ld);

/* dw[K, R*S*C] = dy^T a in blocks of outputs and of `column` inputs (a multiple of the columns that gather can cut at).
 * Where that gives few blocks the rows are cut as well, into a number of groups fixed by the shape, whose sums are
 * added in order. `scratch` holds weight_blocks_scratch() floats. OVERWRITES dw. */
size_t weight_blocks_scratch(const struct conv_shape *shape, size_t images, size_t column, size_t threads);
void weight_blocks(float *dw, const struct conv_task *task, const float *dy, size_t column, conv_gather *gather,
                   struct pool *pool, float *scratch);

/* Images of so many pixels that share a panel before the next one is taken: 1, or some small ones by AMX. */
size_t images_together(enum precision precision, size_t pixels);

#endif
