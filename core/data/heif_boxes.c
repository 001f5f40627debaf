#include "core/data/heif_boxes.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/data/hevc_header.h"

/* Bytes [at, end) that are read in order; `short_of` is set when more was asked for than there is, and everything read
 * then is 0. */
struct cursor {
    const uint8_t *at, *end;
    bool short_of;
};

static uint64_t take(struct cursor *cursor, size_t width)
{
    uint64_t value = 0;
    if ((size_t)(cursor->end - cursor->at) < width) {
        cursor->short_of = true;
        cursor->at = cursor->end;
        return 0;
    }
    for (size_t i = 0; i < width; i++)
        value = value << 8 | *cursor->at++;
    return value;
}

/* A box: its type and what is in it. False at the end, and when it goes beyond the cursor (which is then short). */
struct box {
    uint32_t type;
    struct cursor body;
};

static bool next_box(struct box *out, struct cursor *cursor)
{
    const uint8_t *start = cursor->at;
    if (cursor->at == cursor->end)
        return false;
    uint64_t length = take(cursor, 4);
    out->type = (uint32_t)take(cursor, 4);
    if (length == 1)
        length = take(cursor, 8);
    else if (length == 0)
        length = (uint64_t)(cursor->end - start);
    if (cursor->short_of || length < (uint64_t)(cursor->at - start) || length > (uint64_t)(cursor->end - start)) {
        cursor->short_of = true;
        return false;
    }
    out->body = (struct cursor){.at = cursor->at, .end = start + length};
    cursor->at = out->body.end;
    return true;
}

#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

static bool find_box(struct box *out, struct cursor within, uint32_t type)
{
    while (next_box(out, &within))
        if (out->type == type)
            return true;
    return false;
}

/* ---- brands ------------------------------------------------------------------------------------------------------ */

static bool is_one_of(const uint8_t *brand, const char *brands)
{
    for (; *brands; brands += 4)
        if (memcmp(brand, brands, 4) == 0)
            return true;
    return false;
}

/* The first brand that is in one of the two lists; those of the file, the major one first. */
static bool first_brand_is(const uint8_t *bytes, size_t have, const char *these, const char *those)
{
    enum { MAJOR = 8, COMPATIBLE = 16 };
    if (have < 12 || memcmp(bytes + 4, "ftyp", 4) != 0)
        return false;
    if (is_one_of(bytes + MAJOR, these))
        return true;
    if (!is_one_of(bytes + MAJOR, "mif1msf1"))
        return false;
    size_t end = get_big32(bytes);
    if (end > have)
        end = have;
    for (size_t at = COMPATIBLE; at + 4 <= end; at += 4) {
        if (is_one_of(bytes + at, these))
            return true;
        if (is_one_of(bytes + at, those))
            return false;
    }
    return false;
}

static const char heic_brands[] = "heicheixheimheishevchevxhevmhevs", avif_brands[] = "avifavis";

bool heif_is_heic(const uint8_t *bytes, size_t have)
{
    return first_brand_is(bytes, have, heic_brands, avif_brands);
}

bool heif_is_avif(const uint8_t *bytes, size_t have)
{
    return first_brand_is(bytes, have, avif_brands, heic_brands);
}

/* ---- the primary picture ----------------------------------------------------------------------------------------- */

/* The index (from 1) of the property of a kind that belongs to the item; 0 for none. */
static uint64_t find_size(struct heif_primary *out, struct cursor properties, struct cursor associations, uint64_t item)
{
    uint64_t version = take(&associations, 1), flags = take(&associations, 3), entries = take(&associations, 4);
    for (; entries > 0 && !associations.short_of; entries--) {
        uint64_t id = take(&associations, version < 1 ? 2 : 4), count = take(&associations, 1);
        for (; count > 0 && !associations.short_of; count--) {
            uint64_t index = flags & 1 ? take(&associations, 2) & 0x7FFF : take(&associations, 1) & 0x7F;
            struct cursor all = properties;
            struct box box;
            if (id != item || index == 0)
                continue;
            for (uint64_t i = 0; i < index; i++)
                if (!next_box(&box, &all))
                    return 0;
            if (box.type != TYPE('i', 's', 'p', 'e'))
                continue;
            take(&box.body, 4);
            out->width = take(&box.body, 4);
            out->height = take(&box.body, 4);
            return box.body.short_of ? 0 : index;
        }
    }
    return 0;
}

