#include "core/data/ycbcr.h"

#include <string.h>

#include "core/data/cicp.h"

/* ---- chroma at every pixel --------------------------------------------------------------------------------------- */

/* The sample beside at / 2 that is nearest to position `at` of `size` positions, or at / 2 itself where there is none.
 * libyuv does not mix the last column of an odd width (mix_last is false), libavif does. */
static int neighbour(int at, int size, bool mix_last)
{
    bool last = at == size - 1 && (at % 2 != 0 || !mix_last);
    return at == 0 || last ? at / 2 : at % 2 != 0 ? at / 2 + 1 : at / 2 - 1;
}

/* The rows of chroma from which row y is made: scratch of two, [near, far]. */
struct chroma {
    uint16_t *near[2], *far[2], *wide[2]; /* Cb, Cr */
};

static void load_chroma(struct chroma *out, const struct ycbcr *in, int y, int shift, bool mixed)
{
    int near = y >> in->shift_y, far = mixed && in->shift_y ? neighbour(y, in->height, true) : near;
    for (int c = 0; c < 2; c++) {
        ycbcr_row(out->near[c], in, YCBCR_CB + (enum ycbcr_channel)c, near, shift);
        ycbcr_row(out->far[c], in, YCBCR_CB + (enum ycbcr_channel)c, far, shift);
    }
}

/* out[W], where near and far are the rows of chroma that are nearest. */
static void upsample(uint16_t *out, const uint16_t *near, const uint16_t *far, const struct ycbcr *in, bool mixed)
{
    if (in->shift_x == 0 || !mixed) {
        for (int x = 0; x < in->width; x++)
            out[x] = near[x >> in->shift_x];
        return;
    }
    for (int x = 0; x < in->width; x++) {
        int at = x / 2, beside = neighbour(x, in->width, false);
        out[x] = (uint16_t)((9 * near[at] + 3 * near[beside] + 3 * far[at] + far[beside] + 8) >> 4);
    }
}

/* ---- libyuv's fixed point ---------------------------------------------------------------------------------------- */

/* Of 64; luma also by 65536 / 257, and with the bias that takes 16 away where the range is limited, and rounds. Blue's
 * weights beyond 2 stop at 128, which is what fits into 8 bits there. */
struct fixed {
    int luma, bias, blue_cb, green_cb, green_cr, red_cr;
};

/* NULL where libyuv has none. */
static const struct fixed *find_fixed(const struct ycbcr *in)
{
    enum { BT601, BT709, BT2020 };
    static const struct fixed all[][2] = {
        [BT601] = {{18997, -1160, 128, 25, 52, 102}, {16320, 32, 113, 22, 46, 90}},
        [BT709] = {{18997, -1160, 128, 14, 34, 115}, {16320, 32, 119, 12, 30, 101}},
        [BT2020] = {{19003, -1160, 128, 12, 42, 107}, {16320, 32, 120, 11, 37, 94}},
    };
    int matrix = in->matrix;
    if (matrix == CICP_DERIVED) /* the code points of primaries and of the matrices that go with them are the same */
        matrix = in->primaries == CICP_UNSPECIFIED ? CICP_BT709 : in->primaries;
    else if (matrix == CICP_UNSPECIFIED || (matrix == CICP_IDENTITY && in->grey))
        matrix = CICP_BT601;
    switch (matrix) {
    case CICP_BT709:
        return &all[BT709][in->full_range];
    case CICP_BT470BG:
    case CICP_BT601:
        return &all[BT601][in->full_range];
    case CICP_BT2020:
        return &all[BT2020][in->full_range];
    default:
        return NULL;
    }
}

/* Chroma of 8 bits, luma of 16. */
static void fixed_pixel(uint8_t *rgb, int luma16, int cb, int cr, const struct fixed *by)
{
    int luma = (int)((uint32_t)luma16 * (uint32_t)by->luma >> 16) + by->bias;
    cb -= 128;
    cr -= 128;
    rgb[0] = ycbcr_clip((luma + cr * by->red_cr) >> 6);
    rgb[1] = ycbcr_clip((luma - (cb * by->green_cb + cr * by->green_cr)) >> 6);
    rgb[2] = ycbcr_clip((luma + cb * by->blue_cb) >> 6);
}

