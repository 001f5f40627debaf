#define _GNU_SOURCE
#include "core/data/scan.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/same_bytes.h"

/* Photos of both lists are counted through: 0..train-1 train, then val. */
struct file_found {
    struct image_cost cost;
    char *reason; /* NULL: nothing wrong was found */
    bool away;
};

struct scan {
    const struct dataset *dataset;
    const struct image_options *options;
    struct file_found *files;
    size_t count;
    atomic_flag failed; /* the system did, and `failure` is how: the first that found it writes */
    struct error failure;
};

static bool path_of(char *out, size_t size, const void *context, uint32_t photo)
{
    const struct scan *scan = context;
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
    path[0] = '\0';
    enum status status = path_of(path, sizeof path, scan, (uint32_t)photo)
                             ? image_probe(path, scan->options, &file->cost, &err)
                             : error_set(&err, ERR_DATA, "its path is too long");
    file->away = status == ERR_NOINPUT || status == ERR_IO;
    if (status != OK && status != ERR_SYSTEM)
        status = memory_strdup(&file->reason, err.text, &err);
    if (status == ERR_SYSTEM && !atomic_flag_test_and_set(&scan->failed))
        error_set(&scan->failure, ERR_SYSTEM, "%s: %s", path, err.text);
}

/* The number of a photo's class; photos are counted through. */
static uint32_t class_of(const struct dataset *data, uint32_t photo)
{
    size_t train = data->train.count;
    return photo < train ? data->train.photos[photo].class : data->val.photos[photo - train].class;
}

/* Within files of the same bytes: by class, then in order. */
static int by_class(const void *a, const void *b, void *context)
{
    const struct dataset *data = ((const struct scan *)context)->dataset;
    uint32_t x = ((const struct same_file *)a)->file, y = ((const struct same_file *)b)->file;
    uint32_t x_class = class_of(data, x), y_class = class_of(data, y);
    if (x_class != y_class)
        return x_class < y_class ? -1 : 1;
    return x < y ? -1 : 1;
}

static int by_photo(const void *a, const void *b)
{
    const struct scan_duplicate *x = a, *y = b;
    if (x->val != y->val)
        return x->val ? 1 : -1;
    return x->photo < y->photo ? -1 : 1;
}

static void add_duplicate(struct scan_report *report, uint32_t photo, uint32_t same, const struct dataset *data)
{
    uint32_t train = (uint32_t)data->train.count;
    bool val = photo >= train, same_val = same >= train;
    enum scan_same kind = class_of(data, photo) != class_of(data, same) ? SCAN_LABEL_CONFLICT
                          : val != same_val                             ? SCAN_LEAK
                                                                        : SCAN_REPEAT;
    report->same[kind]++;
    report->duplicates[report->duplicate_count++] = (struct scan_duplicate){.kind = kind,
                                                                            .val = val,
                                                                            .photo = val ? photo - train : photo,
                                                                            .same_val = same_val,
                                                                            .same = same_val ? same - train : same};
}

/* files[count] have the same bytes, in order. The first of each class beside the first of all; the others of a class
 * beside the first of it. Train comes before val: where a class has the bytes in both, its first one trains. */
static void pair_files(struct scan_report *report, struct same_file *files, size_t count, struct scan *scan)
{
    const struct dataset *data = scan->dataset;
    uint32_t first = files[0].file, head = 0;
    qsort_r(files, count, sizeof *files, by_class, scan);
    for (size_t i = 0; i < count; i++) {
        uint32_t photo = files[i].file;
        if (i == 0 || class_of(data, photo) != class_of(data, head)) {
            head = photo;
            if (head != first)
                add_duplicate(report, head, first, data);
        } else {
            add_duplicate(report, photo, head, data);
        }
    }
}

static enum status find_duplicates(struct scan_report *report, struct scan *scan, struct pool *pool, struct error *err)
{
    void *memory, *rows;
    size_t count = 0;
    enum status status = memory_alloc(&memory, scan->count, sizeof(struct same_file), "the scan", err);
    if (status != OK)
        return status;
    struct same_file *files = memory;
    for (size_t i = 0; i < scan->count; i++) {
        const struct file_found *found = &scan->files[i];
        if (!found->reason)
            files[count++] = (struct same_file){found->cost.file, found->cost.ends, (uint32_t)i, false, {0}};
    }
    count = same_bytes_keep(files, count, path_of, scan, pool);
    status = memory_alloc(&rows, count, sizeof *report->duplicates, "the scan", err);
    if (status == OK)
        report->duplicates = rows;
    for (size_t i = 0, end; status == OK && i < count; i = end) {
        for (end = i + 1; end < count && same_bytes(&files[i], &files[end]);)
            end++;
        pair_files(report, &files[i], end - i, scan);
    }
    if (report->duplicate_count > 0)
        qsort(report->duplicates, report->duplicate_count, sizeof *report->duplicates, by_photo);
    memory_free(files);
    return status;
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
        class->away_train += !val && scan->files[i].away;
        report->away_count += scan->files[i].away;
        report->bad[report->bad_count++] =
            (struct scan_bad){.val = val, .away = scan->files[i].away, .photo = photo, .reason = scan->files[i].reason};
        scan->files[i].reason = NULL;
    }
    for (size_t i = 0; i < report->class_count; i++)
        report->few += report->classes[i].train - report->classes[i].bad_train < SCAN_FEW_PHOTOS;
    report->hidden = data->train.hidden + data->val.hidden;
    report->stray = data->train.stray + data->val.stray;
    report->others = data->train.others + data->val.others;
    return OK;
}

static enum status stamp_files(struct scan_report *report, const struct scan *scan, struct error *err)
{
    void *memory;
    enum status status = memory_alloc(&memory, scan->count, sizeof *report->stamps, "the scan", err);
    if (status != OK)
        return status;
    report->stamps = memory;
    for (size_t i = 0; i < scan->count; i++) {
        const struct image_cost *cost = &scan->files[i].cost;
        if (!scan->files[i].away)
            report->stamps[i] = (struct photo_stamp){.size = cost->file, .changed = cost->changed, .ends = cost->ends};
    }
    return OK;
}

enum status scan_dataset(struct scan_report *out, const struct dataset *dataset, const struct image_options *options,
                         struct pool *pool, struct error *err)
{
    struct scan scan = {.dataset = dataset,
                        .options = options,
                        .count = dataset->train.count + dataset->val.count,
                        .failed = ATOMIC_FLAG_INIT};
    struct scan_report report = {0};
    void *memory;
    enum status status = memory_alloc(&memory, scan.count, sizeof *scan.files, "the scan", err);
    if (status != OK)
        return status;
    scan.files = memory;
    pool_for(pool, scan.count, probe_one, &scan);
    if (scan.failure.status != OK)
        status = error_set(err, ERR_SYSTEM, "%s", scan.failure.text);
    if (status == OK)
        status = find_duplicates(&report, &scan, pool, err);
    if (status == OK)
        status = count_files(&report, &scan, err);
    if (status == OK)
        status = stamp_files(&report, &scan, err);
    for (size_t i = 0; i < scan.count; i++)
        memory_free(scan.files[i].reason);
    memory_free(scan.files);
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
    memory_free(report->stamps);
    *report = (struct scan_report){0};
}
