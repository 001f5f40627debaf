/* BMP: its headers (Windows' BITMAPFILEHEADER and BITMAPCOREHEADER to BITMAPV5HEADER). The pixels are stb_image's
 * business. */
#include "core/data/image_format.h"

#include <string.h>

#include "core/base/byte_order.h"

/* A text may begin with "BM" too; the size of the second header, which is far below 256, tells them apart. */
static bool bmp_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 2 && memcmp(bytes, "BM", 2) == 0 && (have < 18 || get_little32(bytes + 14) < 256);
}

static enum status bmp_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    enum { HEADER = 14, OLD = 12, MASKS = 3, ALPHA_MASKS = 6 };
    size_t info_size = have >= HEADER + 4 ? get_little32(bytes + HEADER) : 0;
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
    long long width = old ? (int)get_little16(head + 4) : (int32_t)get_little32(head + 4);
    long long height = old ? (int)get_little16(head + 6) : (int32_t)get_little32(head + 8);
    uint32_t compression = old ? 0 : get_little32(head + 16);
    info->bits = (int)get_little16(head + (old ? 10 : 14));
    info->data = get_little32(bytes + 10);
    if (compression != 0 && compression != MASKS && compression != ALPHA_MASKS)
        return error_set(err, ERR_DATA, "BMP with compression %u, which is not read", compression);
    if (info->bits != 1 && info->bits != 4 && info->bits != 8 && info->bits != 16 && info->bits != 24 &&
        info->bits != 32)
        return error_set(err, ERR_DATA, "BMP with %d bits a pixel", info->bits);
    if (compression != 0 && info_size >= 56 && get_little32(head + 52) != 0)
        info->alpha_bits = 1;
    return image_size_set(info, height < 0 ? -height : height, width, options, err);
}

static enum status bmp_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    (void)bytes; /* its size says it */
    size_t row_bits = (size_t)info->width * (size_t)info->bits, row = (row_bits + 31) / 32 * 4;
    size_t need = row * ((size_t)info->height - 1) + (row_bits + 7) / 8;
    if (info->data > size || need > size - info->data)
        return error_set(err, ERR_DATA, "BMP ends early: %zu bytes, its pixels need %zu", size, info->data + need);
    return OK;
}

const struct image_codec image_bmp = {.name = "BMP",
                                      .recognises = bmp_recognises,
                                      .examine = bmp_examine,
                                      .whole = bmp_whole,
                                      .decode = image_decode_stb,
                                      .held = image_held_stb};
