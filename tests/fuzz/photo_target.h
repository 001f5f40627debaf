/* What the fuzz targets of photo formats share. */
#ifndef FREEZETUNE_PHOTO_TARGET_H
#define FREEZETUNE_PHOTO_TARGET_H

#include <stddef.h>
#include <stdint.h>

#include "core/data/image_format.h"

/* Decodes the bytes as a photo of at most 64 Ki pixels when they have this format, and touches every pixel: 0. Bytes
 * of another format are not worth keeping: -1. Where this build or this machine does not read the format, it says so
 * once and does nothing. */
int photo_target(const uint8_t *data, size_t size, const struct image_codec *codec);

#endif
