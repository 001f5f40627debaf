/* For the products of panel_bf16.simd.c: what becomes of a row's sums of 32 columns. */
#ifndef FREEZETUNE_PANEL_ENDING_H
#define FREEZETUNE_PANEL_ENDING_H

#include <string.h>

#include "core/ops/panel_columns.h"

/* What becomes of a block's sums: floats for a weight gradient (`sums`), else values of a map. */
struct ending {
    size_t n; /* columns, COLUMNS or fewer */
    bool sums, add;
    const uint16_t *residual; /* rows as far apart as those of c */
    struct columns_finish finish;
};

ALWAYS_INLINE void store_values(uint16_t *c, const uint16_t *residual, vec low, vec high, const struct ending *ending)
{
    if (ending->add) {
        low += vec_of_bf16(c);
        high += vec_of_bf16(c + WIDTH);
    }
    if (ending->finish.any && residual)
        finish_columns(&low, &high, (const vec[]){vec_of_bf16(residual), vec_of_bf16(residual + WIDTH)},
                       &ending->finish);
    else if (ending->finish.any)
        finish_columns(&low, &high, NULL, &ending->finish);
    bf16_of_vec(c, low);
    bf16_of_vec(c + WIDTH, high);
}

ALWAYS_INLINE void store_sums(float *c, vec low, vec high, bool add)
{
    store(c, add ? load(c, WIDTH) + low : low, WIDTH);
    store(c + WIDTH, add ? load(c + WIDTH, WIDTH) + high : high, WIDTH);
}

/* Fewer columns than a block has: through a row that has them all. */
static void store_some(void *c, const uint16_t *residual, vec low, vec high, const struct ending *ending)
{
    size_t n = ending->n;
    float sums[COLUMNS] = {0};
    uint16_t values[COLUMNS] = {0}, row_residual[COLUMNS] = {0};
    if (ending->sums) {
        memcpy(sums, c, ending->add ? n * sizeof *sums : 0);
        store_sums(sums, low, high, ending->add);
        memcpy(c, sums, n * sizeof *sums);
        return;
    }
    memcpy(values, c, ending->add ? n * sizeof *values : 0);
    if (residual)
        memcpy(row_residual, residual, n * sizeof *residual);
    store_values(values, residual ? row_residual : NULL, low, high, ending);
    memcpy(c, values, n * sizeof *values);
}

/* The two vectors of a row of c, and of the residual that lies as c does. */
ALWAYS_INLINE void store_row(void *c, const uint16_t *residual, vec low, vec high, const struct ending *ending,
                             const bool sums)
{
    if (ending->n < COLUMNS)
        store_some(c, residual, low, high, ending);
    else if (sums)
        store_sums(c, low, high, ending->add);
    else
        store_values(c, residual, low, high, ending);
}

#endif
