#define _GNU_SOURCE
#include "core/features/feature_lock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/lock.h"

enum status feature_lock_error(const char *path, struct error *err)
{
    return error_set(err, ERR_IO, "%s: cannot be locked: %s; name a folder on another disk with --cache-dir", path,
                     strerror(errno));
}

static enum status held_error(int fd, enum feature_lock_byte byte, short type, const char *path, struct error *err)
{
    char who[64] = "another process";
    long holder = lock_holder(fd, byte, type);
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
    while (!lock_try(fd, byte, type)) {
        if (!lock_is_held(errno))
            return feature_lock_error(path, err);
        if (waited >= FEATURE_LOCK_PATIENCE * 1000L)
            return held_error(fd, byte, type, path, err);
        nanosleep(&(struct timespec){.tv_nsec = wait * 1000000}, NULL);
        waited += wait;
        wait = wait < 32 ? 2 * wait : 50;
    }
    return OK;
}
