/* HEIC and AVIF: the primary picture. libheif decodes it to planes of luma and chroma; ycbcr.h makes RGB of them, as
 * the library behind Pillow does that reads the format. It is cropped, turned and mirrored by its own properties, which
 * say in full which way is up, so that its EXIF is not asked. (Pillow leaves an AVIF's clap alone.)
 *
 * libdav1d, which libheif calls for AVIF, writes a line of its own about damaged data to stderr ("Error parsing OBU
 * data"). It takes a logger only from its caller, and libheif (1.15) has no function that sets one, so the line
 * stays; turning away the stderr of the whole process would lose the lines of other threads. Our own message follows.
 */
#include "core/data/image_format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/heif_boxes.h"
#include "core/data/heif_hide.h"
#include "core/data/heif_library.h"
#include "core/data/heif_planes.h"
#include "core/data/heif_streams.h"

/* Tiles may be larger than the picture that they make; a stream is coded in whole blocks. */
enum { LEAST_SIDE = 4096, BLOCK = 64 };

static int longest_side(const struct heif_primary *primary)
{
    uint64_t side = primary->height > primary->width ? primary->height : primary->width;
    return side > LEAST_SIDE ? (int)side : LEAST_SIDE;
}

/* A decoder allocates what the stream says, libheif what a grid says: the header of `what`. */
static enum status check_coded(const struct heif_primary *primary, uint64_t width, uint64_t height, const char *what,
                               const struct image_info *info, struct error *err)
{
    uint64_t most = (uint64_t)longest_side(primary) + BLOCK - 1, least = (uint64_t)LEAST_SIDE * LEAST_SIDE;
    uint64_t whole = (primary->width + BLOCK - 1) * (primary->height + BLOCK - 1);
    if (width <= most && height <= most && width * height <= (whole > least ? whole : least))
        return OK;
    return error_set(err, ERR_DATA, "%s of %llux%llu pixels whose %s says %llux%llu", info->codec->name,
                     (unsigned long long)primary->width, (unsigned long long)primary->height, what,
                     (unsigned long long)width, (unsigned long long)height);
}

static enum status heif_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    enum { PIXEL = 16 }; /* YCbCr of 16 bits and its 4:4:4, planes of RGB and alpha */
    struct heif_primary primary;
    enum status status = heif_primary_read(&primary, more, bytes, have, size, err);
    if (status != OK || *more)
        return status;
    info->data = primary.end > SIZE_MAX ? SIZE_MAX : (size_t)primary.end;
    info->orientation = primary.orientation;
    info->own_orientation = true;
    status = image_size_set(info, (long long)primary.height, (long long)primary.width, options, err);
    if (status == OK)
        status = check_coded(&primary, primary.coded_width, primary.coded_height, "HEVC header", info, err);
    if (status != OK)
        return status;
    info->held = 2 * info->data + PIXEL * (size_t)info->height * (size_t)info->width;
    return image_size_set(info, (long long)primary.crop.height, (long long)primary.crop.width, options, err);
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
static enum status heif_open(struct opened *opened, const struct heif_primary *primary, const struct image_info *info,
                             const uint8_t *bytes, size_t size, struct error *err)
{
    const struct heif_library *heif = heif_library_get();
    *opened = (struct opened){.heif = heif, .context = heif->context_alloc()};
    if (!opened->context)
        return error_set(err, ERR_SYSTEM, "out of memory: a %s photo", info->codec->name);
    size_t pixels = (size_t)(primary->height * primary->width), least = (size_t)LEAST_SIDE * LEAST_SIDE;
    heif->context_set_maximum_image_size_limit(opened->context, longest_side(primary));
    if (heif->context_get_security_limits)
        heif->context_get_security_limits(opened->context)->max_image_size_pixels = pixels > least ? pixels : least;
    struct heif_error error = heif->context_read_from_memory_without_copy(opened->context, bytes, size, NULL);
    if (error.code == HEIF_NO_ERROR)
        error = heif->context_get_primary_image_handle(opened->context, &opened->handle);
    return error.code == HEIF_NO_ERROR ? OK : heif_failed(info, &error, err);
}

/* Where its data ends says whether it is whole. */
static enum status heif_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    (void)bytes;
    if (info->data > size)
        return error_set(err, ERR_DATA, "truncated: %s of %zu bytes, its pixels end at byte %zu", info->codec->name,
                         size, info->data);
    return OK;
}

/* ---- its planes to RGB ------------------------------------------------------------------------------------------- */

/* pixels[H,W,3] to what is left of them, in the same memory. */
static void crop_pixels(uint8_t *pixels, int width, const struct heif_crop *crop)
{
    for (uint64_t y = 0; y < crop->height; y++)
        memmove(pixels + 3 * y * crop->width, pixels + 3 * ((crop->top + y) * (uint64_t)width + crop->left),
                3 * (size_t)crop->width);
}

