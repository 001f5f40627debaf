/* PNG: its chunks (W3C, Portable Network Graphics, 5). The pixels are stb_image's business. */
#include "core/data/image_format.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/crc32.h"
#include "core/data/png_metadata.h"

static bool png_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 8 && memcmp(bytes, "\x89PNG\r\n\x1A\n", 8) == 0;
}

static enum status png_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    if (have < 33) {
        *more = have < size;
        return *more ? OK : error_set(err, ERR_DATA, "PNG ends early: within its header, at byte %zu", size);
    }
    if (memcmp(bytes + 8, "\0\0\0\rIHDR", 8) != 0)
        return error_set(err, ERR_DATA, "PNG that does not begin with its header");
    return image_size_set(info, get_big32(bytes + 20), get_big32(bytes + 16), options, err);
}

static enum status png_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    struct png_metadata metadata = {0};
    size_t at = 8;
    while (size - at >= 12) {
        size_t length = get_big32(bytes + at);
        const uint8_t *type = bytes + at + 4;
        if (length > size - at - 12)
            break;
        if (crc32_add(0, type, length + 4) != get_big32(type + 4 + length))
            return error_set(err, ERR_DATA, "PNG is damaged: the checksum at byte %zu does not hold", at + 8 + length);
        if (memcmp(type, "IEND", 4) == 0) {
            info->orientation = png_metadata_orientation(&metadata);
            return OK;
        }
        png_metadata_add(&metadata, type, length);
        at += length + 12;
    }
    return error_set(err, ERR_DATA, "PNG ends early: no end mark in its %zu bytes", size);
}

static bool png_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have)
{
    (void)info, (void)from;
    return have >= 12 && memcmp(tail + have - 12, "\0\0\0\0IEND\xAE\x42\x60\x82", 12) == 0;
}

const struct image_codec image_png = {.name = "PNG",
                                      .recognises = png_recognises,
                                      .examine = png_examine,
                                      .end_seen = png_end_seen,
                                      .whole = png_whole,
                                      .decode = image_decode_stb,
                                      .held = image_held_stb};
