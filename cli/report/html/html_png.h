/* A small picture of shade as PNG (W3C, PNG 3rd edition), to be stretched over another one: black with an opacity per
 * pixel. Not compressed: a map of 7x7 is 190 bytes. */
#ifndef FREEZETUNE_HTML_PNG_H
#define FREEZETUNE_HTML_PNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PNG_SIDE_MOST = 128 };
/* Bytes of one, at most 64 KB of pixels: for base64. */
size_t png_shade_size(size_t height, size_t width);
/* OVERWRITES out[png_shade_size]: opacity[height,width], 0 is clear. Sides of 1 to PNG_SIDE_MOST. */
void png_shade(uint8_t *out, const uint8_t *opacity, size_t height, size_t width);

#endif
