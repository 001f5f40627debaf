/* What the files of a plan share. */
#ifndef FREEZETUNE_PLAN_INTERNAL_H
#define FREEZETUNE_PLAN_INTERNAL_H

#include "core/net/plan.h"

enum { PLAN_ALIGN = 16 }; /* floats: places begin at multiples of a cache line */

size_t plan_align(size_t floats);

/* The tensor whose place this one has: the first of those that take it over from each other. */
int plan_place_root(const struct plan *plan, int tensor);

/* Gives everything in the arena its place, once shapes, readers and makers are known. ERR_SYSTEM without memory. */
MUST_CHECK enum status plan_place_arena(struct plan *plan, struct error *err);

#endif
