/* JPEG and PNG through stb_image where there is no libjpeg or libpng. It is compiled here and nowhere else. What it
 * does not check itself, the format's file has checked before: sizes, end marks, checksums. Its memory is capped,
 * because it lets a small PNG inflate without end. */
#include "core/data/image_format.h"

#if !defined HAVE_LIBJPEG || !defined HAVE_LIBPNG

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
#ifndef HAVE_LIBJPEG
#define STBI_ONLY_JPEG
#endif
#ifndef HAVE_LIBPNG
#define STBI_ONLY_PNG
#endif
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
        image_to_rgb(pixels, stored, (size_t)width * (size_t)height, channels);
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

#endif
