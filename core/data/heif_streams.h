/* What the data of a HEIF file's items says of sizes, before a decoder allocates by it. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_STREAMS_H
#define FREEZETUNE_HEIF_STREAMS_H

#include "core/data/heif_boxes.h"

/* The largest of all: AV1 streams by their sequence headers, pictures that are put together from others (grid, iovl) by
 * their own words. Zeros when there is none. */
struct heif_streams {
    uint64_t width, height;
    const char *what; /* "AV1 header", "grid", "overlay" */
};

/* Of a whole file. ERR_DATA when an item's data is not where it should be, with the reason as its text; ERR_SYSTEM
 * without memory. */
MUST_CHECK enum status heif_streams_read(struct heif_streams *out, const struct heif_primary *primary,
                                         const uint8_t *bytes, size_t size, struct error *err);

#endif
