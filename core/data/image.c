#define _GNU_SOURCE
#include "core/data/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/image_format.h"

/* Where pixel (y, x) of the upright picture lies in the stored one, by EXIF orientation: from the corner `start`,
 * `down` for each row and `right` for each column, all counted in pixels. */
static void orient(uint8_t *out, int out_height, int out_width, const uint8_t *in, int height, int width,
                   int orientation)
{
    ptrdiff_t w = width, last_row = (ptrdiff_t)(height - 1) * w, last = width - 1;
    const struct {
        ptrdiff_t start, down, right;
    } steps[9] = {{0, w, 1},         {0, w, 1}, {last, w, -1},     {last_row + last, -w, -1},
                  {last_row, -w, 1}, {0, 1, w}, {last_row, 1, -w}, {last_row + last, -1, -w},
                  {last, -1, w}};
    for (int y = 0; y < out_height; y++) {
        const uint8_t *from = in + 3 * (steps[orientation].start + y * steps[orientation].down);
        for (int x = 0; x < out_width; x++, out += 3, from += 3 * steps[orientation].right) {
            out[0] = from[0];
            out[1] = from[1];
            out[2] = from[2];
        }
    }
}

static enum status image_orient(struct image *image, int orientation, struct error *err)
{
    bool turned = orientation >= 5;
    int height = turned ? image->width : image->height, width = turned ? image->height : image->width;
    void *pixels;
    enum status status = memory_alloc(&pixels, (size_t)height * (size_t)width, 3, "a photo", err);
    if (status != OK)
        return status;
    orient(pixels, height, width, image->pixels, image->height, image->width, orientation);
    memory_free(image->pixels);
    *image = (struct image){.height = height, .width = width, .pixels = pixels};
    return OK;
}

enum status image_decode(struct image *out, const uint8_t *bytes, size_t size, const struct image_options *options,
                         struct error *err)
{
    struct image_info info;
    struct image image = {0};
    bool more;
    enum status status;
    if (size > IMAGE_MAX_BYTES)
        return error_set(err, ERR_DATA, "%zu bytes, more than the %zu that are read", size, IMAGE_MAX_BYTES);
    status = image_examine(&info, &more, bytes, size, size, options, err);
    if (status == OK)
        status = image_whole(&info, bytes, size, err);
    if (status != OK)
        return status;
    status = info.format == IMAGE_JPEG ? image_decode_jpeg(&image, &info, bytes, size, err)
                                       : image_decode_stb(&image, &info, bytes, size, err);
    if (status == OK && info.orientation != 1 && !(options && options->ignore_exif))
        status = image_orient(&image, info.orientation, err);
    if (status != OK) {
        image_free(&image);
        return status;
    }
    *out = image;
    return OK;
}

/* core/base/file names the file in its message; here the reason alone is wanted. */
static enum status without_path(enum status status, const char *path, struct error *err)
{
    size_t length = strlen(path);
    if (err && strncmp(err->text, path, length) == 0 && strncmp(err->text + length, ": ", 2) == 0)
        memmove(err->text, err->text + length + 2, strlen(err->text + length + 2) + 1);
    return status;
}

enum status image_read(struct image *out, const char *path, const struct image_options *options, struct error *err)
{
    uint8_t *bytes;
    size_t size;
    enum status status = file_read(&bytes, &size, path, IMAGE_MAX_BYTES, err);
    if (status != OK)
        return without_path(status, path, err);
    status = image_decode(out, bytes, size, options, err);
    memory_free(bytes);
    return status;
}

void image_free(struct image *image)
{
    memory_free(image->pixels);
    *image = (struct image){0};
}

static enum status read_at(int fd, uint8_t *out, size_t size, size_t at, struct error *err)
{
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(fd, out + have, size - have, (off_t)(at + have));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(err, ERR_IO, "reading failed at byte %zu: %s", at + have, strerror(errno));
        if (got == 0)
            return error_set(err, ERR_IO, "became shorter while it was read");
        have += (size_t)got;
    }
    return OK;
}

/* Header from the head of the file, end mark from its tail; OK with *decided false when a look at all of it is due. */
static enum status probe_ends(struct image_info *info, bool *decided, int fd, size_t size,
                              const struct image_options *options, struct error *err)
{
    enum { SMALL = 4096, LARGE = 65536 }; /* the second holds most headers with EXIF, thumbnail and colour profile */
    uint8_t piece[LARGE];
    bool more = true;
    enum status status = OK;
    *decided = false;
    for (size_t want = SMALL; more && status == OK; want = LARGE) {
        size_t have = size < want ? size : want;
        status = read_at(fd, piece, have, 0, err);
        if (status == OK)
            status = image_examine(info, &more, piece, have, size, options, err);
        if (want == LARGE)
            break;
    }
    if (status != OK || more)
        return status;
    if (info->format == IMAGE_BMP) {
        *decided = true;
        return image_whole(info, NULL, size, err); /* by size alone */
    }
    size_t have = size < SMALL ? size : SMALL;
    status = read_at(fd, piece, have, size - have, err);
    *decided = status == OK && image_end_seen(info, piece, size - have, have);
    return status;
}

/* Bytes a pixel by decoder, from their sources: libjpeg-turbo needs the pixels, and for a progressive file all
 * coefficients (2 bytes each, three a pixel at most); stb_image the rows with their filters, then the pixels twice. A
 * photo that is turned stands in memory twice. */
static size_t decoding_bytes(const struct image_info *info, const struct image_options *options)
{
    size_t pixels = (size_t)info->height * (size_t)info->width, each = 6;
    if (info->format == IMAGE_JPEG && strcmp(image_jpeg_library(), "stb_image") == 0)
        each = 9;
    else if (info->format == IMAGE_JPEG)
        each = info->progressive ? 9 : 3;
    bool turned = info->orientation != 1 && !(options && options->ignore_exif);
    return pixels * (turned && each < 6 ? 6 : each);
}

enum status image_probe(const char *path, const struct image_options *options, struct image_cost *cost,
                        struct error *err)
{
    struct stat info;
    struct image_info image = {0};
    bool decided, more;
    uint8_t *bytes;
    size_t size;
    *cost = (struct image_cost){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(err, ERR_NOINPUT, "%s", strerror(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(fd);
        return error_set(err, ERR_DATA, "not a regular file");
    }
    cost->file = cost->memory = size = (size_t)info.st_size;
    enum status status = size > IMAGE_MAX_BYTES ? error_set(err, ERR_DATA, "%zu bytes, more than the %zu that are read",
                                                            size, IMAGE_MAX_BYTES)
                                                : probe_ends(&image, &decided, fd, size, options, err);
    close(fd);
    if (status == OK && decided)
        cost->memory += decoding_bytes(&image, options);
    if (status != OK || decided)
        return status;

    status = file_read(&bytes, &size, path, IMAGE_MAX_BYTES, err);
    if (status != OK)
        return without_path(status, path, err);
    status = image_examine(&image, &more, bytes, size, size, options, err);
    if (status == OK)
        status = image_whole(&image, bytes, size, err);
    if (status == OK)
        cost->memory += decoding_bytes(&image, options);
    memory_free(bytes);
    return status;
}
