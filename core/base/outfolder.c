#define _GNU_SOURCE
#include "core/base/outfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"

static enum status cannot(const char *path, int error, struct error *err)
{
    return error_set(err, ERR_CANTCREATE, "%s: the folder cannot be made: %s", path, strerror(error));
}

/* The next entry that is not "." or "..", or NULL: errno says whether reading failed. */
static const char *next_name(DIR *folder)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(folder);
        if (!entry)
            return NULL;
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return entry->d_name;
    }
}

static bool is_working_folder(const struct stat *info)
{
    struct stat here;
    return stat(".", &here) == 0 && here.st_dev == info->st_dev && here.st_ino == info->st_ino;
}

/* What exists under that name must be an empty folder. */
static enum status check_empty(const char *path, const struct stat *info, struct error *err)
{
    if (!S_ISDIR(info->st_mode))
        return error_set(err, ERR_CANTCREATE, "%s: is not a folder; name a new one", path);
    if (is_working_folder(info))
        return error_set(err, ERR_CANTCREATE, "%s: is the working folder; name a new one", path);
    DIR *folder = opendir(path);
    if (!folder)
        return cannot(path, errno, err);
    const char *name = next_name(folder);
    int failed = name ? 0 : errno;
    closedir(folder);
    if (name)
        return error_set(err, ERR_CANTCREATE, "%s: is not empty; name a new folder", path);
    return failed ? cannot(path, failed, err) : OK;
}

/* The path without slashes at its end. Links are followed: what they name is replaced, not they. */
static enum status target_path(char **out, const char *path, bool exists, struct error *err)
{
    enum status status;
    char *whole = exists ? realpath(path, NULL) : NULL;
    if (exists && !whole)
        return cannot(path, errno, err);
    status = memory_strdup(out, exists ? whole : path, err);
    free(whole);
    for (size_t end = status == OK ? strlen(*out) : 0; end > 1 && (*out)[end - 1] == '/'; end--)
        (*out)[end - 1] = '\0';
    return status;
}

/* Makes the folder under its temporary name, with the rights that mkdir or the one that it replaces has. */
static enum status make_temporary(struct outfolder *folder, mode_t mode, const char *shown, struct error *err)
{
    size_t size = strlen(folder->path) + sizeof ".part.XXXXXX";
    void *name;
    enum status status = memory_alloc(&name, size, 1, "a path", err);
    if (status != OK)
        return status;
    snprintf(name, size, "%s.part.XXXXXX", folder->path);
    if (!mkdtemp(name)) {
        status = cannot(shown, errno, err);
    } else if (chmod(name, mode) != 0) {
        status = cannot(shown, errno, err);
        rmdir(name);
    }
    if (status == OK)
        folder->temporary = name;
    else
        memory_free(name);
    return status;
}

enum status outfolder_open(struct outfolder *out, const char *path, struct error *err)
{
    struct outfolder folder = {0};
    struct stat info;
    if (*path == '\0')
        return error_set(err, ERR_CANTCREATE, "an empty name cannot be written to");
    bool exists = stat(path, &info) == 0;
    enum status status = exists ? check_empty(path, &info, err) : OK;
    if (status == OK)
        status = target_path(&folder.path, path, exists, err);
    if (status == OK) {
        mode_t mask = umask(0);
        umask(mask);
        status = make_temporary(&folder, exists ? info.st_mode & 07777 : 0777 & ~mask, path, err);
    }
    if (status == OK)
        *out = folder;
    else
        memory_free(folder.path);
    return status;
}

static void remove_temporary(const struct outfolder *folder)
{
    DIR *entries = opendir(folder->temporary);
    for (const char *name; entries && (name = next_name(entries));)
        unlinkat(dirfd(entries), name, 0);
    if (entries)
        closedir(entries);
    rmdir(folder->temporary);
}

static enum status put_in_place(const struct outfolder *folder, struct error *err)
{
    int fd = open(folder->temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* some file systems refuse this for folders: see outfile_commit */
        close(fd);
    }
    if (rename(folder->temporary, folder->path) == 0)
        return outfile_sync_folder(folder->path, err);
    if (errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR)
        return error_set(err, ERR_CANTCREATE, "%s: is not empty; name a new folder", folder->path);
    return error_set(err, ERR_IO, "%s: writing failed: %s; nothing was changed", folder->path, strerror(errno));
}

/* "OUT.part.XXXXXX/config.json: ..." becomes "OUT/config.json: ...": the temporary name is gone by then. */
static void show_final_name(const struct outfolder *folder, struct error *err)
{
    size_t from = strlen(folder->temporary), to = strlen(folder->path);
    if (err && strncmp(err->text, folder->temporary, from) == 0)
        memmove(err->text + to, err->text + from, strlen(err->text + from) + 1);
}

enum status outfolder_end(struct outfolder *out, enum status status, struct error *err)
{
    if (!out->temporary)
        return status;
    if (status == OK)
        status = put_in_place(out, err);
    if (status != OK) {
        remove_temporary(out);
        show_final_name(out, err);
    }
    memory_free(out->path);
    memory_free(out->temporary);
    *out = (struct outfolder){0};
    return status;
}
