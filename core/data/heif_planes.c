#include "core/data/heif_planes.h"

#include "core/data/cicp.h"

enum { LEAST_DEPTH = 8, MOST_DEPTH = 16 };

static enum status take_plane(struct ycbcr *out, enum ycbcr_channel to, const struct heif_library *heif,
                              const struct heif_image *decoded, int channel, struct error *err)
{
    bool repeated = channel == HEIF_R || channel == HEIF_B, chroma = !repeated && (to == YCBCR_CB || to == YCBCR_CR);
    int wanted_width = chroma ? ycbcr_chroma_width(out) : out->width;
    int wanted_height = chroma ? (out->height + (1 << out->shift_y) - 1) >> out->shift_y : out->height;
    int stride = 0, depth = heif->image_get_bits_per_pixel_range(decoded, channel);
    int width = heif->image_get_width(decoded, channel), height = heif->image_get_height(decoded, channel);
    const uint8_t *rows = heif->image_get_plane_readonly(decoded, channel, &stride);
    if (!rows || width != wanted_width || height != wanted_height)
        return error_set(err, ERR_DATA, "a plane of %dx%d samples, expected %dx%d", width, height, wanted_width,
                         wanted_height);
    if (depth < LEAST_DEPTH || depth > MOST_DEPTH || stride < width * (depth > 8 ? 2 : 1))
        return error_set(err, ERR_DATA, "a plane of %d bits, %d bytes a row", depth, stride);
    out->planes[to] = (struct ycbcr_plane){rows, (size_t)stride, depth, repeated};
    return OK;
}

/* Luma and chroma have one depth. */
static enum status take_colours(struct ycbcr *out, const struct heif_library *heif, const struct heif_image *decoded,
                                const int channels[3], struct error *err)
{
    for (int c = YCBCR_Y; c <= (out->grey ? YCBCR_Y : YCBCR_CR); c++) {
        enum status status = take_plane(out, (enum ycbcr_channel)c, heif, decoded, channels[c], err);
        if (status == OK && out->planes[c].depth != out->planes[YCBCR_Y].depth)
            status =
                error_set(err, ERR_DATA, "planes of %d and %d bits", out->planes[YCBCR_Y].depth, out->planes[c].depth);
        if (status != OK)
            return status;
    }
    out->depth = out->planes[YCBCR_Y].depth;
    return OK;
}

/* Where a file says nothing, the range is full (libheif). */
static void take_profile(struct ycbcr *out, const struct heif_library *heif, const struct heif_image *decoded)
{
    struct heif_nclx *profile = NULL;
    out->matrix = out->primaries = CICP_UNSPECIFIED;
    out->full_range = true;
    if (!heif->image_get_nclx_color_profile)
        return;
    bool said = heif->image_get_nclx_color_profile(decoded, &profile).code == HEIF_NO_ERROR;
    if (said && profile) {
        out->matrix = profile->matrix;
        out->primaries = profile->primaries;
        out->full_range = profile->full_range != 0;
    }
    if (profile) /* libheif 1.15 leaves one behind an error too: primaries that it does not know */
        heif->nclx_color_profile_free(profile);
}

static void take_hidden(struct ycbcr *out, const struct heif_primary *hidden)
{
    out->matrix = hidden->colours.matrix;
    out->primaries = hidden->colours.primaries;
    out->full_range = hidden->colours.full_range;
}

enum status heif_planes(struct ycbcr *out, const struct heif_library *heif, const struct heif_image *decoded,
                        const struct heif_primary *hidden, int height, int width, struct error *err)
{
    static const int luma_and_chroma[3] = {HEIF_Y, HEIF_CB, HEIF_CR}, green_blue_red[3] = {HEIF_G, HEIF_B, HEIF_R};
    int colours = heif->image_get_colorspace(decoded), chroma = heif->image_get_chroma_format(decoded);
    bool rgb = colours == HEIF_RGB && chroma == HEIF_444;
    if (!rgb && (colours == HEIF_RGB || chroma < HEIF_GREY || chroma > HEIF_444))
        return error_set(err, ERR_DATA, "libheif returns colour space %d with chroma format %d", colours, chroma);
    *out = (struct ycbcr){.height = height,
                          .width = width,
                          .shift_y = rgb && hidden ? hidden->shift_y : chroma == HEIF_420,
                          .shift_x = rgb && hidden ? hidden->shift_x : chroma == HEIF_420 || chroma == HEIF_422,
                          .grey = chroma == HEIF_GREY,
                          .has_alpha = heif->image_has_channel(decoded, HEIF_ALPHA) != 0};
    take_profile(out, heif, decoded);
    if (hidden) {
        take_hidden(out, hidden);
    } else if (rgb) {
        out->matrix = CICP_IDENTITY;
        out->full_range = true;
    }
    enum status status = take_colours(out, heif, decoded, rgb ? green_blue_red : luma_and_chroma, err);
    if (status == OK && out->has_alpha)
        status = take_plane(out, YCBCR_ALPHA, heif, decoded, HEIF_ALPHA, err);
    return status;
}
