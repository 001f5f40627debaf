#include "core/data/png_metadata.h"

#include <string.h>

#include <libdeflate.h>

#include "core/base/memory.h"
#include "core/data/exif.h"

/* A larger text is not inflated, as Pillow does not; nor is one whose keyword says nothing about orientation. */
enum { TEXT_MOST = 1 << 20 };

enum text_kind { TEXT_OTHER, TEXT_EXIF, TEXT_RAW, TEXT_XMP };

static enum text_kind kind_of(const uint8_t *keyword)
{
    static const char *const keywords[] = {
        [TEXT_EXIF] = "exif", [TEXT_RAW] = "Raw profile type exif", [TEXT_XMP] = "XML:com.adobe.xmp"};
    for (enum text_kind kind = TEXT_EXIF; kind <= TEXT_XMP; kind++)
        if (strcmp((const char *)keyword, keywords[kind]) == 0)
            return kind;
    return TEXT_OTHER;
}

static void add_text(struct png_metadata *metadata, enum text_kind kind, const uint8_t *text, size_t size)
{
    if (kind == TEXT_EXIF) {
        metadata->have_exif = true;
        metadata->exif = exif_orientation_any(text, size);
    } else if (kind == TEXT_RAW) {
        metadata->raw = exif_orientation_hex(text, size);
    } else {
        metadata->xmp = xmp_orientation(text, size);
    }
}

static void add_deflated(struct png_metadata *metadata, enum text_kind kind, const uint8_t *bytes, size_t size)
{
    void *text;
    size_t length;
    if (memory_alloc(&text, TEXT_MOST, 1, "a text", NULL) != OK)
        return;
    struct libdeflate_decompressor *inflate = libdeflate_alloc_decompressor();
    if (inflate && libdeflate_zlib_decompress(inflate, bytes, size, text, TEXT_MOST, &length) == LIBDEFLATE_SUCCESS)
        add_text(metadata, kind, text, length);
    libdeflate_free_decompressor(inflate);
    memory_free(text);
}

/* Behind the next zero byte; NULL when there is none. */
static const uint8_t *behind_zero(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *zero = at < end ? memchr(at, 0, (size_t)(end - at)) : NULL;
    return zero ? zero + 1 : NULL;
}

void png_metadata_add(struct png_metadata *metadata, const uint8_t *chunk, size_t length)
{
    const uint8_t *body = chunk + 4, *end = body + length;
    bool plain = memcmp(chunk, "tEXt", 4) == 0, deflated = memcmp(chunk, "zTXt", 4) == 0;
    bool international = memcmp(chunk, "iTXt", 4) == 0;
    if (memcmp(chunk, "eXIf", 4) == 0)
        add_text(metadata, TEXT_EXIF, body, length);
    const uint8_t *at = plain || deflated || international ? behind_zero(body, end) : NULL;
    enum text_kind kind = at ? kind_of(body) : TEXT_OTHER;
    if (kind == TEXT_OTHER)
        return;
    if (deflated && at < end) { /* a byte for the method: 0 is the only one */
        deflated = *at++ == 0;
    } else if (international && end - at >= 2) { /* compressed?, the method, then language and translated keyword */
        deflated = at[0] != 0 && at[1] == 0;
        at = behind_zero(at + 2, end);
        at = at ? behind_zero(at, end) : NULL;
    }
    if (at && deflated)
        add_deflated(metadata, kind, at, (size_t)(end - at));
    else if (at)
        add_text(metadata, kind, at, (size_t)(end - at));
}

int png_metadata_orientation(const struct png_metadata *metadata)
{
    int told = metadata->have_exif ? metadata->exif : metadata->raw;
    told = told ? told : metadata->xmp;
    return told ? told : 1;
}
