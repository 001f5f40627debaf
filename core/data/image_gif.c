/* GIF: its blocks (CompuServe, GIF89a) and the pixels of the first frame on its canvas, by giflib. */
#include "core/data/image_format.h"

#include <stdio.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"

static bool gif_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 6 && (memcmp(bytes, "GIF87a", 6) == 0 || memcmp(bytes, "GIF89a", 6) == 0);
}

#ifdef HAVE_GIFLIB

#include <gif_lib.h>

enum { SCREEN_END = 13, DESCRIPTOR = 10, EXTENSION = '!', IMAGE = ',', TRAILER = ';', GRAPHICS = 0xF9, COLOURS = 256 };

/* Bytes of the colour map that the flags of a screen or a frame announce. */
static size_t map_bytes(uint8_t flags)
{
    return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0;
}

/* Steps over data blocks to behind the empty one that ends them; false when the bytes end first. */
static bool skip_blocks(size_t *at, const uint8_t *bytes, size_t have)
{
    while (*at < have) {
        size_t length = bytes[*at];
        if (length > have - *at - 1)
            return false;
        *at += length + 1;
        if (length == 0)
            return true;
    }
    return false;
}

/* To the descriptor of the first frame: *at is then that of its comma. False when the bytes end first, and with *bad
 * set when there is no frame or something else than a block. */
static bool find_frame(size_t *at, bool *bad, const uint8_t *bytes, size_t have)
{
    *bad = false;
    if (have < SCREEN_END)
        return false;
    size_t i = SCREEN_END + map_bytes(bytes[10]);
    for (;;) {
        if (i >= have)
            return false;
        if (bytes[i] == IMAGE) {
            *at = i;
            return have - i >= DESCRIPTOR;
        }
        if (bytes[i] != EXTENSION) {
            *bad = true;
            return false;
        }
        i += 2;
        if (!skip_blocks(&i, bytes, have))
            return false;
    }
}

/* A frame that goes beyond the canvas makes it larger, as in Pillow. */
static enum status gif_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                               const struct image_options *options, struct error *err)
{
    size_t at;
    bool bad;
    if (!find_frame(&at, &bad, bytes, have)) {
        if (bad)
            return error_set(err, ERR_DATA, "GIF without a picture in it");
        *more = have < size;
        return *more ? OK : error_set(err, ERR_DATA, "truncated: GIF of %zu bytes ends within its header", size);
    }
    const uint8_t *frame = bytes + at;
    long long right = get_little16(frame + 1) + (long long)get_little16(frame + 5);
    long long bottom = get_little16(frame + 3) + (long long)get_little16(frame + 7);
    long long width = get_little16(bytes + 6), height = get_little16(bytes + 8);
    info->data = at;
    return image_size_set(info, bottom > height ? bottom : height, right > width ? right : width, options, err);
}

/* The blocks of the first frame are all there; what follows does not matter. */
static enum status gif_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    size_t at = info->data + DESCRIPTOR + map_bytes(bytes[info->data + 9]) + 1; /* behind the LZW code size */
    if (at > size || !skip_blocks(&at, bytes, size))
        return error_set(err, ERR_DATA, "truncated: GIF of %zu bytes ends within its first frame", size);
    return OK;
}

static bool gif_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have)
{
    (void)info, (void)from;
    return have >= 2 && memcmp(tail + have - 2, "\0;", 2) == 0;
}

/* ---- decoding ---------------------------------------------------------------------------------------------------- */

struct source {
    const uint8_t *bytes;
    size_t size, at;
};

static int read_source(GifFileType *gif, GifByteType *out, int count)
{
    struct source *source = gif->UserData;
    size_t left = source->size - source->at, take = count < 0 ? 0 : (size_t)count;
    if (take > left)
        take = left;
    memcpy(out, source->bytes + source->at, take);
    source->at += take;
    return (int)take;
}

/* What every index looks like, as in Pillow: grey where there is no colour map or it says no more than that; else the
 * map's entries, and black behind the last one. White where the frame is transparent. */
static void fill_colours(uint8_t out[COLOURS][3], const ColorMapObject *map, int transparent)
{
    bool grey = true;
    memset(out, 0, (size_t)COLOURS * 3);
    for (int i = 0; map && i < map->ColorCount && i < COLOURS; i++) {
        const GifColorType *colour = &map->Colors[i];
        out[i][0] = colour->Red;
        out[i][1] = colour->Green;
        out[i][2] = colour->Blue;
        grey = grey && colour->Red == i && colour->Green == i && colour->Blue == i;
    }
    for (int i = 0; grey && i < COLOURS; i++)
        memset(out[i], i, 3);
    if (transparent >= 0)
        memset(out[transparent], 255, 3);
}

