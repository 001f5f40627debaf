#define _XOPEN_SOURCE 700
#include "cli/shell/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

static bool exists(const char *path)
{
    struct stat info;
    return path_stat(&info, path) == 0;
}

/* `name` in ${VARIABLE:-~/BELOW}, as the XDG base directory specification has it: relative values are ignored. NULL in
 * *out when there is no home either. */
static enum status user_path(char **out, const char *variable, const char *below, const char *name, struct error *err)
{
    const char *folder = getenv(variable), *home = getenv("HOME");
    char *parent;
    if (folder && folder[0] == '/')
        return path_join(out, folder, name, err);
    *out = NULL;
    if (!home || !home[0])
        return OK;
    enum status status = path_join(&parent, home, below, err);
    if (status != OK)
        return status;
    status = path_join(out, parent, name, err);
    memory_free(parent);
    return status;
}

enum status path_weights(char **out, const char *given, struct error *err)
{
    static const char here[] = "resnet50.safetensors";
    const char *named = given ? given : getenv("FREEZETUNE_WEIGHTS");
    if (named && named[0])
        return memory_strdup(out, named, err);
    if (exists(here))
        return memory_strdup(out, here, err);
    char *path = NULL;
    enum status status = user_path(&path, "XDG_DATA_HOME", ".local/share", "freezetune/resnet50.safetensors", err);
    if (status != OK)
        return status;
    if (path && exists(path)) {
        *out = path;
        return OK;
    }
    error_set(
        err, ERR_NOINPUT,
        "no pretrained weights: looked for $FREEZETUNE_WEIGHTS, ./%s and %s; get them with freezetune weights get, "
        "name a file with --weights FILE, or start from nothing with --weights random",
        here, path ? path : "the user's data folder");
    memory_free(path);
    return ERR_NOINPUT;
}

enum status path_data(char **out, const char *given, struct error *err)
{
    const char *path = given ? given : "data";
    struct stat info;
    int failed = path_stat(&info, path) == 0 ? 0 : errno;
    if (failed && failed != ENOENT)
        return file_failure(path, failed, err);
    if (failed)
        return error_set(err, ERR_NOINPUT, "%s: %s; --data names a folder that holds train/ and val/, or class folders",
                         path, strerror(failed));
    if (!S_ISDIR(info.st_mode))
        return error_set(err, ERR_DATA,
                         "%s: not a folder; --data names a folder that holds train/ and val/, or class "
                         "folders",
                         path);
    return memory_strdup(out, path, err);
}

enum status path_require_empty(const char *path, struct error *err)
{
    bool empty;
    enum status status = folder_is_empty(&empty, path, PATH_RUN_LOCK, err);
    if (status == OK && !empty)
        status = error_set(err, ERR_CANTCREATE,
                           "%s: is not empty; name a new folder with --out, or continue that run with --resume %s",
                           path, path);
    return status;
}

static enum status next_run(char **out, struct error *err)
{
    enum { RUNS_MOST = 1000000 };
    char path[32];
    enum status status = folder_create("runs", err);
    for (int n = 1; status == OK && n <= RUNS_MOST; n++) {
        snprintf(path, sizeof path, "runs/%d", n);
        if (mkdir(path, 0777) == 0)
            return memory_strdup(out, path, err);
        if (errno != EEXIST)
            return error_set(err, ERR_CANTCREATE, "%s: %s; name another folder with --out", path, strerror(errno));
    }
    return status == OK ? error_set(err, ERR_CANTCREATE, "runs: all numbers are taken; name a folder with --out")
                        : status;
}

enum status path_run(char **out, const char *given, struct error *err)
{
    if (!given)
        return next_run(out, err);
    struct stat info;
    if (stat(given, &info) == 0 && !S_ISDIR(info.st_mode))
        return error_set(err, ERR_CANTCREATE, "%s: is not a folder; name a new one with --out", given);
    enum status status = folder_create(given, err);
    if (status == OK)
        status = path_require_empty(given, err);
    if (status == OK)
        status = memory_strdup(out, given, err);
    return status;
}

