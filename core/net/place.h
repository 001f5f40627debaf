/* Places buffers with known lifetimes in one arena: two share memory only if they are never alive at the same time. */
#ifndef FREEZETUNE_PLACE_H
#define FREEZETUNE_PLACE_H

#include "core/base/error.h"

#include <stddef.h>

struct placed {
    size_t size;       /* in any unit */
    size_t start, end; /* alive from start to end, both included */
    size_t offset;     /* the answer */
};

/* Fills every offset (multiples of `align`) and *total. Largest first, each at the lowest free place. */
MUST_CHECK enum status place(struct placed *buffers, size_t count, size_t align, size_t *total, struct error *err);

#endif
