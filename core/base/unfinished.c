#define _GNU_SOURCE
#include "core/base/unfinished.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/base/file.h"

static bool matches(const char *name, const char *target, const char *pattern)
{
    size_t length = strlen(target);
    if (strncmp(name, target, length) != 0 || strlen(name + length) != strlen(pattern))
        return false;
    for (name += length; *name; name++, pattern++)
        if (*pattern == 'X' ? !isalnum((unsigned char)*name) : *name != *pattern)
            return false;
    return true;
}

void unfinished_remove(const char *folder, const char *target, const char *pattern,
                       void (*remove)(int folder, const char *name))
{
    const struct dirent *entry;
    DIR *dir = folder_open(folder);
    while (dir && (entry = folder_next(dir)))
        if (matches(entry->d_name, target, pattern))
            remove(dirfd(dir), entry->d_name);
    if (dir)
        closedir(dir);
}
