#include "core/data/ycbcr.h"

#include <string.h>

#include "core/data/image_format.h"

/* Rows of luma, two of alpha, and for chroma two neighbours and one as wide as the picture, of each kind. */
size_t ycbcr_scratch(int width)
{
    enum { ROWS = 9 };
    return (size_t)ROWS * (size_t)width;
}

int ycbcr_chroma_width(const struct ycbcr *in)
{
    return (in->width + (1 << in->shift_x) - 1) >> in->shift_x;
}

void ycbcr_row(uint16_t *out, const struct ycbcr *in, enum ycbcr_channel channel, int y, int shift)
{
    const struct ycbcr_plane *plane = in->planes + channel;
    const uint8_t *row = plane->rows + ((size_t)y << (plane->repeated ? in->shift_y : 0)) * plane->stride;
    bool chroma = channel == YCBCR_CB || channel == YCBCR_CR;
    int width = chroma ? ycbcr_chroma_width(in) : in->width, most = (1 << plane->depth) - 1;
    size_t step = (size_t)1 << (plane->repeated ? in->shift_x : 0);
    if (plane->depth <= 8) {
        for (int x = 0; x < width; x++)
            out[x] = (uint16_t)(row[(size_t)x * step] >> shift);
        return;
    }
    for (int x = 0; x < width; x++) {
        uint16_t value;
        memcpy(&value, row + 2 * (size_t)x * step, sizeof value);
        out[x] = (uint16_t)((value > most ? most : value) >> shift);
    }
}

void ycbcr_over_white(uint8_t *rgb, const uint16_t *alpha, int width)
{
    for (int x = 0; x < width; x++, rgb += 3)
        for (int c = 0; c < 3; c++)
            rgb[c] = image_over_white(rgb[c], alpha[x]);
}
