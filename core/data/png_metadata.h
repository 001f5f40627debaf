/* Which way a PNG is up: its chunks eXIf, tEXt, zTXt and iTXt (W3C, Portable Network Graphics, 11.3). */
#ifndef FREEZETUNE_PNG_METADATA_H
#define FREEZETUNE_PNG_METADATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All zero before the first chunk. Orientations are as exif.h returns them. */
struct png_metadata {
    bool have_exif;     /* EXIF as bytes: the text of raw profiles does not count */
    int exif, raw, xmp; /* of several, the last one counts */
};

/* Takes note of a chunk: its four letters, then `length` bytes. Any kind may be given. */
void png_metadata_add(struct png_metadata *metadata, const uint8_t *chunk, size_t length);

/* 1..8 */
int png_metadata_orientation(const struct png_metadata *metadata);

#endif
