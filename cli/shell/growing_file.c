#define _GNU_SOURCE
#include "cli/shell/growing_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/retry.h"

/* The stream, open for appending; NULL with errno. */
static FILE *open_stream(const char *path)
{
    struct retry retry = {0};
    FILE *stream;
    do
        stream = fopen(path, "a+b");
    while (!stream && retry_after(&retry, errno));
    return stream;
}

static enum status check_regular(FILE *stream, const char *path, struct error *err)
{
    struct stat info;
    if (file_stat(&info, fileno(stream)) != 0)
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    return S_ISREG(info.st_mode) ? OK : error_set(err, ERR_CANTCREATE, "%s: is not a regular file", path);
}

/* *out: the length of the first `lines` lines. */
static enum status lines_length(off_t *out, FILE *stream, const char *path, size_t lines, struct error *err)
{
    size_t seen = 0;
    int c = 0;
    errno = 0;
    bool failed = fseeko(stream, 0, SEEK_SET) != 0;
    while (!failed && seen < lines && (c = getc(stream)) != EOF)
        seen += c == '\n';
    *out = failed ? -1 : ftello(stream);
    if (ferror(stream) || *out < 0)
        return error_set(err, ERR_IO, "%s: reading failed: %s", path, strerror(errno ? errno : EIO));
    if (seen < lines)
        return error_set(err, ERR_DATA, "%s: has fewer than the %zu lines that the run had written: it was changed",
                         path, lines);
    return OK;
}

static enum status cut(FILE *stream, const char *path, off_t length, struct error *err)
{
    struct retry retry = {0};
    int failed;
    do
        failed = ftruncate(fileno(stream), length);
    while (failed && retry_after(&retry, errno));
    if (failed || fseeko(stream, 0, SEEK_END) != 0)
        return error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    return OK;
}

/* *out: open, and a regular file. */
static enum status open_regular(FILE **out, const char *path, struct error *err)
{
    FILE *stream = open_stream(path);
    if (!stream)
        return error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_CANTCREATE, "%s: cannot be opened: %s",
                         path, strerror(errno));
    enum status status = check_regular(stream, path, err);
    if (status == OK)
        *out = stream;
    else
        fclose(stream);
    return status;
}

enum status growing_file_open(FILE **out, const char *folder, const char *name, size_t lines, struct error *err)
{
    char *path;
    off_t length = 0;
    FILE *stream = NULL;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = open_regular(&stream, path, err);
    if (status == OK)
        status = lines_length(&length, stream, path, lines, err);
    if (status == OK)
        status = cut(stream, path, length, err);
    if (status == OK)
        *out = stream;
    else if (stream)
        fclose(stream);
    memory_free(path);
    return status;
}

enum status growing_file_begin(FILE **out, const char *folder, const char *name, struct error *err)
{
    char *path;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = open_regular(out, path, err);
    if (status == OK && fseeko(*out, 0, SEEK_SET) != 0) {
        status = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
        fclose(*out);
        *out = NULL;
    }
    memory_free(path);
    return status;
}

enum status growing_file_cut(FILE *stream, const char *folder, const char *name, long long length, struct error *err)
{
    char *path;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = cut(stream, path, (off_t)length, err);
    memory_free(path);
    return status;
}

bool growing_file_begins_with(FILE *stream, const char *line)
{
    char first[512] = "";
    bool same =
        fseeko(stream, 0, SEEK_SET) == 0 && fgets(first, sizeof first, stream) != NULL && strcmp(first, line) == 0;
    return fseeko(stream, 0, SEEK_END) == 0 && same;
}

enum status growing_file_sync(FILE *stream, const char *folder, const char *name, struct error *err)
{
    errno = 0;
    if (fflush(stream) != 0 || ferror(stream) || fsync(fileno(stream)) != 0)
        return error_set(err, ERR_IO, "%s/%s: writing failed: %s", folder, name,
                         errno ? strerror(errno) : "write error");
    return OK;
}
