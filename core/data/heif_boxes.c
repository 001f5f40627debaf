#include "core/data/heif_boxes.h"

#include <math.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/data/box_cursor.h"
#include "core/data/heif_items.h"
#include "core/data/hevc_header.h"

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

/* A picture that is seen by `orientation` (1..8 as EXIF counts), turned or mirrored once more. Each of the eight is a
 * number of quarter turns counter-clockwise, after a mirroring left to right or not. */
static int orientation_then(int orientation, int turns, bool left_to_right)
{
    static const int turns_of[9] = {0, 0, 0, 2, 2, 1, 3, 3, 1}, known[2][4] = {{1, 8, 3, 6}, {2, 5, 4, 7}};
    static const bool mirrored[9] = {[2] = true, [4] = true, [5] = true, [7] = true};
    int before = turns_of[orientation];
    bool mirror = mirrored[orientation];
    if (left_to_right)
        return known[!mirror][(4 - before + turns) % 4];
    return known[mirror][(before + turns) % 4];
}

/* Crops one side to the `wanted` pixels that begin at `start`, as far as the picture has them. */
static void crop_side(uint64_t *from, uint64_t *side, double start, double wanted)
{
    double end = floor(start + wanted - 1 + 0.5) + 1;
    start = start > 0 ? start : 0;
    end = end < (double)*side ? end : (double)*side;
    *from += start < end ? (uint64_t)start : 0;
    *side = start < end ? (uint64_t)(end - start) : 0;
}

/* CleanApertureBox: width, height and how far its middle is from the picture's, to the right and down. libheif rounds
 * the left side down and the others to the nearest. */
static void take_aperture(struct heif_crop *out, struct cursor body)
{
    double values[4];
    for (int i = 0; i < 4; i++) {
        int32_t over = (int32_t)cursor_take(&body, 4);
        uint32_t under = (uint32_t)cursor_take(&body, 4);
        values[i] = under ? (double)over / under : 0;
    }
    double left = floor(values[2] + ((double)out->width - 1) / 2 - (values[0] - 1) / 2);
    double top = floor(values[3] + ((double)out->height - 1) / 2 - (values[1] - 1) / 2 + 0.5);
    crop_side(&out->left, &out->width, left, values[0]);
    crop_side(&out->top, &out->height, top, values[1]);
}

static void take_colours(struct heif_primary *out, struct cursor body, const uint8_t *bytes)
{
    struct heif_colours colours = {.at = (size_t)(body.at - bytes)};
    uint64_t type = cursor_take(&body, 4);
    colours.primaries = (int)cursor_take(&body, 2);
    cursor_take(&body, 2);
    colours.matrix = (int)cursor_take(&body, 2);
    colours.full_range = cursor_take(&body, 1) >> 7;
    if (type == BOX_TYPE('n', 'c', 'l', 'x') && !body.short_of)
        out->colours = colours;
}

/* The decoder configuration records: AV1CodecConfigurationRecord, HEVCDecoderConfigurationRecord. */
static void take_subsampling(struct heif_primary *out, struct box property)
{
    enum { HEVC_CHROMA = 16, GREY_420_422_444 = 3 };
    bool av1 = property.type == BOX_TYPE('a', 'v', '1', 'C');
    cursor_take(&property.body, av1 ? 2 : 8);
    if (!av1)
        cursor_take(&property.body, HEVC_CHROMA - 8);
    unsigned flags = (unsigned)cursor_take(&property.body, 1), format = flags & GREY_420_422_444;
    bool grey = av1 ? flags >> 4 & 1 : format == 0;
    out->shift_x = !grey && (av1 ? flags >> 3 & 1 : format < 3);
    out->shift_y = !grey && (av1 ? flags >> 2 & 1 : format == 1);
}

struct reading {
    bool sizes; /* ispe alone, which clap needs */
    struct heif_primary *out;
    const uint8_t *bytes;
};

static void take_property(struct reading *reading, struct box property)
{
    struct heif_primary *out = reading->out;
    if (reading->sizes != (property.type == BOX_TYPE('i', 's', 'p', 'e')))
        return;
    switch (property.type) {
    case BOX_TYPE('c', 'o', 'l', 'r'):
        take_colours(out, property.body, reading->bytes);
        break;
    case BOX_TYPE('a', 'v', '1', 'C'):
    case BOX_TYPE('h', 'v', 'c', 'C'):
        take_subsampling(out, property);
        break;
    case BOX_TYPE('i', 's', 'p', 'e'):
        cursor_take(&property.body, 4);
        out->width = cursor_take(&property.body, 4);
        out->height = cursor_take(&property.body, 4);
        if (property.body.short_of)
            out->width = out->height = 0;
        break;
    case BOX_TYPE('i', 'r', 'o', 't'):
        out->orientation = orientation_then(out->orientation, (int)(cursor_take(&property.body, 1) & 3), false);
        break;
    case BOX_TYPE('i', 'm', 'i', 'r'): {
        bool left_to_right = cursor_take(&property.body, 1) & 1; /* else top to bottom, which is that and half a turn */
        out->orientation = orientation_then(out->orientation, left_to_right ? 0 : 2, true);
        break;
    }
    case BOX_TYPE('c', 'l', 'a', 'p'):
        take_aperture(&out->crop, property.body);
        break;
    default:
        break;
    }
}

/* The properties that belong to the item, in order (ItemPropertyAssociationBox). True when it is named here, which
 * happens once in a file. */
