#include "core/data/same_bytes.h"

#include <limits.h>
#include <stdlib.h>

#include "core/data/content_hash.h"

struct reading {
    struct same_file *files;
    same_path *path;
    const void *context;
};

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int by_likeness(const void *a, const void *b)
{
    const struct same_file *x = a, *y = b;
    int order = compare(x->size, y->size);
    return order ? order : compare(x->ends, y->ends);
}

static bool alike(const struct same_file *a, const struct same_file *b)
{
    return by_likeness(a, b) == 0;
}

bool same_bytes(const struct same_file *a, const struct same_file *b)
{
    return a->size == b->size && a->hash.high == b->hash.high && a->hash.low == b->hash.low;
}

static int by_content(const void *a, const void *b)
{
    const struct same_file *x = a, *y = b;
    int order = compare(x->size, y->size);
    if (order == 0)
        order = compare(x->hash.high, y->hash.high);
    if (order == 0)
        order = compare(x->hash.low, y->hash.low);
    return order ? order : compare(x->file, y->file);
}

static void hash_one(void *context, size_t index, size_t thread)
{
    (void)thread;
    struct reading *reading = context;
    struct same_file *file = &reading->files[index];
    char path[PATH_MAX];
    size_t size;
    if (!reading->path(path, sizeof path, reading->context, file->file) || !content_hash(&file->hash, &size, path))
        return; /* it was readable a moment ago; if it stays unreadable the loader says so */
    file->size = size;
    file->hashed = true;
}

/* Keeps the files, sorted, that have an equal beside them. */
static size_t keep_equal(struct same_file *files, size_t count,
                         bool (*equal)(const struct same_file *, const struct same_file *))
{
    size_t kept = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1; end < count && equal(&files[i], &files[end]);)
            end++;
        for (size_t j = i; end - i > 1 && j < end; j++)
            files[kept++] = files[j];
    }
    return kept;
}

size_t same_bytes_keep(struct same_file *files, size_t count, same_path *path, const void *context, struct pool *pool)
{
    struct reading reading = {.files = files, .path = path, .context = context};
    size_t hashed = 0;
    if (count < 2)
        return 0;
    qsort(files, count, sizeof *files, by_likeness);
    count = keep_equal(files, count, alike);
    pool_for(pool, count, hash_one, &reading);
    for (size_t i = 0; i < count; i++)
        if (files[i].hashed)
            files[hashed++] = files[i];
    if (hashed > 0)
        qsort(files, hashed, sizeof *files, by_content);
    return keep_equal(files, hashed, same_bytes);
}
