/* An order of photos that follows from their names and a seed alone: photos that are added, removed or renamed do not
 * move the others past each other. Inside core/data only: split.h and limit.h take the first ones of it. */
#ifndef FREEZETUNE_HASH_ORDER_H
#define FREEZETUNE_HASH_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/data/folder.h"

struct hash_rank {
    struct hash128 hash; /* of "class/sub/name" with the seed */
    size_t photo;        /* number in the list */
};

/* OVERWRITES ranks[n] with photos first..first+n-1 of the list, in the order of their hashes; equal ones by number. */
void hash_order(struct hash_rank *ranks, const struct photo_list *list, size_t first, size_t n, uint64_t seed);

/* The end of the run of photos from `first` on that have one class, in a list whose photos lie by class. */
size_t hash_order_class_end(const struct photo_list *list, size_t first);

#endif
