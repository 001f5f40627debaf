/* PNG and BMP (and JPEG where there is no libjpeg) through stb_image, which is compiled here and nowhere else. What it
 * does not check itself, image_format.c has checked before: sizes, end marks, checksums. Its memory is capped, because
 * it lets a small PNG inflate without end. */
#include "core/data/image_format.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static _Thread_local size_t stb_cap;  /* the largest block that this photo may ask for */
static _Thread_local bool stb_capped; /* it asked for more */
static _Thread_local bool stb_failed; /* the system refused */

static void *stb_resize(void *block, size_t size)
{
    if (size > stb_cap) {
        stb_capped = true;
        return NULL;
    }
    void *bigger = realloc(block, size);
    stb_failed = stb_failed || !bigger;
    return bigger;
}

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS IMAGE_MAX_SIDE
#define STBI_MALLOC(size) stb_resize(NULL, size)
#define STBI_REALLOC(block, size) stb_resize(block, size)
#define STBI_FREE(block) free(block)
/* Declared there, and not defined without STBI_ONLY_GIF; told at the end of the file, so it cannot be popped. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>

static uint8_t over_white(int colour, int alpha)
{
    return (uint8_t)((colour * alpha + 255 * (255 - alpha) + 127) / 255);
}

/* out[count,3] = in[count,channels]; 1 is grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. */
static void to_rgb(uint8_t *out, const uint8_t *in, size_t count, int channels, bool use_alpha)
{
    int colours = channels < 3 ? 1 : 3;
    for (size_t i = 0; i < count; i++, in += channels, out += 3) {
        int alpha = use_alpha ? in[channels - 1] : 255;
        for (int c = 0; c < 3; c++)
            out[c] = over_white(in[colours == 1 ? 0 : c], alpha);
    }
}

static size_t cap_for(const struct image_info *info, size_t size)
{
    size_t pixels = (size_t)info->height * (size_t)info->width;
    size_t most = 8 * pixels + 64 * ((size_t)info->height + (size_t)info->width); /* 16-bit RGBA, with row filters */
    return 2 * (most > size ? most : size) + (1 << 20);
}

enum status image_decode_stb(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                             int shift, struct error *err)
{
    (void)shift; /* it decodes at full size alone */
    const char *name = info->codec->name;
    int width = 0, height = 0, channels = 0;
    void *pixels;
    stb_cap = cap_for(info, size);
    stb_capped = stb_failed = false;
    uint8_t *stored = stbi_load_from_memory(bytes, (int)size, &width, &height, &channels, 0);
    if (!stored && stb_failed)
        return error_memory(err, "a photo", stb_cap);
    if (!stored)
        return error_set(err, ERR_DATA, "%s cannot be decoded: %s", name,
                         stb_capped ? "it holds far more data than its size needs" : stbi_failure_reason());
    enum status status = OK;
    if (width != info->width || height != info->height)
        status = error_set(err, ERR_DATA, "%s of %dx%d pixels whose header says %dx%d", name, width, height,
                           info->width, info->height);
    if (status == OK)
        status = memory_alloc(&pixels, (size_t)width * (size_t)height, 3, "a photo", err);
    if (status == OK) {
        bool alpha = (channels == 2 || channels == 4) && (info->codec != &image_bmp || info->alpha_bits > 0);
        to_rgb(pixels, stored, (size_t)width * (size_t)height, channels, alpha);
        *out = (struct image){.height = height, .width = width, .pixels = pixels};
    }
    stbi_image_free(stored);
    return status;
}

/* The rows with their filters. */
size_t image_held_stb(const struct image_info *info)
{
    return 3 * (size_t)info->height * (size_t)info->width;
}
