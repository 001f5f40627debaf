#include "core/data/limit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/memory.h"

/* Another order than that of --val-split (split.h), which has taken its photos from one end of its own. */
#define LIMIT_SEED 0x6C696D69745F6E6FULL

struct ranked {
    struct hash128 hash;
    size_t photo;
};

static int by_hash(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->hash.high != y->hash.high)
        return x->hash.high < y->hash.high ? -1 : 1;
    if (x->hash.low != y->hash.low)
        return x->hash.low < y->hash.low ? -1 : 1;
    return x->photo < y->photo ? -1 : 1;
}

/* Marks the first of the n photos from `first` on, which are one class. */
static void mark(bool *kept, struct ranked *ranked, const struct photo_list *list, size_t first, size_t n, size_t limit,
                 uint64_t seed)
{
    for (size_t i = 0; i < n; i++) {
        const char *name = photo_name(list, first + i);
        ranked[i] = (struct ranked){hash_bytes(name, strlen(name), seed ^ LIMIT_SEED), first + i};
    }
    qsort(ranked, n, sizeof *ranked, by_hash);
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
    status = memory_alloc(&ranked, list->count, sizeof(struct ranked), "the photos of a trial", err);
    for (size_t first = 0, end; status == OK && first < list->count; first = end) {
        for (end = first + 1; end < list->count && list->photos[end].class == list->photos[first].class;)
            end++;
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
