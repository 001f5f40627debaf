/* Hides parts of a file from libheif: so that it reads what was checked, and so that all its versions hand out the
 * planes as they are coded. The functions change a copy of the file's bytes. Inside core/data only. */
#ifndef FREEZETUNE_HEIF_HIDE_H
#define FREEZETUNE_HEIF_HIDE_H

#include "core/data/heif_boxes.h"

/* Hides every box meta behind the one that `primary` was read from: libheif would take the last one. */
void heif_hide_others(uint8_t *bytes, size_t size, const struct heif_primary *primary);

/* Hides the rotation and the crop: irot, imir and clap are taken from the picture (and from its alpha, which libheif up
 * to 1.15 turns even when told to ignore them). */
void heif_hide_turns(uint8_t *bytes, const struct heif_primary *primary);

/* Hides the colours: up to 1.15, libheif hands out YCbCr only as it has converted it to RGB and back. With the identity
 * matrix and full range, its conversion to RGB copies: R is Cr, G luma, B Cb, with each sample of chroma repeated. So
 * that is written into the box that says its colours. False, with nothing changed, where it has no such box or is made
 * of other pictures: libheif converts then. */
bool heif_hide_colours(uint8_t *bytes, const struct heif_primary *primary);

#endif
