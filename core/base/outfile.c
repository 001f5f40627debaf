#define _GNU_SOURCE
#include "core/base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"
#include "core/base/unfinished.h"

static const char tail[] = ".XXXXXX.part";
enum { TAIL = sizeof tail - 1, LETTERS = 6, PART = sizeof ".part" - 1 };

/* ---- what killed processes left ---------------------------------------------------------------------------------- */

/* Under its lock, which who writes it would hold. A file of another user, a link or one with a second name is not ours
 * to remove. */
static void remove_unless_locked(int folder, const char *name)
{
    struct stat info;
    int fd = openat(folder, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == geteuid() && info.st_nlink == 1 &&
        flock(fd, LOCK_EX | LOCK_NB) == 0)
        unlinkat(folder, name, 0);
    close(fd);
}

void outfile_remove_stale(const char *folder, const char *name)
{
    unfinished_remove(folder, name, tail, remove_unless_locked);
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

/* A descriptor of a new file under an unused name, which it puts into `temporary`; -1 with errno. */
static int make(char *temporary)
{
    char *letters = temporary + strlen(temporary) - TAIL + 1;
    struct retry retry = {0};
    int fd;
    do {
        memset(letters, 'X', LETTERS);
        fd = mkostemps(temporary, PART, O_CLOEXEC);
    } while (fd < 0 && retry_after(&retry, errno));
    return fd;
}

/* Makes the file and locks it. Between the two another process may take it for a stale one: both then remove it. */
static int make_locked(char *temporary)
{
    enum { TIMES_MOST = 100 };
    struct stat info;
    for (int i = 0; i < TIMES_MOST; i++) {
        int fd = make(temporary);
        if (fd < 0)
            return -1;
        bool taken = flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
        if (!taken && !(fstat(fd, &info) == 0 && info.st_nlink == 0))
            return fd;
        unlink(temporary);
        close(fd);
    }
    errno = EAGAIN;
    return -1;
}

static enum status cannot_be_made(const struct outfile *file, int error, struct error *err)
{
    if (retry_system_is_out(error))
        return error_set(err, ERR_SYSTEM, "%s: cannot be created: %s: close other programs or raise `ulimit -n`",
                         file->path, strerror(error));
    return error_set(err, ERR_CANTCREATE, "%s: cannot be created: %s", file->path, strerror(error));
}

static enum status begin(struct outfile *file, struct error *err)
{
    char *folder;
    const char *name;
    enum status status = path_split(&folder, &name, file->path, err);
    if (status != OK)
        return status;
    outfile_remove_stale(folder, name);
    memory_free(folder);
    int fd = make_locked(file->temporary);
    if (fd < 0)
        return cannot_be_made(file, errno, err);
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(fd, 0666 & ~mask) != 0 || !(file->stream = fdopen(fd, "wb"))) {
        status = cannot_be_made(file, errno, err);
        close(fd);
        unlink(file->temporary);
    }
    return status;
}

/* A device, a pipe, or whatever /dev/stdout and /dev/fd/3 lead to: nothing is there that could be replaced, and a file
 * that took the name would be a mistake. /dev/shm is a folder like others. */
static bool is_written_through(const char *path, const struct stat *info)
{
    bool of_process = strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/dev/stderr") == 0 ||
                      strncmp(path, "/dev/fd/", 8) == 0 || strncmp(path, "/proc/", 6) == 0;
    return S_ISCHR(info->st_mode) || S_ISFIFO(info->st_mode) || (S_ISREG(info->st_mode) && of_process);
}

/* What is written is kept until the commit, so that half an output goes nowhere, and because zip files seek. */
static enum status open_through(struct outfile *out, const char *path, struct error *err)
{
    struct outfile file = {.through = true};
    if (access(path, W_OK) != 0)
        return error_set(err, ERR_CANTCREATE, "%s: cannot be written to: %s", path, strerror(errno));
    enum status status = memory_strdup(&file.path, path, err);
    if (status != OK)
        return status;
    file.stream = tmpfile();
    if (!file.stream) {
        status = error_set(err, ERR_CANTCREATE, "%s: cannot create a temporary file for it: %s", path, strerror(errno));
        memory_free(file.path);
        return status;
    }
    *out = file;
    return OK;
}

enum status outfile_open(struct outfile *out, const char *path, struct error *err)
{
    struct stat info;
    struct outfile file = {0};
    if (*path == '\0')
        return error_set(err, ERR_CANTCREATE, "an empty name cannot be written to");
    bool there = stat(path, &info) == 0;
    if (there && is_written_through(path, &info))
        return open_through(out, path, err);
    if (there && !S_ISREG(info.st_mode))
        return error_set(err, ERR_CANTCREATE, "%s: is not a file that can be written", path);

