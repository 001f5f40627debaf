#include "core/data/hash_order.h"

#include <stdlib.h>
#include <string.h>

static int by_hash(const void *a, const void *b)
{
    const struct hash_rank *x = a, *y = b;
    int order = hash_compare(x->hash, y->hash);
    return order ? order : x->photo < y->photo ? -1 : 1;
}

void hash_order(struct hash_rank *ranks, const struct photo_list *list, size_t first, size_t n, uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = photo_name(list, first + i);
        ranks[i] = (struct hash_rank){hash_bytes(name, strlen(name), seed), first + i};
    }
    qsort(ranks, n, sizeof *ranks, by_hash);
}

size_t hash_order_class_end(const struct photo_list *list, size_t first)
{
    size_t end = first + 1;
    while (end < list->count && list->photos[end].class == list->photos[first].class)
        end++;
    return end;
}
