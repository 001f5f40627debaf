/* The sizes in the data of a HEIF file's items, which a decoder would allocate by. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_STREAMS_H
#define FREEZETUNE_HEIF_STREAMS_H

#include "core/data/heif_boxes.h"

/* The largest of all items: streams of AV1 and HEVC have it in their headers, pictures made of others (grid, iovl) in
 * their description. Zeros when no item says one. */
struct heif_streams {
    uint64_t width, height;
    const char *what; /* "AV1 header", "HEVC header", "grid", "overlay" */
};

/* Reads them from a whole file. ERR_DATA, with the reason as its text, when an item's data is not where it should be,
 * items share too much of it, or two have the same number; ERR_SYSTEM without memory. */
MUST_CHECK enum status heif_streams_read(struct heif_streams *out, const struct heif_primary *primary,
                                         const uint8_t *bytes, size_t size, struct error *err);

#endif
