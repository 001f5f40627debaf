/* PNG: its chunks (W3C, Portable Network Graphics, 5). The pixels are libpng's or stb_image's business. */
#define _GNU_SOURCE
#include "core/data/image_format.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/crc32.h"
#include "core/data/png_metadata.h"

enum { SIGNATURE = 8, HEADER = 33, FRAME = 12 }; /* FRAME: length, type and checksum of a chunk */

static bool png_recognises(const uint8_t *bytes, size_t have)
{
    return have >= SIGNATURE && memcmp(bytes, "\x89PNG\r\n\x1A\n", SIGNATURE) == 0;
}

static bool is_type(const uint8_t *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

static bool is_letters(const uint8_t *type)
{
    for (int i = 0; i < 4; i++)
        if ((type[i] | 0x20) < 'a' || (type[i] | 0x20) > 'z')
            return false;
    return true;
}

/* As many as there are with the transparency that a chunk may add. */
static int channels_of(int colour_type)
{
    enum { GREY = 0, GREY_ALPHA = 4 };
    return colour_type == GREY || colour_type == GREY_ALPHA ? 2 : 4;
}

/* Most programs write which way is up before the pixels: known then without reading all of the file. */
static int orientation_before_pixels(const uint8_t *bytes, size_t have)
{
    struct png_metadata metadata = {0};
    for (size_t at = SIGNATURE; have - at >= FRAME;) {
        size_t length = get_big32(bytes + at);
        if (length > have - at - FRAME || is_type(bytes + at + 4, "IDAT"))
            break;
        png_metadata_add(&metadata, bytes + at + 4, length);
        at += length + FRAME;
    }
    return png_metadata_orientation(&metadata);
}

static enum status png_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    if (have < HEADER) {
        *more = have < size;
        return *more ? OK : error_set(err, ERR_DATA, "truncated: the PNG ends within its header, at byte %zu", size);
    }
    if (memcmp(bytes + SIGNATURE, "\0\0\0\rIHDR", 8) != 0)
        return error_set(err, ERR_DATA, "PNG that does not begin with its header");
    info->channels = channels_of(bytes[25]);
    info->progressive = bytes[28] != 0;
    info->orientation = orientation_before_pixels(bytes, have);
    return image_size_set(info, get_big32(bytes + 20), get_big32(bytes + 16), options, err);
}

/* The chunk at `type`: *damaged when its checksum does not hold and no pixel depends on it, as on none behind the
 * pixels but more of them. */
static enum status check_chunk(bool *damaged, const uint8_t *type, size_t length, bool behind_pixels, size_t at,
                               struct error *err)
{
    bool critical = !(type[0] & 0x20) && (!behind_pixels || is_type(type, "IDAT"));
    if (crc32_add(0, type, length + 4) == get_big32(type + 4 + length))
        return OK;
    *damaged = true;
    return critical ? error_set(err, ERR_DATA, "PNG is damaged: the checksum at byte %zu does not hold", at) : OK;
}

static enum status png_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    struct png_metadata metadata = {0};
    enum status status = OK;
    bool pixels = false, end = false;
    size_t at = SIGNATURE;
    while (status == OK && !end && size - at >= FRAME) {
        size_t length = get_big32(bytes + at);
        const uint8_t *type = bytes + at + 4;
        pixels = pixels || is_type(type, "IDAT");
        if (length > size - at - FRAME || !is_letters(type))
            break;
        end = is_type(type, "IEND");
        status = check_chunk(&info->damaged, type, length, pixels, at + 8 + length, err);
        png_metadata_add(&metadata, type, length);
        at += length + FRAME;
    }
    if (status == OK && !pixels)
        status = end ? error_set(err, ERR_DATA, "PNG without a picture in it")
                     : error_set(err, ERR_DATA, "truncated: the PNG's %zu bytes end before its pixels", size);
    info->cut = !end;
    info->data = at;
    info->orientation = png_metadata_orientation(&metadata);
    return status;
}

/* Text and EXIF behind the pixels are left to png_whole, too. */
static bool png_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have)
{
    static const char *const told[] = {"eXIf", "iTXt", "tEXt", "zTXt"};
    (void)info, (void)from;
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (memmem(tail, have, told[i], 4))
            return false;
    return have >= FRAME && memcmp(tail + have - FRAME, "\0\0\0\0IEND\xAE\x42\x60\x82", FRAME) == 0;
}

const struct image_codec image_png = {.name = "PNG",
                                      .library = image_png_library,
                                      .recognises = png_recognises,
                                      .examine = png_examine,
                                      .end_seen = png_end_seen,
                                      .whole = png_whole,
                                      .decode = image_decode_png,
                                      .held = image_held_png};
