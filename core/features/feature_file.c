#define _GNU_SOURCE
#include "core/features/feature_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/lock.h"
#include "core/base/memory.h"
#include "core/features/feature_lock.h"

/* ---- locks ------------------------------------------------------------------------------------------------------- */

enum status feature_file_lock(struct feature_file *file, bool append, struct error *err)
{
    assert(!append || !file->read_only);
    return feature_lock(file->fd, FEATURE_LOCK_APPEND, append ? F_WRLCK : F_RDLCK, file->path, err);
}

void feature_file_unlock(struct feature_file *file)
{
    lock_give_back(file->fd, FEATURE_LOCK_APPEND);
}

/* ---- bytes ------------------------------------------------------------------------------------------------------- */

/* How many of the bytes were there; -1 when reading fails. */
static ssize_t read_at(int fd, void *out, size_t size, uint64_t at)
{
    size_t have = 0;
    while (have < size) {
        ssize_t got = pread(fd, (uint8_t *)out + have, size - have, (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        have += (size_t)got;
    }
    return (ssize_t)have;
}

/* How many of the bytes were written; fewer than asked for: errno says why. */
static size_t write_at(int fd, const void *bytes, size_t size, uint64_t at)
{
    size_t done = 0;
    while (done < size) {
        ssize_t put = pwrite(fd, (const uint8_t *)bytes + done, size - done, (off_t)(at + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            break;
        done += (size_t)put;
    }
    return done;
}

static uint64_t record_at(const struct feature_file *file, uint32_t number)
{
    return FEATURE_HEADER_BYTES + (uint64_t)number * file->record_bytes;
}

static enum status read_error(const char *path, struct error *err)
{
    return error_set(err, ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* In a folder that others may write to: a FIFO does not block, and a link is not followed. */
enum { OPEN_FLAGS = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW };

/* The errors of such an open where the name is a link, a socket or a folder. */
static bool is_irregular(int error)
{
    return error == ELOOP || error == ENXIO || error == EISDIR || error == ENODEV;
}

static enum status irregular_error(const char *path, struct error *err)
{
    return error_set(err, ERR_DATA, "%s: not a regular file; move it away, or name another folder with --cache-dir",
                     path);
}

/* Features that another user wrote, or could change, are not used. Root is trusted. */
static enum status check_owner(const struct stat *info, const char *path, struct error *err)
{
    if (info->st_uid != geteuid() && info->st_uid != 0)
        return error_set(err, ERR_DATA,
                         "%s: belongs to another user (number %lu); name another folder with --cache-dir", path,
                         (unsigned long)info->st_uid);
    if (info->st_mode & S_IWOTH)
        return error_set(err, ERR_DATA, "%s: every user may write to it; change that with chmod o-w, or remove it",
                         path);
    return OK;
}

static enum status open_path(struct feature_file *file, struct error *err)
{
    struct stat info;
    file->fd = open(file->path, O_RDWR | O_CREAT | OPEN_FLAGS, 0664);
    if (file->fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM)) {
        int reason = errno;
        file->fd = open(file->path, O_RDONLY | OPEN_FLAGS);
        file->read_only = true;
        errno = reason;
    }
    if (file->fd < 0 && is_irregular(errno))
        return irregular_error(file->path, err);
    if (file->fd < 0)
        return error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s; name another folder with --cache-dir",
                         file->path, strerror(errno));
    if (fstat(file->fd, &info) != 0)
        return read_error(file->path, err);
    return S_ISREG(info.st_mode) ? check_owner(&info, file->path, err) : irregular_error(file->path, err);
}

/* Is the open file still the one of that name? A lock of FEATURE_LOCK_USE keeps it so: it is removed under that lock
 * alone. */
static bool has_name(const struct stat *mine, const char *path)
{
    struct stat named;
    return lstat(path, &named) == 0 && mine->st_dev == named.st_dev && mine->st_ino == named.st_ino;
}

/* A process that removes the file has it alone. One that waited holds a file without a name, and opens the next. */
static enum status open_in_use(struct feature_file *file, struct error *err)
{
    enum { TIMES_MOST = 1000 };
    struct stat mine;
    for (int i = 0; i < TIMES_MOST; i++) {
        enum status status = open_path(file, err);
        if (status != OK)
            return status;
        status = feature_lock(file->fd, FEATURE_LOCK_USE, F_RDLCK, file->path, err);
        if (status != OK)
            return status;
        if (fstat(file->fd, &mine) != 0)
            return read_error(file->path, err);
        if (has_name(&mine, file->path))
            return OK;
        close(file->fd);
        file->fd = -1;
    }
    return error_set(err, ERR_IO, "%s: another program keeps removing it", file->path);
}

/* A file that is not ours is for its owner to move; `cache clear` removes the others. */
static enum status header_error(const struct feature_file *file, const char *dir, enum feature_header header,
                                const char *what, struct error *err)
{
    if (header == FEATURE_HEADER_FOREIGN)
        return error_set(err, ERR_DATA, "%s: %s; move it away, or name another folder with --cache-dir", file->path,
                         what);
    return error_set(err, ERR_DATA, "%s: %s; remove it with: freezetune cache clear --cache-dir %s %.32s", file->path,
                     what, dir, strrchr(file->path, '/') + 1);
}

static enum status make_header(struct feature_file *file, struct error *err)
{
    uint8_t page[FEATURE_HEADER_BYTES];
    feature_header_write(page, &file->about);
    if (write_at(file->fd, page, sizeof page, 0) == sizeof page && fsync(file->fd) == 0)
        return OK;
    error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s", file->path, strerror(errno));
    (void)!ftruncate(file->fd, 0); /* with or without: unfinished, and finished by who comes next */
    return ERR_CANTCREATE;
}

static enum status take_header(struct feature_file *file, const char *dir, struct error *err)
{
    uint8_t page[FEATURE_HEADER_BYTES];
    struct feature_store_about found;
    ssize_t size = read_at(file->fd, page, sizeof page, 0);
    if (size < 0)
        return read_error(file->path, err);
    enum feature_header header = feature_header_read(&found, page, (size_t)size);
    if (header == FEATURE_HEADER_UNFINISHED && !file->read_only)
        return make_header(file, err);
    if (header != FEATURE_HEADER_GOOD)
        return header_error(file, dir, header, feature_header_text(header), err);
    if (memcmp(found.key, file->about.key, sizeof found.key) != 0 || found.values != file->about.values ||
        found.dtype != file->about.dtype)
        return header_error(file, dir, header, "holds other features than its name says", err);
    return OK;
}

static enum status file_path(char **out, const char *dir, const struct feature_store_about *about, struct error *err)
{
    char name[33 + sizeof FEATURE_FILE_SUFFIX];
    for (size_t i = 0; i < sizeof about->key; i++)
        snprintf(name + 2 * i, 3, "%02x", about->key[i]);
    strcpy(name + 32, FEATURE_FILE_SUFFIX);
    return path_join(out, dir, name, err);
}

enum status feature_file_open(struct feature_file *file, const char *dir, const struct feature_store_about *about,
                              struct error *err)
{
    *file = (struct feature_file){.fd = -1, .about = *about, .record_bytes = feature_record_bytes(about)};
    enum status status = folder_create(dir, err);
    if (status == OK)
        status = file_path(&file->path, dir, about, err);
    if (status == OK)
        status = open_in_use(file, err);
    if (status == OK)
        status = feature_file_lock(file, !file->read_only, err);
    if (status == OK) {
        status = take_header(file, dir, err);
        feature_file_unlock(file);
    }
    if (status == OK)
        (void)futimens(file->fd, NULL); /* "last used"; the time of reading is kept by few file systems */
    else
        feature_file_close(file);
    return status;
}

void feature_file_close(struct feature_file *file)
{
    if (file->fd >= 0)
        close(file->fd); /* gives the locks back */
    memory_free(file->path);
    *file = (struct feature_file){.fd = -1};
}

/* ---- records ----------------------------------------------------------------------------------------------------- */

enum status feature_file_list(struct feature_file *file, struct feature_index *index, struct error *err)
{
    struct stat info;
    if (fstat(file->fd, &info) != 0)
        return read_error(file->path, err);
    uint64_t size = (uint64_t)info.st_size;
    uint64_t records = size < FEATURE_HEADER_BYTES ? 0 : (size - FEATURE_HEADER_BYTES) / file->record_bytes;
    if (records > FEATURE_RECORDS_MOST)
        return error_set(err, ERR_DATA, "%s: holds %llu entries, more than the %lu that are read", file->path,
                         (unsigned long long)records, (unsigned long)FEATURE_RECORDS_MOST);
    if (records < file->records)
        file->records = 0; /* it was cut: others may have taken the place of what is gone */
    for (; file->records < records; file->records++) {
        uint8_t head[FEATURE_RECORD_VALUES];
        struct feature_id id;
        ssize_t got = read_at(file->fd, head, sizeof head, record_at(file, file->records));
        if (got < 0)
            return read_error(file->path, err);
        if ((size_t)got < sizeof head)
            break; /* somebody cuts the file off */
        memcpy(&id, head + sizeof(uint64_t), sizeof id);
        enum status status = feature_index_put(index, &id, file->records, err);
        if (status != OK)
            return status;
    }
    return OK;
}

bool feature_file_read(uint8_t *record, const struct feature_file *file, uint32_t number, const struct feature_id *id)
{
    ssize_t got = read_at(file->fd, record, file->record_bytes, record_at(file, number));
    return got == (ssize_t)file->record_bytes && feature_record_holds(record, &file->about, id);
}

enum status feature_file_append(struct feature_file *file, const uint8_t *records, size_t count, struct error *err)
{
    if (count > FEATURE_RECORDS_MOST - file->records)
        return error_set(err, ERR_CANTCREATE, "%s: holds as many entries as a file may hold", file->path);
    size_t size = count * file->record_bytes;
    size_t done = write_at(file->fd, records, size, record_at(file, file->records));
    int reason = errno;
    file->records += (uint32_t)(done / file->record_bytes);
    if (done == size)
        return OK;
    (void)!ftruncate(file->fd, (off_t)record_at(file, file->records)); /* part of a record may stay: it is none */
    return error_set(err, ERR_IO, "%s: appending failed: %s; what it holds can still be read", file->path,
                     strerror(reason));
}

/* ---- for `freezetune cache` -------------------------------------------------------------------------------------- */

/* What an open file is. */
static enum status look(enum feature_header *header, struct feature_store_about *about, struct stat *info, int fd,
                        const char *path, struct error *err)
{
    uint8_t page[FEATURE_HEADER_BYTES];
    if (fstat(fd, info) != 0)
        return read_error(path, err);
    *header = FEATURE_HEADER_FOREIGN;
    if (!S_ISREG(info->st_mode))
        return OK;
    ssize_t size = read_at(fd, page, sizeof page, 0);
    if (size < 0)
        return read_error(path, err);
    *header = feature_header_read(about, page, (size_t)size);
    return OK;
}

enum status feature_file_look(enum feature_header *header, struct feature_store_about *about, uint64_t *bytes,
                              int64_t *used, const char *path, struct error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | OPEN_FLAGS);
    if (fd < 0 && is_irregular(errno)) {
        *header = FEATURE_HEADER_FOREIGN;
        *bytes = 0;
        *used = 0;
        return OK;
    }
    if (fd < 0)
        return error_set(err, ERR_NOINPUT, "%s: %s", path, strerror(errno));
    enum status status = look(header, about, &info, fd, path, err);
    close(fd);
    if (status == OK) {
        *bytes = (uint64_t)info.st_size;
        *used = (int64_t)info.st_mtime;
    }
    return status;
}

enum status feature_file_remove(bool *in_use, const char *path, struct error *err)
{
    struct feature_store_about about;
    struct stat info;
    enum feature_header header;
    int fd = open(path, O_RDWR | OPEN_FLAGS);
    if (fd < 0 && is_irregular(errno))
        return error_set(err, ERR_DATA, "%s: not a regular file, and stays", path);
    if (fd < 0)
        return error_set(err, errno == ENOENT ? ERR_NOINPUT : ERR_IO, "%s: cannot be removed: %s", path,
                         strerror(errno));
    *in_use = false;
    enum status status = look(&header, &about, &info, fd, path, err);
    if (status == OK && header == FEATURE_HEADER_FOREIGN)
        status = error_set(err, ERR_DATA, "%s: %s, and stays", path, feature_header_text(header));
    else if (status == OK && !lock_try(fd, FEATURE_LOCK_USE, F_WRLCK)) {
        *in_use = lock_is_held(errno);
        status = *in_use ? OK : feature_lock_error(path, err);
    } else if (status == OK && !has_name(&info, path)) /* gone, and what has the name now is somebody's */
        status = error_set(err, ERR_NOINPUT, "%s: was removed by another program", path);
    else if (status == OK && unlink(path) != 0) /* while it is locked: feature_file_open looks again */
        status = error_set(err, ERR_IO, "%s: cannot be removed: %s", path, strerror(errno));
    close(fd);
    return status;
}