/* Where the items' data in the file ends (ItemLocationBox). */
static bool find_end(struct heif_primary *out, struct cursor body)
{
    enum { IN_FILE = 0 };
    uint64_t version = take(&body, 1);
    take(&body, 3);
    uint64_t sizes = take(&body, 2);
    size_t offset_size = sizes >> 12 & 15, length_size = sizes >> 8 & 15, base_size = sizes >> 4 & 15;
    size_t index_size = version > 0 ? sizes & 15 : 0;
    if (offset_size > 8 || length_size > 8 || base_size > 8 || index_size > 8)
        return false;
    uint64_t items = take(&body, version < 2 ? 2 : 4);
    for (; items > 0 && !body.short_of; items--) {
        take(&body, version < 2 ? 2 : 4);
        uint64_t method = version > 0 ? take(&body, 2) & 15 : IN_FILE;
        take(&body, 2);
        uint64_t base = take(&body, base_size), extents = take(&body, 2);
        for (; extents > 0 && !body.short_of; extents--) {
            take(&body, index_size);
            uint64_t offset = base + take(&body, offset_size), length = take(&body, length_size);
            uint64_t end = length > UINT64_MAX - offset ? UINT64_MAX : offset + length;
            if (method == IN_FILE && end > out->end)
                out->end = end;
        }
    }
    return !body.short_of;
}

/* Of all streams: those of the picture, of its tiles, of its alpha. */
static void find_coded_size(struct heif_primary *out, struct cursor properties)
{
    struct box box;
    while (next_box(&box, &properties))
        if (box.type == TYPE('h', 'v', 'c', 'C'))
            hevc_header_size(&out->coded_width, &out->coded_height, box.body.at, (size_t)(box.body.end - box.body.at));
}

static enum status read_meta(struct heif_primary *out, struct cursor meta, struct error *err)
{
    struct box primary, locations, properties, container, associations;
    take(&meta, 4);
    if (!find_box(&primary, meta, TYPE('p', 'i', 't', 'm')) || !find_box(&properties, meta, TYPE('i', 'p', 'r', 'p')) ||
        !find_box(&locations, meta, TYPE('i', 'l', 'o', 'c')) ||
        !find_box(&container, properties.body, TYPE('i', 'p', 'c', 'o')))
        return error_set(err, ERR_DATA, "HEIF without a picture in it");
    uint64_t version = take(&primary.body, 1);
    take(&primary.body, 3);
    uint64_t item = take(&primary.body, version == 0 ? 2 : 4), found = 0;
    while (!found && next_box(&associations, &properties.body))
        if (associations.type == TYPE('i', 'p', 'm', 'a'))
            found = find_size(out, container.body, associations.body, item);
    if (!found)
        return error_set(err, ERR_DATA, "HEIF that does not tell its size");
    find_coded_size(out, container.body);
    if (!find_end(out, locations.body))
        return error_set(err, ERR_DATA, "HEIF that does not tell where its pixels are");
    return OK;
}

/* Walks through the outer boxes to the one that holds all this. */
enum status heif_primary_read(struct heif_primary *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                              struct error *err)
{
    uint64_t at = 0;
    *out = (struct heif_primary){0};
    *more = false;
    while (at < size) {
        struct cursor head = {.at = bytes + (at < have ? at : have), .end = bytes + have};
        uint64_t length = take(&head, 4);
        uint32_t type = (uint32_t)take(&head, 4);
        if (length == 1)
            length = take(&head, 8);
        else if (length == 0)
            length = size - at;
        bool inside = type == TYPE('m', 'e', 't', 'a');
        uint64_t needed = head.short_of ? 16 : inside ? length : 0;
        if (!head.short_of && length < 8)
            return error_set(err, ERR_DATA, "HEIF is damaged: the box at byte %llu", (unsigned long long)at);
        if ((head.short_of && have == size) || (!head.short_of && length > size - at))
            return error_set(err, ERR_DATA, "truncated: HEIF of %zu bytes, the box at byte %llu goes beyond them", size,
                             (unsigned long long)at);
        if (needed > have - (at < have ? at : have)) {
            *more = true;
            return OK;
        }
        if (inside)
            return read_meta(out, (struct cursor){.at = head.at, .end = bytes + at + length}, err);
        at += length;
    }
    return error_set(err, ERR_DATA, "truncated: HEIF of %zu bytes without its directory", size);
}
