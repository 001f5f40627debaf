/* EXIF: which way a photo is up. */
#ifndef FREEZETUNE_EXIF_H
#define FREEZETUNE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation (1..8; Exif 2.32, 4.6.4) that a TIFF structure, the body of EXIF, holds in its first directory; 1 for
 * none or a bad one. */
int exif_orientation(const uint8_t *tiff, size_t size);

#endif
