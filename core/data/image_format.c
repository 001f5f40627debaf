#define _GNU_SOURCE
#include "core/data/image_format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/crc32.h"
#include "core/base/text.h"

/* Scans that a JPEG may have. A photo has 1 to about 12; a bomb has tens of thousands, and each costs a pass over all
 * pixels. Large pictures get fewer. */
enum { JPEG_SCANS_FEW = 30, JPEG_SCANS_MANY = 500 };
#define JPEG_SCAN_PIXELS 2e9

static uint32_t big16(const uint8_t *at)
{
    return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t big32(const uint8_t *at)
{
    return big16(at) << 16 | big16(at + 2);
}

static uint32_t little16(const uint8_t *at)
{
    return (uint32_t)at[1] << 8 | at[0];
}

static uint32_t little32(const uint8_t *at)
{
    return little16(at + 2) << 16 | little16(at);
}

static enum status check_size(struct image_info *info, long long height, long long width,
                              const struct image_options *options, struct error *err)
{
    long long most = options && options->max_pixels ? (long long)options->max_pixels : IMAGE_MAX_PIXELS;
    if (height < 1 || width < 1)
        return error_set(err, ERR_DATA, "%lldx%lld pixels, which is no picture", width, height);
    if (height > IMAGE_MAX_SIDE || width > IMAGE_MAX_SIDE)
        return error_set(err, ERR_DATA, "%lldx%lld pixels, more than %d a side", width, height, IMAGE_MAX_SIDE);
    if (height * width > most)
        return error_set(err, ERR_DATA, "%lldx%lld pixels, more than %lld in all", width, height, most);
    info->height = (int)height;
    info->width = (int)width;
    return OK;
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
    static const struct {
        size_t at;
        const char *magic, *name;
    } known[] = {{0, "GIF8", "a GIF"},       {8, "WEBP", "a WebP"},     {0, "II*", "a TIFF"},
                 {0, "MM", "a TIFF"},        {4, "ftyphei", "a HEIC"},  {4, "ftypmif1", "a HEIC"},
                 {4, "ftypavif", "an AVIF"}, {0, "8BPS", "a Photoshop"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t length = strlen(known[i].magic);
        if (have >= known[i].at + length && memcmp(bytes + known[i].at, known[i].magic, length) == 0)
            return error_set(err, ERR_DATA, "%s image; JPEG, PNG and BMP are read", known[i].name);
    }
    char shown[48];
    return error_set(err, ERR_DATA, "not a JPEG, PNG or BMP image (starts with \"%s\")",
                     show_start(shown, sizeof shown, bytes, have));
}

static enum status jpeg_frame(struct image_info *info, const uint8_t *body, size_t length,
                              const struct image_options *options, struct error *err)
{
    if (info->height)
        return error_set(err, ERR_DATA, "JPEG with two frames");
    if (length < 6)
        return error_set(err, ERR_DATA, "JPEG with a frame header of %zu bytes", length);
    if (body[0] != 8)
        return error_set(err, ERR_DATA, "JPEG with %d bits a sample; 8 are read", body[0]);
    if (body[5] != 1 && body[5] != 3 && body[5] != 4)
        return error_set(err, ERR_DATA, "JPEG with %d channels; 1, 3 and 4 are read", body[5]);
    return check_size(info, big16(body + 1), big16(body + 3), options, err);
}

/* The next marker at or behind *at, skipping what libjpeg skips; 0 when the bytes end first. *at is then behind it. */
static int jpeg_marker(size_t *at, const uint8_t *bytes, size_t have)
{
    size_t i = *at;
    for (;;) {
        const uint8_t *found = i < have ? memchr(bytes + i, 0xFF, have - i) : NULL;
        if (!found)
            return 0;
        i = (size_t)(found - bytes);
        while (i < have && bytes[i] == 0xFF)
            i++;
        if (i >= have)
            return 0;
        if (bytes[i] != 0) {
            *at = i + 1;
            return bytes[i];
        }
    }
}

static bool jpeg_marker_alone(int marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

static enum status examine_jpeg(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    enum {
        SOF0 = 0xC0,
        SOF2 = 0xC2,
        SOF15 = 0xCF,
        DHT = 0xC4,
        JPG = 0xC8,
        DAC = 0xCC,
        EOI = 0xD9,
        SOS = 0xDA,
        APP1 = 0xE1
    };
    size_t at = 2;
    bool have_exif = false;
    for (;;) {
        int marker = jpeg_marker(&at, bytes, have);
        if (marker == 0 || (!jpeg_marker_alone(marker) && marker != EOI && have - at < 2))
            break;
        if (jpeg_marker_alone(marker))
            continue;
        if (marker == EOI)
            return error_set(err, ERR_DATA, "JPEG without a picture in it");
        size_t length = big16(bytes + at);
        if (length < 2)
            return error_set(err, ERR_DATA, "JPEG with a segment of %zu bytes at byte %zu", length, at);
        if (length > have - at)
            break;
        const uint8_t *body = bytes + at + 2;
        if (marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC) {
            enum status status = jpeg_frame(info, body, length - 2, options, err);
            info->progressive = marker == SOF2;
            if (status != OK)
                return status;
        } else if (marker == APP1 && !have_exif && length >= 8 && memcmp(body, "Exif\0\0", 6) == 0) {
            info->orientation = exif_orientation(body + 6, length - 8);
            have_exif = true;
        } else if (marker == SOS) {
            if (!info->height)
                return error_set(err, ERR_DATA, "JPEG whose picture begins before its size is told");
            info->data = at + length;
            return OK;
        }
        at += length;
    }
    if (have < size) {
        *more = true;
        return OK;
    }
    return error_set(err, ERR_DATA, "JPEG ends early: within its header, at byte %zu", size);
}

/* Huffman tables of a DHT segment: none may have more than 256 codes, which stb_image does not check itself. */
static bool jpeg_tables_fit(const uint8_t *body, size_t length)
{
    enum { HEAD = 17 };
    while (length >= HEAD) {
        size_t codes = 0;
        for (int i = 1; i < HEAD; i++)
            codes += body[i];
        if (codes > 256 || codes > length - HEAD)
            return false;
        body += HEAD + codes;
        length -= HEAD + codes;
    }
    return length == 0;
}

static enum status whole_jpeg(const struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    enum { DHT = 0xC4, EOI = 0xD9, SOS = 0xDA };
    double most = JPEG_SCAN_PIXELS / ((double)info->height * info->width);
    most = most < JPEG_SCANS_FEW ? JPEG_SCANS_FEW : most > JPEG_SCANS_MANY ? JPEG_SCANS_MANY : most;
    size_t at = 2, scans = 0;
    int marker;
    while ((marker = jpeg_marker(&at, bytes, size)) != 0 && marker != EOI) {
        if (jpeg_marker_alone(marker))
            continue;
        size_t length = size - at < 2 ? SIZE_MAX : big16(bytes + at);
        if (length > size - at)
            break;
        if (marker == DHT && (length < 2 || !jpeg_tables_fit(bytes + at + 2, length - 2)))
            return error_set(err, ERR_DATA, "JPEG is damaged: the Huffman table at byte %zu", at);
        if (marker == SOS && (double)++scans > most)
            return error_set(err, ERR_DATA, "JPEG with more than %.0f scans, refused", most);
        at += length;
    }
    if (marker != EOI)
        return error_set(err, ERR_DATA, "JPEG ends early: no end mark in its %zu bytes", size);
    return OK;
}

static enum status examine_png(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    if (have < 33) {
        *more = have < size;
        return *more ? OK : error_set(err, ERR_DATA, "PNG ends early: within its header, at byte %zu", size);
    }
    if (memcmp(bytes + 8, "\0\0\0\rIHDR", 8) != 0)
        return error_set(err, ERR_DATA, "PNG that does not begin with its header");
    return check_size(info, big32(bytes + 20), big32(bytes + 16), options, err);
}

static enum status whole_png(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    size_t at = 8;
    while (size - at >= 12) {
        size_t length = big32(bytes + at);
        const uint8_t *type = bytes + at + 4;
        if (length > size - at - 12)
            break;
        if (crc32_add(0, type, length + 4) != big32(type + 4 + length))
            return error_set(err, ERR_DATA, "PNG is damaged: the checksum at byte %zu does not hold", at + 8 + length);
        if (memcmp(type, "IEND", 4) == 0)
            return OK;
        if (memcmp(type, "eXIf", 4) == 0)
            info->orientation = exif_orientation(type + 4, length);
        at += length + 12;
    }
    return error_set(err, ERR_DATA, "PNG ends early: no end mark in its %zu bytes", size);
}

static enum status examine_bmp(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    enum { HEADER = 14, OLD = 12, MASKS = 3, ALPHA_MASKS = 6 };
    size_t info_size = have >= HEADER + 4 ? little32(bytes + HEADER) : 0;
    if (have < HEADER + 4 || (have < HEADER + info_size + 16 && have < size)) {
        *more = have < size && info_size <= 124;
        if (!*more)
            return error_set(err, ERR_DATA,
                             have < size ? "BMP with an unknown header" : "BMP ends early: within its header");
        return OK;
    }
    if (info_size != OLD && info_size != 40 && info_size != 56 && info_size != 108 && info_size != 124)
        return error_set(err, ERR_DATA, "BMP with a header of %zu bytes; 12, 40, 56, 108 and 124 are read", info_size);
    if (have < HEADER + info_size)
        return error_set(err, ERR_DATA, "BMP ends early: within its header");
    const uint8_t *head = bytes + HEADER;
    bool old = info_size == OLD;
    long long width = old ? (int)little16(head + 4) : (int32_t)little32(head + 4);
    long long height = old ? (int)little16(head + 6) : (int32_t)little32(head + 8);
    uint32_t compression = old ? 0 : little32(head + 16);
    info->bits = (int)little16(head + (old ? 10 : 14));
    info->data = little32(bytes + 10);
    if (compression != 0 && compression != MASKS && compression != ALPHA_MASKS)
        return error_set(err, ERR_DATA, "BMP with compression %u, which is not read", compression);
    if (info->bits != 1 && info->bits != 4 && info->bits != 8 && info->bits != 16 && info->bits != 24 &&
        info->bits != 32)
        return error_set(err, ERR_DATA, "BMP with %d bits a pixel", info->bits);
    if (compression != 0 && info_size >= 56 && little32(head + 52) != 0)
        info->alpha_bits = 1;
    return check_size(info, height < 0 ? -height : height, width, options, err);
}

static enum status whole_bmp(const struct image_info *info, size_t size, struct error *err)
{
    size_t row_bits = (size_t)info->width * (size_t)info->bits, row = (row_bits + 31) / 32 * 4;
    size_t need = row * ((size_t)info->height - 1) + (row_bits + 7) / 8;
    if (info->data > size || need > size - info->data)
        return error_set(err, ERR_DATA, "BMP ends early: %zu bytes, its pixels need %zu", size, info->data + need);
    return OK;
}

enum status image_examine(struct image_info *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                          const struct image_options *options, struct error *err)
{
    struct image_info info = {.orientation = 1};
    enum status status;
    *more = false;
    if (size == 0)
        return error_set(err, ERR_DATA, "an empty file");
    if (have >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0) {
        info.format = IMAGE_JPEG;
        status = examine_jpeg(&info, more, bytes, have, size, options, err);
    } else if (have >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0) {
        info.format = IMAGE_PNG;
        status = examine_png(&info, more, bytes, have, size, options, err);
    } else if (have >= 2 && memcmp(bytes, "BM", 2) == 0) {
        info.format = IMAGE_BMP;
        status = examine_bmp(&info, more, bytes, have, size, options, err);
    } else {
        status = say_what_it_is(bytes, have, err);
    }
    if (status == OK && !*more)
        *out = info;
    return status;
}

bool image_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have)
{
    if (info->format == IMAGE_JPEG) {
        size_t skip = info->data > from ? info->data - from : 0;
        return skip < have && memmem(tail + skip, have - skip, "\xFF\xD9", 2) != NULL;
    }
    return info->format == IMAGE_PNG && have >= 12 && memcmp(tail + have - 12, "\0\0\0\0IEND\xAE\x42\x60\x82", 12) == 0;
}

enum status image_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    switch (info->format) {
    case IMAGE_JPEG:
        return whole_jpeg(info, bytes, size, err);
    case IMAGE_PNG:
        return whole_png(info, bytes, size, err);
    case IMAGE_BMP:
        return whole_bmp(info, size, err);
    case IMAGE_UNKNOWN:
        break;
    }
    return error_set(err, ERR_DATA, "not a photo");
}
