/* Products with operands packed in panels of 32 columns, for the kernels that pack their own operands: no packing is
 * left to be done at the call, so that small products run at the speed of large ones (BLAS packs both operands every
 * time).
 *
 *   panels of x[rows, columns]     [columns / 32][rows][32]        missing columns of the last panel are zeros
 *   the same, its rows summed      [columns / 32][rows / 2][32][2]  in bfloat16, where pairs of what is summed lie side
 *                                                                  by side; a missing last row is zeros
 *
 * A left operand is summed over its columns, whose pairs are neighbours already; a right operand, and both of an outer
 * product, over their rows. In float32 both layouts are the first.
 *
 * Compiled once per precision and instruction set; panel_lanes() gives the table of the one in use. Each gives the same
 * bytes for the same input; the sets differ in how they round.
 */
#ifndef FREEZETUNE_PANEL_H
#define FREEZETUNE_PANEL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/ops/precision.h"

enum { PANEL = 32 };

/* Rows of a panel that has so many to be summed. */
static inline size_t panel_rows(size_t rows, enum precision precision)
{
    return precision == PRECISION_BF16 ? rows + rows % 2 : rows;
}

/* Where a product finds element (i, j) of its left operand: a[j/chunk * block + i*row + j%chunk]. Panels of M rows have
 * row = chunk = 32 and block = 32*M; a stored row by row has any chunk, and block = chunk. */
struct panel_left {
    const void *a;
    size_t row, chunk, block;
};

/* What becomes of a finished sum c: relu?(c * scale + shift + residual). */
struct panel_finish {
    const float *scale, *shift; /* [n], NULL: 1 and 0 */
    const void *residual;       /* rows as far apart as those of c, or NULL; may be c itself, without `add` */
    bool relu;
};

struct panel_lanes {
    /* c[M,n] = a[M,K] b[K,32], the first n (1..32) columns of it; row i of c is at c + i*ldc. b is one panel, summed
     * over its K rows: K is even in bfloat16, and what `a` has in place of a missing column must be finite. OVERWRITES
     * c, or ADDS to it when `add`; then does what `finish` says, which may be NULL. */
    void (*product)(void *c, size_t ldc, struct panel_left a, const void *b, size_t m, size_t n, size_t k, bool add,
                    const struct panel_finish *finish);

    /* The same for m left rows of which only the first `stored` of each `run` give a row of c. NULL: a product for each
     * of these is as fast. */
    void (*run)(void *c, size_t ldc, struct panel_left a, size_t stored, size_t run, const void *b, size_t m, size_t n,
                size_t k, bool add, const struct panel_finish *finish);

    /* In bfloat16 alone (else NULL): a product without an ending, in float32. OVERWRITES. */
    void (*sums)(float *c, size_t ldc, struct panel_left a, const void *b, size_t m, size_t n, size_t k);

    /* What outer wants of a panel of so many rows that is to be its left operand: done once, in place. A sum over many
     * rows may be made of several outer products: each begins at a multiple of 32 rows. NULL: nothing. */
    void (*turn)(void *panel, size_t rows);

    /* c[m,n] = a[K,32]^T b[K,32] for two panels, summed over their K rows: the first m (1..32) columns of a by the
     * first n (1..32) of b; row i of c is at c + i*ldc. `a` was turned. OVERWRITES c, or ADDS to it when `add`. */
    void (*outer)(float *c, size_t ldc, const void *a, const void *b, size_t m, size_t n, size_t k, bool add);

    /* Panels of relu?(x * scale + shift), rows of x being `ld` apart: element (i, j) goes to
     * panels[j/32 * block + i*32 + j%32]. scale and shift may be NULL together: x as it is. OVERWRITES. */
    void (*pack)(void *panels, size_t block, const void *x, size_t ld, size_t rows, size_t columns, const float *scale,
                 const float *shift, bool relu);

    /* The same with its rows to be summed. */
    void (*pack_summed)(void *panels, size_t block, const void *x, size_t ld, size_t rows, size_t columns,
                        const float *scale, const float *shift, bool relu);

    /* Panels of the weights w, rows being `ld` apart, to be summed over rows. OVERWRITES. */
    void (*weights)(void *panels, size_t block, const float *w, size_t ld, size_t rows, size_t columns);

    /* One panel of w^T, to be summed over the columns of w: panel[j,i] = w[i*ld + j] for j < columns; i < n (1..32),
     * the rest of a row is zeros. OVERWRITES. */
    void (*transpose)(void *panel, const float *w, size_t ld, size_t n, size_t columns);
};

const struct panel_lanes *panel_lanes(enum precision precision);

/* Whether these multiply by AMX: faster than panels of weights come from the third cache, so that one should serve many
 * rows. The second cache has 2 MB there. */
bool products_by_amx(enum precision precision);

/* panel_lanes.product for `count` lines of m rows each: the first left row of a line lies `line` values behind that of
 * the line before, and rows of c follow each other from line to line. */
struct panel_lines {
    size_t count, line, m;
};
void panel_product_lines(enum precision precision, void *c, size_t ldc, struct panel_left a,
                         const struct panel_lines *lines, const void *b, size_t n, size_t k, bool add,
                         const struct panel_finish *finish);

#endif
