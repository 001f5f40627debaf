/* Resize with antialias on uint8 RGB, equal to Pillow's Image.resize with each of its filters to the last bit.
 *
 * Two passes, each output pixel a weighted mean of the input pixels under a curve: a triangle that is as wide as two
 * input pixels or, when shrinking, two output pixels; Keys' cubic with a = -1/2 ("Cubic convolution interpolation for
 * digital image processing", 1981), twice as wide; Lanczos' windowed sinc, three times as wide; a box, half as wide; a
 * sinc in a Hamming window. Weights are computed in double, rounded to 22 bits behind the point; each pass rounds to
 * uint8. (Pillow's src/libImaging/Resample.c defines the numbers.) Nearest takes one input pixel for each output pixel,
 * without antialias (src/libImaging/Geometry.c, ImagingScaleAffine).
 *
 * Which pass comes first is Pillow 13.0's choice: across, unless the height loses more than twice as many pixels as the
 * width. Older versions always go across first, which a few pixels of very tall photos and crops show, by one level.
 *
 * Input may be a part of a larger picture, which then counts as cropped first: no pixel outside is looked at. Output
 * may be a window of the resized picture, and only what the window needs is computed.
 */
#ifndef FREEZETUNE_RESIZE_H
#define FREEZETUNE_RESIZE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

enum interpolation {
    INTERPOLATION_BILINEAR,
    INTERPOLATION_BICUBIC,
    INTERPOLATION_LANCZOS,
    INTERPOLATION_BOX,
    INTERPOLATION_HAMMING,
    INTERPOLATION_NEAREST
};

extern const char *const interpolation_names[]; /* "bilinear", "bicubic", ... as timm writes them; NULL at the end */

/* A picture or a rectangle in one: [height,width,3] with `stride` bytes from row to row. `part` is what is resized of
 * it, Pillow's `box`: pixels around it count where the curve reaches them. Zeroed, it is all. */
struct resize_input {
    const uint8_t *pixels;
    int height, width;
    size_t stride;
    struct resize_part {
        double top, left, height, width;
    } part;
};

/* Which part of the resized picture is wanted: rows top..top+rows-1, columns left..left+columns-1 of
 * [height,width,3]. All of it is {height, width, 0, 0, height, width}. */
struct resize_window {
    int height, width;
    int top, left, rows, columns;
};

/* Weights and the picture between the passes; grows as needed and is used again. One per thread. */
struct resizer;

MUST_CHECK enum status resizer_create(struct resizer **out, struct error *err);
void resizer_destroy(struct resizer *resizer);

/* out[rows,columns,3], with `out_stride` bytes from row to row, = the window of the resized input. OVERWRITES; must not
 * overlap the input. Sizes are at least 1 and the window lies inside (asserted). ERR_SYSTEM without memory. */
MUST_CHECK enum status resize_pixels(struct resizer *resizer, uint8_t *out, size_t out_stride,
                                     enum interpolation interpolation, const struct resize_window *window,
                                     const struct resize_input *in, struct error *err);

#endif
