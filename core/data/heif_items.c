#include "core/data/heif_items.h"

struct cursor heif_items_begin(struct cursor iinf)
{
    uint64_t version = cursor_take(&iinf, 1);
    cursor_take(&iinf, 3);
    cursor_take(&iinf, version == 0 ? 2 : 4);
    return iinf;
}

bool heif_items_next(struct heif_item *out, struct cursor *items)
{
    struct box entry;
    while (cursor_box(&entry, items)) {
        uint64_t version = cursor_take(&entry.body, 1);
        cursor_take(&entry.body, 3);
        out->id = cursor_take(&entry.body, version < 3 ? 2 : 4);
        cursor_take(&entry.body, 2);
        out->type = (uint32_t)cursor_take(&entry.body, 4);
        if (entry.type == BOX_TYPE('i', 'n', 'f', 'e') && version >= 2)
            return true;
    }
    return false;
}

bool heif_places_begin(struct heif_places *out, struct cursor iloc)
{
    enum { MOST = 8 };
    *out = (struct heif_places){.version = cursor_take(&iloc, 1)};
    cursor_take(&iloc, 3);
    uint64_t sizes = cursor_take(&iloc, 2);
    out->offset = sizes >> 12 & 15;
    out->length = sizes >> 8 & 15;
    out->base = sizes >> 4 & 15;
    out->index = out->version > 0 ? sizes & 15 : 0;
    out->items = cursor_take(&iloc, out->version < 2 ? 2 : 4);
    out->body = iloc;
    return out->offset <= MOST && out->length <= MOST && out->base <= MOST && out->index <= MOST;
}

bool heif_places_next(struct heif_place *out, struct heif_places *in)
{
    if (in->items == 0 || in->body.short_of)
        return false;
    in->items--;
    out->id = cursor_take(&in->body, in->version < 2 ? 2 : 4);
    out->method = in->version > 0 ? cursor_take(&in->body, 2) & 15 : 0;
    cursor_take(&in->body, 2);
    out->base = cursor_take(&in->body, in->base);
    out->pieces = cursor_take(&in->body, 2);
    return !in->body.short_of;
}

void heif_places_piece(uint64_t *from, uint64_t *length, struct heif_places *in, const struct heif_place *item)
{
    cursor_take(&in->body, in->index);
    *from = item->base + cursor_take(&in->body, in->offset);
    *length = cursor_take(&in->body, in->length);
}
