/* Colour operations on pixels[count,3], uint8 RGB, in place: what Pillow's ImageEnhance and ImageOps do, to the last
 * bit.
 *
 * The enhancements blend with a duller picture, out = dull + factor * (in - dull) in float32, cut off to 0..255 and
 * rounded towards 0: factor 0 is the dull picture, 1 the picture itself, more goes beyond it.
 *
 *   brightness   dull is black
 *   contrast     dull is grey, the mean of the picture's lightness, rounded
 *   saturation   dull is each pixel's own lightness (ImageEnhance.Color)
 *   sharpness    dull is the picture smoothed by [1 1 1; 1 5 1; 1 1 1] / 13, its outermost pixels as they are
 *
 * Lightness is (19595 r + 38470 g + 7471 b + 32768) / 65536, ITU-R 601.
 */
#ifndef FREEZETUNE_COLOR_H
#define FREEZETUNE_COLOR_H

#include <stddef.h>
#include <stdint.h>

void color_brightness(uint8_t *pixels, size_t count, float factor);
void color_contrast(uint8_t *pixels, size_t count, float factor);
void color_saturation(uint8_t *pixels, size_t count, float factor);

/* Of a picture [height,width,3]; spare[height,width,3] is scratch. */
void color_sharpness(uint8_t *pixels, int height, int width, float factor, uint8_t *spare);

/* Turns the hue by `turn` of the circle (-0.5 to 0.5), as torchvision's adjust_hue on a Pillow image: to HSV, where hue
 * has 255 steps, and back. Rounds every pixel, also with turn 0. */
void color_hue(uint8_t *pixels, size_t count, double turn);

/* Keeps the upper `bits` of 8. */
void color_posterize(uint8_t *pixels, size_t count, int bits);

/* Inverts every value that is not below the threshold. */
void color_solarize(uint8_t *pixels, size_t count, float threshold);

/* Stretches each channel so that its smallest value is 0 and its largest 255. */
void color_autocontrast(uint8_t *pixels, size_t count);

/* Makes the values of each channel about equally frequent. */
void color_equalize(uint8_t *pixels, size_t count);

#endif
