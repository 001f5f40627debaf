#define _GNU_SOURCE
#include "cli/run/record_photos.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/data/photo_stamp.h"

static const char file_name[] = "photos.bin";

static size_t all_photos(const struct dataset *data)
{
    return data->train.count + data->val.count;
}

/* What folder/photos.bin holds of these photos. *there: there is such a file; *same: it describes these photos. */
static enum status read_record(struct photo_stamp *stamps, bool *there, bool *same, const char *folder,
                               const struct dataset *data, struct error *err)
{
    char *path, list[33];
    uint8_t *bytes = NULL;
    size_t size, most = photo_stamps_size(data->train.count, data->val.count);
    struct stat info;
    *same = false;
    enum status status = path_join(&path, folder, file_name, err);
    if (status != OK)
        return status;
    *there = path_stat(&info, path) == 0 || errno != ENOENT;
    /* A record of more photos belongs to another list, and need not be read. */
    if (*there && (info.st_size <= 0 || (uint64_t)info.st_size <= most + 64)) {
        struct error reason;
        checkpoint_photos(list, data);
        status = file_read(&bytes, &size, path, most + 64, err);
        if (status == OK &&
            photo_stamps_read(stamps, same, bytes, size, list, data->train.count, data->val.count, &reason) != OK)
            status = error_set(err, ERR_DATA,
                               "%s: %s, so it is not known whether photos have changed; remove it to continue anyway",
                               path, reason.text);
    }
    memory_free(bytes);
    memory_free(path);
    return status;
}

/* The runs of a series have read what its own record knows from the scan alone. */
static void take_hashes(struct photo_stamp *stamps, struct photo_stamp *spare, const char *folder, const char *name,
                        const struct dataset *data)
{
    char *path;
    bool there, same;
    if (name[0] == '.' || path_join(&path, folder, name, NULL) != OK)
        return;
    if (read_record(spare, &there, &same, path, data, NULL) == OK && same)
        for (size_t i = 0; i < all_photos(data); i++)
            if (stamps[i].hash == 0 && stamps[i].size == spare[i].size && stamps[i].changed == spare[i].changed)
                stamps[i].hash = spare[i].hash;
    memory_free(path);
}

static void take_hashes_of_runs(struct photo_stamp *stamps, struct photo_stamp *spare, const char *folder,
                                const struct dataset *data)
{
    DIR *dir = folder_open(folder);
    const struct dirent *entry;
    while (dir && (entry = folder_next(dir)))
        if (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN)
            take_hashes(stamps, spare, folder, entry->d_name, data);
    if (dir)
        closedir(dir);
}

static enum status refuse(const struct run_setup *t, const char *folder, const bool *changed, size_t count, bool accept,
                          bool says, struct error *err)
{
    char path[PATH_MAX];
    size_t first = 0, train = t->dataset.train.count;
    while (!changed[first])
        first++;
    if (!(first < train ? photo_path(path, sizeof path, &t->dataset.train, first)
                        : photo_path(path, sizeof path, &t->dataset.val, first - train)))
        snprintf(path, sizeof path, "%s", "a photo");
    const char *plural = count == 1 ? " has" : "s has";
    if (!accept)
        return error_set(err, ERR_DATA,
                         "%s: the content of %zu photo%s changed since it was read, the first: %s: start a new run, or "
                         "continue with --accept-changed-photos, to a different result",
                         folder, count, plural, path);
    if (says)
        warn("the content of %zu photo%s changed since it was read, the first: %s; accepted", count, plural, path);
    return OK;
}

enum status record_photos_check(bool **out, bool *stale, const struct run_setup *t, const char *folder, bool accept,
                                bool says, struct error *err)
{
    const struct dataset *data = &t->dataset;
    struct photo_stamp *now = t->scan.stamps;
    size_t all = all_photos(data), train = data->train.count, count = 0;
    void *before = NULL, *changed = NULL, *spare = NULL;
    bool there, same;
    *out = NULL;
    enum status status = memory_alloc(&before, all, sizeof(struct photo_stamp), "the record of the photos", err);
    if (status == OK)
        status = memory_alloc(&spare, all, sizeof(struct photo_stamp), "the record of the photos", err);
    if (status == OK)
        status = memory_alloc(&changed, all, sizeof(bool), "the record of the photos", err);
    if (status == OK)
        status = read_record(before, &there, &same, folder, data, err);
    if (status == OK && !there && says)
        remark("%s: holds no %s (an earlier version started it): it is not known whether photos have changed since",
               folder, file_name);
    if (status == OK)
        *stale = !same;
    if (status != OK || !same)
        goto cleanup;
    struct photo_stamp *known = before;
    bool *flags = changed;
    take_hashes_of_runs(known, spare, folder, data);
    count = photo_stamps_compare(flags, &data->train, known, now, t->pool) +
            photo_stamps_compare(flags + train, &data->val, known + train, now + train, t->pool);
    *stale = memcmp(known, now, all * sizeof *now) != 0;
    if (count > 0)
        status = refuse(t, folder, flags, count, accept, says, err);
    if (status == OK && count > 0) {
        *out = flags;
        changed = NULL;
    }
cleanup:
    memory_free(changed);
    memory_free(spare);
    memory_free(before);
    return status;
}

bool record_photos_update(const struct run_setup *t)
{
    size_t train = t->dataset.train.count;
    bool news = false;
    for (size_t i = 0; i < all_photos(&t->dataset); i++) {
        bool val = i >= train;
        uint64_t hash = train_photo_hash(t->train, val, (uint32_t)(val ? i - train : i));
        if (hash == 0 || hash == t->scan.stamps[i].hash)
            continue;
        t->scan.stamps[i].hash = hash;
        news = true;
    }
    return news;
}

enum status record_photos_write(const char *folder, const struct run_setup *t, struct error *err)
{
    size_t train = t->dataset.train.count, val = t->dataset.val.count, size = photo_stamps_size(train, val);
    struct outfile file;
    char list[33];
    void *bytes;
    enum status status = memory_alloc(&bytes, size, 1, "the record of the photos", err);
    if (status != OK)
        return status;
    checkpoint_photos(list, &t->dataset);
    photo_stamps_write(bytes, list, t->scan.stamps, train, val);
    status = outfile_open_in(&file, folder, file_name, err);
    if (status == OK) {
        fwrite(bytes, 1, size, file.stream); /* whether that worked is asked of the stream */
        status = outfile_commit(&file, err);
    }
    memory_free(bytes);
    return status;
}

enum status record_photos_trained(struct photo_stamp **out, size_t *count, bool *known, const char *folder,
                                  const char list[33], struct error *err)
{
    enum { MOST_BYTES = 1 << 30 };
    char *path;
    uint8_t *bytes = NULL;
    size_t size;
    struct error reason;
    *known = false;
    enum status status = path_join(&path, folder, file_name, err);
    if (status != OK)
        return status;
    status = file_read(&bytes, &size, path, MOST_BYTES, &reason);
    if (status == OK)
        status = photo_stamps_read_train(out, count, known, bytes, size, list, &reason);
    memory_free(bytes);
    memory_free(path);
    return status == ERR_SYSTEM ? error_set(err, status, "%s", reason.text) : OK;
}