static bool take_properties(struct reading *reading, struct cursor properties, struct cursor associations,
                            uint64_t item)
{
    uint64_t version = cursor_take(&associations, 1), flags = cursor_take(&associations, 3),
             entries = cursor_take(&associations, 4);
    for (; entries > 0 && !associations.short_of; entries--) {
        uint64_t id = cursor_take(&associations, version < 1 ? 2 : 4), count = cursor_take(&associations, 1);
        for (; count > 0 && !associations.short_of; count--) {
            uint64_t index = flags & 1 ? cursor_take(&associations, 2) & 0x7FFF : cursor_take(&associations, 1) & 0x7F;
            struct cursor all = properties;
            struct box box;
            bool found = id == item && index > 0;
            for (uint64_t i = 0; found && i < index; i++)
                found = cursor_box(&box, &all);
            if (found)
                take_property(reading, box);
        }
        if (id == item)
            return true;
    }
    return false;
}

/* Where the items' data in the file ends. */
static bool find_end(struct heif_primary *out, struct cursor iloc)
{
    enum { IN_FILE = 0 };
    struct heif_places places;
    struct heif_place item;
    if (!heif_places_begin(&places, iloc))
        return false;
    while (heif_places_next(&item, &places))
        for (uint64_t pieces = item.pieces; pieces > 0 && !places.body.short_of; pieces--) {
            uint64_t from, length;
            heif_places_piece(&from, &length, &places, &item);
            uint64_t end = length > UINT64_MAX - from ? UINT64_MAX : from + length;
            if (item.method == IN_FILE && end > out->end)
                out->end = end;
        }
    return !places.body.short_of;
}

/* The largest of all streams: of the picture, its tiles and its alpha. */
static void find_coded_size(struct heif_primary *out, struct cursor properties)
{
    struct box box;
    while (cursor_box(&box, &properties))
        if (box.type == BOX_TYPE('h', 'v', 'c', 'C'))
            hevc_header_size(&out->coded_width, &out->coded_height, box.body.at, (size_t)(box.body.end - box.body.at));
}

/* The type of an item; 0 for none. */
static uint32_t item_type(struct cursor iinf, uint64_t id)
{
    struct cursor items = heif_items_begin(iinf);
    struct heif_item item;
    while (heif_items_next(&item, &items))
        if (item.id == id)
            return item.type;
    return 0;
}

static enum status read_meta(struct heif_primary *out, struct cursor meta, const uint8_t *bytes, struct error *err)
{
    struct box primary, items, locations, properties, container, associations;
    out->meta = (size_t)(meta.at - bytes);
    out->meta_end = (size_t)(meta.end - bytes);
    cursor_take(&meta, 4);
    if (!cursor_find(&primary, meta, BOX_TYPE('p', 'i', 't', 'm')) ||
        !cursor_find(&properties, meta, BOX_TYPE('i', 'p', 'r', 'p')) ||
        !cursor_find(&locations, meta, BOX_TYPE('i', 'l', 'o', 'c')) ||
        !cursor_find(&container, properties.body, BOX_TYPE('i', 'p', 'c', 'o')))
        return error_set(err, ERR_DATA, "HEIF without a picture in it");
    uint64_t version = cursor_take(&primary.body, 1);
    cursor_take(&primary.body, 3);
    uint64_t item = cursor_take(&primary.body, version == 0 ? 2 : 4);
    struct reading reading = {.sizes = true, .out = out, .bytes = bytes};
    out->item = item;
    out->properties = (size_t)(properties.body.at - bytes);
    out->properties_end = (size_t)(properties.body.end - bytes);
    bool named = false;
    while (!named && cursor_box(&associations, &properties.body))
        if (associations.type == BOX_TYPE('i', 'p', 'm', 'a'))
            named = take_properties(&reading, container.body, associations.body, item);
    if (out->width == 0 || out->height == 0)
        return error_set(err, ERR_DATA, "HEIF that does not tell its size");
    out->crop = (struct heif_crop){.width = out->width, .height = out->height};
    reading.sizes = false;
    take_properties(&reading, container.body, associations.body, item);
    uint32_t type = cursor_find(&items, meta, BOX_TYPE('i', 'i', 'n', 'f')) ? item_type(items.body, item) : 0;
    out->coded = type == BOX_TYPE('a', 'v', '0', '1') || type == BOX_TYPE('h', 'v', 'c', '1');
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
    *out = (struct heif_primary){.orientation = 1};
    *more = false;
    while (at < size) {
        struct cursor head = {.at = bytes + (at < have ? at : have), .end = bytes + have};
        uint64_t length = cursor_take(&head, 4);
        uint32_t type = (uint32_t)cursor_take(&head, 4);
        if (length == 1)
            length = cursor_take(&head, 8);
        else if (length == 0)
            length = size - at;
        bool inside = type == BOX_TYPE('m', 'e', 't', 'a');
        uint64_t needed = head.short_of ? 16 : inside ? length : 0;
        if (!head.short_of && length < (uint64_t)(head.at - (bytes + at)))
            return error_set(err, ERR_DATA, "HEIF is damaged: the box at byte %llu", (unsigned long long)at);
        if ((head.short_of && have == size) || (!head.short_of && length > size - at))
            return error_set(err, ERR_DATA, "truncated: HEIF of %zu bytes, the box at byte %llu goes beyond them", size,
                             (unsigned long long)at);
        if (needed > have - (at < have ? at : have)) {
            *more = true;
            return OK;
        }
        if (inside)
            return read_meta(out, (struct cursor){.at = head.at, .end = bytes + at + length}, bytes, err);
        at += length;
    }
    return error_set(err, ERR_DATA, "truncated: HEIF of %zu bytes without its directory", size);
}
