/* Products with operands packed in panels of 32 columns, for the kernels that pack their own operands: no packing is
 * left to be done at the call, so that small products run at the speed of large ones (BLAS packs both operands every
 * time).
 *
 *   panel layout of x[rows, columns]:  [columns / 32][rows][32]; missing columns of the last panel are zeros
 *
 * Compiled once per instruction set; panel_lanes() gives the table of the one in use. Each gives the same bytes for the
 * same input; the sets differ in how they round.
 */
#ifndef FREEZETUNE_PANEL_H
#define FREEZETUNE_PANEL_H

#include <stdbool.h>
#include <stddef.h>

enum { PANEL = 32 };

/* Where a product finds element (i, j) of its left operand: a[j/chunk * block + i*row + j%chunk]. Panels of M rows have
 * row = chunk = 32 and block = 32*M; a stored row by row has any chunk, and block = chunk. */
struct panel_left {
    const float *a;
    size_t row, chunk, block;
};

/* What becomes of a finished sum c: relu?(c * scale + shift + residual). */
struct panel_finish {
    const float *scale, *shift; /* [n], NULL: 1 and 0 */
    const float *residual;      /* rows as far apart as those of c, or NULL; may be c itself, without `add` */
    bool relu;
};

struct panel_lanes {
    /* c[M,n] = a[M,K] b[K,32], the first n (1..32) columns of it; row i of c is at c + i*ldc. b is one panel [K,32].
     * OVERWRITES c, or ADDS to it when `add`; then does what `finish` says, which may be NULL. */
    void (*product)(float *c, size_t ldc, struct panel_left a, const float *b, size_t m, size_t n, size_t k, bool add,
                    const struct panel_finish *finish);

    /* c[m,n] = a[K,32]^T b[K,32] for two panels: the first m (1..32) columns of a by the first n (1..32) of b; row i of
     * c is at c + i*ldc. OVERWRITES c, or ADDS to it when `add`. */
    void (*outer)(float *c, size_t ldc, const float *a, const float *b, size_t m, size_t n, size_t k, bool add);

    /* Panels of relu?(x * scale + shift), rows of x being `ld` apart: element (i, j) goes to
     * panels[j/32 * block + i*32 + j%32]. scale and shift may be NULL together: x as it is. OVERWRITES. */
    void (*pack)(float *panels, size_t block, const float *x, size_t ld, size_t rows, size_t columns,
                 const float *scale, const float *shift, bool relu);

    /* One panel of w^T: panel[j,i] = w[i*ld + j] for j < columns; i < n (1..32), the rest of a row is zeros. */
    void (*transpose)(float *panel, const float *w, size_t ld, size_t n, size_t columns);
};

const struct panel_lanes *panel_lanes(void);

#endif
