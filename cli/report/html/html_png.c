#include "cli/report/html/html_png.h"

#include <assert.h>
#include <string.h>

#include "core/base/crc32.h"

/* Signature; length, type and sum of IHDR (13 bytes of data), IDAT and IEND. */
enum { SIGNATURE = 8, CHUNK = 12, HEADER = 13 };
/* zlib's header, the head of a stored block, Adler-32 (RFC 1950 and 1951). */
enum { ZLIB = 2, BLOCK = 5, ADLER = 4 };

static size_t pixel_bytes(size_t height, size_t width)
{
    return height * (1 + 2 * width); /* the number of the filter, then grey and alpha */
}

static size_t data_bytes(size_t height, size_t width)
{
    return ZLIB + BLOCK + pixel_bytes(height, width) + ADLER;
}

size_t png_shade_size(size_t height, size_t width)
{
    return SIGNATURE + CHUNK + HEADER + CHUNK + data_bytes(height, width) + CHUNK;
}

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *out++ = (uint8_t)(value >> shift);
    return out;
}

static uint8_t *begin_chunk(uint8_t *out, size_t size, const char *type)
{
    out = put_u32(out, (uint32_t)size);
    memcpy(out, type, 4);
    return out + 4;
}

/* `out` is behind the data. */
static uint8_t *end_chunk(uint8_t *out, size_t size)
{
    return put_u32(out, crc32_add(0, out - size - 4, size + 4));
}

static uint32_t adler_of(const uint8_t *bytes, size_t size)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static uint8_t *put_data(uint8_t *out, const uint8_t *opacity, size_t height, size_t width)
{
    size_t size = pixel_bytes(height, width);
    const uint8_t head[] = {0x78, 0x01, 1, (uint8_t)size, (uint8_t)(size >> 8), (uint8_t)~size, (uint8_t)(~size >> 8)};
    memcpy(out, head, sizeof head);
    uint8_t *pixels = out + sizeof head;
    memset(pixels, 0, size);
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            pixels[y * (1 + 2 * width) + 2 + 2 * x] = opacity[y * width + x];
    return put_u32(pixels + size, adler_of(pixels, size));
}

void png_shade(uint8_t *out, const uint8_t *opacity, size_t height, size_t width)
{
    static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    static const uint8_t kind[] = {8, 4, 0, 0, 0}; /* bits, grey with alpha, deflate, filters, not interlaced */
    assert(height >= 1 && height <= PNG_SIDE_MOST && width >= 1 && width <= PNG_SIDE_MOST);
    memcpy(out, signature, SIGNATURE);
    out = begin_chunk(out + SIGNATURE, HEADER, "IHDR");
    out = put_u32(put_u32(out, (uint32_t)width), (uint32_t)height);
    memcpy(out, kind, sizeof kind);
    out = end_chunk(out + sizeof kind, HEADER);
    out = begin_chunk(out, data_bytes(height, width), "IDAT");
    out = put_data(out, opacity, height, width);
    out = end_chunk(out, data_bytes(height, width));
    end_chunk(begin_chunk(out, 0, "IEND"), 0);
}
