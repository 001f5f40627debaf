#define _GNU_SOURCE
#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/descriptors.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

int file_descriptor(const char *path, enum status *status, struct error *err)
{
    struct retry retry = {0};
    int fd;
    descriptor_take();
    do
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    while (fd < 0 && retry_after(&retry, errno));
    int failed = errno;
    *status = OK;
    if (fd < 0) {
        descriptor_give_back();
        *status = file_failure(path, failed, err);
    }
    return fd;
}

void file_close(int fd)
{
    close(fd);
    descriptor_give_back();
}

enum status file_failure(const char *path, int error, struct error *err)
{
    if (retry_system_is_out(error))
        return error_set(err, ERR_SYSTEM, "%s: %s: close other programs, raise `ulimit -n` or use fewer threads", path,
                         strerror(error));
    return error_set(err, retry_is_passing(error) ? ERR_IO : ERR_NOINPUT, "%s: %s", path, strerror(error));
}

int path_stat(struct stat *out, const char *path)
{
    struct retry retry = {0};
    int failed;
    do
        failed = stat(path, out);
    while (failed && retry_after(&retry, errno));
    return failed;
}

bool path_is_missing(const char *path)
{
    struct stat info;
    return path_stat(&info, path) != 0 && (errno == ENOENT || errno == ENOTDIR);
}

DIR *folder_open(const char *path)
{
    struct retry retry = {0};
    DIR *folder;
    do
        folder = opendir(path);
    while (!folder && retry_after(&retry, errno));
    return folder;
}

struct dirent *folder_next(DIR *folder)
{
    struct retry retry = {0};
    struct dirent *entry;
    do {
        errno = 0;
        entry = readdir(folder);
    } while (!entry && errno != 0 && retry_after(&retry, errno));
    return entry;
}

enum status folder_is_empty(bool *empty, const char *path, const char *but, struct error *err)
{
    DIR *folder = folder_open(path);
    if (!folder && (retry_system_is_out(errno) || retry_is_passing(errno)))
        return file_failure(path, errno, err);
    if (!folder)
        return error_set(err, ERR_CANTCREATE, "%s: %s", path, strerror(errno));
    *empty = true;
    for (struct dirent *entry; *empty && (entry = folder_next(folder));)
        *empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
                 (but && strcmp(entry->d_name, but) == 0);
    int failed = *empty ? errno : 0;
    closedir(folder);
    return failed ? error_set(err, ERR_IO, "%s: listing failed: %s", path, strerror(failed)) : OK;
}

int file_stat(struct stat *out, int fd)
{
    struct retry retry = {0};
    int failed;
    do
        failed = fstat(fd, out);
    while (failed && retry_after(&retry, errno));
    return failed;
}

enum status file_open_regular(int *fd, struct stat *info, const char *path, struct error *err)
{
    enum status status;
    int opened = file_descriptor(path, &status, err);
    if (status != OK)
        return status;
    if (file_stat(info, opened) != 0)
        status = error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(info->st_mode))
        status = error_set(err, ERR_DATA, "%s: not a regular file", path);
    if (status != OK) {
        file_close(opened);
        return status;
    }
    *fd = opened;
    return OK;
}

enum status file_read(uint8_t **out, size_t *size, const char *path, size_t limit, struct error *err)
{
    int fd;
    struct stat info;
    void *bytes = NULL;
    enum status status = file_open_regular(&fd, &info, path, err);
    if (status != OK)
        return status;
    size_t expected = (size_t)info.st_size;
    if (expected > limit) {
        status = error_set(err, ERR_DATA, "%s: %zu bytes, more than the %zu that are read", path, expected, limit);
        goto cleanup;
    }
    status = memory_alloc(&bytes, expected + 1, 1, path, err);
    if (status != OK)
        goto cleanup;
    size_t have = 0;
    for (struct retry retry = {0}; have < expected;) {
        ssize_t got = read(fd, (uint8_t *)bytes + have, expected - have);
        if (got < 0 && retry_after(&retry, errno))
            continue;
        if (got < 0) {
            status = error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO,
                               "%s: reading failed at byte %zu: %s", path, have, strerror(errno));
            goto cleanup;
        }
        if (got == 0) {
            status = error_set(err, ERR_IO, "%s: shrank while it was read", path);
            goto cleanup;
        }
        have += (size_t)got;
    }
    *out = bytes;
    *size = have;
    bytes = NULL;
cleanup:
    memory_free(bytes);
    file_close(fd);
    return status;
}

enum status path_join(char **out, const char *folder, const char *name, struct error *err)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    void *text;
    enum status status = memory_alloc(&text, size, 1, "a path", err);
    if (status != OK)
        return status;
    size_t end = strlen(folder);
    snprintf(text, size, "%s%s%s", folder, end > 0 && folder[end - 1] == '/' ? "" : "/", name);
    *out = text;
    return OK;
}

enum status path_split(char **folder, const char **name, const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    enum status status = memory_strdup(folder, !slash ? "." : slash == path ? "/" : path, err);
    if (status == OK && slash && slash != path)
        (*folder)[slash - path] = '\0';
    *name = slash ? slash + 1 : path;
    return status;
}

enum status folder_create(const char *path, struct error *err)
{
    char *copy;
    enum status status = memory_strdup(&copy, path, err);
    if (status != OK)
        return status;
    for (char *at = copy + 1; status == OK; at++) {
        if (*at != '/' && *at != '\0')
            continue;
        char kept = *at;
        *at = '\0';
        struct stat info;
        struct retry retry = {0};
        int failed;
        do
            failed = mkdir(copy, 0777);
        while (failed && retry_after(&retry, errno));
        if (failed && !(errno == EEXIST && stat(copy, &info) == 0 && S_ISDIR(info.st_mode)))
            status = error_set(err, ERR_CANTCREATE, "%s: the folder cannot be created: %s", copy, strerror(errno));
        *at = kept;
        if (kept == '\0')
            break;
    }
    memory_free(copy);
    return status;
}
