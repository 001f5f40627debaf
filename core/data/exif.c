/* Orientation from EXIF (tag 0x0112 of the first directory of a TIFF structure; Exif 2.32, 4.6.4) and from XMP. Nothing
 * else is read. The directory is walked as Pillow 13's TiffImagePlugin walks it, whose oddities decide which tag counts
 * in a structure that is not well. */
#define _GNU_SOURCE
#include "core/data/exif.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"

enum { ORIENTATION_NONE = 0, ORIENTATION_UPRIGHT = 1, ORIENTATION_LAST = 8 };

/* A TIFF structure and the order of its bytes. */
struct tiff {
    const uint8_t *bytes;
    size_t size;
    bool big;
};

static uint32_t get16(const struct tiff *tiff, const uint8_t *at)
{
    return tiff->big ? get_big16(at) : get_little16(at);
}

static uint32_t get32(const struct tiff *tiff, const uint8_t *at)
{
    return tiff->big ? get_big32(at) : get_little32(at);
}

static uint64_t get64(const struct tiff *tiff, const uint8_t *at)
{
    return tiff->big ? get_big(at, 8) : get_little(at, 8);
}

static int in_range(double value)
{
    for (int i = ORIENTATION_UPRIGHT; i <= ORIENTATION_LAST; i++)
        if (value == i)
            return i;
    return ORIENTATION_UPRIGHT;
}

enum tiff_type {
    TIFF_BYTE = 1,
    TIFF_ASCII,
    TIFF_SHORT,
    TIFF_LONG,
    TIFF_RATIONAL,
    TIFF_SBYTE,
    TIFF_UNDEFINED,
    TIFF_SSHORT,
    TIFF_SLONG,
    TIFF_SRATIONAL,
    TIFF_FLOAT,
    TIFF_DOUBLE,
    TIFF_IFD,
    TIFF_LONG8 = 16
};

/* Bytes of one value; 0 for a type that nobody knows. */
static uint64_t type_size(uint32_t type)
{
    static const uint8_t sizes[TIFF_LONG8 + 1] = {
        [TIFF_BYTE] = 1,      [TIFF_ASCII] = 1,  [TIFF_SHORT] = 2,  [TIFF_LONG] = 4, [TIFF_RATIONAL] = 8,
        [TIFF_SBYTE] = 1,     [TIFF_SSHORT] = 2, [TIFF_SLONG] = 4,  [TIFF_IFD] = 4,  [TIFF_UNDEFINED] = 1,
        [TIFF_SRATIONAL] = 8, [TIFF_FLOAT] = 4,  [TIFF_DOUBLE] = 8, [TIFF_LONG8] = 8};
    return type <= TIFF_LONG8 ? sizes[type] : 0;
}

static double fraction(double above, double below)
{
    return below != 0 ? above / below : 0;
}

static double float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return (double)value;
}

