#define _GNU_SOURCE
#include "core/data/scan.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/memory.h"

/* Photos of both lists are counted through: 0..train-1 train, then val. */
struct file_found {
    struct image_cost cost;
    char *reason; /* NULL: nothing wrong was found */
};

/* A file like one of the other list, as far as the probe saw. */
struct candidate {
    struct hash128 hash;
    uint32_t photo;
    bool hashed;
};

struct scan {
    const struct dataset *dataset;
    const struct image_options *options;
    struct file_found *files;
    size_t count;
    struct candidate *candidates;
    size_t candidate_count, candidate_room;
    atomic_bool out_of_memory;
};

static bool path_of(char *out, size_t size, const struct scan *scan, size_t photo)
{
    size_t train = scan->dataset->train.count;
    return photo < train ? photo_path(out, size, &scan->dataset->train, photo)
                         : photo_path(out, size, &scan->dataset->val, photo - train);
}

static void probe_one(void *context, size_t photo, size_t thread)
{
    (void)thread;
    struct scan *scan = context;
    struct file_found *file = &scan->files[photo];
    struct error err = {0};
    char path[PATH_MAX];
    enum status status = path_of(path, sizeof path, scan, photo) ? image_probe(path, scan->options, &file->cost, &err)
                                                                 : error_set(&err, ERR_DATA, "its path is too long");
    if (status != OK && (status == ERR_SYSTEM || memory_strdup(&file->reason, err.text, NULL) != OK))
        atomic_store(&scan->out_of_memory, true);
}

static void hash_one(void *context, size_t index, size_t thread)
{
    (void)thread;
    struct scan *scan = context;
    struct candidate *candidate = &scan->candidates[index];
    char path[PATH_MAX];
    uint8_t *bytes;
    size_t size;
    if (!path_of(path, sizeof path, scan, candidate->photo) ||
        file_read(&bytes, &size, path, IMAGE_MAX_BYTES, NULL) != OK)
        return; /* it was readable a moment ago; if it stays unreadable the loader says so */
    candidate->hash = hash_bytes(bytes, size, 0);
    candidate->hashed = true;
    memory_free(bytes);
}

static bool alike(const struct image_cost *a, const struct image_cost *b)
{
    return a->file == b->file && a->ends == b->ends;
}

/* Numbers of photos: alike ones together, in order among themselves. */
static int by_likeness(const void *a, const void *b, void *context)
{
    const struct file_found *files = context;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct image_cost *cost = &files[x].cost, *other = &files[y].cost;
    if (cost->file != other->file)
        return cost->file < other->file ? -1 : 1;
    if (cost->ends != other->ends)
        return cost->ends < other->ends ? -1 : 1;
    return x < y ? -1 : 1;
}

static int by_hash(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->hash.high != y->hash.high)
        return x->hash.high < y->hash.high ? -1 : 1;
    if (x->hash.low != y->hash.low)
        return x->hash.low < y->hash.low ? -1 : 1;
    return x->photo < y->photo ? -1 : 1;
}

static int by_val(const void *a, const void *b)
{
    const struct scan_duplicate *x = a, *y = b;
    return x->val < y->val ? -1 : 1;
}

/* The good files that have their like in the other list. */
static enum status find_candidates(struct scan *scan, struct error *err)
{
    size_t good = 0, train = scan->dataset->train.count;
    void *memory;
    enum status status = memory_alloc(&memory, scan->count, sizeof(uint32_t), "the scan", err);
    if (status != OK)
        return status;
    uint32_t *photos = memory;
    for (size_t i = 0; i < scan->count; i++)
        if (!scan->files[i].reason)
            photos[good++] = (uint32_t)i;
    if (good > 0)
        qsort_r(photos, good, sizeof *photos, by_likeness, scan->files);
    for (size_t i = 0, end; status == OK && i < good; i = end) {
        for (end = i + 1; end < good && alike(&scan->files[photos[end]].cost, &scan->files[photos[i]].cost);)
            end++;
        if (photos[i] >= train || photos[end - 1] < train)
            continue; /* in order among themselves: all of one list */
        memory = scan->candidates;
        status = memory_grow(&memory, &scan->candidate_room, scan->candidate_count + (end - i),
                             sizeof *scan->candidates, "the scan", err);
        scan->candidates = memory;
        for (size_t j = i; status == OK && j < end; j++)
            scan->candidates[scan->candidate_count++] = (struct candidate){.photo = photos[j]};
    }
    memory_free(photos);
    return status;
}