/* image->pixels = the picture in RGB. */
static enum status convert(struct image *image, const struct ycbcr *planes, const struct heif_crop *crop,
                           const struct image_info *info, struct error *err)
{
    void *pixels, *scratch;
    struct error reason = {0};
    enum status status = memory_alloc(&pixels, (size_t)planes->height * (size_t)planes->width, 3, "a photo", err);
    if (status != OK)
        return status;
    status = memory_alloc(&scratch, ycbcr_scratch(planes->width), sizeof(uint16_t), "rows of a photo", err);
    if (status == OK) {
        status = (info->codec == &image_avif ? ycbcr_avif : ycbcr_heic)(pixels, planes, scratch, &reason);
        if (status != OK)
            image_not_decoded(info->codec, reason.text, err);
        memory_free(scratch);
    }
    if (status != OK) {
        memory_free(pixels);
        return status;
    }
    crop_pixels(pixels, planes->width, crop);
    *image = (struct image){.height = info->height, .width = info->width, .pixels = pixels};
    return OK;
}

/* The primary picture of bytes that libheif has opened; `hidden` are its colours from it. */
static enum status decode_opened(struct image *image, const struct opened *opened, const struct heif_primary *primary,
                                 bool hidden, struct heif_decoding_options *options, const struct image_info *info,
                                 struct error *err)
{
    const struct heif_library *heif = opened->heif;
    struct heif_image *decoded = NULL;
    struct ycbcr planes;
    struct error reason = {0};
    struct heif_error error = heif->decode_image(opened->handle, &decoded, HEIF_AS_CODED, HEIF_AS_CODED, options);
    enum status status = error.code == HEIF_NO_ERROR ? OK : heif_failed(info, &error, err);
    if (status == OK && heif_planes(&planes, heif, decoded, hidden ? primary : NULL, (int)primary->height,
                                    (int)primary->width, &reason) != OK)
        status = image_not_decoded(info->codec, reason.text, err);
    if (status == OK) {
        planes.premultiplied = planes.has_alpha && heif->image_handle_is_premultiplied_alpha &&
                               heif->image_handle_is_premultiplied_alpha(opened->handle) != 0;
        status = convert(image, &planes, &primary->crop, info, err);
    }
    if (decoded)
        heif->image_release(decoded);
    return status;
}

/* Newer versions hand out planes as they are coded when they are asked not to convert between profiles. Those between
 * interpolate chroma on the way to RGB where nothing is said. True when the colours have to be hidden. */
static bool set_options(struct heif_decoding_options *options)
{
    enum { UPSAMPLING = 5, PASSES_THROUGH = 10, NEAREST = 1 };
    if (options->version >= PASSES_THROUGH) {
        options->output_image_nclx_profile_passthrough = 1;
        return false;
    }
    if (options->version >= UPSAMPLING) {
        options->upsampling = NEAREST;
        options->only_use_preferred = 1;
    }
    return true;
}

/* `copy` is the file's bytes, to be changed. */
static enum status decode_copy(struct image *out, uint8_t *copy, size_t size, const struct heif_primary *primary,
                               const struct image_info *info, struct error *err)
{
    const struct heif_library *heif = heif_library_get();
    struct opened opened;
    struct heif_decoding_options *options = heif->decoding_options_alloc();
    if (!options)
        return error_set(err, ERR_SYSTEM, "out of memory: a %s photo", info->codec->name);
    heif_hide_others(copy, size, primary);
    heif_hide_turns(copy, primary);
    bool hidden = set_options(options) && heif_hide_colours(copy, primary);
    enum status status = heif_open(&opened, primary, info, copy, size, err);
    if (status == OK)
        status = decode_opened(out, &opened, primary, hidden, options, info, err);
    heif_close(&opened);
    heif->decoding_options_free(options);
    return status;
}

static enum status read_streams(struct heif_streams *out, const struct heif_primary *primary,
                                const struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    struct error reason = {0};
    enum status status = heif_streams_read(out, primary, bytes, size, &reason);
    if (status == ERR_DATA)
        return image_not_decoded(info->codec, reason.text, err);
    return status == OK ? OK : error_set(err, status, "%s", reason.text);
}

static enum status heif_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                               int shift, struct error *err)
{
    (void)shift;
    struct heif_primary primary;
    struct heif_streams streams;
    bool more;
    void *copy;
    enum status status = heif_primary_read(&primary, &more, bytes, size, size, err);
    if (status == OK)
        status = read_streams(&streams, &primary, info, bytes, size, err);
    if (status == OK)
        status = check_coded(&primary, streams.width, streams.height, streams.what, info, err);
    if (status == OK)
        status = memory_alloc(&copy, size, 1, "a photo's file", err);
    if (status != OK)
        return status;
    memcpy(copy, bytes, size);
    status = decode_copy(out, copy, size, &primary, info, err);
    memory_free(copy);
    return status;
}

static size_t heif_held(const struct image_info *info)
{
    return info->held;
}

/* ---- two formats ------------------------------------------------------------------------------------------------- */

static const char *heic_missing(void)
{
    const struct heif_library *heif = heif_library_get();
    return !heif                                       ? heif_library_missing()
           : !heif->have_decoder_for_format(HEIF_HEVC) ? "install libheif-plugin-libde265, or convert it"
                                                       : NULL;
}

static const char *avif_missing(void)
{
    const struct heif_library *heif = heif_library_get();
    return !heif                                      ? heif_library_missing()
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
