#define _GNU_SOURCE
#include "cli/run/record_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shell/paths.h"
#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/lock.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

/* Is the locked file still the one of that name? A process that failed may have removed its folder, and another may
 * have made it. */
static enum status check_name(int lock, const char *file, const char *path, struct error *err)
{
    struct stat mine, named = {0};
    if (file_stat(&mine, lock) != 0)
        return file_failure(file, errno, err);
    if (!S_ISREG(mine.st_mode))
        return error_set(err, ERR_CANTCREATE, "%s: is no file, but a run is locked by it; remove it", file);
    if (path_stat(&named, file) != 0 && errno != ENOENT && errno != ENOTDIR)
        return file_failure(file, errno, err);
    if (mine.st_dev != named.st_dev || mine.st_ino != named.st_ino)
        return error_set(err, ERR_CANTCREATE, "%s: was replaced by another program meanwhile; try again", path);
    return OK;
}

static enum status open_file(int *out, const char *file, struct error *err)
{
    struct retry retry = {0};
    do
        *out = open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
    while (*out < 0 && retry_after(&retry, errno));
    if (*out >= 0)
        return OK;
    if (errno == ENOENT || errno == ENOTDIR || retry_system_is_out(errno) || retry_is_passing(errno))
        return file_failure(file, errno, err);
    return error_set(err, ERR_CANTCREATE, "%s: cannot be opened to lock the folder: %s", file, strerror(errno));
}

/* 0, or the errno. */
static int lock_at_once(int fd, short type)
{
    struct retry retry = {0};
    bool given;
    do
        given = lock_try(fd, 0, type);
    while (!given && !lock_is_held(errno) && retry_after(&retry, errno));
    return given ? 0 : errno;
}

static void warn_of_no_lock(const char *path, int error)
{
    static bool said;
    if (!said)
        warn("%s: the file system has no lock for it (%s): another freezetune in this folder would not be noticed",
             path, strerror(error));
    said = true;
}

static enum status lock_folder(int *lock, const char *path, short type, struct error *err)
{
    char *file;
    int fd = -1;
    *lock = -1;
    enum status status = path_join(&file, path, PATH_RUN_LOCK, err);
    if (status != OK)
        return status;
    status = open_file(&fd, file, err);
    int refused = status == OK ? lock_at_once(fd, type) : 0;
    if (lock_is_held(refused))
        status = error_set(err, ERR_CANTCREATE,
                           "%s: another freezetune is running there; wait for it, or name another folder", path);
    else if (status == OK)
        status = check_name(fd, file, path, err);
    if (status == OK && refused)
        warn_of_no_lock(path, refused);
    if (status == OK)
        *lock = fd;
    else if (fd >= 0)
        close(fd);
    memory_free(file);
    return status;
}

enum status record_lock_open(int *lock, const char *path, struct error *err)
{
    return lock_folder(lock, path, F_WRLCK, err);
}

enum status record_lock_share(int *lock, const char *path, struct error *err)
{
    return lock_folder(lock, path, F_RDLCK, err);
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

void record_lock_remove(const char *path)
{
    char *file;
    if (path_join(&file, path, PATH_RUN_LOCK, NULL) != OK)
        return;
    unlink(file);
    memory_free(file);
}

bool record_lock_is_held(const char *path)
{
    char *file;
    if (path_join(&file, path, PATH_RUN_LOCK, NULL) != OK)
        return false;
    int fd = open(file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    bool held = fd >= 0 && lock_look(fd, 0, F_RDLCK);
    if (fd >= 0)
        close(fd);
    memory_free(file);
    return held;
}
