#define _GNU_SOURCE
#include "core/features/feature_lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool change(int fd, enum feature_lock_byte byte, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &range);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

bool feature_lock_try(int fd, enum feature_lock_byte byte, short type)
{
    return change(fd, byte, type);
}

void feature_lock_give_back(int fd, enum feature_lock_byte byte)
{
    (void)change(fd, byte, F_UNLCK);
}

enum status feature_lock_error(const char *path, struct error *err)
{
    return error_set(err, ERR_IO, "%s: cannot be locked: %s; name a folder on another disk with --cache-dir", path,
                     strerror(errno));
}

/* ---- who has it -------------------------------------------------------------------------------------------------- */

/* Has the process this file open? Of other users' processes that cannot be seen. */
static bool has_open(const char *process, const struct stat *file)
{
    char path[600];
    struct stat info;
    const struct dirent *entry;
    bool found = false;
    snprintf(path, sizeof path, "/proc/%.20s/fd", process);
    DIR *dir = opendir(path);
    while (dir && !found && (entry = readdir(dir)))
        found = fstatat(dirfd(dir), entry->d_name, &info, 0) == 0 && info.st_dev == file->st_dev &&
                info.st_ino == file->st_ino;
    if (dir)
        closedir(dir);
    return found;
}

/* The kernel names no process for a lock of an open file: returns the first that has the file open, 0 for none. */
static long search_holder(int fd)
{
    struct stat file;
    const struct dirent *entry;
    long holder = 0, own = (long)getpid();
    DIR *dir = fstat(fd, &file) == 0 ? opendir("/proc") : NULL;
    while (dir && holder == 0 && (entry = readdir(dir))) {
        long process = strspn(entry->d_name, "0123456789") == strlen(entry->d_name) ? atol(entry->d_name) : 0;
        if (process > 0 && process != own && has_open(entry->d_name, &file))
            holder = process;
    }
    if (dir)
        closedir(dir);
    return holder;
}

static long holder_of(int fd, enum feature_lock_byte byte, short type)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
    if (fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK && range.l_pid > 0)
        return (long)range.l_pid;
    return search_holder(fd);
}

static enum status held_error(int fd, enum feature_lock_byte byte, short type, const char *path, struct error *err)
{
    char who[64] = "another process";
    long holder = holder_of(fd, byte, type);
    if (holder > 0)
        snprintf(who, sizeof who, "process %ld", holder);
    return error_set(err, ERR_IO,
                     "%s: %s has held its lock for %d seconds; end that process, or name another folder with "
                     "--cache-dir",
                     path, who, FEATURE_LOCK_PATIENCE);
}

/* ---- waiting ----------------------------------------------------------------------------------------------------- */

enum status feature_lock(int fd, enum feature_lock_byte byte, short type, const char *path, struct error *err)
{
    long waited = 0, wait = 1; /* ms */
    while (!change(fd, byte, type)) {
        if (errno != EAGAIN && errno != EACCES)
            return feature_lock_error(path, err);
        if (waited >= FEATURE_LOCK_PATIENCE * 1000L)
            return held_error(fd, byte, type, path, err);
        nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
        waited += wait;
        wait = wait < 32 ? 2 * wait : 50;
    }
    return OK;
}
