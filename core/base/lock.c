#define _GNU_SOURCE
#include "core/base/lock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct flock range_of(off_t byte, short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

bool lock_try(int fd, off_t byte, short type)
{
    struct flock range = range_of(byte, type);
    int result;
    do
        result = fcntl(fd, F_OFD_SETLK, &range);
    while (result != 0 && errno == EINTR);
    return result == 0;
}

void lock_give_back(int fd, off_t byte)
{
    (void)lock_try(fd, byte, F_UNLCK);
}

bool lock_is_held(int error)
{
    return error == EAGAIN || error == EACCES;
}

bool lock_look(int fd, off_t byte, short type)
{
    struct flock range = range_of(byte, type);
    return fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
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

long lock_holder(int fd, off_t byte, short type)
{
    struct flock range = range_of(byte, type);
    if (fcntl(fd, F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK && range.l_pid > 0)
        return (long)range.l_pid;
    return search_holder(fd);
}
