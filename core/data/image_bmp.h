/* A BMP's header as its decoder needs it. For image_bmp.c and image_bmp_decode.c alone. */
#ifndef FREEZETUNE_IMAGE_BMP_H
#define FREEZETUNE_IMAGE_BMP_H

#include "core/data/image_format.h"

enum bmp_compression { BMP_PLAIN = 0, BMP_RLE8 = 1, BMP_RLE4 = 2, BMP_MASKS = 3, BMP_ALPHA_MASKS = 6 };

struct bmp_layout {
    long long height, width; /* not checked */
    bool top_down;           /* else the last row comes first */
    int bits;                /* of a pixel: 1, 4, 8, 16, 24 or 32 */
    uint32_t compression;    /* enum bmp_compression, which fits the bits */
    size_t palette;          /* its first byte, */
    uint32_t colours, entry; /* entries, and bytes of one: blue, green, red (, nothing) */
    uint32_t masks[4];       /* red, green, blue, alpha; of 16 bits and more */
    size_t data;             /* first byte of the pixels */
};

/* From the first `have` bytes, of which 154 are enough. ERR_DATA for what is no such header or no such kind. */
MUST_CHECK enum status bmp_layout_read(struct bmp_layout *out, const uint8_t *bytes, size_t have, struct error *err);

/* Bytes of a row, which is padded to four. */
size_t bmp_stride(int width, int bits);

/* image_codec.decode; at full size alone. */
MUST_CHECK enum status bmp_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                                  int shift, struct error *err);

#endif
