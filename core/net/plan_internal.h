/* What the files of a plan share. */
#ifndef FREEZETUNE_PLAN_INTERNAL_H
#define FREEZETUNE_PLAN_INTERNAL_H

#include "core/net/plan.h"

enum { PLAN_ALIGN = 16 }; /* floats: places begin at multiples of a cache line */

size_t plan_align(size_t floats);

/* Floats of memory of a tensor, or of its gradient, of so many images. */
size_t plan_tensor_floats(const struct plan_tensor *tensor, size_t images);

/* The next `floats` of a memory of which *total are taken. */
struct plan_region plan_take(size_t *total, size_t floats);

/* What the steps need of scratch, the largest of each, in floats but for the doubles. */
struct plan_needs {
    size_t sums_doubles, gradient, tiles; /* over the whole batch */
    size_t thread_tiles;                  /* depth-first, one thread */
};

/* Raises *need to `amount` at least. */
void plan_need(size_t *need, size_t amount);

/* The tensor whose place this one has: the first of those that take it over from each other. */
int plan_place_root(const struct plan *plan, int tensor);

/* Gives everything in the arena its place, once shapes, readers and makers are known. ERR_SYSTEM without memory. */
MUST_CHECK enum status plan_place_arena(struct plan *plan, struct error *err);

#endif
