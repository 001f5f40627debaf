#include "cli/run/run_file.h"

#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"

enum status run_file_read(char **text, size_t *size, const char *folder, const char *name, size_t most,
                          struct error *err)
{
    char *path;
    uint8_t *bytes = NULL;
    *text = NULL;
    *size = 0;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    status = file_read(&bytes, size, path, most, err);
    if (status == OK)
        *text = (char *)bytes;
    else if (status == ERR_NOINPUT && path_is_missing(path))
        status = OK;
    memory_free(path);
    return status;
}

enum status run_file_exists(bool *out, const char *folder, const char *name, struct error *err)
{
    char *path;
    struct stat info;
    enum status status = path_join(&path, folder, name, err);
    if (status != OK)
        return status;
    *out = path_stat(&info, path) == 0;
    if (!*out && errno != ENOENT && errno != ENOTDIR)
        status = file_failure(path, errno, err);
    memory_free(path);
    return status;
}
