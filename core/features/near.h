/* Which photos are near each other: for each row of x[count,width] the rows before it whose product with it is largest.
 * With rows of length 1 the product is the cosine.
 *
 * Blocks of products are made and looked through one after the other, so that the memory grows with `count` and not
 * with its square: NEAR_MOST candidates for each row, and a panel for each thread. The time is count^2 * width
 * multiply-adds / 2. Results are the same for any number of threads.
 */
#ifndef FREEZETUNE_NEAR_H
#define FREEZETUNE_NEAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"
#include "core/base/threads.h"

enum { NEAR_MOST = 8 };

#define NEAR_NONE UINT32_MAX

struct near_row {
    uint32_t row; /* NEAR_NONE: there are no more */
    float product;
};

/* Progress callback: `done` of `all` blocks of rows. Return false to stop. */
typedef bool near_watch(void *context, size_t done, size_t all);

/* out[count][NEAR_MOST], the largest product first (of equals the first row), those of at least `least` alone; owned by
 * the caller (memory_free). count < 2^32 - 1. *stopped: `watch` (may be NULL) said so, and the rest is NEAR_NONE.
 * ERR_SYSTEM without memory. */
MUST_CHECK enum status near_rows(struct near_row (**out)[NEAR_MOST], const float *x, size_t count, size_t width,
                                 float least, struct pool *pool, near_watch *watch, void *context, bool *stopped,
                                 struct error *err);

/* Each row of x[count,width] divided by its length; a row of zeros stays. */
void near_normalise(float *x, size_t count, size_t width);

#endif
