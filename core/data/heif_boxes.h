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
    int orientation;                    /* 1..8 as EXIF counts: what its irot and imir make, in their order */
    /* What its clap leaves of it, before it is turned; all of it where it has none. */
    struct heif_crop {
        uint64_t left, top, width, height;
    } crop;
    uint64_t item;         /* the number of its item */
    size_t meta, meta_end; /* the bodies of the boxes meta and iprp in the file */
    size_t properties, properties_end;
    bool coded;           /* one stream of AV1 or HEVC, no grid or overlay of others */
    int shift_y, shift_x; /* log2 of how much smaller its chroma is, by av1C or hvcC; 0 for grey */
    struct heif_colours {
        size_t at; /* of its body in the file; 0 for none. Behind 4 bytes of type come the three codes and the range */
        int primaries, matrix; /* CICP */
        bool full_range;
    } colours; /* by the last colr that it has of type nclx */
};

/* Reads it from the first `have` of `size` bytes. With have < size, sets *more and returns OK when something of it
 * stands behind them. ERR_DATA when a box goes beyond the file or makes no sense. */
MUST_CHECK enum status heif_primary_read(struct heif_primary *out, bool *more, const uint8_t *bytes, size_t have,
                                         size_t size, struct error *err);

#endif
