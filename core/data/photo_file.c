#define _GNU_SOURCE
#include "core/data/photo_file.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/retry.h"
#include "core/data/image.h"

bool photo_file_named(const char *name)
{
    static const char *const suffixes[] = {".jpg",  ".jpeg", ".jpe",  ".jfif", ".png",  ".bmp",  ".dib", ".gif",
                                           ".webp", ".tif",  ".tiff", ".heic", ".heif", ".avif", ".jp2", ".jxl",
                                           ".ppm",  ".pgm",  ".pnm",  ".dng",  ".cr2",  ".cr3",  ".nef", ".arw"};
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcasecmp(suffix, suffixes[i]) == 0)
            return true;
    return false;
}

bool photo_file_is(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct stat info;
    uint8_t head[IMAGE_KIND_BYTES];
    if (photo_file_named(slash ? slash + 1 : path))
        return true;
    enum status status;
    int fd = file_descriptor(path, &status, NULL);
    if (fd < 0)
        return true;
    struct retry retry = {0};
    ssize_t have = -1;
    if (file_stat(&info, fd) == 0 && S_ISREG(info.st_mode))
        do
            have = pread(fd, head, sizeof head, 0);
        while (have < 0 && retry_after(&retry, errno));
    file_close(fd);
    return have < 0 || image_kind(head, (size_t)have) != IMAGE_NO_PICTURE;
}

bool system_folder_named(const char *name)
{
    /* Synology and QNAP, macOS, Linux, Windows, Python */
    static const char *const names[] = {"@eaDir",
                                        "@Recycle",
                                        "@Recently-Snapshot",
                                        "#recycle",
                                        "#snapshot",
                                        "__MACOSX",
                                        "lost+found",
                                        "$RECYCLE.BIN",
                                        "System Volume Information",
                                        "Network Trash Folder",
                                        "Temporary Items",
                                        "__pycache__"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}
