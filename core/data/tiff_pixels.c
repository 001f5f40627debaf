#ifdef HAVE_LIBTIFF

#include "core/data/tiff_pixels.h"

#include <string.h>

#include "core/data/image_format.h"

bool tiff_colours_set(struct tiff_colours *out, TIFF *tiff, const struct tiff_directory *page)
{
    uint16_t *red, *green, *blue;
    *out = (struct tiff_colours){.page = page};
    if (page->photometric != TIFF_PALETTE)
        return true;
    if (!TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue))
        return false;
    for (int i = 0; i < 1 << page->bits; i++) {
        out->palette[i][0] = (uint8_t)(red[i] >> 8);
        out->palette[i][1] = (uint8_t)(green[i] >> 8);
        out->palette[i][2] = (uint8_t)(blue[i] >> 8);
    }
    return true;
}

/* Sample s of pixel x: 8 bits, or as many as there are. */
static int sample(const uint8_t *row, size_t plane, int x, int s, const struct tiff_directory *page)
{
    size_t bits = (size_t)page->bits, i = (size_t)x;
    if (page->planar)
        row += (size_t)s * plane;
    else
        i = i * (size_t)page->samples + (size_t)s;
    if (bits == 8)
        return row[i];
    if (bits == 16) {
        uint16_t value;
        memcpy(&value, row + 2 * i, 2);
        return value >> 8;
    }
    return row[i * bits / 8] >> (8 - bits - i * bits % 8) & ((1 << bits) - 1);
}

/* r = (255-k) - c*(255-k)/255 with Pillow's rounding. */
static uint8_t ink(int c, int k)
{
    int product = c * (255 - k) + 128, result = 255 - k - ((product + (product >> 8)) >> 8);
    return (uint8_t)(result < 0 ? 0 : result);
}

/* Colours that alpha was multiplied into. */
static int undo_alpha(int colour, int alpha)
{
    int result = alpha == 0 ? colour : colour * 255 / alpha;
    return result > 255 ? 255 : result;
}

void tiff_row_to_rgb(uint8_t *out, const uint8_t *row, size_t plane, int count, const struct tiff_colours *colours)
{
    const struct tiff_directory *page = colours->page;
    bool three = page->photometric == TIFF_RGB || page->photometric == TIFF_YCBCR;
    int largest = page->bits > 8 ? 255 : (1 << page->bits) - 1;
    for (int x = 0; x < count; x++, out += 3) {
        int first = sample(row, plane, x, 0, page);
        int rgb[3] = {first, first, first};
        if (page->photometric == TIFF_PALETTE) {
            for (int c = 0; c < 3; c++)
                rgb[c] = colours->palette[first][c];
        } else if (page->photometric == TIFF_SEPARATED) {
            int k = sample(row, plane, x, 3, page);
            for (int c = 0; c < 3; c++)
                rgb[c] = ink(sample(row, plane, x, c, page), k);
        } else if (three) {
            rgb[1] = sample(row, plane, x, 1, page);
            rgb[2] = sample(row, plane, x, 2, page);
        } else {
            int grey = first * (255 / largest);
            rgb[0] = rgb[1] = rgb[2] = page->photometric == TIFF_WHITE_IS_ZERO ? 255 - grey : grey;
        }
        int alpha = page->alpha == TIFF_NO_ALPHA ? 255 : sample(row, plane, x, three ? 3 : 1, page);
        for (int c = 0; c < 3; c++)
            out[c] = image_over_white(page->alpha == TIFF_ASSOCIATED ? undo_alpha(rgb[c], alpha) : rgb[c], alpha);
    }
}

#else

typedef int tiff_pixels_has_nothing_to_do; /* C wants something in a file */

#endif
