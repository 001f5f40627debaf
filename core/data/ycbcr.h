/* Planes of luma and chroma as a video codec decodes them, to RGB: how the libraries behind Pillow do it, to the bit.
 * Their results differ, in upsampling and in rounding, and so does each from the next of its own versions; this is done
 * here so that a photo has the same pixels wherever it is read. Inside core/data only.
 *
 * Legend: H W pixels; a chroma plane has ceil(H / 2^shift_y) rows of ceil(W / 2^shift_x) samples. */
#ifndef FREEZETUNE_YCBCR_H
#define FREEZETUNE_YCBCR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum ycbcr_channel { YCBCR_Y, YCBCR_CB, YCBCR_CR, YCBCR_ALPHA, YCBCR_CHANNELS };

struct ycbcr {
    int height, width;
    int shift_y, shift_x; /* 1, 1: 4:2:0; 0, 1: 4:2:2; 0, 0: 4:4:4 */
    bool grey;            /* no chroma */
    bool has_alpha, premultiplied;
    bool full_range;       /* else luma is 16..235 and chroma 16..240 of 256 */
    int matrix, primaries; /* CICP */
    int depth;             /* bits of luma and chroma, 8..16 */
    struct ycbcr_plane {
        const uint8_t *rows;
        size_t stride; /* bytes */
        int depth;     /* beyond 8, a sample is a uint16_t */
        bool repeated; /* chroma that is as large as the picture: each sample stands where its first pixel is */
    } planes[YCBCR_CHANNELS];
};

/* 16-bit values of scratch that a conversion needs. */
size_t ycbcr_scratch(int width);

/* rgb[H,W,3] = the picture, composited over white where it has alpha (image_over_white). OVERWRITES rgb; `scratch` has
 * ycbcr_scratch values.
 *
 * ycbcr_avif is libavif 1.4's avifImageYUVToRGB to 8 bits as Pillow 12 and 13 call it, which is libyuv's bilinear
 * upsampling (weights 9, 3, 3, 1 of 16) and 6-bit fixed point where libyuv has the matrix, and float32 otherwise.
 * ycbcr_heic is libheif 1.23's conversion as pillow-heif calls it: a chroma sample is repeated.
 *
 * ERR_DATA for a matrix that they do not know, with rgb untouched; the text is its number. */
MUST_CHECK enum status ycbcr_avif(uint8_t *rgb, const struct ycbcr *in, uint16_t *scratch, struct error *err);
MUST_CHECK enum status ycbcr_heic(uint8_t *rgb, const struct ycbcr *in, uint16_t *scratch, struct error *err);

/* ---- for the two of them ----------------------------------------------------------------------------------------- */

/* Samples in a row of chroma. */
int ycbcr_chroma_width(const struct ycbcr *in);

/* OVERWRITES out[W], or out[ycbcr_chroma_width], with row y of a plane, cut off at its depth and shifted right by
 * `shift`. */
void ycbcr_row(uint16_t *out, const struct ycbcr *in, enum ycbcr_channel channel, int y, int shift);

/* rgb[W,3], composited over white by alpha[W] of 8 bits. */
void ycbcr_over_white(uint8_t *rgb, const uint16_t *alpha, int width);

static inline uint8_t ycbcr_clip(int value)
{
    return value < 0 ? 0 : value > 255 ? 255 : (uint8_t)value;
}

#endif
