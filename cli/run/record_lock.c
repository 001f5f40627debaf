#define _GNU_SOURCE
#include "cli/run/record_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

/* Is the locked folder still the one of that name? A process that failed may have removed it, and another may have made
 * it. */
static enum status check_name(int lock, const char *path, struct error *err)
{
    struct stat mine, named = {0};
    if (file_stat(&mine, lock) != 0)
        return file_failure(path, errno, err);
    if (path_stat(&named, path) != 0 && errno != ENOENT && errno != ENOTDIR)
        return file_failure(path, errno, err);
    if (mine.st_dev != named.st_dev || mine.st_ino != named.st_ino)
        return error_set(err, ERR_CANTCREATE, "%s: was replaced by another program meanwhile; try again", path);
    return OK;
}

/* As flock; a signal is no reason to go without the lock. */
static int lock_at_once(int fd, int kind)
{
    int failed;
    do
        failed = flock(fd, kind | LOCK_NB);
    while (failed && errno == EINTR);
    return failed;
}

static enum status lock_folder(int *lock, const char *path, int kind, struct error *err)
{
    enum status status = OK;
    *lock = -1;
    struct retry retry = {0};
    int fd;
    do
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd < 0 && retry_after(&retry, errno));
    if (fd < 0)
        return file_failure(path, errno, err);
    if (lock_at_once(fd, kind) != 0 && errno == EWOULDBLOCK) /* other errors: a file system without locks */
        status = error_set(err, ERR_CANTCREATE,
                           "%s: another freezetune is running there; wait for it, or name another folder", path);
    else
        status = check_name(fd, path, err);
    if (status == OK)
        *lock = fd;
    else
        close(fd);
    return status;
}

enum status record_lock_open(int *lock, const char *path, struct error *err)
{
    return lock_folder(lock, path, LOCK_EX, err);
}

enum status record_lock_share(int *lock, const char *path, struct error *err)
{
    return lock_folder(lock, path, LOCK_SH, err);
}

enum status record_lock_create(char **path, int *lock, bool *made, const char *given, struct error *err)
{
    struct stat info;
    *path = NULL;
    *lock = -1;
    *made = !given || stat(given, &info) != 0;
    enum status status = path_run(path, given, err);
    if (status == OK)
        status = record_lock_open(lock, *path, err);
    if (status != OK) {
        memory_free(*path); /* a folder that was made here stays: another process may have locked it by now */
        *path = NULL;
        return status;
    }
    status = path_require_empty(*path, err);
    if (status != OK) {
        close(*lock);
        memory_free(*path);
        *lock = -1;
        *path = NULL;
    }
    return status;
}

/* The lock is asked for and given back at once; those who only look do not see one another. */
bool record_lock_is_held(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}
