#include "core/data/limit.h"

#include <stdbool.h>

#include "core/base/memory.h"
#include "core/data/hash_order.h"

/* Another order than that of --val-split (split.h), which has taken its photos from one end of its own. */
#define LIMIT_SEED 0x6C696D69745F6E6FULL

/* Marks the first of the n photos from `first` on, which are one class. */
static void mark(bool *kept, struct hash_rank *ranked, const struct photo_list *list, size_t first, size_t n,
                 size_t limit, uint64_t seed)
{
    hash_order(ranked, list, first, n, seed ^ LIMIT_SEED);
    for (size_t i = 0; i < n && i < limit; i++)
        kept[ranked[i].photo] = true;
}

enum status limit_list(struct photo_list *list, size_t limit, uint64_t seed, struct error *err)
{
    void *memory, *ranked = NULL;
    enum status status = memory_alloc(&memory, list->count, sizeof(bool), "the photos of a trial", err);
    if (status != OK)
        return status;
    bool *kept = memory;
    status = memory_alloc(&ranked, list->count, sizeof(struct hash_rank), "the photos of a trial", err);
    for (size_t first = 0, end; status == OK && first < list->count; first = end) {
        end = hash_order_class_end(list, first);
        mark(kept, ranked, list, first, end - first, limit, seed);
    }
    size_t count = 0;
    for (size_t i = 0; status == OK && i < list->count; i++)
        if (kept[i])
            list->photos[count++] = list->photos[i];
    if (status == OK)
        list->count = count;
    memory_free(ranked);
    memory_free(kept);
    return status;
}
