/* EXIF orientation: tag 0x0112 of the first directory of a TIFF structure (Exif 2.32, 4.6.4). Nothing else is read, and
 * a structure that does not hold together counts as no orientation. */
#include "core/data/exif.h"

#include <stdbool.h>
#include <string.h>

#include "core/base/byte_order.h"

static uint32_t get16(const uint8_t *at, bool big)
{
    return big ? get_big16(at) : get_little16(at);
}

static uint32_t get32(const uint8_t *at, bool big)
{
    return big ? get_big32(at) : get_little32(at);
}

int exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };
    if (size < 8)
        return 1;
    bool big = memcmp(tiff, "MM\0*", 4) == 0;
    if (!big && memcmp(tiff, "II*\0", 4) != 0)
        return 1;
    size_t directory = get32(tiff + 4, big);
    if (directory > size - 2)
        return 1;
    size_t entries = get16(tiff + directory, big), at = directory + 2;
    for (; entries > 0 && size - at >= ENTRY; entries--, at += ENTRY) {
        const uint8_t *entry = tiff + at;
        if (get16(entry, big) != TAG_ORIENTATION)
            continue;
        uint32_t value = get16(entry + 8, big);
        bool fits = get16(entry + 2, big) == TYPE_SHORT && get32(entry + 4, big) == 1;
        return fits && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}
