#define _POSIX_C_SOURCE 200809L
#include "cli/report/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shell/remark.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/features/feature_file.h"

bool cache_key_valid(const char *text)
{
    return strlen(text) == CACHE_KEY_DIGITS && strspn(text, "0123456789abcdef") == CACHE_KEY_DIGITS;
}

enum status cache_key_path(char **out, const char *dir, const char *key, struct error *err)
{
    char name[CACHE_KEY_DIGITS + sizeof FEATURE_FILE_SUFFIX];
    snprintf(name, sizeof name, "%.32s" FEATURE_FILE_SUFFIX, key);
    return path_join(out, dir, name, err);
}

/* The key that a name stands for. */
static bool key_of_name(char key[CACHE_KEY_DIGITS + 1], const char *name)
{
    if (strlen(name) != CACHE_KEY_DIGITS + strlen(FEATURE_FILE_SUFFIX) ||
        strcmp(name + CACHE_KEY_DIGITS, FEATURE_FILE_SUFFIX) != 0)
        return false;
    memcpy(key, name, CACHE_KEY_DIGITS);
    key[CACHE_KEY_DIGITS] = '\0';
    return cache_key_valid(key);
}

static bool same_key(const struct cache_file *file)
{
    char hex[CACHE_KEY_DIGITS + 1];
    for (size_t i = 0; i < sizeof file->about.key; i++)
        snprintf(hex + 2 * i, 3, "%02x", file->about.key[i]);
    return strcmp(hex, file->key) == 0;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* What the file of that name is. *there: it goes into the list. Only a name that is a key's is opened. */
static enum status look(struct cache_file *file, bool *there, struct cache_folder *folder, const char *name,
                        struct error *err)
{
    *there = !is_folder(file->path);
    if (!key_of_name(file->key, name)) {
        file->header = FEATURE_HEADER_FOREIGN;
        return OK;
    }
    enum status status = feature_file_look(&file->header, &file->about, &file->bytes, &file->used, file->path, err);
    if (status == ERR_NOINPUT) {
        *there = false;
        if (access(file->path, F_OK) != 0) /* another program removed it */
            return OK;
        warn("%s", err->text);
        folder->unread++;
        return OK;
    }
    if (status == OK && file->header == FEATURE_HEADER_GOOD && !same_key(file))
        file->header = FEATURE_HEADER_DAMAGED;
    if (status == OK && file->header == FEATURE_HEADER_GOOD)
        file->entries = (file->bytes - FEATURE_HEADER_BYTES) / feature_record_bytes(&file->about);
    return status;
}

static enum status add(struct cache_folder *folder, const char *dir, const char *name, struct error *err)
{
    struct cache_file file = {0};
    void *files = folder->files;
    bool there = false;
    enum status status = memory_grow(&files, &folder->capacity, folder->count + 1, sizeof file, "the cache", err);
    folder->files = files;
    if (status == OK)
        status = path_join(&file.path, dir, name, err);
    if (status == OK)
        status = look(&file, &there, folder, name, err);
    if (status == OK && there)
        folder->files[folder->count++] = file;
    else
        memory_free(file.path);
    return status;
}

static int by_use(const void *a, const void *b)
{
    const struct cache_file *x = a, *y = b;
    if (x->used != y->used)
        return x->used > y->used ? -1 : 1;
    return strcmp(x->path, y->path);
}

enum status cache_folder_list(struct cache_folder *out, const char *path, struct error *err)
{
    enum status status = OK;
    struct dirent *entry;
    *out = (struct cache_folder){0};
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? OK : error_set(err, ERR_NOINPUT, "%s: %s", path, strerror(errno));
    while (status == OK && (errno = 0, entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            status = add(out, path, entry->d_name, err);
    if (status == OK && errno != 0)
        status = error_set(err, ERR_IO, "%s: listing failed: %s", path, strerror(errno));
    closedir(dir);
    if (out->count)
        qsort(out->files, out->count, sizeof *out->files, by_use);
    return status;
}

void cache_folder_free(struct cache_folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        memory_free(folder->files[i].path);
    memory_free(folder->files);
    *folder = (struct cache_folder){0};
}
