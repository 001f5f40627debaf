#include "core/data/heif_streams.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/av1_header.h"
#include "core/data/box_cursor.h"
#include "core/data/hevc_header.h"

/* An item whose data says a size. */
struct item {
    uint64_t id;
    uint32_t type;
};

struct items {
    struct item *each; /* sorted by id */
    size_t count;
};

static bool says_size(uint32_t type)
{
    return type == BOX_TYPE('a', 'v', '0', '1') || type == BOX_TYPE('h', 'v', 'c', '1') ||
           type == BOX_TYPE('g', 'r', 'i', 'd') || type == BOX_TYPE('i', 'o', 'v', 'l');
}

static int by_id(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* ItemInfoBox. */
static enum status list_items(struct items *out, struct cursor body, struct error *err)
{
    enum { LEAST_ENTRY = 8 }; /* bytes */
    void *memory;
    struct box entry;
    enum status status = memory_alloc(&memory, (size_t)(body.end - body.at) / LEAST_ENTRY + 1, sizeof *out->each,
                                      "the items of a photo", err);
    if (status != OK)
        return status;
    *out = (struct items){.each = memory};
    uint64_t version = cursor_take(&body, 1);
    cursor_take(&body, 3);
    cursor_take(&body, version == 0 ? 2 : 4);
    while (cursor_box(&entry, &body)) {
        version = cursor_take(&entry.body, 1);
        cursor_take(&entry.body, 3);
        struct item item = {.id = cursor_take(&entry.body, version < 3 ? 2 : 4)};
        cursor_take(&entry.body, 2);
        item.type = (uint32_t)cursor_take(&entry.body, 4);
        if (entry.type == BOX_TYPE('i', 'n', 'f', 'e') && version >= 2 && says_size(item.type))
            out->each[out->count++] = item;
    }
    if (out->count > 0)
        qsort(out->each, out->count, sizeof *out->each, by_id);
    for (size_t i = 1; i < out->count; i++)
        if (out->each[i - 1].id == out->each[i].id)
            return error_set(err, ERR_DATA, "two of its items have number %llu", (unsigned long long)out->each[i].id);
    return OK;
}

static const struct item *find_item(const struct items *items, uint64_t id)
{
    const struct item wanted = {.id = id};
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

/* ---- where data is (ItemLocationBox) ----------------------------------------------------------------------------- */

struct locations {
    struct cursor body;
    uint64_t version;
    size_t offset, length, base, index; /* bytes of each */
    struct cursor places[2];            /* by construction method: the file, the box idat */
    struct items items;
    uint8_t *spare; /* for data in several pieces, as large as the file */
    size_t left;    /* bytes of data that may still be read */
};

/* The next piece of an item, within its place; false when it lies elsewhere. */
static bool next_piece(struct cursor *out, struct locations *in, struct cursor place, uint64_t base)
{
    cursor_take(&in->body, in->index);
    uint64_t from = base + cursor_take(&in->body, in->offset), length = cursor_take(&in->body, in->length);
    uint64_t all = (uint64_t)(place.end - place.at);
    if (in->body.short_of || from > all)
        return false;
    if (in->length == 0 || length == 0) /* all that there is */
        length = all - from;
    if (length > all - from)
        return false;
    *out = (struct cursor){.at = place.at + from, .end = place.at + from + length};
    return true;
}

/* Its pieces one after the other: the only one as it is, several copied to `spare`. */
static enum status read_item(struct heif_streams *out, struct locations *in, size_t size, struct error *err)
{
    uint64_t id = cursor_take(&in->body, in->version < 2 ? 2 : 4);
    uint64_t method = in->version > 0 ? cursor_take(&in->body, 2) & 15 : 0;
    cursor_take(&in->body, 2);
    uint64_t base = cursor_take(&in->body, in->base), pieces = cursor_take(&in->body, 2);
    const struct item *item = find_item(&in->items, id);
    struct cursor piece = {0};
    size_t used = 0;
    for (uint64_t i = 0; i < pieces && !in->body.short_of; i++) {
        bool there = next_piece(&piece, in, in->places[method == 1], base);
        if (!item || method > 1)
            continue;
        size_t length = there ? (size_t)(piece.end - piece.at) : 0;
        if (!there || length > size - used)
            return error_set(err, ERR_DATA, "the data of item %llu goes beyond the file", (unsigned long long)id);
        if (length > in->left)
            return error_set(err, ERR_DATA, "its items have more than %d times the data of the file", MOST_SHARED);
        in->left -= length;
        if (pieces > 1 && length > 0)
            memcpy(in->spare + used, piece.at, length);
        used += length;
    }
    if (item && method <= 1 && pieces > 0)
        add_data(out, item->type, pieces > 1 ? in->spare : piece.at, used);
    return OK;
}

static enum status read_items(struct heif_streams *out, struct locations *in, size_t size, struct error *err)
{
    in->version = cursor_take(&in->body, 1);
    cursor_take(&in->body, 3);
    uint64_t sizes = cursor_take(&in->body, 2);
    in->offset = sizes >> 12 & 15;
    in->length = sizes >> 8 & 15;
    in->base = sizes >> 4 & 15;
    in->index = in->version > 0 ? sizes & 15 : 0;
    if (in->offset > 8 || in->length > 8 || in->base > 8 || in->index > 8)
        return error_set(err, ERR_DATA, "its box iloc has numbers of more than 8 bytes");
    uint64_t items = cursor_take(&in->body, in->version < 2 ? 2 : 4);
    enum status status = OK;
    for (; items > 0 && status == OK && !in->body.short_of; items--)
        status = read_item(out, in, size, err);
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
    struct locations locations = {.places = {{.at = bytes, .end = bytes + size}, {.at = bytes, .end = bytes}},
                                  .left = MOST_SHARED * size};
    struct box items, box;
    void *spare = NULL;
    *out = (struct heif_streams){0};
    cursor_take(&meta, 4);
    add_records(out, (struct cursor){.at = bytes + primary->properties, .end = bytes + primary->properties_end});
    if (!cursor_find(&items, meta, BOX_TYPE('i', 'i', 'n', 'f')) ||
        !cursor_find(&box, meta, BOX_TYPE('i', 'l', 'o', 'c')))
        return OK;
    locations.body = box.body;
    if (cursor_find(&box, meta, BOX_TYPE('i', 'd', 'a', 't')))
        locations.places[1] = box.body;
    enum status status = list_items(&locations.items, items.body, err);
    if (status == OK && locations.items.count > 0)
        status = memory_alloc(&spare, size, 1, "a photo's data", err);
    locations.spare = spare;
    if (status == OK && locations.items.count > 0)
        status = read_items(out, &locations, size, err);
    memory_free(spare);
    memory_free(locations.items.each);
    return status;
}