    size_t size = strlen(path) + sizeof tail;
    void *temporary;
    enum status status = memory_alloc(&temporary, size, 1, "a path", err);
    if (status != OK)
        return status;
    file.temporary = temporary;
    snprintf(file.temporary, size, "%s%s", path, tail);
    status = memory_strdup(&file.path, path, err);
    if (status == OK)
        status = begin(&file, err);
    if (status == OK) {
        *out = file;
        return OK;
    }
    memory_free(file.path);
    memory_free(file.temporary);
    return status;
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* What file systems answer that have no sync of folders: the rename is then as durable as they make it. */
static bool cannot_sync(int error)
{
    return error == EINVAL || error == ENOTSUP || error == EOPNOTSUPP || error == ENOSYS;
}

/* 0, or an errno. EIO is not asked for again: the system forgets what it could not write,
 * and the next answer is good. */
static int sync_file(int fd)
{
    int failed;
    do
        failed = fsync(fd) != 0 ? errno : 0;
    while (failed == EINTR);
    return failed;
}

/* 0, or an errno. A folder that may be written to but not read cannot be opened: nothing can be done about that. */
static int sync_folder(const char *folder)
{
    struct retry retry = {0};
    int fd, failed;
    do
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && retry_after(&retry, errno));
    if (fd < 0)
        return errno == EACCES ? 0 : errno;
    failed = sync_file(fd);
    close(fd);
    return cannot_sync(failed) ? 0 : failed;
}

enum status outfile_sync_folder(const char *path, struct error *err)
{
    char *folder;
    const char *name;
    enum status status = path_split(&folder, &name, path, err);
    if (status != OK)
        return status;
    int failed = sync_folder(folder);
    if (failed)
        status = error_set(err, ERR_IO, "%s: was written, but its folder cannot be synced: %s; check the disk", path,
                           strerror(failed));
    memory_free(folder);
    return status;
}

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno != EINTR)
            return errno;
        if (written > 0) {
            bytes += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* 0, or an errno. Opening a pipe waits for its reader, as a shell's redirection does. */
static int copy_through(FILE *stream, const char *path)
{
    char piece[1 << 16];
    size_t size;
    if (fflush(stream) != 0 || ferror(stream))
        return errno ? errno : EIO;
    rewind(stream);
    int fd = open(path, O_WRONLY | O_NOCTTY | O_APPEND | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = 0;
    while (!failed && (size = fread(piece, 1, sizeof piece, stream)) > 0)
        failed = write_all(fd, piece, size);
    if (!failed && ferror(stream))
        failed = EIO;
    if (close(fd) != 0 && !failed)
        failed = errno;
    return failed;
}

static enum status commit_through(struct outfile *out, struct error *err)
{
    int failed = copy_through(out->stream, out->path);
    enum status status = OK;
    if (failed)
        status = error_set(err, ERR_IO, "%s: writing failed: %s", out->path, strerror(failed));
    outfile_discard(out);
    return status;
}

/* The stream, and with it the lock, is closed after the rename: nobody may take the file for a stale one before. What
 * fsync has taken, close cannot lose. */
enum status outfile_commit(struct outfile *out, struct error *err)
{
    int failed = 0;
    if (out->through)
        return commit_through(out, err);
    if (fflush(out->stream) != 0 || ferror(out->stream))
        failed = errno ? errno : EIO;
    else
        failed = sync_file(fileno(out->stream));
    if (!failed && rename(out->temporary, out->path) != 0)
        failed = errno;
    enum status status = OK;
    if (failed)
        status = error_set(err, ERR_IO, "%s: writing failed: %s; nothing was changed", out->path, strerror(failed));
    if (failed)
        unlink(out->temporary);
    (void)fclose(out->stream);
    if (!failed)
        status = outfile_sync_folder(out->path, err);
    memory_free(out->path);
    memory_free(out->temporary);
    *out = (struct outfile){0};
    return status;
}

void outfile_discard(struct outfile *out)
{
    if (!out->path)
        return;
    if (out->stream)
        fclose(out->stream);
    if (out->temporary)
        unlink(out->temporary);
    memory_free(out->path);
    memory_free(out->temporary);
    *out = (struct outfile){0};
}

enum status outfile_probe(const char *path, struct error *err)
{
    struct outfile probe;
    enum status status = outfile_open(&probe, path, err);
    if (status == OK)
        outfile_discard(&probe);
    return status;
}

enum status outfile_open_in(struct outfile *out, const char *folder, const char *name, struct error *err)
{
    char *path;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = outfile_open(out, path, err);
    memory_free(path);
    return status;
}

enum status outfile_end(struct outfile *out, enum status status, struct error *err)
{
    if (status == OK)
        return outfile_commit(out, err);
    outfile_discard(out);
    return status;
}