/* Luma and chroma of `bits`; chroma NULL for grey. */
static void fixed_row(uint8_t *rgb, const uint16_t *luma, const uint16_t *cb, const uint16_t *cr, int bits,
                      const struct fixed *by, int width)
{
    int up = 16 - bits, again = 2 * bits - 16, down = bits - 8;
    for (int x = 0; x < width; x++, rgb += 3)
        fixed_pixel(rgb, luma[x] << up | luma[x] >> again, cb ? cb[x] >> down : 128, cr ? cr[x] >> down : 128, by);
}

/* libyuv's division by alpha: c * 255 / a with a reciprocal of 16 bits. */
static void unpremultiply(uint8_t *rgb, const uint16_t *alpha, int width)
{
    for (int x = 0; x < width; x++, rgb += 3) {
        uint32_t by = alpha[x] == 0 ? 0 : alpha[x] == 1 ? 0xFFFF : alpha[x] == 255 ? 0x100 : 0x10000U / alpha[x];
        for (int c = 0; c < 3; c++) {
            uint32_t value = (uint32_t)(rgb[c] << 8 | rgb[c]) * by >> 16;
            rgb[c] = value > 255 ? 255 : (uint8_t)value;
        }
    }
}

/* ---- libavif's own, in float32 ----------------------------------------------------------------------------------- */

struct real {
    float luma_from, luma_range, chroma_from, chroma_range;
    float red, green, blue; /* the weights of luma */
};

static enum status real_of(struct real *out, const struct ycbcr *in, struct error *err)
{
    float most = (float)((1 << in->depth) - 1), unit = (float)(1 << (in->depth - 8));
    *out = (struct real){.luma_from = in->full_range ? 0 : 16 * unit,
                         .luma_range = in->full_range ? most : 219 * unit,
                         .chroma_from = 128 * unit,
                         .chroma_range = in->full_range ? most : 224 * unit};
    if (in->matrix == CICP_IDENTITY) {
        out->chroma_from = out->luma_from;
        out->chroma_range = out->luma_range;
    } else if (in->matrix != CICP_YCGCO && !in->grey && !cicp_luma(&out->red, &out->blue, in->matrix, in->primaries))
        return error_set(err, ERR_DATA, "matrix coefficients %d", in->matrix);
    out->green = 1.0f - out->red - out->blue;
    return OK;
}

static float real_chroma(uint16_t value, const struct real *by)
{
    return ((float)value - by->chroma_from) / by->chroma_range;
}

static float mix(const uint16_t *near, const uint16_t *far, int at, int beside, const struct real *by)
{
    return real_chroma(near[at], by) * (9.0f / 16.0f) + real_chroma(near[beside], by) * (3.0f / 16.0f) +
           real_chroma(far[at], by) * (3.0f / 16.0f) + real_chroma(far[beside], by) * (1.0f / 16.0f);
}

static void real_pixel(float rgb[3], float y, float cb, float cr, const struct ycbcr *in, const struct real *by)
{
    if (in->grey) {
        rgb[0] = rgb[1] = rgb[2] = y;
    } else if (in->matrix == CICP_IDENTITY) {
        rgb[0] = cr, rgb[1] = y, rgb[2] = cb;
    } else if (in->matrix == CICP_YCGCO) {
        rgb[0] = y - cb + cr, rgb[1] = y + cb, rgb[2] = y - cb - cr;
    } else {
        float kr = by->red, kg = by->green, kb = by->blue;
        rgb[0] = y + (2 * (1 - kr)) * cr;
        rgb[1] = y - ((2 * ((kr * (1 - kr) * cr) + (kb * (1 - kb) * cb))) / kg);
        rgb[2] = y + (2 * (1 - kb)) * cb;
    }
}

/* Each colour is divided by alpha[W], which has its own depth; NULL where it is not. */
static void real_row(uint8_t *rgb, const uint16_t *luma, const struct chroma *chroma, const uint16_t *alpha,
                     const struct ycbcr *in, const struct real *by)
{
    float most = alpha ? (float)((1 << in->planes[YCBCR_ALPHA].depth) - 1) : 1;
    for (int x = 0; x < in->width; x++, rgb += 3) {
        float out[3], cb = 0, cr = 0, y = ((float)luma[x] - by->luma_from) / by->luma_range;
        if (!in->grey && in->shift_x == 0) {
            cb = real_chroma(chroma->near[0][x], by);
            cr = real_chroma(chroma->near[1][x], by);
        } else if (!in->grey) {
            int at = x / 2, beside = neighbour(x, in->width, true);
            cb = mix(chroma->near[0], chroma->far[0], at, beside, by);
            cr = mix(chroma->near[1], chroma->far[1], at, beside, by);
        }
        real_pixel(out, y, cb, cr, in, by);
        for (int c = 0; c < 3; c++) {
            float value = out[c] < 0 ? 0 : out[c] > 1 ? 1 : out[c], opacity = alpha ? (float)alpha[x] / most : 1;
            value = opacity == 0 ? 0 : opacity < 1 && value / opacity < 1 ? value / opacity : opacity < 1 ? 1 : value;
            rgb[c] = (uint8_t)(0.5f + value * 255.0f);
        }
    }
}

