/* Pixels to a JPEG in memory: for showing photos, never for computing. By libjpeg-turbo where the build has libjpeg,
 * else by stb_image_write. Each gives the same bytes for the same pixels, but not the other's bytes. */
#ifndef FREEZETUNE_JPEG_ENCODE_H
#define FREEZETUNE_JPEG_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

/* *out[*size] = a baseline JFIF of pixels[height,width,3] (RGB) at this quality: 1..100, as libjpeg counts it. Up to 90
 * the chroma is stored at half the width and height, above it at full size. *out is owned by the caller (memory_free).
 * ERR_DATA when a side is 0 or larger than IMAGE_MAX_SIDE, ERR_SYSTEM without memory. */
MUST_CHECK enum status jpeg_encode(uint8_t **out, size_t *size, const uint8_t *pixels, size_t height, size_t width,
                                   int quality, struct error *err);

#endif
