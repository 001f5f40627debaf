#define _GNU_SOURCE
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/content_hash.h"
#include "core/data/image.h"
#include "core/data/overlap.h"

#define NONE UINT32_MAX

struct search {
    const struct photo_list *photos;
    const struct photo_stamp *stamps; /* sorted by size */
    size_t count;
    uint32_t *same; /* by photo: the number of its stamp, or NONE */
};

static int by_size(const void *a, const void *b)
{
    const struct photo_stamp *x = a, *y = b;
    return (x->size > y->size) - (x->size < y->size);
}

/* The first stamp of a size; count when there is none. */
static size_t first_of_size(const struct search *search, uint64_t size)
{
    size_t low = 0, high = search->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (search->stamps[middle].size < size)
            low = middle + 1;
        else
            high = middle;
    }
    return low < search->count && search->stamps[low].size == size ? low : search->count;
}

static uint32_t find_stamp(const struct search *search, const char *path, uint64_t size)
{
    struct image_cost cost;
    struct hash128 hash = {0, 0}; /* not known yet */
    size_t i = first_of_size(search, size);
    if (i == search->count || image_probe(path, NULL, &cost, NULL) != OK)
        return NONE;
    for (; i < search->count && search->stamps[i].size == size; i++) {
        const struct photo_stamp *stamp = &search->stamps[i];
        if (stamp->ends != cost.ends)
            continue;
        if (stamp->hash != 0 && hash.low == 0 && !content_hash(&hash, NULL, path))
            return NONE;
        if (stamp->hash == 0 || stamp->hash == hash.low)
            return (uint32_t)i;
    }
    return NONE;
}

static void find_one(void *context, size_t photo, size_t thread)
{
    (void)thread;
    struct search *search = context;
    char path[PATH_MAX];
    struct stat info;
    bool there = photo_path(path, sizeof path, search->photos, photo) && path_stat(&info, path) == 0 &&
                 S_ISREG(info.st_mode) && info.st_size > 0;
    search->same[photo] = there ? find_stamp(search, path, (uint64_t)info.st_size) : NONE;
}

enum status overlap_find_stamps(struct overlap *out, const struct photo_list *photos, struct photo_stamp *stamps,
                                size_t count, struct pool *pool, struct error *err)
{
    void *same;
    enum status status = memory_alloc(&same, photos->count, sizeof(uint32_t), "the lists of photos", err);
    if (status != OK)
        return status;
    if (count > 0)
        qsort(stamps, count, sizeof *stamps, by_size);
    struct search search = {photos, stamps, count, same};
    struct overlap overlap = {0};
    pool_for(pool, photos->count, find_one, &search);
    for (size_t i = 0; i < photos->count; i++)
        if (search.same[i] != NONE && overlap.count++ == 0) {
            overlap.photo = (uint32_t)i;
            overlap.same = search.same[i];
        }
    memory_free(same);
    *out = overlap;
    return OK;
}
