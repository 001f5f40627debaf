#include "core/data/box_cursor.h"

#include "core/base/byte_order.h"

uint64_t cursor_take(struct cursor *cursor, size_t width)
{
    if ((size_t)(cursor->end - cursor->at) < width) {
        cursor->short_of = true;
        cursor->at = cursor->end;
        return 0;
    }
    cursor->at += width;
    return get_big(cursor->at - width, width);
}

bool cursor_box(struct box *out, struct cursor *cursor)
{
    const uint8_t *start = cursor->at;
    if (cursor->at == cursor->end)
        return false;
    uint64_t length = cursor_take(cursor, 4);
    out->type = (uint32_t)cursor_take(cursor, 4);
    if (length == 1)
        length = cursor_take(cursor, 8);
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

bool cursor_find(struct box *out, struct cursor within, uint32_t type)
{
    while (cursor_box(out, &within))
        if (out->type == type)
            return true;
    return false;
}
