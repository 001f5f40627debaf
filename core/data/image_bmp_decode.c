/* BMP's pixels: palettes of 1, 4 and 8 bits, plain and in runs; 16, 24 and 32 bits by masks. */
#include "core/data/image_bmp.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"

struct reader {
    const uint8_t *bytes; /* the file */
    size_t size;
    struct bmp_layout layout;
    int height, width;
    uint8_t *pixels; /* [H,W,3] */
    uint8_t palette[256][3];
};

/* Row y of the file in the picture. */
static uint8_t *row_of(const struct reader *reader, size_t y)
{
    size_t row = reader->layout.top_down ? y : (size_t)reader->height - 1 - y;
    return reader->pixels + row * (size_t)reader->width * 3;
}

/* Colours that the file does not have are black. */
static void read_palette(struct reader *reader)
{
    const struct bmp_layout *layout = &reader->layout;
    for (size_t i = 0; i < 256 && i < layout->colours; i++) {
        size_t at = layout->palette + i * layout->entry;
        if (at + 3 > reader->size)
            break;
        for (size_t c = 0; c < 3; c++)
            reader->palette[i][c] = reader->bytes[at + 2 - c];
    }
}

static void read_indices(const struct reader *reader)
{
    int bits = reader->layout.bits;
    size_t stride = bmp_stride(reader->width, bits);
    for (size_t y = 0; y < (size_t)reader->height; y++) {
        const uint8_t *row = reader->bytes + reader->layout.data + y * stride;
        uint8_t *to = row_of(reader, y);
        for (int x = 0; x < reader->width; x++, to += 3) {
            size_t bit = (size_t)x * (size_t)bits;
            unsigned index = (unsigned)row[bit / 8] >> (8 - bits - (int)(bit % 8)) & ((1U << bits) - 1);
            memcpy(to, reader->palette[index], 3);
        }
    }
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

struct channel {
    uint32_t mask;
    int shift, bits;
};

static struct channel channel_of(uint32_t mask)
{
    struct channel channel = {.mask = mask};
    if (mask == 0)
        return channel;
    while (!(mask >> channel.shift & 1))
        channel.shift++;
    while (channel.shift + channel.bits < 32 && mask >> (channel.shift + channel.bits) & 1)
        channel.bits++;
    channel.mask = (uint32_t)((UINT64_C(1) << channel.bits) - 1); /* of the lowest bits; others are not contiguous */
    return channel;
}

/* To 8 bits, rounded down as Pillow does; of more than 8 the high ones. */
static uint8_t channel_get(struct channel channel, uint32_t pixel)
{
    uint32_t value = pixel >> channel.shift & channel.mask;
    if (channel.bits >= 8)
        return (uint8_t)(value >> (channel.bits - 8));
    return (uint8_t)(channel.bits == 0 ? 0 : value * 255 / channel.mask);
}

static uint32_t pixel_get(const uint8_t *at, int bits)
{
    return bits == 16 ? get_little16(at) : bits == 24 ? (uint32_t)get_little(at, 3) : get_little32(at);
}

/* Where all pixels are fully transparent, the writer did not mean it. */
static bool any_alpha(const struct reader *reader)
{
    size_t stride = bmp_stride(reader->width, reader->layout.bits), step = (size_t)reader->layout.bits / 8;
    for (size_t y = 0; reader->layout.masks[3] && y < (size_t)reader->height; y++) {
        const uint8_t *row = reader->bytes + reader->layout.data + y * stride;
        for (size_t x = 0; x < (size_t)reader->width; x++)
            if (pixel_get(row + x * step, reader->layout.bits) & reader->layout.masks[3])
                return true;
    }
    return false;
}

static void read_masked(const struct reader *reader)
{
    int bits = reader->layout.bits;
    size_t stride = bmp_stride(reader->width, bits);
    struct channel channels[4];
    for (int c = 0; c < 4; c++)
        channels[c] = channel_of(reader->layout.masks[c]);
    bool alpha = any_alpha(reader);
    for (size_t y = 0; y < (size_t)reader->height; y++) {
        const uint8_t *at = reader->bytes + reader->layout.data + y * stride;
        uint8_t *to = row_of(reader, y);
        for (int x = 0; x < reader->width; x++, at += bits / 8, to += 3) {
            uint32_t pixel = pixel_get(at, bits);
            int opacity = alpha ? channel_get(channels[3], pixel) : 255;
            for (int c = 0; c < 3; c++)
                to[c] = image_over_white(channel_get(channels[c], pixel), opacity);
        }
    }
}

/* The common case, in which nothing is to be computed. */
static void read_bgr(const struct reader *reader)
{
    size_t step = (size_t)reader->layout.bits / 8, stride = bmp_stride(reader->width, reader->layout.bits);
    for (size_t y = 0; y < (size_t)reader->height; y++) {
        const uint8_t *at = reader->bytes + reader->layout.data + y * stride;
        uint8_t *to = row_of(reader, y);
        for (int x = 0; x < reader->width; x++, at += step, to += 3) {
            to[0] = at[2];
            to[1] = at[1];
            to[2] = at[0];
        }
    }
}

static bool is_bgr(const struct bmp_layout *layout)
{
    return layout->bits >= 24 && layout->masks[0] == 0xFF0000 && layout->masks[1] == 0xFF00 &&
           layout->masks[2] == 0xFF && layout->masks[3] == 0;
}

/* ---- runs -------------------------------------------------------------------------------------------------------- */

/* Pixels are counted through the rows of the file: number `count` comes next. As in Pillow, a run of one colour ends
 * with its row (x counts within it), and a run of several goes on in the next. */
struct runs {
    const struct reader *reader;
    size_t at, count, total, x;
};

static void put(struct runs *runs, unsigned index)
{
    size_t width = (size_t)runs->reader->width;
    if (runs->count < runs->total)
        memcpy(row_of(runs->reader, runs->count / width) + runs->count % width * 3, runs->reader->palette[index], 3);
    runs->count++;
}

static void put_one_colour(struct runs *runs, size_t length, uint8_t value, bool four)
{
    size_t width = (size_t)runs->reader->width, left = runs->x < width ? width - runs->x : 0;
    length = length < left ? length : left;
    for (size_t i = 0; i < length; i++)
        put(runs, !four ? value : i % 2 == 0 ? value >> 4 : value & 0xF);
    runs->x += length;
}

/* false: the file ends within. */
static bool put_several(struct runs *runs, size_t length, bool four)
{
    size_t left = runs->total - runs->count, count = length < left ? length : left;
    size_t size = four ? (count + 1) / 2 : count, have = runs->reader->size - runs->at;
    const uint8_t *from = runs->reader->bytes + runs->at;
    if (size > have)
        return false;
    for (size_t i = 0; i < count; i++)
        put(runs, !four ? from[i] : i % 2 == 0 ? from[i / 2] >> 4 : from[i / 2] & 0xF);
    runs->x += length;
    runs->at += size;
    runs->at += runs->at % 2; /* even in the file, wherever the pixels begin */
    return true;
}

static void skip_pixels(struct runs *runs, size_t count)
{
    size_t left = runs->total - runs->count;
    for (size_t i = 0; i < count && i < left; i++)
        put(runs, 0);
}

/* false: the file ends before its picture. The picture ends where its pixels or its end mark are; what a file leaves
 * out before the mark has colour 0. */
static bool read_runs(const struct reader *reader)
{
    enum { END_OF_ROW = 0, END = 1, DELTA = 2 };
    size_t width = (size_t)reader->width;
    struct runs runs = {.reader = reader, .at = reader->layout.data, .total = width * (size_t)reader->height};
    bool four = reader->layout.compression == BMP_RLE4;
    while (runs.count < runs.total) {
        if (runs.at > reader->size || reader->size - runs.at < 2)
            return false;
        uint8_t length = reader->bytes[runs.at], value = reader->bytes[runs.at + 1];
        runs.at += 2;
        if (length > 0) {
            put_one_colour(&runs, length, value, four);
        } else if (value == END_OF_ROW) {
            skip_pixels(&runs, (width - runs.count % width) % width);
            runs.x = 0;
        } else if (value == END) {
            skip_pixels(&runs, runs.total);
        } else if (value == DELTA) {
            if (reader->size - runs.at < 2)
                return false;
            skip_pixels(&runs, reader->bytes[runs.at] + reader->bytes[runs.at + 1] * width);
            runs.at += 2;
            runs.x = runs.count % width;
        } else if (!put_several(&runs, value, four)) {
            return false;
        }
    }
    return true;
}

enum status bmp_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size, int shift,
                       struct error *err)
{
    (void)shift;
    struct reader reader = {.bytes = bytes, .size = size, .height = info->height, .width = info->width};
    void *pixels;
    enum status status = bmp_layout_read(&reader.layout, bytes, size, err);
    if (status == OK)
        status = memory_alloc(&pixels, (size_t)info->height * (size_t)info->width, 3, "a photo", err);
    if (status != OK)
        return status;
    reader.pixels = pixels;
    bool whole = true;
    if (reader.layout.bits <= 8)
        read_palette(&reader);
    if (info->packed)
        whole = read_runs(&reader);
    else if (reader.layout.bits <= 8)
        read_indices(&reader);
    else if (is_bgr(&reader.layout))
        read_bgr(&reader);
    else
        read_masked(&reader);
    if (!whole) {
        memory_free(pixels);
        return error_set(err, ERR_DATA, "truncated: the BMP's %zu bytes end within its runs", size);
    }
    *out = (struct image){.height = info->height, .width = info->width, .pixels = pixels};
    return OK;
}
