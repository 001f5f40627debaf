#define _GNU_SOURCE
#include "core/features/feature_distinct.h"

#include <stdlib.h>

#include "core/features/feature_key.h"

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_content(const void *a, const void *b, void *context)
{
    const struct hash128 *hashes = ((const struct feature_list *)context)->hashes;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int order = compare(hashes[x].high, hashes[y].high);
    if (order == 0)
        order = compare(hashes[x].low, hashes[y].low);
    return order ? order : compare(x, y);
}

static int by_number(const void *a, const void *b)
{
    return compare(*(const uint32_t *)a, *(const uint32_t *)b);
}

static bool same_content(const struct feature_list *list, uint32_t a, uint32_t b)
{
    struct hash128 x = list->hashes[a], y = list->hashes[b];
    return photo_hash_known(x) && x.high == y.high && x.low == y.low;
}

bool feature_view_shared(struct photo_view view)
{
    return view.augment == AUGMENT_NONE || view.augment == AUGMENT_MIRROR;
}

size_t feature_distinct(uint32_t *photos, size_t count, const struct feature_list *list, struct photo_view view)
{
    size_t kept = 0;
    if (!feature_view_shared(view) || count < 2)
        return count;
    qsort_r(photos, count, sizeof *photos, by_content, (void *)list);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !same_content(list, photos[kept - 1], photos[i]))
            photos[kept++] = photos[i];
    qsort(photos, kept, sizeof *photos, by_number);
    return kept;
}

void feature_spread_damage(uint32_t *photos, const struct feature_list *list)
{
    size_t count = list->photos->count;
    for (size_t i = 0; i < count; i++)
        photos[i] = (uint32_t)i;
    qsort_r(photos, count, sizeof *photos, by_content, (void *)list);
    for (size_t i = 0, end; i < count; i = end) {
        bool damaged = loader_is_damaged(list->loader, photos[i]);
        for (end = i + 1; end < count && same_content(list, photos[i], photos[end]); end++)
            damaged |= loader_is_damaged(list->loader, photos[end]);
        for (size_t k = i; damaged && k < end; k++)
            loader_mark_damaged(list->loader, photos[k]);
    }
}