/* Reads up to the first frame's pixels: *transparent is its transparent index, or -1. */
static bool read_to_frame(GifFileType *gif, int *transparent)
{
    GifRecordType type;
    *transparent = NO_TRANSPARENT_COLOR;
    while (DGifGetRecordType(gif, &type) == GIF_OK) {
        if (type == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_OK;
        int code;
        GifByteType *block;
        if (type != EXTENSION_RECORD_TYPE || DGifGetExtension(gif, &code, &block) != GIF_OK)
            return false;
        GraphicsControlBlock graphics;
        if (code == GRAPHICS && block && DGifExtensionToGCB(block[0], block + 1, &graphics) == GIF_OK &&
            graphics.TransparentColor >= 0)
            *transparent = graphics.TransparentColor;
        while (block)
            if (DGifGetExtensionNext(gif, &block) != GIF_OK)
                return false;
    }
    return false;
}

/* The rows of a frame in the order of the file: all of them, or every eighth, the fourths between, and so on. */
static bool read_rows(const struct image *image, GifFileType *gif, uint8_t colours[COLOURS][3], uint8_t *row)
{
    static const struct pass {
        int first, step;
    } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}};
    const GifImageDesc *frame = &gif->Image;
    size_t width = (size_t)image->width;
    for (int pass = frame->Interlace ? 0 : 4; pass < (frame->Interlace ? 4 : 5); pass++)
        for (int y = passes[pass].first; y < frame->Height; y += passes[pass].step) {
            if (DGifGetLine(gif, row, frame->Width) != GIF_OK)
                return false;
            uint8_t *to = image->pixels + 3 * ((size_t)(frame->Top + y) * width + (size_t)frame->Left);
            for (int x = 0; x < frame->Width; x++, to += 3)
                memcpy(to, colours[row[x]], 3);
        }
    return true;
}

static enum status gif_failed(int code, struct error *err)
{
    if (code == D_GIF_ERR_NOT_ENOUGH_MEM)
        return error_set(err, ERR_SYSTEM, "out of memory: a GIF photo");
    return image_not_decoded(&image_gif, GifErrorString(code), err);
}

/* Pixels beside the frame are transparent where it has transparency, else those of index 0, as in Pillow. */
static enum status decode_first(struct image *image, GifFileType *gif, struct error *err)
{
    int transparent;
    uint8_t colours[COLOURS][3];
    void *row;
    if (!read_to_frame(gif, &transparent))
        return gif_failed(gif->Error, err);
    const GifImageDesc *frame = &gif->Image;
    if (frame->Width < 1 || frame->Height < 1 || frame->Left > image->width - frame->Width ||
        frame->Top > image->height - frame->Height)
        return error_set(err, ERR_DATA, "GIF with a frame of %dx%d pixels", frame->Width, frame->Height);
    enum status status = memory_alloc(&row, (size_t)frame->Width, 1, "a photo", err);
    if (status != OK)
        return status;
    fill_colours(colours, frame->ColorMap ? frame->ColorMap : gif->SColorMap, transparent);
    const uint8_t *beside = colours[transparent >= 0 ? transparent : 0];
    if (frame->Width < image->width || frame->Height < image->height)
        for (size_t i = 0; i < (size_t)image->height * (size_t)image->width; i++)
            memcpy(image->pixels + 3 * i, beside, 3);
    if (!read_rows(image, gif, colours, row))
        status = gif_failed(gif->Error, err);
    memory_free(row);
    return status;
}

static enum status gif_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                              int shift, struct error *err)
{
    (void)shift;
    int code = 0;
    void *pixels;
    struct source source = {.bytes = bytes, .size = size};
    enum status status = memory_alloc(&pixels, (size_t)info->height * (size_t)info->width, 3, "a photo", err);
    if (status != OK)
        return status;
    struct image image = {.height = info->height, .width = info->width, .pixels = pixels};
    GifFileType *gif = DGifOpen(&source, read_source, &code);
    status = gif ? decode_first(&image, gif, err) : gif_failed(code, err);
    if (gif)
        DGifCloseFile(gif, &code);
    if (status == OK)
        *out = image;
    else
        memory_free(pixels);
    return status;
}

/* The codes of LZW, and a row. */
static size_t gif_held(const struct image_info *info)
{
    return (size_t)info->width + (64 << 10);
}

static const char *gif_library(void)
{
    static _Thread_local char text[40];
    snprintf(text, sizeof text, "giflib %d.%d.%d", GIFLIB_MAJOR, GIFLIB_MINOR, GIFLIB_RELEASE);
    return text;
}

const struct image_codec image_gif = {.name = "GIF",
                                      .library = gif_library,
                                      .recognises = gif_recognises,
                                      .examine = gif_examine,
                                      .end_seen = gif_end_seen,
                                      .whole = gif_whole,
                                      .decode = gif_decode,
                                      .held = gif_held};

#else

static const char *gif_missing(void)
{
    return "this build lacks giflib; build it with libgif-dev, or convert the photo";
}

const struct image_codec image_gif = {
    .name = "GIF", .missing = gif_missing, .library = gif_missing, .recognises = gif_recognises};

#endif
