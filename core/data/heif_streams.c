#include "core/data/heif_streams.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/av1_header.h"
#include "core/data/box_cursor.h"
#include "core/data/heif_items.h"
#include "core/data/hevc_header.h"

/* Items whose data says a size. */
struct items {
    struct heif_item *each; /* sorted by id */
    size_t count;
};

static bool says_size(uint32_t type)
{
    return type == BOX_TYPE('a', 'v', '0', '1') || type == BOX_TYPE('h', 'v', 'c', '1') ||
           type == BOX_TYPE('g', 'r', 'i', 'd') || type == BOX_TYPE('i', 'o', 'v', 'l');
}

static int by_id(const void *a, const void *b)
{
    const struct heif_item *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum status list_items(struct items *out, struct cursor iinf, struct error *err)
{
    enum { LEAST_ENTRY = 20 }; /* bytes up to its type */
    void *memory;
    struct heif_item item;
    enum status status = memory_alloc(&memory, (size_t)(iinf.end - iinf.at) / LEAST_ENTRY + 1, sizeof *out->each,
                                      "the items of a photo", err);
    if (status != OK)
        return status;
    *out = (struct items){.each = memory};
    for (struct cursor items = heif_items_begin(iinf); heif_items_next(&item, &items);)
        if (says_size(item.type))
            out->each[out->count++] = item;
    if (out->count > 0)
        qsort(out->each, out->count, sizeof *out->each, by_id);
    for (size_t i = 1; i < out->count; i++)
        if (out->each[i - 1].id == out->each[i].id)
            return error_set(err, ERR_DATA, "two of its items have number %llu", (unsigned long long)out->each[i].id);
    return OK;
}

static const struct heif_item *find_item(const struct items *items, uint64_t id)
{
    const struct heif_item wanted = {.id = id};
    return items->count > 0 ? bsearch(&wanted, items->each, items->count, sizeof wanted, by_id) : NULL;
}

/* ---- sizes in the data ------------------------------------------------------------------------------------------- */

static void add_size(struct heif_streams *out, uint64_t width, uint64_t height, const char *what)
{
    /* Below 2^32 each: as double a product cannot overflow. */
    if ((double)width * (double)height > (double)out->width * (double)out->height)
        *out = (struct heif_streams){width, height, what};
}

/* ImageGrid and ImageOverlay begin alike but for what stands before the size: rows and columns, or a colour. */
static void add_derived(struct heif_streams *out, struct cursor data, bool grid)
{
    cursor_take(&data, 1);
    size_t width = cursor_take(&data, 1) & 1 ? 4 : 2;
    cursor_take(&data, grid ? 2 : 8);
    uint64_t wide = cursor_take(&data, width), high = cursor_take(&data, width);
    if (!data.short_of)
        add_size(out, wide, high, grid ? "grid" : "overlay");
}

static void add_data(struct heif_streams *out, uint32_t type, const uint8_t *data, size_t size)
{
    uint64_t width = 0, height = 0;
    switch (type) {
    case BOX_TYPE('a', 'v', '0', '1'):
        av1_header_size(&width, &height, data, size);
        add_size(out, width, height, "AV1 header");
        break;
    case BOX_TYPE('h', 'v', 'c', '1'):
        hevc_stream_size(&width, &height, data, size);
        add_size(out, width, height, "HEVC header");
        break;
    default:
        add_derived(out, (struct cursor){.at = data, .end = data + size}, type == BOX_TYPE('g', 'r', 'i', 'd'));
    }
}

/* Items may share data. The sum of it is limited: a small file with many items that are each the whole file would take
 * hours. */
enum { MOST_SHARED = 8 };

/* ---- the data of each item --------------------------------------------------------------------------------------- */

struct reading {
    struct heif_places places;
    struct cursor within[2]; /* by method: the file, the box idat */
    struct items items;
    uint8_t *spare; /* for data in several pieces, as large as the file */
    size_t left;    /* bytes of data that may still be read */
};

/* The next piece of an item; false when it goes beyond what it lies in. */
static bool next_piece(struct cursor *out, struct reading *in, const struct heif_place *place)
{
    struct cursor within = in->within[place->method == 1];
    uint64_t from, length, all = (uint64_t)(within.end - within.at);
    heif_places_piece(&from, &length, &in->places, place);
    if (in->places.body.short_of || from > all)
        return false;
    if (length == 0)
        length = all - from;
    if (length > all - from)
        return false;
    *out = (struct cursor){.at = within.at + from, .end = within.at + from + length};
    return true;
}

/* Its pieces one after the other: the only one as it is, several copied to `spare`. */
static enum status read_item(struct heif_streams *out, struct reading *in, const struct heif_place *place, size_t size,
                             struct error *err)
{
    const struct heif_item *item = find_item(&in->items, place->id);
    struct cursor piece = {0};
    size_t used = 0;
    for (uint64_t i = 0; i < place->pieces && !in->places.body.short_of; i++) {
        bool there = next_piece(&piece, in, place);
        if (!item || place->method > 1)
            continue;
        size_t length = there ? (size_t)(piece.end - piece.at) : 0;
        if (!there || length > size - used)
            return error_set(err, ERR_DATA, "the data of item %llu goes beyond the file",
                             (unsigned long long)place->id);
        if (length > in->left)
            return error_set(err, ERR_DATA, "its items have more than %d times the data of the file", MOST_SHARED);
        in->left -= length;
        if (place->pieces > 1 && length > 0)
            memcpy(in->spare + used, piece.at, length);
        used += length;
    }
    if (item && place->method <= 1 && place->pieces > 0)
        add_data(out, item->type, place->pieces > 1 ? in->spare : piece.at, used);
    return OK;
}

static enum status read_items(struct heif_streams *out, struct reading *in, struct cursor iloc, size_t size,
                              struct error *err)
{
    struct heif_place place;
    enum status status = OK;
    if (!heif_places_begin(&in->places, iloc))
        return error_set(err, ERR_DATA, "its box iloc has numbers of more than 8 bytes");
    while (status == OK && heif_places_next(&place, &in->places))
        status = read_item(out, in, &place, size, err);
    return status;
}

/* The configuration records may hold sequence headers too. */
static void add_records(struct heif_streams *out, struct cursor properties)
{
    enum { HEAD = 4 };
    struct box container, box;
    if (!cursor_find(&container, properties, BOX_TYPE('i', 'p', 'c', 'o')))
        return;
    while (cursor_box(&box, &container.body))
        if (box.type == BOX_TYPE('a', 'v', '1', 'C') && box.body.end - box.body.at > HEAD)
            add_data(out, BOX_TYPE('a', 'v', '0', '1'), box.body.at + HEAD,
                     (size_t)(box.body.end - box.body.at) - HEAD);
}

enum status heif_streams_read(struct heif_streams *out, const struct heif_primary *primary, const uint8_t *bytes,
                              size_t size, struct error *err)
{
    struct cursor meta = {.at = bytes + primary->meta, .end = bytes + primary->meta_end};
    struct reading reading = {.within = {{.at = bytes, .end = bytes + size}, {.at = bytes, .end = bytes}},
                              .left = MOST_SHARED * size};
    struct box iinf, iloc, idat;
    void *spare = NULL;
    *out = (struct heif_streams){0};
    cursor_take(&meta, 4);
    add_records(out, (struct cursor){.at = bytes + primary->properties, .end = bytes + primary->properties_end});
    if (!cursor_find(&iinf, meta, BOX_TYPE('i', 'i', 'n', 'f')) ||
        !cursor_find(&iloc, meta, BOX_TYPE('i', 'l', 'o', 'c')))
        return OK;
    if (cursor_find(&idat, meta, BOX_TYPE('i', 'd', 'a', 't')))
        reading.within[1] = idat.body;
    enum status status = list_items(&reading.items, iinf.body, err);
    if (status == OK && reading.items.count > 0)
        status = memory_alloc(&spare, size, 1, "a photo's data", err);
    reading.spare = spare;
    if (status == OK && reading.items.count > 0)
        status = read_items(out, &reading, iloc.body, size, err);
    memory_free(spare);
    memory_free(reading.items.each);
    return status;
}
