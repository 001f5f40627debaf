#include "core/data/heif_hide.h"

#include <string.h>

#include "core/data/box_cursor.h"
#include "core/data/cicp.h"

void heif_hide_others(uint8_t *bytes, size_t size, const struct heif_primary *primary)
{
    enum { LENGTH = 4 };
    struct cursor rest = {.at = bytes + primary->meta_end, .end = bytes + size};
    struct box box;
    for (size_t at = primary->meta_end; cursor_box(&box, &rest); at = (size_t)(rest.at - bytes))
        if (box.type == BOX_TYPE('m', 'e', 't', 'a'))
            memcpy(bytes + at + LENGTH, "free", 4); /* a type, no text: NOLINT(bugprone-not-null-terminated-result) */
}

enum { MOST_PROPERTIES = 1 << 15 };

/* Which properties turn or crop, by number from 1. */
static void find_turns(uint8_t turns[MOST_PROPERTIES / 8], struct cursor properties)
{
    struct box box;
    for (size_t i = 1; i < MOST_PROPERTIES && cursor_box(&box, &properties); i++)
        if (box.type == BOX_TYPE('i', 'r', 'o', 't') || box.type == BOX_TYPE('i', 'm', 'i', 'r') ||
            box.type == BOX_TYPE('c', 'l', 'a', 'p'))
            turns[i / 8] |= (uint8_t)(1 << i % 8);
}

/* A number of 0 means no property (ItemPropertyAssociationBox). Tiles of a derived picture keep their own. */
static void clear_associations(uint8_t *bytes, const uint8_t turns[MOST_PROPERTIES / 8], struct cursor body,
                               const struct heif_primary *primary)
{
    const uint8_t *start = bytes;
    uint64_t version = cursor_take(&body, 1), flags = cursor_take(&body, 3), entries = cursor_take(&body, 4);
    size_t width = flags & 1 ? 2 : 1;
    for (; entries > 0 && !body.short_of; entries--) {
        uint64_t id = cursor_take(&body, version < 1 ? 2 : 4), count = cursor_take(&body, 1);
        for (; count > 0 && !body.short_of; count--) {
            uint8_t *at = bytes + (body.at - start);
            size_t index = (size_t)cursor_take(&body, width) & (width == 2 ? 0x7FFF : 0x7F);
            if (body.short_of || !(turns[index / 8] >> index % 8 & 1) || (!primary->coded && id != primary->item))
                continue;
            for (size_t i = 0; i < width; i++)
                at[i] = 0;
        }
    }
}

void heif_hide_turns(uint8_t *bytes, const struct heif_primary *primary)
{
    uint8_t turns[MOST_PROPERTIES / 8] = {0};
    struct cursor all = {.at = bytes + primary->properties, .end = bytes + primary->properties_end};
    struct box box;
    if (cursor_find(&box, all, BOX_TYPE('i', 'p', 'c', 'o')))
        find_turns(turns, box.body);
    while (cursor_box(&box, &all))
        if (box.type == BOX_TYPE('i', 'p', 'm', 'a'))
            clear_associations(bytes, turns, box.body, primary);
}

bool heif_hide_colours(uint8_t *bytes, const struct heif_primary *primary)
{
    enum { MATRIX = 8, RANGE = 10, FULL = 0x80 };
    uint8_t *box = bytes + primary->colours.at;
    if (primary->colours.at == 0 || !primary->coded)
        return false;
    box[MATRIX] = 0;
    box[MATRIX + 1] = CICP_IDENTITY;
    box[RANGE] |= FULL;
    return true;
}
