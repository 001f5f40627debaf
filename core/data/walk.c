#define _GNU_SOURCE
#include "core/data/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"
#include "core/data/photo_file.h"

enum { DEEPEST = 64 }; /* folders in folders; deeper is a mistake or an attack */

const char *walk_names_get(const struct walk_names *names, size_t index)
{
    return names->bytes + names->starts[index];
}

void walk_names_free(struct walk_names *names)
{
    memory_free(names->bytes);
    memory_free(names->starts);
    *names = (struct walk_names){0};
}

static enum status append(char **bytes, size_t *used, size_t *room, const char *text, size_t length, struct error *err)
{
    void *memory = *bytes;
    enum status status = memory_grow(&memory, room, *used + length, 1, "the list of photos", err);
    *bytes = memory;
    if (status != OK)
        return status;
    memcpy(*bytes + *used, text, length);
    *used += length;
    return OK;
}

static enum status walk_names_push(struct walk_names *names, const char *name, struct error *err)
{
    void *memory = names->starts;
    enum status status =
        memory_grow(&memory, &names->starts_room, names->count + 1, sizeof *names->starts, "the list of photos", err);
    names->starts = memory;
    if (status != OK)
        return status;
    names->starts[names->count] = names->used;
    status = append(&names->bytes, &names->used, &names->room, name, strlen(name) + 1, err);
    names->count += status == OK;
    return status;
}

static int by_name(const void *a, const void *b, void *bytes)
{
    const char *names = bytes;
    return strcmp(names + *(const uint64_t *)a, names + *(const uint64_t *)b);
}

static bool is_folder(int dir, const struct dirent *entry)
{
    struct stat info;
    if (entry->d_type != DT_LNK && entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    struct retry retry = {0};
    int failed;
    do
        failed = fstatat(dir, entry->d_name, &info, 0);
    while (failed && retry_after(&retry, errno));
    return !failed && S_ISDIR(info.st_mode);
}

/* A message has room for 1023 bytes, and the reason stands behind the path: of a long one the end is shown. */
static const char *path_end(const char *path)
{
    enum { SHOWN = 700 };
    size_t length = strlen(path);
    return length > SHOWN ? path + length - SHOWN : path;
}

enum status walk_folder(struct walk_names *folders, struct walk_names *files, size_t *hidden, const char *path,
                        struct error *err)
{
    enum status status = OK;
    struct dirent *entry;
    DIR *dir = folder_open(path);
    if (!dir)
        return file_failure(path_end(path), errno, err);
    while (status == OK && (entry = folder_next(dir))) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        bool folder = is_folder(dirfd(dir), entry);
        if (name[0] == '.' || (folder && system_folder_named(name)))
            ++*hidden;
        else
            status = walk_names_push(folder ? folders : files, name, err);
    }
    if (status == OK && errno != 0)
        status = error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO, "%s: reading the folder failed (%s)",
                           path_end(path), strerror(errno));
    closedir(dir);
    if (folders->count)
        qsort_r(folders->starts, folders->count, sizeof *folders->starts, by_name, folders->bytes);
    if (files->count)
        qsort_r(files->starts, files->count, sizeof *files->starts, by_name, files->bytes);
    return status;
}

enum status photo_list_push(struct photo_list *list, const char *folder, const char *name, uint32_t class,
                            struct error *err)
{
    void *memory = list->photos;
    if (list->count >= UINT32_MAX - 1)
        return error_set(err, ERR_DATA, "more than %u photos", UINT32_MAX - 1);
    enum status status =
        memory_grow(&memory, &list->room, list->count + 1, sizeof *list->photos, "the list of photos", err);
    list->photos = memory;
    size_t start = list->names_used, length = strlen(folder);
    if (status == OK)
        status = append(&list->names, &list->names_used, &list->names_room, folder, length + !name, err);
    if (status == OK && name && (length == 0 || folder[length - 1] != '/'))
        status = append(&list->names, &list->names_used, &list->names_room, "/", 1, err);
    if (status == OK && name)
        status = append(&list->names, &list->names_used, &list->names_room, name, strlen(name) + 1, err);
    if (status != OK) {
        list->names_used = start;
        return status;
    }
    list->photos[list->count++] = (struct photo){.name = start, .class = class};
    return OK;
}

/* The folders from the class folder down to the one being read, to see a link that leads back up. */
struct trail {
    dev_t device;
    ino_t inode;
    const struct trail *above;
    int depth;
};

static bool seen_above(const struct trail *trail, const struct stat *info)
{
    for (; trail; trail = trail->above)
        if (trail->device == info->st_dev && trail->inode == info->st_ino)
            return true;
    return false;
}

