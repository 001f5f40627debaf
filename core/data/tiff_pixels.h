/* The samples of a TIFF as RGB. Inside core/data only, and only in builds with libtiff. */
#ifndef FREEZETUNE_TIFF_PIXELS_H
#define FREEZETUNE_TIFF_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tiffio.h>

#include "core/data/tiff_directory.h"

/* How the samples of a page are understood. */
struct tiff_colours {
    const struct tiff_directory *page;
    uint8_t palette[256][3];
};

/* False when the page has a palette and libtiff finds none. */
bool tiff_colours_set(struct tiff_colours *out, TIFF *tiff, const struct tiff_directory *page);

/* out[count,3] = the first `count` pixels of a row as libtiff decodes it: samples side by side, or each `plane` bytes
 * behind the one before; numbers of 16 bits in this machine's byte order. Pillow's pixels, see image.h. */
void tiff_row_to_rgb(uint8_t *out, const uint8_t *row, size_t plane, int count, const struct tiff_colours *colours);

#endif
