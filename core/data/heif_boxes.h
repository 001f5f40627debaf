/* The boxes of a HEIF file (ISO/IEC 23008-12 on 14496-12) as far as a photo needs them before it is decoded, without
 * libheif: what it is, how large its primary picture is, and where its data ends. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_BOXES_H
#define FREEZETUNE_HEIF_BOXES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* Do the brands of the first box name it? The major brand decides; mif1 and msf1 leave it to the others. */
bool heif_is_heic(const uint8_t *bytes, size_t have);
bool heif_is_avif(const uint8_t *bytes, size_t have);

struct heif_primary {
    uint64_t width, height;             /* as coded, before it is cropped and turned */
    uint64_t coded_width, coded_height; /* of the largest HEVC stream by its header; 0 for none */
    uint64_t end;                       /* first byte behind the data of all its items */
};

/* Reads it from the first `have` of `size` bytes. With have < size, sets *more and returns OK when something of it
 * stands behind them. ERR_DATA when a box goes beyond the file or makes no sense. */
MUST_CHECK enum status heif_primary_read(struct heif_primary *out, bool *more, const uint8_t *bytes, size_t have,
                                         size_t size, struct error *err);

#endif
