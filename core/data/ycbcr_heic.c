#include "core/data/ycbcr.h"

#include <math.h>

#include "core/data/cicp.h"

/* What it was measured against, and where its steps come from: docs/decisions/heif-colours.md. */
struct coefficients {
    float red_cr, green_cb, green_cr, blue_cb;
};

static struct coefficients coefficients_of(const struct ycbcr *in)
{
    float red, blue;
    if (in->matrix == CICP_UNSPECIFIED || !cicp_luma(&red, &blue, in->matrix, in->primaries))
        return (struct coefficients){1.402f, -0.344136f, -0.714136f, 1.772f};
    return (struct coefficients){2 * (1 - red), 2 * blue * (1 - blue) / (blue + red - 1),
                                 2 * red * (1 - red) / (blue + red - 1), 2 * (1 - blue)};
}

/* A row of each, of `depth` bits; chroma at its own width. */
struct rows {
    uint16_t *y, *cb, *cr, *alpha;
    int depth;
};

/* Rounded at the rows' depth, then cut off to 8 bits. */
static uint8_t round_clip(float value, int depth)
{
    int most = (1 << depth) - 1, rounded = (int)(value + 0.5f);
    return (uint8_t)((rounded < 0 ? 0 : rounded > most ? most : rounded) >> (depth - 8));
}

static void grey_row(uint8_t *rgb, const struct rows *rows, int width)
{
    for (int x = 0; x < width; x++, rgb += 3)
        rgb[0] = rgb[1] = rgb[2] = (uint8_t)rows->y[x];
}

/* 4:2:0 of full range: 8-bit fixed point. */
static void fixed_row(uint8_t *rgb, const struct rows *rows, const struct coefficients *by, int width)
{
    int red_cr = (int)lroundf(256 * by->red_cr), green_cb = (int)lroundf(256 * by->green_cb),
        green_cr = (int)lroundf(256 * by->green_cr), blue_cb = (int)lroundf(256 * by->blue_cb);
    for (int x = 0; x < width; x++, rgb += 3) {
        int y = rows->y[x], cb = rows->cb[x / 2] - 128, cr = rows->cr[x / 2] - 128;
        rgb[0] = ycbcr_clip(y + ((red_cr * cr + 128) >> 8));
        rgb[1] = ycbcr_clip(y + ((green_cb * cb + green_cr * cr + 128) >> 8));
        rgb[2] = ycbcr_clip(y + ((blue_cb * cb + 128) >> 8));
    }
}

/* Where the range is limited: what luma and chroma are multiplied with. */
static const float luma_scale = 1.1689f, chroma_scale = 1.1429f;

static void float_row(uint8_t *rgb, const struct rows *rows, const struct coefficients *by, const struct ycbcr *in)
{
    int depth = rows->depth, half = 1 << (depth - 1);
    float luma_from = in->full_range ? 0 : (float)(16 << (depth - 8)), luma = in->full_range ? 1 : luma_scale;
    float chroma = in->full_range ? 1 : chroma_scale;
    for (int x = 0; x < in->width; x++, rgb += 3) {
        float y = ((float)rows->y[x] - luma_from) * luma;
        float cb = (float)(rows->cb[x >> in->shift_x] - half) * chroma;
        float cr = (float)(rows->cr[x >> in->shift_x] - half) * chroma;
        rgb[0] = round_clip(y + by->red_cr * cr, depth);
        rgb[1] = round_clip(y + by->green_cb * cb + by->green_cr * cr, depth);
        rgb[2] = round_clip(y + by->blue_cb * cb, depth);
    }
}

static void identity_row(uint8_t *rgb, const struct rows *rows, const struct ycbcr *in)
{
    int depth = rows->depth, from = in->full_range ? 0 : 16 << (depth - 8);
    float luma = in->full_range ? 1 : luma_scale, chroma = in->full_range ? 1 : chroma_scale;
    for (int x = 0; x < in->width; x++, rgb += 3) {
        rgb[0] = round_clip((float)(rows->cr[x >> in->shift_x] - from) * chroma, depth);
        rgb[1] = round_clip((float)(rows->y[x] - from) * luma, depth);
        rgb[2] = round_clip((float)(rows->cb[x >> in->shift_x] - from) * chroma, depth);
    }
}

static void ycgco_row(uint8_t *rgb, const struct rows *rows, const struct ycbcr *in)
{
    int depth = rows->depth, half = 1 << (depth - 1);
    for (int x = 0; x < in->width; x++, rgb += 3) {
        int y = rows->y[x], green = rows->cb[x >> in->shift_x] - half, orange = rows->cr[x >> in->shift_x] - half;
        rgb[0] = round_clip((float)(y - green + orange), depth);
        rgb[1] = round_clip((float)(y + green), depth);
        rgb[2] = round_clip((float)(y - green - orange), depth);
    }
}

enum status ycbcr_heic(uint8_t *rgb, const struct ycbcr *in, uint16_t *scratch, struct error *err)
{
    enum { SMPTE2085 = 11, ICTCP = 14 };
    size_t width = (size_t)in->width;
    struct rows rows = {scratch, scratch + width, scratch + 2 * width, scratch + 3 * width, in->depth};
    struct coefficients by = coefficients_of(in);
    bool fixed = in->full_range && in->shift_x == 1 && in->shift_y == 1;
    if (!in->grey && (in->matrix == SMPTE2085 || in->matrix >= ICTCP))
        return error_set(err, ERR_DATA, "matrix coefficients %d", in->matrix);
    if (in->grey || (fixed && in->matrix != CICP_IDENTITY && in->matrix != CICP_YCGCO))
        rows.depth = 8; /* cut off first */
    int shift = in->depth - rows.depth;
    for (int y = 0; y < in->height; y++, rgb += 3 * width) {
        ycbcr_row(rows.y, in, YCBCR_Y, y, shift);
        for (int c = YCBCR_CB; !in->grey && c <= YCBCR_CR; c++)
            ycbcr_row(c == YCBCR_CB ? rows.cb : rows.cr, in, (enum ycbcr_channel)c, y >> in->shift_y, shift);
        if (in->grey)
            grey_row(rgb, &rows, in->width);
        else if (in->matrix == CICP_IDENTITY)
            identity_row(rgb, &rows, in);
        else if (in->matrix == CICP_YCGCO)
            ycgco_row(rgb, &rows, in);
        else if (fixed)
            fixed_row(rgb, &rows, &by, in->width);
        else
            float_row(rgb, &rows, &by, in);
        if (!in->has_alpha)
            continue;
        ycbcr_row(rows.alpha, in, YCBCR_ALPHA, y, in->planes[YCBCR_ALPHA].depth - 8);
        ycbcr_over_white(rgb, rows.alpha, in->width);
    }
    return OK;
}
