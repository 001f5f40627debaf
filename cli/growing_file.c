#define _GNU_SOURCE
#include "cli/growing_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"

/* The length of the first `lines` lines; false when there are fewer. */
static bool lines_length(off_t *out, FILE *stream, size_t lines)
{
    size_t seen = 0;
    int c;
    while (seen < lines && (c = getc(stream)) != EOF)
        seen += c == '\n';
    *out = ftello(stream);
    return seen == lines && *out >= 0;
}

enum status growing_file_open(FILE **out, const char *folder, const char *name, size_t lines, struct error *err)
{
    char *path;
    struct stat info;
    off_t end;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    FILE *stream = fopen(path, "a+b");
    if (!stream)
        status = error_set(err, ERR_CANTCREATE, "%s: %s", path, strerror(errno));
    else if (fstat(fileno(stream), &info) != 0 || !S_ISREG(info.st_mode))
        status = error_set(err, ERR_CANTCREATE, "%s: is not a regular file", path);
    else if (fseeko(stream, 0, SEEK_SET) != 0 || !lines_length(&end, stream, lines))
        status = error_set(err, ERR_DATA, "%s: has fewer than the %zu lines that the run had written: it was changed",
                           path, lines);
    else if (ftruncate(fileno(stream), end) != 0 || fseeko(stream, 0, SEEK_END) != 0)
        status = error_set(err, ERR_IO, "%s: %s", path, strerror(errno));
    if (status != OK && stream)
        fclose(stream);
    if (status == OK)
        *out = stream;
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
