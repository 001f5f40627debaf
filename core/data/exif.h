/* Which way a photo is up, from its EXIF and its XMP. Pillow's ImageOps.exif_transpose is the model: what it turns is
 * turned, what it leaves is left. Reads hostile bytes, and touches none behind `size`.
 *
 * Formats keep EXIF in a segment, chunk or item of their own, with or without the six bytes "Exif\0\0" before it, and
 * XMP in another. orientation_of_metadata takes both as they were found; a format's file needs nothing else. */
#ifndef FREEZETUNE_EXIF_H
#define FREEZETUNE_EXIF_H

#include <stddef.h>
#include <stdint.h>

/* The orientation (1..8; Exif 2.32, 4.6.4) that a TIFF structure, the body of EXIF, holds in its first directory, as
 * any kind of number; of several values the first. 1 for one that is out of range or no number (Pillow takes BYTE for
 * none), 0 when there is no such tag or the structure does not hold together. */
int exif_orientation(const uint8_t *tiff, size_t size);

/* The same with "Exif\0\0" before it, once, twice or not at all. */
int exif_orientation_any(const uint8_t *bytes, size_t size);

/* EXIF as ImageMagick writes it into a PNG's text "Raw profile type exif": a line feed, the name, the length, and
 * hexadecimal digits from the fourth line on. 0 also for what is no such text. */
int exif_orientation_hex(const uint8_t *text, size_t size);

/* tiff:Orientation of an XMP packet, as attribute or element. 0 for none, 1 for 0 and 9. */
int xmp_orientation(const uint8_t *text, size_t size);

/* EXIF, or else XMP, as the formats keep them: 1..8. NULL with size 0 for what a file does not have. */
int orientation_of_metadata(const uint8_t *exif, size_t exif_size, const uint8_t *xmp, size_t xmp_size);

#endif