static enum status find_duplicates(struct scan_report *report, struct scan *scan, struct pool *pool, struct error *err)
{
    uint32_t train = (uint32_t)scan->dataset->train.count;
    enum status status = find_candidates(scan, err);
    if (status != OK || scan->candidate_count == 0)
        return status;
    pool_for(pool, scan->candidate_count, hash_one, scan);
    void *memory;
    status = memory_alloc(&memory, scan->candidate_count, sizeof *report->duplicates, "the scan", err);
    if (status != OK)
        return status;
    report->duplicates = memory;
    qsort(scan->candidates, scan->candidate_count, sizeof *scan->candidates, by_hash);
    const struct candidate *first = NULL; /* the first of the same bytes; in train, if any of them is */
    for (size_t i = 0; i < scan->candidate_count; i++) {
        const struct candidate *each = &scan->candidates[i];
        if (!each->hashed)
            continue;
        if (!first || first->hash.high != each->hash.high || first->hash.low != each->hash.low)
            first = each;
        if (first->photo < train && each->photo >= train)
            report->duplicates[report->duplicate_count++] =
                (struct scan_duplicate){.train = first->photo, .val = each->photo - train};
    }
    qsort(report->duplicates, report->duplicate_count, sizeof *report->duplicates, by_val);
    return OK;
}

/* Counts, and moves the reasons into the report. */
static enum status count_files(struct scan_report *report, struct scan *scan, struct error *err)
{
    const struct dataset *data = scan->dataset;
    size_t bad = 0, train = data->train.count;
    void *memory;
    for (size_t i = 0; i < scan->count; i++)
        bad += scan->files[i].reason != NULL;
    enum status status = memory_alloc(&memory, data->classes.count, sizeof *report->classes, "the scan", err);
    if (status != OK)
        return status;
    report->classes = memory;
    report->class_count = data->classes.count;
    status = memory_alloc(&memory, bad, sizeof *report->bad, "the scan", err);
    if (status != OK)
        return status;
    report->bad = memory;
    for (size_t i = 0; i < scan->count; i++) {
        bool val = i >= train;
        uint32_t photo = (uint32_t)(val ? i - train : i);
        struct scan_class *class = &report->classes[(val ? &data->val : &data->train)->photos[photo].class];
        *(val ? &class->val : &class->train) += 1;
        report->bytes += scan->files[i].cost.file;
        if (!scan->files[i].reason) {
            if (scan->files[i].cost.memory > report->photo_memory)
                report->photo_memory = scan->files[i].cost.memory;
            continue;
        }
        *(val ? &class->bad_val : &class->bad_train) += 1;
        report->bad[report->bad_count++] =
            (struct scan_bad){.val = val, .photo = photo, .reason = scan->files[i].reason};
        scan->files[i].reason = NULL;
    }
    for (size_t i = 0; i < report->class_count; i++)
        report->few += report->classes[i].train - report->classes[i].bad_train < SCAN_FEW_PHOTOS;
    report->hidden = data->train.hidden + data->val.hidden;
    report->stray = data->train.stray + data->val.stray;
    return OK;
}

enum status scan_dataset(struct scan_report *out, const struct dataset *dataset, const struct image_options *options,
                         struct pool *pool, struct error *err)
{
    struct scan scan = {.dataset = dataset, .options = options, .count = dataset->train.count + dataset->val.count};
    struct scan_report report = {0};
    void *memory;
    enum status status = memory_alloc(&memory, scan.count, sizeof *scan.files, "the scan", err);
    if (status != OK)
        return status;
    scan.files = memory;
    pool_for(pool, scan.count, probe_one, &scan);
    if (atomic_load(&scan.out_of_memory))
        status = error_memory(err, "the scan", 0);
    if (status == OK)
        status = find_duplicates(&report, &scan, pool, err);
    if (status == OK)
        status = count_files(&report, &scan, err);
    for (size_t i = 0; i < scan.count; i++)
        memory_free(scan.files[i].reason);
    memory_free(scan.files);
    memory_free(scan.candidates);
    if (status != OK)
        scan_report_free(&report);
    else
        *out = report;
    return status;
}

void scan_report_free(struct scan_report *report)
{
    for (size_t i = 0; i < report->bad_count; i++)
        memory_free((void *)report->bad[i].reason);
    memory_free(report->bad);
    memory_free(report->classes);
    memory_free(report->duplicates);
    *report = (struct scan_report){0};
}
