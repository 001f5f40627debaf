#include "core/data/quality_scan.h"

#include <limits.h>
#include <stdatomic.h>

#include "core/base/memory.h"

enum { PIECE = 256 }; /* photos between two looks at the watch */

struct quality_job {
    const struct dataset *dataset;
    const struct image_options *options;
    struct quality_photo *photos;
    struct align_photo *align;
    struct quality_scratch *scratch; /* [threads] */
    size_t first;                    /* of the piece */
    atomic_flag failed;              /* the system did, and `failure` is how: the first that found it writes */
    struct error failure;
};

static enum status measure_file(struct quality_job *job, size_t i, const char *path, size_t thread, struct error *err)
{
    struct quality_scratch *scratch = &job->scratch[thread];
    struct image image;
    enum status status = quality_load(&image, path, job->options, err);
    if (status != OK)
        return status;
    status = quality_measure(&job->photos[i].quality, &image, scratch, err);
    if (status == OK && job->align)
        status = align_prepare(&job->align[i], &image, scratch->resizer, err);
    image_free(&image);
    return status;
}

static void measure_one(void *context, size_t item, size_t thread)
{
    struct quality_job *job = context;
    size_t i = job->first + item, train = job->dataset->train.count;
    struct quality_photo *photo = &job->photos[i];
    struct error err = {0};
    char path[PATH_MAX];
    if (photo->reason)
        return;
    path[0] = '\0';
    bool fits = i < train ? photo_path(path, sizeof path, &job->dataset->train, i)
                          : photo_path(path, sizeof path, &job->dataset->val, i - train);
    enum status status =
        fits ? measure_file(job, i, path, thread, &err) : error_set(&err, ERR_DATA, "its path is too long");
    photo->away = status == ERR_NOINPUT || status == ERR_IO;
    if (status != OK && status != ERR_SYSTEM)
        status = memory_strdup(&photo->reason, err.text, &err);
    if (status == ERR_SYSTEM && !atomic_flag_test_and_set(&job->failed))
        error_set(&job->failure, ERR_SYSTEM, "%s: %s", path, err.text);
}

static enum status take_bad(struct quality_photo *photos, const struct dataset *dataset, const struct scan_report *scan,
                            struct error *err)
{
    enum status status = OK;
    for (size_t i = 0; status == OK && i < scan->bad_count; i++) {
        const struct scan_bad *bad = &scan->bad[i];
        struct quality_photo *photo = &photos[bad->val ? dataset->train.count + bad->photo : bad->photo];
        photo->away = bad->away;
        status = memory_strdup(&photo->reason, bad->reason, err);
    }
    return status;
}

static enum status measure_all(struct quality_job *job, size_t count, struct pool *pool, quality_watch *watch,
                               void *context, bool *stopped, struct error *err)
{
    for (; job->first < count; job->first += PIECE) {
        if (watch && !watch(context, job->first, count)) {
            *stopped = true;
            return OK;
        }
        size_t left = count - job->first;
        pool_for(pool, left < PIECE ? left : PIECE, measure_one, job);
        if (job->failure.status != OK)
            return error_set(err, ERR_SYSTEM, "%s", job->failure.text);
    }
    return OK;
}

enum status quality_dataset(struct quality_photo **out, struct align_photo *align, const struct dataset *dataset,
                            const struct scan_report *scan, const struct image_options *options, struct pool *pool,
                            quality_watch *watch, void *context, bool *stopped, struct error *err)
{
    struct quality_job job = {.dataset = dataset, .align = align, .options = options, .failed = ATOMIC_FLAG_INIT};
    size_t threads = pool_threads(pool), count = dataset->train.count + dataset->val.count;
    void *memory;
    *stopped = false;
    enum status status = memory_alloc(&memory, count, sizeof *job.photos, "the photos' quality", err);
    if (status != OK)
        return status;
    job.photos = memory;
    status = memory_alloc(&memory, threads, sizeof *job.scratch, "the photos' quality", err);
    job.scratch = status == OK ? memory : NULL;
    for (size_t i = 0; status == OK && i < threads; i++)
        status = quality_scratch_init(&job.scratch[i], err);
    if (status == OK)
        status = take_bad(job.photos, dataset, scan, err);
    if (status == OK)
        status = measure_all(&job, count, pool, watch, context, stopped, err);
    for (size_t i = 0; job.scratch && i < threads; i++)
        quality_scratch_free(&job.scratch[i]);
    memory_free(job.scratch);
    if (status == OK)
        *out = job.photos;
    else
        quality_photos_free(job.photos, count);
    return status;
}

void quality_photos_free(struct quality_photo *photos, size_t count)
{
    for (size_t i = 0; photos && i < count; i++)
        memory_free(photos[i].reason);
    memory_free(photos);
}
