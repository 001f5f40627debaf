/* Reads ISO media boxes (ISO/IEC 14496-12) in memory, from hostile bytes. Inside core/data only. */
#ifndef FREEZETUNE_BOX_CURSOR_H
#define FREEZETUNE_BOX_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes [at, end) that are read in order; `short_of` is set when more was asked for than there is, and everything read
 * then is 0. */
struct cursor {
    const uint8_t *at, *end;
    bool short_of;
};

/* The next `width` bytes, 8 at most, as a big-endian number. */
uint64_t cursor_take(struct cursor *cursor, size_t width);

struct box {
    uint32_t type;
    struct cursor body;
};

#define BOX_TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* The next box. False at the end, and when it goes beyond the cursor (which is then short). */
bool cursor_box(struct box *out, struct cursor *cursor);

/* The first box of a type within the cursor's bytes. */
bool cursor_find(struct box *out, struct cursor within, uint32_t type);

#endif
