#define _GNU_SOURCE
#include "core/base/disk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "core/base/memory.h"

enum status disk_look(struct disk *out, const char *given, struct error *err)
{
    struct statvfs info;
    struct stat where;
    char *path;
    enum status status = memory_strdup(&path, *given ? given : ".", err);
    if (status != OK)
        return status;
    while (statvfs(path, &info) != 0 || stat(path, &where) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || strcmp(path, "/") == 0 || strcmp(path, ".") == 0) {
            status = error_set(err, ERR_IO, "%s: cannot say how much space is left: %s", given, strerror(errno));
            break;
        }
        if (!slash)
            memcpy(path, ".", sizeof ".");
        else
            slash[slash == path] = '\0';
    }
    if (status == OK)
        *out = (struct disk){(uint64_t)info.f_bavail * info.f_frsize, (uint64_t)where.st_dev};
    memory_free(path);
    return status;
}
