/* What libheif is not to know of a picture, so that all its versions hand out the planes as they are coded. Both change
 * a copy of the file's bytes. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_HIDE_H
#define FREEZETUNE_HEIF_HIDE_H

#include "core/data/heif_boxes.h"

/* Which way is up and what is cropped: irot, imir and clap of the picture (and of its alpha, which libheif up to 1.15
 * turns also where it was told to ignore them) belong to no item any more. */
void heif_hide_turns(uint8_t *bytes, const struct heif_primary *primary);

/* Its colours: up to 1.15, libheif hands out YCbCr only as it has converted it to RGB and back. With the identity
 * matrix and full range, its conversion to RGB copies: R is Cr, G luma, B Cb, with each sample of chroma repeated. So
 * that is written into the box that says its colours. False where there is none: libheif converts then. */
bool heif_hide_colours(uint8_t *bytes, const struct heif_primary *primary);

#endif