/* Adds a file of the folder `below`, which lies at `path`, if it is a photo; else counts it. */
static enum status push_file(struct photo_list *list, const char *path, const char *below, const char *name,
                             uint32_t class, struct error *err)
{
    char *file;
    enum status status = path_join(&file, path, name, err);
    if (status != OK)
        return status;
    bool photo = photo_file_is(file);
    memory_free(file);
    if (photo)
        return photo_list_push(list, below, name, class, err);
    if (list->others++ == 0)
        status = path_join(&list->other, below, name, err);
    return status;
}

enum status photo_list_push_unread(struct photo_list *list, const char *path, const char *reason, struct error *err)
{
    for (const char *end; (end = strstr(reason, ": "));)
        reason = end + 2;
    struct photo_unread unread = {.photo = (uint32_t)list->count};
    void *memory = list->unread;
    enum status status = memory_grow(&memory, &list->unread_room, list->unread_count + 1, sizeof *list->unread,
                                     "the list of photos", err);
    list->unread = memory;
    if (status == OK)
        status = memory_strdup(&unread.reason, reason, err);
    if (status == OK)
        status = photo_list_push(list, path, NULL, PHOTO_NO_CLASS, err);
    if (status == OK)
        list->unread[list->unread_count++] = unread;
    else
        memory_free(unread.reason);
    return status;
}

static enum status walk_below(struct photo_list *list, const char *below, uint32_t class, const struct trail *above,
                              struct error *err);

/* A folder in a folder. */
static enum status walk_deeper(struct photo_list *list, const char *below, const char *name, uint32_t class,
                               const struct trail *trail, struct error *err)
{
    char *deeper;
    struct error reason = {0};
    enum status status = path_join(&deeper, below, name, err);
    if (status != OK)
        return status;
    status = walk_below(list, deeper, class, trail, list->forgiving ? &reason : err);
    if (list->forgiving && (status == ERR_NOINPUT || status == ERR_IO || status == ERR_DATA))
        status = photo_list_push_unread(list, deeper, reason.text, err);
    else if (list->forgiving && status != OK && err)
        *err = reason;
    memory_free(deeper);
    return status;
}

static enum status walk_below(struct photo_list *list, const char *below, uint32_t class, const struct trail *above,
                              struct error *err)
{
    struct walk_names folders = {0}, files = {0};
    struct stat info;
    char *path = NULL;
    enum status status =
        list->root && list->root[0] ? path_join(&path, list->root, below, err) : memory_strdup(&path, below, err);
    if (status != OK)
        return status;
    if (path_stat(&info, path) != 0)
        status = file_failure(path_end(path), errno, err);
    if (status != OK || seen_above(above, &info))
        goto cleanup;
    struct trail trail = {info.st_dev, info.st_ino, above, above ? above->depth + 1 : 0};
    if (trail.depth > DEEPEST)
        status = error_set(err, ERR_DATA, "%s: folders lie more than %d deep in each other", path_end(path), DEEPEST);
    else
        status = walk_folder(&folders, &files, &list->hidden, path, err);
    for (size_t i = 0; status == OK && i < files.count; i++)
        status = push_file(list, path, below, walk_names_get(&files, i), class, err);
    for (size_t i = 0; status == OK && i < folders.count; i++)
        status = walk_deeper(list, below, walk_names_get(&folders, i), class, &trail, err);
cleanup:
    walk_names_free(&folders);
    walk_names_free(&files);
    memory_free(path);
    return status;
}

/* Adds the folders above `path`, and itself if `with_itself`, to the trail of `count` folders in `room`; how many there
 * are then. */
static size_t add_parents(struct trail *room, size_t count, const char *path, bool with_itself)
{
    char at[PATH_MAX + 3 * DEEPEST + 1];
    struct stat info, before = {0};
    size_t length = strlen(path);
    memcpy(at, path, length + 1);
    for (int up = 0; up < DEEPEST && path_stat(&info, at) == 0; up++) {
        if (up > 0 && info.st_dev == before.st_dev && info.st_ino == before.st_ino)
            break; /* the root folder is its own parent */
        before = info;
        if (up > 0 || with_itself) {
            room[count] = (struct trail){info.st_dev, info.st_ino, count ? &room[count - 1] : NULL, 0};
            count++;
        }
        memcpy(at + length, "/..", 4);
        length += 3;
    }
    return count;
}

enum status walk_photos(struct photo_list *list, const char *below, uint32_t class, struct error *err)
{
    struct trail above[2 * DEEPEST];
    char path[PATH_MAX];
    size_t count = 0;
    bool rooted = list->root && list->root[0];
    if (snprintf(path, sizeof path, "%s%s%s", rooted ? list->root : "", rooted ? "/" : "", below) >= PATH_MAX)
        return error_set(err, ERR_DATA, "%s: the path is too long", below);
    if (rooted)
        count = add_parents(above, count, list->root, true);
    count = add_parents(above, count, path, false);
    return walk_below(list, below, class, count ? &above[count - 1] : NULL, err);
}
