#define _GNU_SOURCE
#include "core/base/outfolder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "core/base/unfinished.h"

static const char tail[] = ".part.XXXXXX";
enum { LETTERS = 6 };

static enum status cannot(const char *path, int error, struct error *err)
{
    return error_set(err, ERR_CANTCREATE, "%s: the folder cannot be created: %s", path, strerror(error));
}

/* ---- what killed processes left ---------------------------------------------------------------------------------- */

/* The folder `name` in `above` (a descriptor or AT_FDCWD), which is open as `fd`, with the files in it. */
static void remove_flat(int fd, int above, const char *name)
{
    const struct dirent *entry;
    int copy = dup(fd);
    DIR *files = copy < 0 ? NULL : fdopendir(copy);
    while (files && (entry = folder_next(files)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(fd, entry->d_name, 0);
    if (files)
        closedir(files);
    else if (copy >= 0)
        close(copy);
    unlinkat(above, name, AT_REMOVEDIR);
}

/* Under its lock, which who writes it would hold. A link, or a folder of another user, is not ours to remove. */
static void remove_unless_locked(int above, const char *name)
{
    struct stat info;
    int fd = openat(above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && info.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
        remove_flat(fd, above, name);
    close(fd);
}

static enum status remove_stale(const char *path, struct error *err)
{
    char *above;
    const char *name;
    enum status status = path_split(&above, &name, path, err);
    if (status != OK)
        return status;
    unfinished_remove(above, name, tail, remove_unless_locked);
    memory_free(above);
    return OK;
}

/* ---- beginning --------------------------------------------------------------------------------------------------- */

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
    bool empty;
    enum status status = folder_is_empty(&empty, path, NULL, err);
    if (status == OK && !empty)
        status = error_set(err, ERR_CANTCREATE, "%s: is not empty; name a new folder", path);
    return status;
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

/* Another process took the new folder for a stale one before it was locked. */
static bool was_taken(int fd)
{
    struct stat info;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return true;
    return fstat(fd, &info) == 0 && info.st_nlink == 0;
}

/* Makes the folder under an unused name and locks it. Returns the lock, -1 with errno. */
static int make_locked(char *name)
{
    enum { TIMES_MOST = 100 };
    char *letters = name + strlen(name) - LETTERS;
    for (int i = 0; i < TIMES_MOST; i++) {
        memset(letters, 'X', LETTERS);
        if (!mkdtemp(name))
            return -1;
        int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 && !was_taken(fd))
            return fd;
        if (fd >= 0) {
            close(fd);
        } else if (errno != ENOENT) {
            int failed = errno;
            rmdir(name);
            errno = failed;
            return -1;
        }
    }
    errno = EAGAIN;
    return -1;
}

/* Makes the folder under its temporary name, with the rights that mkdir or the one that it replaces has. */
static enum status make_temporary(struct outfolder *folder, mode_t mode, const char *shown, struct error *err)
{
    size_t size = strlen(folder->path) + sizeof tail;
    void *name;
    enum status status = memory_alloc(&name, size, 1, "a path", err);
    if (status != OK)
        return status;
    snprintf(name, size, "%s%s", folder->path, tail);
    folder->lock = make_locked(name);
    if (folder->lock < 0) {
        status = cannot(shown, errno, err);
    } else if (fchmod(folder->lock, mode) != 0) {
        status = cannot(shown, errno, err);
        rmdir(name);
        close(folder->lock);
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
    if (status == OK)
        status = remove_stale(folder.path, err);
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

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* What the folder holds is synced already, by the commit of each file. */
static enum status put_in_place(const struct outfolder *folder, struct error *err)
{
    if (rename(folder->temporary, folder->path) == 0)
        return OK;
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
    if (status == OK) { /* now it is whole under its name, and stays also where this fails */
        status = outfile_sync_folder(out->path, err);
    } else {
        remove_flat(out->lock, AT_FDCWD, out->temporary);
        show_final_name(out, err);
    }
    close(out->lock);
    memory_free(out->path);
    memory_free(out->temporary);
    *out = (struct outfolder){0};
    return status;
}
