/* For panel.simd.c and panel_bf16.simd.c: the two vectors of columns that a block of a product has, and what becomes of
 * them at the end. */
#ifndef FREEZETUNE_PANEL_COLUMNS_H
#define FREEZETUNE_PANEL_COLUMNS_H

#include <math.h>

#include "core/ops/panel.h"
#include "core/ops/vec.h"

enum { COLUMNS = 2 * WIDTH };

/* clang passes over gcc's word for it, and would keep the sums of a block in memory. */
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* struct panel_finish for these columns; the residual is the caller's. */
struct columns_finish {
    bool any;
    vec scale[2], shift[2];
    float floor; /* of the result: 0 for ReLU, else -infinity */
};

/* n values of p, or `otherwise` where p is NULL. */
ALWAYS_INLINE void load_columns(vec v[2], const float *p, size_t n, float otherwise)
{
    float row[COLUMNS];
    for (size_t j = 0; j < COLUMNS; j++)
        row[j] = p && j < n ? p[j] : otherwise;
    v[0] = load(row, WIDTH);
    v[1] = load(row + WIDTH, WIDTH);
}

/* Of n columns from `column` on. `whole` may be NULL. */
static inline struct columns_finish columns_finish_of(const struct panel_finish *whole, size_t column, size_t n)
{
    struct columns_finish finish = {.any = whole != NULL};
    if (whole) {
        load_columns(finish.scale, whole->scale ? whole->scale + column : NULL, n, 1);
        load_columns(finish.shift, whole->shift ? whole->shift + column : NULL, n, 0);
        finish.floor = whole->relu ? 0 : -INFINITY;
    }
    return finish;
}

/* The two vectors of a row; `residual` points to two, or is NULL. */
ALWAYS_INLINE void finish_columns(vec *low, vec *high, const vec *residual, const struct columns_finish *finish)
{
    *low = *low * finish->scale[0] + finish->shift[0];
    *high = *high * finish->scale[1] + finish->shift[1];
    if (residual) {
        *low += residual[0];
        *high += residual[1];
    }
    *low = at_least(*low, finish->floor);
    *high = at_least(*high, finish->floor);
}

#endif
