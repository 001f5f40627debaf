/* HEIC and AVIF: the primary picture as libheif makes it, with its cropping, turning and mirroring. They say in full
 * which way is up, so that their EXIF is not asked.
 *
 * libdav1d, which libheif calls for AVIF, writes a line of its own about damaged data to stderr ("Error parsing OBU
 * data"). It takes a logger only from its caller, and libheif (1.15) has no function that sets one, so the line
 * stays; turning away the stderr of the whole process would lose the lines of other threads. Our own message follows.
 *
 * libheif 1.15 repeats a chroma sample of 4:2:0 and 4:2:2. pillow-heif reads HEIC in the same way, but for rounding (1
 * at most). Pillow's libavif interpolates, so that AVIF differs: by up to 15 in the fixtures, by 1 at 4:4:4, and by
 * up to 117 in a larger photo. */
#include "core/data/image_format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/heif_boxes.h"
#include "core/data/heif_library.h"

/* Tiles may be larger than the picture that they make; a stream is coded in whole blocks. */
enum { LEAST_SIDE = 4096, BLOCK = 64 };

static int longest_side(const struct image_info *info)
{
    int side = info->height > info->width ? info->height : info->width;
    return side > LEAST_SIDE ? side : LEAST_SIDE;
}

/* A decoder allocates what the stream says. */
static enum status check_coded(const struct heif_primary *primary, const struct image_info *info, struct error *err)
{
    uint64_t most = (uint64_t)longest_side(info) + BLOCK - 1, least = (uint64_t)LEAST_SIDE * LEAST_SIDE;
    uint64_t whole = ((uint64_t)info->width + BLOCK - 1) * ((uint64_t)info->height + BLOCK - 1);
    uint64_t width = primary->coded_width, height = primary->coded_height;
    if (width <= most && height <= most && width * height <= (whole > least ? whole : least))
        return OK;
    return error_set(err, ERR_DATA, "%s of %dx%d pixels whose HEVC header says %llux%llu", info->codec->name,
                     info->width, info->height, (unsigned long long)width, (unsigned long long)height);
}

static enum status heif_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    struct heif_primary primary;
    enum status status = heif_primary_read(&primary, more, bytes, have, size, err);
    if (status != OK || *more)
        return status;
    info->data = primary.end > SIZE_MAX ? SIZE_MAX : (size_t)primary.end;
    status = image_size_set(info, (long long)primary.height, (long long)primary.width, options, err);
    return status == OK ? check_coded(&primary, info, err) : status;
}

/* ---- libheif on bytes in memory ---------------------------------------------------------------------------------- */

struct opened {
    const struct heif_library *heif;
    struct heif_context *context;
    struct heif_image_handle *handle;
};

static enum status heif_failed(const struct image_info *info, const struct heif_error *error, struct error *err)
{
    if (error->code == HEIF_MEMORY_ERROR && error->subcode == HEIF_UNSPECIFIED)
        return error_set(err, ERR_SYSTEM, "out of memory: a %s photo", info->codec->name);
    return image_not_decoded(info->codec, error->message, err);
}

static void heif_close(struct opened *opened)
{
    if (opened->handle)
        opened->heif->image_handle_release(opened->handle);
    if (opened->context)
        opened->heif->context_free(opened->context);
}

/* libheif allocates no picture that is larger than ours. Close it also on failure. */
static enum status heif_open(struct opened *opened, const struct image_info *info, const uint8_t *bytes, size_t size,
                             struct error *err)
{
    const struct heif_library *heif = heif_library_get();
    *opened = (struct opened){.heif = heif, .context = heif->context_alloc()};
    if (!opened->context)
        return error_set(err, ERR_SYSTEM, "out of memory: a %s photo", info->codec->name);
    size_t pixels = (size_t)info->height * (size_t)info->width, least = (size_t)LEAST_SIDE * LEAST_SIDE;
    heif->context_set_maximum_image_size_limit(opened->context, longest_side(info));
    if (heif->context_get_security_limits)
        heif->context_get_security_limits(opened->context)->max_image_size_pixels = pixels > least ? pixels : least;
    struct heif_error error = heif->context_read_from_memory_without_copy(opened->context, bytes, size, NULL);
    if (error.code == HEIF_NO_ERROR)
        error = heif->context_get_primary_image_handle(opened->context, &opened->handle);
    return error.code == HEIF_NO_ERROR ? OK : heif_failed(info, &error, err);
}

/* Where its data ends says whether it is whole; its size as it is seen, cropped and turned, is libheif's business. */
static enum status heif_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    struct opened opened;
    if (info->data > size)
        return error_set(err, ERR_DATA, "truncated: %s of %zu bytes, its pixels end at byte %zu", info->codec->name,
                         size, info->data);
    if (!bytes)
        return OK;
    enum status status = heif_open(&opened, info, bytes, size, err);
    if (status == OK) {
        int height = opened.heif->image_handle_get_height(opened.handle);
        int width = opened.heif->image_handle_get_width(opened.handle);
        if (height < 1 || width < 1 || (size_t)height * (size_t)width > (size_t)info->height * (size_t)info->width)
            status = error_set(err, ERR_DATA, "%s of %dx%d pixels that shows %dx%d", info->codec->name, info->width,
                               info->height, width, height);
        else
            *info = (struct image_info){
                .codec = info->codec, .height = height, .width = width, .orientation = 1, .data = info->data};
    }
    heif_close(&opened);
    return status;
}