/* Can a folder be made in `folder`? Asks by making one:
 * modes do not tell of read-only file systems, quotas and roots. */
static enum status require_writable(const char *folder, const char *wanted, struct error *err)
{
    char *probe;
    enum status status = path_join(&probe, folder, ".freezetune.XXXXXX", err);
    if (status != OK)
        return status;
    if (!mkdtemp(probe))
        status = error_set(err, ERR_CANTCREATE, "%s: cannot write there: %s: %s; name another folder with --out",
                           wanted, folder, strerror(errno));
    else
        rmdir(probe);
    memory_free(probe);
    return status;
}

/* The nearest folder above `path` that exists, "." where none is named; owned by the caller. */
static enum status folder_above(char **out, const char *path, struct error *err)
{
    char *folder;
    enum status status = memory_strdup(&folder, path, err);
    if (status != OK)
        return status;
    bool last; /* "/" and "." have none above: where they cannot be looked at, writing there says why */
    do {
        char *slash = strrchr(folder, '/');
        last = !slash || slash == folder;
        if (last)
            memcpy(folder, slash ? "/" : ".", 2); /* `path` is not empty */
        else
            *slash = '\0';
    } while (!last && !exists(folder));
    *out = folder;
    return OK;
}

enum status path_run_check(const char *given, struct error *err)
{
    struct stat info;
    char *folder;
    const char *path = given ? given : "runs";
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
        return error_set(err, ERR_CANTCREATE, "%s: is not a folder; name a new one with --out", path);
    if (exists(path)) {
        enum status status = given ? path_require_empty(given, err) : OK;
        return status == OK ? require_writable(path, path, err) : status;
    }
    enum status status = folder_above(&folder, path, err);
    if (status != OK)
        return status;
    status = require_writable(folder, path, err);
    memory_free(folder);
    return status;
}

enum status path_cache(char **out, const char *given, struct error *err)
{
    char *path = NULL;
    if (given)
        return memory_strdup(out, given, err);
    enum status status = user_path(&path, "XDG_CACHE_HOME", ".cache", "freezetune", err);
    if (status == OK && !path)
        status = error_set(err, ERR_USAGE, "no folder for the cache: HOME is not set; name one with --cache-dir");
    if (status == OK)
        *out = path;
    return status;
}

enum status path_weights_named(char **out, const char *name, struct error *err)
{
    char file[192], *path = NULL;
    if (name)
        snprintf(file, sizeof file, "freezetune/%s.safetensors", name);
    enum status status = user_path(&path, "XDG_DATA_HOME", ".local/share", name ? file : "freezetune", err);
    if (status == OK && !path)
        status = error_set(err, ERR_USAGE, "no folder for the weights: set HOME or XDG_DATA_HOME");
    if (status == OK)
        *out = path;
    return status;
}

enum status path_torch_hub(char **out, const char *file, struct error *err)
{
    const char *home = getenv("TORCH_HOME");
    char below[256], *path = NULL;
    snprintf(below, sizeof below, "%shub/checkpoints/%s", home && home[0] ? "" : "torch/", file);
    if (home && home[0])
        return path_join(out, home, below, err);
    enum status status = user_path(&path, "XDG_CACHE_HOME", ".cache", below, err);
    if (status == OK && !path)
        status = error_set(err, ERR_USAGE, "no folder for the download: set HOME or XDG_CACHE_HOME");
    if (status == OK)
        *out = path;
    return status;
}

enum status path_beside(char **out, const char *file, const char *name, struct error *err)
{
    const char *slash = strrchr(file, '/');
    size_t folder = slash ? (size_t)(slash - file) + 1 : 0, size = folder + strlen(name) + 1;
    void *path;
    enum status status = memory_alloc(&path, size, 1, "a path", err);
    if (status != OK)
        return status;
    snprintf(path, size, "%.*s%s", (int)folder, file, name);
    *out = path;
    return OK;
}

char *path_program(void)
{
    return realpath("/proc/self/exe", NULL); /* memory_free is free */
}

bool path_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
