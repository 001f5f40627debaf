/* Which format a file is in, by its content: the table of those that are read, and the names of those that are not. */
#define _GNU_SOURCE
#include "core/data/image_format.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

/* The formats that can be read. A new one is a file of its own with its row here. */
static const struct image_codec *const codecs[] = {&image_jpeg, &image_png,  &image_bmp,  &image_webp,
                                                   &image_gif,  &image_tiff, &image_heic, &image_avif};
enum { CODECS = sizeof codecs / sizeof *codecs };

/* Pictures that are not read, so that a message can name them. */
static const struct stranger {
    size_t at;
    const char *magic;
    size_t length;
    const char *name;
} strangers[] = {{0, "8BPS", 4, "a Photoshop"},
                 {0, "\0\0\0\x0CjP  \r\n", 10, "a JPEG 2000"},
                 {0, "\xFF\x4F\xFF\x51", 4, "a JPEG 2000"},
                 {0, "\0\0\0\x0CJXL \r\n", 10, "a JPEG XL"},
                 {0, "\xFF\x0A", 2, "a JPEG XL"},
                 {4, "ftypcrx ", 8, "a Canon raw"},
                 {0, "FUJIFILMCCD-RAW ", 16, "a Fujifilm raw"},
                 {0, "IIRO", 4, "an Olympus raw"},
                 {0, "IIU\0", 4, "a Panasonic raw"},
                 {0, "gimp xcf ", 9, "a GIMP"},
                 {0, "\x76\x2F\x31\x01", 4, "an OpenEXR"},
                 {0, "#?RADIANCE", 10, "a Radiance"},
                 {0, "DDS |\0\0\0", 8, "a DDS"},
                 {0, "qoif", 4, "a QOI"},
                 {0, "P4\n", 3, "a PBM"},
                 {0, "P5\n", 3, "a PGM"},
                 {0, "P6\n", 3, "a PPM"},
                 {0, "\0\0\x01\0", 4, "an icon"}};

static const struct image_codec *find_codec(const uint8_t *bytes, size_t have)
{
    for (size_t i = 0; i < CODECS; i++)
        if (codecs[i]->recognises(bytes, have))
            return codecs[i];
    return NULL;
}

static const struct stranger *find_stranger(const uint8_t *bytes, size_t have)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const struct stranger *known = &strangers[i];
        if (have >= known->at + known->length && memcmp(bytes + known->at, known->magic, known->length) == 0)
            return known;
    }
    return NULL;
}

/* NULL when it is read here. */
static const char *why_not_read(const struct image_codec *codec)
{
    return codec->missing ? codec->missing() : NULL;
}

enum image_kind image_kind(const uint8_t *bytes, size_t have)
{
    const struct image_codec *codec = find_codec(bytes, have);
    if (codec && !why_not_read(codec))
        return IMAGE_READ;
    return codec || find_stranger(bytes, have) ? IMAGE_NOT_READ : IMAGE_NO_PICTURE;
}

static char formats_read[128];

static void list_formats(void)
{
    const char *names[CODECS];
    size_t count = 0, used = 0;
    for (size_t i = 0; i < CODECS; i++)
        if (!why_not_read(codecs[i]))
            names[count++] = codecs[i]->name;
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(formats_read + used, sizeof formats_read - used, "%s%s",
                                 i == 0           ? ""
                                 : i + 1 == count ? " and "
                                                  : ", ",
                                 names[i]);
}

const char *image_formats_read(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, list_formats);
    return formats_read;
}

size_t image_format_count(void)
{
    return CODECS;
}

struct image_format image_format(size_t i)
{
    const struct image_codec *codec = codecs[i];
    return (struct image_format){codec->name, codec->library(), why_not_read(codec)};
}

enum status image_size_set(struct image_info *info, long long height, long long width,
                           const struct image_options *options, struct error *err)
{
    long long most = options && options->max_pixels ? (long long)options->max_pixels : IMAGE_MAX_PIXELS;
    if (height < 1 || width < 1)
        return error_set(err, ERR_DATA, "invalid image size: %lldx%lld pixels", width, height);
    if (height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE)
        return error_set(err, ERR_DATA, "%lldx%lld pixels, more than %d a side", width, height, IMAGE_MAX_SIDE);
    if (height * width > most)
        return error_set(err, ERR_DATA, "%lldx%lld pixels, more than %lld in all", width, height, most);
    info->height = (int)height;
    info->width = (int)width;
    return OK;
}

enum status image_not_decoded(const struct image_codec *codec, const char *reason, struct error *err)
{
    int length = 0;
    while (reason && (unsigned char)reason[length] >= ' ')
        length++;
    return length > 0 ? error_set(err, ERR_DATA, "%s cannot be decoded: %.*s", codec->name, length, reason)
                      : error_set(err, ERR_DATA, "%s cannot be decoded: its data is damaged", codec->name);
}

/* The first eight bytes, made printable; zero bytes too, at which text_escape would end. */
static const char *show_start(char *out, size_t size, const uint8_t *bytes, size_t have)
{
    char start[9] = {0};
    size_t count = have < sizeof start - 1 ? have : sizeof start - 1, used = 0;
    memcpy(start, bytes, count);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        if (start[i] == '\0') {
            used += (size_t)snprintf(out + used, size - used, "\\x00");
        } else {
            text_escape(out + used, size - used, start + i);
            used += strlen(out + used);
            i += strlen(start + i) - 1;
        }
    }
    return out;
}

static enum status say_what_it_is(const uint8_t *bytes, size_t have, struct error *err)
{
    const struct stranger *known = find_stranger(bytes, have);
    if (known)
        return error_set(err, ERR_DATA, "%s image; %s are read", known->name, image_formats_read());
    char shown[48];
    return error_set(err, ERR_DATA, "not a picture (starts with \"%s\"); %s are read",
                     show_start(shown, sizeof shown, bytes, have), image_formats_read());
}

enum status image_examine(struct image_info *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                          const struct image_options *options, struct error *err)
{
    *more = false;
    if (size == 0)
        return error_set(err, ERR_DATA, "an empty file");
    struct image_info info = {.orientation = 1, .codec = find_codec(bytes, have)};
    if (!info.codec)
        return say_what_it_is(bytes, have, err);
    const char *missing = why_not_read(info.codec);
    if (missing)
        return error_set(err, ERR_DATA, "%s: %s", info.codec->name, missing);
    enum status status = info.codec->examine(&info, more, bytes, have, size, options, err);
    if (status == OK && !*more)
        *out = info;
    return status;
}

enum status image_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    return info->codec->whole ? info->codec->whole(info, bytes, size, err) : OK;
}
