#define _GNU_SOURCE
#include "core/data/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/base/retry.h"
#include "core/data/image_format.h"
#include "core/data/reduce.h"

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

/* Pixels beyond the photo lie at the bottom and the right of the stored picture: where do they come to lie? */
static struct image_trim orient_trim(const struct image_trim *stored, int orientation)
{
    int b = stored->bottom, r = stored->right;
    const struct image_trim turned[9] = {
        {.bottom = b, .right = r}, {.bottom = b, .right = r}, {.bottom = b, .left = r},
        {.top = b, .left = r},     {.top = b, .right = r},    {.bottom = r, .right = b},
        {.bottom = r, .left = b},  {.top = r, .left = b},     {.top = r, .right = b}};
    return turned[orientation];
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
    *image = (struct image){.height = height,
                            .width = width,
                            .pixels = pixels,
                            .shift = image->shift,
                            .damaged = image->damaged,
                            .trim = orient_trim(&image->trim, orientation)};
    return OK;
}

/* Which way is up, as far as the options want to know. */
static int orientation_of(const struct image_info *info, const struct image_options *options)
{
    return options && options->ignore_exif && !info->own_orientation ? 1 : info->orientation;
}

/* All that can be said of the bytes without decoding them. */
static enum status look_through(struct image_info *info, const uint8_t *bytes, size_t size,
                                const struct image_options *options, struct error *err)
{
    bool more;
    if (size > IMAGE_MAX_BYTES)
        return error_set(err, ERR_DATA, "%zu bytes, more than the %zu that are read", size, IMAGE_MAX_BYTES);
    enum status status = image_examine(info, &more, bytes, size, size, options, err);
    return status == OK ? image_whole(info, bytes, size, err) : status;
}

static enum status decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                          int shift, const struct image_options *options, struct error *err)
{
    struct image image = {0};
    int orientation = orientation_of(info, options);
    enum status status = info->codec->decode(&image, info, bytes, size, shift, err);
    if (status == OK && orientation != 1)
        status = image_orient(&image, orientation, err);
    if (status != OK) {
        image_free(&image);
        return status;
    }
    image.damaged = image.damaged || info->damaged;
    *out = image;
    return OK;
}

enum status image_decode(struct image *out, const uint8_t *bytes, size_t size, const struct image_options *options,
                         struct error *err)
{
    struct image_info info;
    enum status status = look_through(&info, bytes, size, options, err);
    return status == OK ? decode(out, &info, bytes, size, 0, options, err) : status;
}

/* core/base/file names the file in its message; here the reason alone is wanted. */
static enum status without_path(enum status status, const char *path, struct error *err)
{
    size_t length = strlen(path);
    if (err && strncmp(err->text, path, length) == 0 && strncmp(err->text + length, ": ", 2) == 0)
        memmove(err->text, err->text + length + 2, strlen(err->text + length + 2) + 1);
    return status;
}

enum status image_open(struct image_file *out, const char *path, const struct image_options *options, struct error *err)
{
    struct image_file file = {0};
    enum status status = file_read(&file.bytes, &file.size, path, IMAGE_MAX_BYTES, err);
    if (status != OK)
        return without_path(status, path, err);
    status = look_through(&file.info, file.bytes, file.size, options, err);
    if (status != OK) {
        image_file_close(&file);
        return status;
    }
    bool turned = orientation_of(&file.info, options) >= 5;
    file.height = turned ? file.info.width : file.info.height;
    file.width = turned ? file.info.height : file.info.width;
    *out = file;
    return OK;
}

void image_file_close(struct image_file *file)
{
    memory_free(file->bytes);
    *file = (struct image_file){0};
}

enum status image_load(struct image *out, const struct image_file *file, int shift, const struct image_options *options,
                       struct error *err)
{
    return decode(out, &file->info, file->bytes, file->size, shift, options, err);
}