/* image->pixels = the RGB or RGBA of a decoded picture. */
static enum status copy_pixels(struct image *image, const struct heif_library *heif, const struct heif_image *decoded,
                               bool alpha, const struct image_info *info, struct error *err)
{
    void *pixels;
    int stride = 0, width = heif->image_get_width(decoded, HEIF_INTERLEAVED);
    int height = heif->image_get_height(decoded, HEIF_INTERLEAVED), channels = alpha ? 4 : 3;
    const uint8_t *plane = heif->image_get_plane_readonly(decoded, HEIF_INTERLEAVED, &stride);
    if (!plane || width != info->width || height != info->height || stride < channels * width)
        return error_set(err, ERR_DATA, "%s of %dx%d pixels whose header says %dx%d", info->codec->name, width, height,
                         info->width, info->height);
    enum status status = memory_alloc(&pixels, (size_t)height * (size_t)width, 3, "a photo", err);
    if (status != OK)
        return status;
    *image = (struct image){.height = height, .width = width, .pixels = pixels};
    uint8_t *out = pixels;
    for (int y = 0; y < height; y++) {
        const uint8_t *in = plane + (size_t)y * (size_t)stride;
        for (int x = 0; x < width; x++, in += channels, out += 3)
            for (int c = 0; c < 3; c++)
                out[c] = alpha ? image_over_white(in[c], in[3]) : in[c];
    }
    return OK;
}

static enum status decode_handle(struct image *image, const struct opened *opened, const struct image_info *info,
                                 struct error *err)
{
    const struct heif_library *heif = opened->heif;
    struct heif_image *decoded = NULL;
    bool alpha = heif->image_handle_has_alpha_channel(opened->handle) != 0;
    struct heif_decoding_options *options = heif->decoding_options_alloc();
    if (!options)
        return error_set(err, ERR_SYSTEM, "out of memory: a %s photo", info->codec->name);
    options->convert_hdr_to_8bit = 1;
    struct heif_error error = heif->decode_image(opened->handle, &decoded, HEIF_RGB,
                                                 alpha ? HEIF_INTERLEAVED_RGBA : HEIF_INTERLEAVED_RGB, options);
    heif->decoding_options_free(options);
    enum status status = error.code == HEIF_NO_ERROR ? copy_pixels(image, heif, decoded, alpha, info, err)
                                                     : heif_failed(info, &error, err);
    if (decoded)
        heif->image_release(decoded);
    return status;
}

static enum status heif_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                               int shift, struct error *err)
{
    (void)shift;
    struct opened opened;
    enum status status = heif_open(&opened, info, bytes, size, err);
    if (status == OK)
        status = decode_handle(out, &opened, info, err);
    heif_close(&opened);
    return status;
}

/* YCbCr of 16 bits and its 4:4:4, planes of RGB, RGBA. */
static size_t heif_held(const struct image_info *info)
{
    return 16 * (size_t)info->height * (size_t)info->width;
}

/* ---- two formats ------------------------------------------------------------------------------------------------- */

static const char *heic_missing(void)
{
    const struct heif_library *heif = heif_library_get();
    return !heif                                       ? "install libheif1, or convert it"
           : !heif->have_decoder_for_format(HEIF_HEVC) ? "install libheif-plugin-libde265, or convert it"
                                                       : NULL;
}

static const char *avif_missing(void)
{
    const struct heif_library *heif = heif_library_get();
    return !heif                                      ? "install libheif1, or convert it"
           : !heif->have_decoder_for_format(HEIF_AV1) ? "install libheif-plugin-dav1d, or convert it"
                                                      : NULL;
}

static const char *heif_library_text(void)
{
    static _Thread_local char text[40];
    const struct heif_library *heif = heif_library_get();
    if (!heif)
        return "libheif";
    snprintf(text, sizeof text, "libheif %s", heif->get_version());
    return text;
}

const struct image_codec image_heic = {.name = "HEIC",
                                       .missing = heic_missing,
                                       .library = heif_library_text,
                                       .recognises = heif_is_heic,
                                       .examine = heif_examine,
                                       .whole = heif_whole,
                                       .decode = heif_decode,
                                       .held = heif_held};

const struct image_codec image_avif = {.name = "AVIF",
                                       .missing = avif_missing,
                                       .library = heif_library_text,
                                       .recognises = heif_is_avif,
                                       .examine = heif_examine,
                                       .whole = heif_whole,
                                       .decode = heif_decode,
                                       .held = heif_held};