static double double_of(uint64_t bits)
{
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int orientation_of_value(const struct tiff *tiff, uint32_t type, const uint8_t *value)
{
    switch (type) {
    case TIFF_SHORT:
    case TIFF_SSHORT:
        return in_range(get16(tiff, value));
    case TIFF_LONG:
    case TIFF_SLONG:
    case TIFF_IFD:
        return in_range(get32(tiff, value));
    case TIFF_SBYTE:
        return in_range(value[0]);
    case TIFF_LONG8:
        return in_range((double)get64(tiff, value));
    case TIFF_RATIONAL:
        return in_range(fraction(get32(tiff, value), get32(tiff, value + 4)));
    case TIFF_SRATIONAL:
        return in_range(fraction((int32_t)get32(tiff, value), (int32_t)get32(tiff, value + 4)));
    case TIFF_FLOAT:
        return in_range(float_of(get32(tiff, value)));
    case TIFF_DOUBLE:
        return in_range(double_of(get64(tiff, value)));
    default:
        return ORIENTATION_UPRIGHT; /* bytes and text: told, and not understood */
    }
}

static int orientation_in_directory(const struct tiff *tiff, size_t at, size_t entries)
{
    enum { TAG_ORIENTATION = 0x0112, ENTRY = 12, INLINE = 4 };
    uint64_t total = 0;
    for (; entries > 0 && tiff->size - at >= ENTRY; entries--, at += ENTRY) {
        const uint8_t *entry = tiff->bytes + at, *value = entry + 8;
        uint32_t type = get16(tiff, entry + 2);
        uint64_t length = get32(tiff, entry + 4) * type_size(type);
        if (length == 0)
            continue;
        if (length > INLINE) {
            uint64_t offset = get32(tiff, value);
            total += length;
            if (total > tiff->size)
                continue;
            if (offset > tiff->size || length > tiff->size - offset)
                return ORIENTATION_NONE; /* Pillow reads no further */
            value = tiff->bytes + offset;
        }
        if (get16(tiff, entry) == TAG_ORIENTATION)
            return orientation_of_value(tiff, type, value);
    }
    return ORIENTATION_NONE;
}

int exif_orientation(const uint8_t *bytes, size_t size)
{
    /* The first and third are right, the others are wrong, and read as Pillow reads them. "MM\0+" is BigTIFF, which
     * Pillow takes for TIFF. */
    static const char *const heads[] = {"MM\0*", "MM*\0", "II*\0", "II\0*", "MM\0+"};
    struct tiff tiff = {.bytes = bytes, .size = size};
    bool known = false;
    if (size < 8)
        return ORIENTATION_NONE;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        known = known || memcmp(bytes, heads[i], 4) == 0;
    if (!known)
        return ORIENTATION_NONE;
    tiff.big = bytes[0] == 'M';
    size_t directory = get32(&tiff, bytes + 4);
    if (directory > size - 2)
        return ORIENTATION_NONE;
    return orientation_in_directory(&tiff, directory + 2, get16(&tiff, bytes + directory));
}

int exif_orientation_any(const uint8_t *bytes, size_t size)
{
    enum { PREFIX = 6, TIMES = 2 };
    for (int i = 0; i < TIMES && size >= PREFIX && memcmp(bytes, "Exif\0\0", PREFIX) == 0; i++) {
        bytes += PREFIX;
        size -= PREFIX;
    }
    return exif_orientation(bytes, size);
}

static int digit_of(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* out[] = the digits in pairs, until they end: how many bytes. */
static size_t bytes_of_hex(uint8_t *out, const uint8_t *text, size_t size)
{
    size_t count = 0;
    int high = -1;
    for (size_t at = 0; at < size; at++) {
        int digit = digit_of(text[at]);
        if (digit < 0 && (!is_space(text[at]) || high >= 0))
            break;
        if (digit >= 0 && high >= 0)
            out[count++] = (uint8_t)(high << 4 | digit);
        high = digit < 0 || high >= 0 ? -1 : digit;
    }
    return count;
}

int exif_orientation_hex(const uint8_t *text, size_t size)
{
    enum { LINES_BEFORE = 3 };
    const uint8_t *at = text, *end = text + size;
    void *bytes;
    for (int line = 0; line < LINES_BEFORE; line++) {
        const uint8_t *feed = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
        if (!feed)
            return ORIENTATION_NONE;
        at = feed + 1;
    }
    size_t left = (size_t)(end - at);
    if (memory_alloc(&bytes, left / 2 + 1, 1, "EXIF", NULL) != OK)
        return ORIENTATION_NONE;
    int orientation = exif_orientation_any(bytes, bytes_of_hex(bytes, at, left));
    memory_free(bytes);
    return orientation;
}

/* Pillow's tiff:Orientation(="|>)([0-9]). */
int xmp_orientation(const uint8_t *text, size_t size)
{
    static const char name[] = "tiff:Orientation";
    enum { NAME = sizeof name - 1 };
    for (const uint8_t *found; (found = memmem(text, size, name, NAME));) {
        size -= (size_t)(found - text) + NAME;
        text = found + NAME;
        size_t skip = size > 0 && text[0] == '>' ? 1 : size > 1 && memcmp(text, "=\"", 2) == 0 ? 2 : 0;
        if (skip > 0 && size > skip && digit_of(text[skip]) >= 0 && digit_of(text[skip]) <= 9)
            return in_range(digit_of(text[skip]));
    }
    return ORIENTATION_NONE;
}

int orientation_of_metadata(const uint8_t *exif, size_t exif_size, const uint8_t *xmp, size_t xmp_size)
{
    int orientation = exif ? exif_orientation_any(exif, exif_size) : ORIENTATION_NONE;
    if (orientation == ORIENTATION_NONE && xmp)
        orientation = xmp_orientation(xmp, xmp_size);
    return orientation == ORIENTATION_NONE ? ORIENTATION_UPRIGHT : orientation;
}
