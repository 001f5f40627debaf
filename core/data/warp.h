/* Nearest-pixel moves of a square picture [side,side,3] within its frame, as Pillow's Image.transform(AFFINE, NEAREST)
 * and Image.rotate do them, to the last bit: positions in 16 bits behind the point. Black comes in from outside.
 *
 * out OVERWRITES and must not be `in`. Sides up to WARP_MAX_SIDE.
 */
#ifndef FREEZETUNE_WARP_H
#define FREEZETUNE_WARP_H

#include <stdint.h>

enum { WARP_MAX_SIDE = 16383 };

/* out(x, y) = in(x + shear * y, y), and in(x, y + shear * x); |shear| < 1. */
void warp_shear_x(uint8_t *out, const uint8_t *in, int side, double shear);
void warp_shear_y(uint8_t *out, const uint8_t *in, int side, double shear);

/* The picture moves `right` and `down`. */
void warp_translate(uint8_t *out, const uint8_t *in, int side, int right, int down);

/* By degrees, counter-clockwise, around the middle; -360 < degrees < 360. */
void warp_rotate(uint8_t *out, const uint8_t *in, int side, double degrees);

#endif
