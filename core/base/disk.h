/* The free space on a disk. */
#ifndef FREEZETUNE_DISK_H
#define FREEZETUNE_DISK_H

#include <stdint.h>

#include "core/base/error.h"

struct disk {
    uint64_t free;   /* bytes that this user may write */
    uint64_t device; /* equal: the same file system */
};

/* Of the file system where `path` is, or would be: the nearest folder above it that is there tells. OVERWRITES *out.
 * ERR_IO where the system does not say, ERR_SYSTEM without memory. */
MUST_CHECK enum status disk_look(struct disk *out, const char *path, struct error *err);

#endif