enum status image_read(struct image *out, const char *path, const struct image_options *options, struct error *err)
{
    struct image_file file;
    enum status status = image_open(&file, path, options, err);
    if (status != OK)
        return status;
    status = image_load(out, &file, 0, options, err);
    image_file_close(&file);
    return status;
}

void image_free(struct image *image)
{
    memory_free(image->pixels);
    *image = (struct image){0};
}

static enum status read_at(int fd, uint8_t *out, size_t size, size_t at, struct error *err)
{
    struct retry retry = {0};
    for (size_t have = 0; have < size;) {
        ssize_t got = pread(fd, out + have, size - have, (off_t)(at + have));
        if (got < 0 && retry_after(&retry, errno))
            continue;
        if (got < 0)
            return error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO, "reading failed at byte %zu: %s",
                             at + have, strerror(errno));
        if (got == 0)
            return error_set(err, ERR_IO, "shrank while it was read");
        have += (size_t)got;
    }
    return OK;
}

/* Header from the head of the file, end mark from its tail; OK with *decided false when a look at all of it is due. */
static enum status probe_ends(struct image_info *info, struct image_cost *cost, bool *decided, int fd, size_t size,
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
        if (status == OK && want == SMALL) {
            cost->ends = hash_bytes(piece, have, 0).low;
            cost->kind = image_kind(piece, have);
        }
        if (status == OK)
            status = image_examine(info, &more, piece, have, size, options, err);
        if (want == LARGE)
            break;
    }
    if (status != OK || more)
        return status;
    if (!info->codec->end_seen) {
        *decided = true;
        return image_whole(info, NULL, size, err); /* by size alone */
    }
    size_t have = size < SMALL ? size : SMALL;
    status = read_at(fd, piece, have, size - have, err);
    if (status == OK)
        cost->ends = hash_bytes(piece, have, cost->ends).low;
    *decided = status == OK && info->codec->end_seen(info, piece, size - have, have);
    return status;
}

/* A picture that is turned stands in memory twice: before and after, or before and with what its decoder held. */
static size_t most(size_t picture, size_t held, bool turned)
{
    return picture + (turned && picture > held ? picture : held);
}

static size_t decoding_bytes(const struct image_info *info, const struct image_options *options)
{
    bool turned = orientation_of(info, options) != 1;
    int shift = info->codec->shrinks && options && options->fast_resize
                    ? reduce_shift_least(info->height, info->width, options->fast_resize, options->fast_crop)
                    : 0;
    size_t pixels = (size_t)info->height * (size_t)info->width;
    return most((3 * pixels) >> (2 * shift), info->codec->held(info), turned);
}

/* Are all rows there? As small as the decoder can, which asks for the same bytes. */
static enum status decode_once(const struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    struct image image = {0};
    enum status status = info->codec->decode(&image, info, bytes, size, REDUCE_SHIFT_MOST, err);
    image_free(&image);
    return status;
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
    enum status status;
    int fd = file_descriptor(path, &status, err);
    if (status != OK)
        return without_path(status, path, err);
    bool known = file_stat(&info, fd) == 0;
    if (!known || !S_ISREG(info.st_mode)) {
        status = known ? error_set(err, ERR_DATA, "not a regular file")
                       : error_set(err, retry_system_is_out(errno) ? ERR_SYSTEM : ERR_IO, "%s", strerror(errno));
        file_close(fd);
        return status;
    }
    cost->file = cost->memory = size = (size_t)info.st_size;
    cost->changed = (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec;
    status = size > IMAGE_MAX_BYTES
                 ? error_set(err, ERR_DATA, "%zu bytes, more than the %zu that are read", size, IMAGE_MAX_BYTES)
                 : probe_ends(&image, cost, &decided, fd, size, options, err);
    file_close(fd);
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
    if (status == OK && image.cut)
        status = decode_once(&image, bytes, size, err);
    memory_free(bytes);
    return status;
}
