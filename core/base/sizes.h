/* Small arithmetic on sizes. What may overflow is in memory.h (size_mul, size_add). */
#ifndef FREEZETUNE_SIZES_H
#define FREEZETUNE_SIZES_H

#include <stddef.h>

/* How many pieces of `b` (at least 1) cover `a`; a + b must fit. */
static inline size_t ceil_div(size_t a, size_t b)
{
    return (a + b - 1) / b;
}

static inline size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t max_size(size_t a, size_t b)
{
    return a > b ? a : b;
}

#endif
