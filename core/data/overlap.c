#include "core/data/overlap.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/memory.h"
#include "core/data/image.h"
#include "core/data/same_bytes.h"

/* Files of both lists are counted through: photos, then others. */
struct entry {
    uint64_t size, device, inode;
    uint32_t file;
    bool there;
};

struct search {
    const struct photo_list *photos, *others;
    struct entry *entries;
    struct same_file *candidates;
    size_t candidate_count;
    uint32_t *same; /* [photos->count]: the one of the others, or NONE */
};

#define NONE UINT32_MAX

static bool path_of(char *out, size_t size, const void *context, uint32_t file)
{
    const struct search *search = context;
    size_t photos = search->photos->count;
    return file < photos ? photo_path(out, size, search->photos, file)
                         : photo_path(out, size, search->others, file - photos);
}

static void stat_one(void *context, size_t file, size_t thread)
{
    (void)thread;
    struct search *search = context;
    char path[PATH_MAX];
    struct stat info;
    struct entry *entry = &search->entries[file];
    entry->file = (uint32_t)file;
    entry->there = path_of(path, sizeof path, search, (uint32_t)file) && stat(path, &info) == 0 &&
                   S_ISREG(info.st_mode) && info.st_size > 0;
    if (!entry->there)
        return;
    entry->size = (uint64_t)info.st_size;
    entry->device = (uint64_t)info.st_dev;
    entry->inode = (uint64_t)info.st_ino;
}

static void probe_one(void *context, size_t index, size_t thread)
{
    (void)thread;
    struct search *search = context;
    struct same_file *file = &search->candidates[index];
    struct image_cost cost;
    char path[PATH_MAX];
    bool good = path_of(path, sizeof path, search, file->file) && image_probe(path, NULL, &cost, NULL) == OK;
    file->size = good ? cost.file : 0; /* as no file that is compared has it */
    file->ends = good ? cost.ends : 0;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static bool same_file(const struct entry *a, const struct entry *b)
{
    return a->device == b->device && a->inode == b->inode;
}

/* By size, then the names of one file together, photos before others. */
static int by_size(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int order = compare(x->size, y->size);
    if (order == 0)
        order = compare(x->device, y->device);
    if (order == 0)
        order = compare(x->inode, y->inode);
    return order ? order : compare(x->file, y->file);
}

/* Entries [from, to) are names of one file. */
static void match_names(struct search *search, size_t from, size_t to)
{
    size_t photos = search->photos->count, other = from;
    while (other < to && search->entries[other].file < photos)
        other++;
    for (size_t i = from; other < to && i < other; i++)
        search->same[search->entries[i].file] = (uint32_t)(search->entries[other].file - photos);
}

/* Entries [from, to) have one size: what is not settled by that is compared by content. */
static void add_candidates(struct search *search, size_t from, size_t to)
{
    size_t photos = search->photos->count, open = 0, others = 0;
    for (size_t i = from, end; i < to; i = end) {
        for (end = i + 1; end < to && same_file(&search->entries[i], &search->entries[end]);)
            end++;
        match_names(search, i, end);
    }
    for (size_t i = from; i < to; i++) {
        uint32_t file = search->entries[i].file;
        open += file < photos && search->same[file] == NONE;
        others += file >= photos;
    }
    for (size_t i = from; open > 0 && others > 0 && i < to; i++) {
        uint32_t file = search->entries[i].file;
        if (file >= photos || search->same[file] == NONE)
            search->candidates[search->candidate_count++] = (struct same_file){.file = file};
    }
}

static void match_sizes(struct search *search, size_t count)
{
    size_t there = 0;
    for (size_t i = 0; i < count; i++)
        if (search->entries[i].there)
            search->entries[there++] = search->entries[i];
    if (there > 0)
        qsort(search->entries, there, sizeof *search->entries, by_size);
    for (size_t i = 0, end; i < there; i = end) {
        for (end = i + 1; end < there && search->entries[end].size == search->entries[i].size;)
            end++;
        add_candidates(search, i, end);
    }
}

static void match_content(struct search *search, struct pool *pool)
{
    size_t photos = search->photos->count, count = 0;
    struct same_file *files = search->candidates;
    pool_for(pool, search->candidate_count, probe_one, search);
    for (size_t i = 0; i < search->candidate_count; i++)
        if (files[i].size > 0)
            files[count++] = files[i];
    count = same_bytes_keep(files, count, path_of, search, pool);
    for (size_t i = 0, end; i < count; i = end) {
        size_t other = i;
        for (end = i + 1; end < count && same_bytes(&files[i], &files[end]);)
            end++;
        while (other < end && files[other].file < photos)
            other++;
        for (size_t j = i; other < end && j < other; j++)
            search->same[files[j].file] = (uint32_t)(files[other].file - photos);
    }
}

static enum status reserve(struct search *search, struct error *err)
{
    size_t count = search->photos->count + search->others->count;
    void *entries = NULL, *candidates = NULL, *same = NULL;
    enum status status = memory_alloc(&entries, count, sizeof *search->entries, "the lists of photos", err);
    if (status == OK)
        status = memory_alloc(&candidates, count, sizeof *search->candidates, "the lists of photos", err);
    if (status == OK)
        status = memory_alloc(&same, search->photos->count, sizeof *search->same, "the lists of photos", err);
    search->entries = entries;
    search->candidates = candidates;
    search->same = same;
    for (size_t i = 0; status == OK && i < search->photos->count; i++)
        search->same[i] = NONE;
    return status;
}

enum status overlap_find(struct overlap *out, const struct photo_list *photos, const struct photo_list *others,
                         struct pool *pool, struct error *err)
{
    struct search search = {.photos = photos, .others = others};
    size_t count = photos->count + others->count;
    enum status status = reserve(&search, err);
    if (status == OK) {
        struct overlap overlap = {0};
        pool_for(pool, count, stat_one, &search);
        match_sizes(&search, count);
        match_content(&search, pool);
        for (size_t i = 0; i < photos->count; i++)
            if (search.same[i] != NONE && overlap.count++ == 0) {
                overlap.photo = (uint32_t)i;
                overlap.same = search.same[i];
            }
        *out = overlap;
    }
    memory_free(search.same);
    memory_free(search.candidates);
    memory_free(search.entries);
    return status;
}
