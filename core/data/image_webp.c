/* WebP: its chunks (RFC 9649) and the pixels of the picture, or of the first frame of an animation, by libwebp. */
#include "core/data/image_format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/data/exif.h"

enum { RIFF_HEAD = 12, CHUNK_HEAD = 8, FRAME_HEAD = 16, LOSSY_HEAD = 10, LOSSLESS_HEAD = 5, EXTENDED_HEAD = 10 };

static bool webp_recognises(const uint8_t *bytes, size_t have)
{
    return have >= RIFF_HEAD && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

#ifdef HAVE_LIBWEBP

#include <webp/decode.h>

static int get_little24(const uint8_t *at)
{
    return (int)get_little(at, 3);
}

/* A chunk at byte `at`, whose body is all there. */
struct chunk {
    const uint8_t *type, *body;
    size_t length, next;
};

static bool chunk_at(struct chunk *out, const uint8_t *bytes, size_t at, size_t end)
{
    if (at > end || end - at < CHUNK_HEAD)
        return false;
    size_t length = get_little32(bytes + at + 4);
    if (length > end - at - CHUNK_HEAD)
        return false;
    *out = (struct chunk){bytes + at, bytes + at + CHUNK_HEAD, length, at + CHUNK_HEAD + length + (length & 1)};
    return true;
}

static bool chunk_is(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

static enum status webp_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    size_t body = RIFF_HEAD + CHUNK_HEAD;
    if (have < body + LOSSY_HEAD) {
        *more = have < size;
        return *more ? OK : error_set(err, ERR_DATA, "truncated: WebP of %zu bytes ends within its header", size);
    }
    const uint8_t *type = bytes + RIFF_HEAD, *head = bytes + body;
    info->data = (size_t)get_little32(bytes + 4) + CHUNK_HEAD;
    if (memcmp(type, "VP8X", 4) == 0) {
        info->alpha = (head[0] & 0x10) != 0;
        return image_size_set(info, get_little24(head + 7) + 1, get_little24(head + 4) + 1, options, err);
    }
    if (memcmp(type, "VP8L", 4) == 0 && head[0] == 0x2F) {
        uint32_t bits = get_little32(head + 1);
        info->alpha = (bits >> 28 & 1) != 0;
        return image_size_set(info, (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, options, err);
    }
    if (memcmp(type, "VP8 ", 4) == 0 && memcmp(head + 3, "\x9D\x01\x2A", 3) == 0)
        return image_size_set(info, get_little16(head + 8) & 0x3FFF, get_little16(head + 6) & 0x3FFF, options, err);
    return error_set(err, ERR_DATA, "WebP that begins with no picture");
}

/* The size that RIFF tells says it; what stands in the file decides about orientation. */
static enum status webp_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    if (info->data > size)
        return error_set(err, ERR_DATA, "truncated: WebP of %zu bytes, expected %zu", size, info->data);
    struct chunk chunk, exif = {0}, xmp = {0};
    for (size_t at = RIFF_HEAD; bytes && chunk_at(&chunk, bytes, at, info->data); at = chunk.next) {
        if (chunk_is(&chunk, "EXIF") && !exif.body)
            exif = chunk;
        else if (chunk_is(&chunk, "XMP ") && !xmp.body)
            xmp = chunk;
    }
    info->orientation = orientation_of_metadata(exif.body, exif.length, xmp.body, xmp.length);
    return OK;
}

/* The bytes that hold the picture, and where it lies on the canvas. */
struct frame {
    const uint8_t *bytes;
    size_t size;
    int top, left;
};

static enum status find_frame(struct frame *out, const struct image_info *info, const uint8_t *bytes, struct error *err)
{
    struct chunk chunk = {0};
    *out = (struct frame){.bytes = bytes, .size = info->data};
    for (size_t at = RIFF_HEAD; chunk_at(&chunk, bytes, at, info->data); at = chunk.next) {
        if (chunk_is(&chunk, "VP8 ") || chunk_is(&chunk, "VP8L") || chunk_is(&chunk, "ALPH"))
            return OK; /* libwebp takes the file as it is */
        if (!chunk_is(&chunk, "ANMF") || chunk.length < FRAME_HEAD)
            continue;
        /* A frame's chunks stand behind its place on the canvas: libwebp takes them without a RIFF head. */
        *out = (struct frame){.bytes = chunk.body + FRAME_HEAD,
                              .size = chunk.length - FRAME_HEAD,
                              .left = 2 * get_little24(chunk.body),
                              .top = 2 * get_little24(chunk.body + 3)};
        return OK;
    }
    return error_set(err, ERR_DATA, "WebP without a picture in it");
}

static const char *const reasons[] = {[VP8_STATUS_INVALID_PARAM] = "invalid parameter",
                                      [VP8_STATUS_BITSTREAM_ERROR] = "its data is damaged",
                                      [VP8_STATUS_UNSUPPORTED_FEATURE] = "it uses an unknown feature",
                                      [VP8_STATUS_SUSPENDED] = "its data ends early",
                                      [VP8_STATUS_USER_ABORT] = "stopped",
                                      [VP8_STATUS_NOT_ENOUGH_DATA] = "its data ends early"};

static enum status webp_failed(VP8StatusCode code, struct error *err)
{
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return error_set(err, ERR_SYSTEM, "out of memory: a WebP photo");
    size_t count = sizeof reasons / sizeof *reasons;
    return image_not_decoded(&image_webp, (size_t)code < count ? reasons[code] : NULL, err);
}

/* Decodes the frame to out[height,width,channels], where its rows begin `stride` bytes apart. */
static enum status decode_frame(WebPDecoderConfig *config, uint8_t *out, size_t stride, int height,
                                const struct frame *frame, struct error *err)
{
    bool alpha = config->output.colorspace == MODE_RGBA;
    config->output.u.RGBA =
        (WebPRGBABuffer){.rgba = out,
                         .stride = (int)stride,
                         .size = stride * ((size_t)height - 1) + (size_t)config->input.width * (alpha ? 4 : 3)};
    config->output.is_external_memory = 1;
    VP8StatusCode code = WebPDecode(frame->bytes, frame->size, config);
    WebPFreeDecBuffer(&config->output);
    return code == VP8_STATUS_OK ? OK : webp_failed(code, err);
}

/* As much of the canvas as the frame leaves: white where there is alpha, else black, as libwebp's animation decoder. */
static enum status decode_canvas(uint8_t *pixels, WebPDecoderConfig *config, const struct image_info *info,
                                 const struct frame *frame, struct error *err)
{
    size_t width = (size_t)info->width;
    int frame_width = config->input.width, frame_height = config->input.height;
    size_t corner = (size_t)frame->top * width + (size_t)frame->left;
    if (frame_width < info->width || frame_height < info->height)
        memset(pixels, info->alpha ? 255 : 0, 3 * width * (size_t)info->height);
    if (!info->alpha) {
        config->output.colorspace = MODE_RGB;
        return decode_frame(config, pixels + 3 * corner, 3 * width, frame_height, frame, err);
    }
    void *rgba;
    enum status status = memory_alloc(&rgba, (size_t)frame_height * (size_t)frame_width, 4, "a photo", err);
    if (status != OK)
        return status;
    config->output.colorspace = MODE_RGBA;
    status = decode_frame(config, rgba, 4 * (size_t)frame_width, frame_height, frame, err);
    const uint8_t *in = rgba;
    for (int y = 0; y < frame_height && status == OK; y++) {
        uint8_t *to = pixels + 3 * (corner + (size_t)y * width);
        for (int x = 0; x < frame_width; x++, in += 4, to += 3)
            for (int c = 0; c < 3; c++)
                to[c] = image_over_white(in[c], in[3]);
    }
    memory_free(rgba);
    return status;
}

static enum status webp_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                               int shift, struct error *err)
{
    (void)shift, (void)size;
    struct frame frame;
    WebPDecoderConfig config;
    enum status status = find_frame(&frame, info, bytes, err);
    if (status != OK)
        return status;
    if (!WebPInitDecoderConfig(&config))
        return error_set(err, ERR_SYSTEM, "libwebp of another version than the one built with");
    VP8StatusCode code = WebPGetFeatures(frame.bytes, frame.size, &config.input);
    if (code != VP8_STATUS_OK)
        return webp_failed(code, err);
    int width = config.input.width, height = config.input.height;
    if (width < 1 || height < 1 || frame.left > info->width - width || frame.top > info->height - height)
        return error_set(err, ERR_DATA, "WebP of %dx%d pixels with a frame of %dx%d at %d, %d", info->width,
                         info->height, width, height, frame.left, frame.top);
    if (frame.bytes == bytes && (width != info->width || height != info->height))
        return error_set(err, ERR_DATA, "WebP of %dx%d pixels whose header says %dx%d", width, height, info->width,
                         info->height);
    void *pixels;
    status = memory_alloc(&pixels, (size_t)info->height * (size_t)info->width, 3, "a photo", err);
    if (status != OK)
        return status;
    status = decode_canvas(pixels, &config, info, &frame, err);
    if (status != OK) {
        memory_free(pixels);
        return status;
    }
    *out = (struct image){.height = info->height, .width = info->width, .pixels = pixels};
    return OK;
}

/* RGBA, and a lossless picture in libwebp's own four bytes a pixel. */
static size_t webp_held(const struct image_info *info)
{
    return (info->alpha ? 8 : 4) * (size_t)info->height * (size_t)info->width;
}

static const char *webp_library(void)
{
    static _Thread_local char text[40];
    int version = WebPGetDecoderVersion();
    snprintf(text, sizeof text, "libwebp %d.%d.%d", version >> 16, version >> 8 & 255, version & 255);
    return text;
}

const struct image_codec image_webp = {.name = "WebP",
                                       .library = webp_library,
                                       .recognises = webp_recognises,
                                       .examine = webp_examine,
                                       .whole = webp_whole,
                                       .decode = webp_decode,
                                       .held = webp_held};

#else

static const char *webp_missing(void)
{
    return "this build lacks libwebp; build it with libwebp-dev, or convert the photo";
}

const struct image_codec image_webp = {
    .name = "WebP", .missing = webp_missing, .library = webp_missing, .recognises = webp_recognises};

#endif
