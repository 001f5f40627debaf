/* The first directory of a TIFF (TIFF 6.0, section 2; BigTIFF), as far as a photo needs it, without libtiff: sizes and
 * places are known before anything is decoded, from the head of the file where they stand there. Inside core/data
 * only. */
#ifndef FREEZETUNE_TIFF_DIRECTORY_H
#define FREEZETUNE_TIFF_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* PhotometricInterpretation. */
enum tiff_photometric {
    TIFF_WHITE_IS_ZERO,
    TIFF_BLACK_IS_ZERO,
    TIFF_RGB,
    TIFF_PALETTE,
    TIFF_SEPARATED = 5,
    TIFF_YCBCR
};

enum tiff_alpha { TIFF_NO_ALPHA, TIFF_ASSOCIATED, TIFF_UNASSOCIATED };

enum { TIFF_COMPRESSION_JPEG = 7 };

struct tiff_directory {
    uint64_t width, height;
    uint64_t bits, samples; /* of a sample, of a pixel: all samples have the same bits */
    uint64_t photometric, compression, sample_format;
    uint64_t block_width, block_height; /* of a tile, or of a strip that is as wide as the picture */
    uint64_t end;                       /* first byte behind the last strip or tile */
    int orientation;                    /* 1..8, 0 where the tag is missing */
    enum tiff_alpha alpha;
    bool planar, tiled;
    const uint8_t *xmp; /* within the bytes, or NULL */
    size_t xmp_size;
};

bool tiff_recognises(const uint8_t *bytes, size_t have);

/* Reads it from the first `have` of `size` bytes. With have < size, sets *more and returns OK when something of it
 * stands behind them. ERR_DATA when it stands behind the end of the file, or makes no sense. */
MUST_CHECK enum status tiff_directory_read(struct tiff_directory *out, bool *more, const uint8_t *bytes, size_t have,
                                           size_t size, struct error *err);

#endif
