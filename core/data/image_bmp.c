/* BMP: its headers (Windows' BITMAPFILEHEADER with BITMAPCOREHEADER to BITMAPV5HEADER, OS/2's of 64 bytes) and what
 * they say about the pixels. image_bmp_decode.c has the decoder. Where the documents leave something open, or files do
 * not obey them, Pillow's BmpImagePlugin decides. */
#include "core/data/image_bmp.h"

#include <string.h>

#include "core/base/byte_order.h"

enum { FILE_HEADER = 14, OLD = 12, LONGEST = 124 };

/* A text may begin with "BM" too; the size of the second header, which is far below 256, tells them apart. */
static bool bmp_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 2 && memcmp(bytes, "BM", 2) == 0 && (have < 18 || get_little32(bytes + FILE_HEADER) < 256);
}

static bool header_known(size_t size)
{
    return size == OLD || size == 40 || size == 52 || size == 56 || size == 64 || size == 108 || size == LONGEST;
}

/* Masks are those of the header, or stand behind one of 40 bytes. */
static enum status read_masks(struct bmp_layout *layout, const uint8_t *head, size_t info_size, size_t have,
                              struct error *err)
{
    enum { AT = 40, MASK = 4 };
    size_t count = info_size >= 56 || layout->compression == BMP_ALPHA_MASKS ? 4 : 3;
    if (AT + count * MASK > have)
        return error_set(err, ERR_DATA, "truncated: the BMP ends within its header");
    uint32_t masks[4] = {0};
    for (size_t i = 0; i < count; i++)
        masks[i] = get_little32(head + AT + i * MASK);
    if (masks[0] || masks[1] || masks[2]) /* else nothing is told, and the defaults stay */
        memcpy(layout->masks, masks, sizeof masks);
    if (info_size == 40)
        layout->palette += count * MASK;
    return OK;
}

static void default_masks(struct bmp_layout *layout)
{
    static const uint32_t deep[] = {0xFF0000, 0xFF00, 0xFF}, high[] = {0x7C00, 0x3E0, 0x1F};
    memcpy(layout->masks, layout->bits == 16 ? high : deep, sizeof deep);
}

/* Which of the kinds of pixels it is, of those that there are. */
static enum status check_kind(const struct bmp_layout *layout, struct error *err)
{
    int bits = layout->bits;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32)
        return error_set(err, ERR_DATA, "BMP with %d bits a pixel", bits);
    bool fits = layout->compression == BMP_PLAIN || (layout->compression == BMP_RLE8 && bits == 8) ||
                (layout->compression == BMP_RLE4 && bits == 4) ||
                ((layout->compression == BMP_MASKS || layout->compression == BMP_ALPHA_MASKS) && bits >= 16);
    return fits ? OK
                : error_set(err, ERR_DATA, "BMP with compression %u and %d bits a pixel, which is not read; convert it",
                            layout->compression, bits);
}

enum status bmp_layout_read(struct bmp_layout *out, const uint8_t *bytes, size_t have, struct error *err)
{
    struct bmp_layout layout = {0};
    size_t info_size = have >= FILE_HEADER + 4 ? get_little32(bytes + FILE_HEADER) : OLD;
    if (!header_known(info_size))
        return error_set(err, ERR_DATA, "BMP with a header of %zu bytes; 12, 40, 52, 56, 64, 108 and 124 are read",
                         info_size);
    if (have < FILE_HEADER + info_size)
        return error_set(err, ERR_DATA, "truncated: the BMP ends within its header");
    const uint8_t *head = bytes + FILE_HEADER;
    bool old = info_size == OLD;
    layout.width = old ? (int)get_little16(head + 4) : (int32_t)get_little32(head + 4);
    layout.height = old ? (int)get_little16(head + 6) : (int32_t)get_little32(head + 8);
    layout.top_down = layout.height < 0;
    layout.height = layout.top_down ? -layout.height : layout.height;
    layout.bits = (int)get_little16(head + (old ? 10 : 14));
    layout.compression = old ? BMP_PLAIN : get_little32(head + 16);
    layout.entry = old ? 3 : 4;
    layout.colours = old ? 0 : get_little32(head + 32);
    layout.palette = FILE_HEADER + info_size;
    enum status status = check_kind(&layout, err);
    default_masks(&layout);
    if (status == OK && layout.compression >= BMP_MASKS)
        status = read_masks(&layout, head, info_size, have - FILE_HEADER, err);
    if (status != OK)
        return status;
    if (layout.colours == 0 && layout.bits <= 8)
        layout.colours = 1U << layout.bits;
    size_t colours_size = layout.bits <= 8 ? (size_t)layout.colours * layout.entry : 0;
    layout.data = get_little32(bytes + 10);
    if (layout.data == 0)
        layout.data = layout.palette + colours_size;
    else if (layout.data == FILE_HEADER + info_size) /* some writers forget the palette */
        layout.data += colours_size;
    *out = layout;
    return OK;
}

static enum status bmp_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    enum { MASKS = 16 };
    struct bmp_layout layout;
    if (have < FILE_HEADER + LONGEST + MASKS && have < size) {
        *more = true;
        return OK;
    }
    enum status status = bmp_layout_read(&layout, bytes, have, err);
    if (status != OK)
        return status;
    info->data = layout.data;
    info->bits = layout.bits;
    info->packed = layout.compression == BMP_RLE8 || layout.compression == BMP_RLE4;
    return image_size_set(info, layout.height, layout.width, options, err);
}

size_t bmp_stride(int width, int bits)
{
    return ((size_t)width * (size_t)bits + 31) / 32 * 4;
}

static enum status bmp_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    (void)bytes; /* its size says it, but for runs, of which the decoder sees the end */
    size_t last = ((size_t)info->width * (size_t)info->bits + 7) / 8;
    size_t need = info->packed ? 1 : bmp_stride(info->width, info->bits) * ((size_t)info->height - 1) + last;
    if (info->data > size || need > size - info->data)
        return error_set(err, ERR_DATA, "truncated: the BMP has %zu bytes, its pixels need %zu", size,
                         info->data + need);
    return OK;
}

/* Pixels are written as they are read. */
static size_t bmp_held(const struct image_info *info)
{
    (void)info;
    return 0;
}

static const char *bmp_library(void)
{
    return "built in";
}

const struct image_codec image_bmp = {.name = "BMP",
                                      .library = bmp_library,
                                      .recognises = bmp_recognises,
                                      .examine = bmp_examine,
                                      .whole = bmp_whole,
                                      .decode = bmp_decode,
                                      .held = bmp_held};
