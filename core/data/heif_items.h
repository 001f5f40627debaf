/* The items of a HEIF file: what they are (ItemInfoBox, iinf) and where their data is (ItemLocationBox, iloc). Inside
 * core/data only. */
#ifndef FREEZETUNE_HEIF_ITEMS_H
#define FREEZETUNE_HEIF_ITEMS_H

#include "core/data/box_cursor.h"

struct heif_item {
    uint64_t id;
    uint32_t type; /* "av01", "hvc1", "grid" and others */
};

/* The items in the body of iinf: begin once, then take one after the other. False behind the last one. */
struct cursor heif_items_begin(struct cursor iinf);
bool heif_items_next(struct heif_item *out, struct cursor *items);

/* The places in the body of iloc. */
struct heif_places {
    struct cursor body; /* short_of: it ends early */
    uint64_t version, items;
    size_t offset, length, base, index; /* bytes of each number */
};

/* The data of one item: `pieces` of it, in the file (0), in the box idat (1) or in other items (2). */
struct heif_place {
    uint64_t id, method, base, pieces;
};

/* False when a number in it has more than 8 bytes. */
bool heif_places_begin(struct heif_places *out, struct cursor iloc);
/* The next item, whose pieces are taken before the one after it. False behind the last one and where the box ends
 * early. */
bool heif_places_next(struct heif_place *out, struct heif_places *in);
/* Where the next piece begins, and its bytes; 0 for all that there are. */
void heif_places_piece(uint64_t *from, uint64_t *length, struct heif_places *in, const struct heif_place *item);

#endif