/* ---- which of them ----------------------------------------------------------------------------------------------- */

/* How avifImageYUVToRGB converts a picture. */
struct route {
    const struct fixed *fixed; /* NULL: float32 */
    struct real real;
    int bits;           /* that luma and chroma are cut down to at first, for `fixed` */
    bool mixed;         /* bilinear */
    bool alpha_rounded; /* to 8 bits; else it is cut off */
    bool real_alpha;    /* divides within the float32 */
};

static enum status choose(struct route *out, const struct ycbcr *in, struct error *err)
{
    bool half = in->shift_x == 1 && in->shift_y == 1;
    *out = (struct route){.fixed = find_fixed(in), .bits = 8, .mixed = true};
    if (in->depth != 8 && in->depth != 10 && in->depth != 12)
        out->fixed = NULL;
    if (in->grey && !in->has_alpha)
        out->fixed = NULL;
    if (!out->fixed) {
        bool fast = in->grey || in->shift_x == 0;
        fast = fast && (in->matrix == CICP_IDENTITY ? in->depth == 8 && in->full_range : in->matrix != CICP_YCGCO);
        out->alpha_rounded = true;
        out->real_alpha = in->premultiplied && !fast;
        return real_of(&out->real, in, err);
    }
    /* For 12 bits libyuv has only a function that repeats chroma, and only for 4:2:0. Alpha is cut off where one
     * function converts colours and alpha. */
    if (in->has_alpha && !in->grey && (in->depth == 10 || (in->depth == 12 && half)))
        out->bits = in->depth;
    out->mixed = out->bits != 12;
    out->alpha_rounded = in->grey || out->bits == 12;
    return OK;
}

static void load_alpha(uint16_t *out, const struct ycbcr *in, int y, bool rounded)
{
    int depth = in->planes[YCBCR_ALPHA].depth;
    ycbcr_row(out, in, YCBCR_ALPHA, y, rounded ? 0 : depth - 8);
    if (rounded && depth > 8)
        for (int x = 0; x < in->width; x++)
            out[x] = (uint16_t)(0.5f + (float)out[x] / (float)((1 << depth) - 1) * 255.0f);
}

enum status ycbcr_avif(uint8_t *rgb, const struct ycbcr *in, uint16_t *scratch, struct error *err)
{
    struct route route;
    size_t width = (size_t)in->width;
    enum status status = choose(&route, in, err);
    if (status != OK)
        return status;
    uint16_t *luma = scratch, *alpha = luma + width, *deep_alpha = alpha + width;
    struct chroma chroma = {.near = {deep_alpha + width, deep_alpha + 2 * width},
                            .far = {deep_alpha + 3 * width, deep_alpha + 4 * width},
                            .wide = {deep_alpha + 5 * width, deep_alpha + 6 * width}};
    int shift = route.fixed ? in->depth - route.bits : 0;
    for (int y = 0; y < in->height; y++, rgb += 3 * width) {
        ycbcr_row(luma, in, YCBCR_Y, y, shift);
        if (!in->grey)
            load_chroma(&chroma, in, y, shift, route.mixed);
        if (route.real_alpha)
            ycbcr_row(deep_alpha, in, YCBCR_ALPHA, y, 0);
        for (int c = 0; route.fixed && !in->grey && c < 2; c++)
            upsample(chroma.wide[c], chroma.near[c], chroma.far[c], in, route.mixed);
        if (route.fixed)
            fixed_row(rgb, luma, in->grey ? NULL : chroma.wide[0], in->grey ? NULL : chroma.wide[1], route.bits,
                      route.fixed, in->width);
        else
            real_row(rgb, luma, &chroma, route.real_alpha ? deep_alpha : NULL, in, &route.real);
        if (!in->has_alpha)
            continue;
        load_alpha(alpha, in, y, route.alpha_rounded);
        if (in->premultiplied && !route.real_alpha)
            unpremultiply(rgb, alpha, in->width);
        ycbcr_over_white(rgb, alpha, in->width);
    }
    return OK;
}
