/* TIFF: what its first page is, and that page's pixels, strip by strip or tile by tile, by libtiff. */
#include "core/data/image_format.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/exif.h"
#include "core/data/tiff_directory.h"

#ifdef HAVE_LIBTIFF

#include <tiffio.h>

#include "core/data/tiff_pixels.h"

enum { MOST_SAMPLES = 6 };

/* Memory that a tile may take beyond four times its picture. */
static const uint64_t spare_tile = 1 << 24;

/* Those whose pixels we know; libtiff says whether it was built with each. */
static bool compression_known(uint64_t compression)
{
    static const uint16_t known[] = {
        COMPRESSION_NONE, COMPRESSION_CCITTRLE,      COMPRESSION_CCITTFAX3, COMPRESSION_CCITTFAX4, COMPRESSION_LZW,
        COMPRESSION_JPEG, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_CCITTRLEW, COMPRESSION_PACKBITS,  COMPRESSION_DEFLATE,
        COMPRESSION_LZMA, COMPRESSION_ZSTD,          COMPRESSION_WEBP};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == compression)
            return TIFFIsCODECConfigured(known[i]);
    return false;
}

/* YCbCr that libtiff turns into RGB itself, a picture at a time; JPEG's is RGB as soon as it is decoded. */
static bool through_rgba(const struct tiff_directory *page)
{
    return page->photometric == TIFF_YCBCR && page->compression != TIFF_COMPRESSION_JPEG;
}

static enum status check_samples(const struct tiff_directory *page, struct error *err)
{
    uint64_t bits = page->bits, samples = page->samples, colours = 1;
    bool known;
    switch (page->photometric) {
    case TIFF_WHITE_IS_ZERO:
    case TIFF_BLACK_IS_ZERO:
        known = bits == 8 || bits == 16 || (samples == 1 && (bits == 1 || bits == 2 || bits == 4));
        break;
    case TIFF_PALETTE:
        known = bits == 8 || (samples == 1 && (bits == 1 || bits == 2 || bits == 4));
        break;
    case TIFF_RGB:
        known = bits == 8 || bits == 16;
        colours = 3;
        break;
    case TIFF_SEPARATED:
        known = bits == 8 || bits == 16;
        colours = 4;
        break;
    case TIFF_YCBCR:
        known = bits == 8 && samples == 3 && !page->planar;
        colours = 3;
        break;
    default:
        return error_set(err, ERR_DATA, "TIFF with photometric interpretation %llu, which is not read",
                         (unsigned long long)page->photometric);
    }
    if (page->sample_format != SAMPLEFORMAT_UINT)
        return error_set(err, ERR_DATA, "TIFF with signed or floating-point samples, which are not read");
    if (!known || samples < colours || samples > MOST_SAMPLES)
        return error_set(err, ERR_DATA, "TIFF with %llu samples a pixel of %llu bits, which is not read",
                         (unsigned long long)samples, (unsigned long long)bits);
    return OK;
}

/* Bytes of a strip or tile, of all planes. */
static uint64_t block_bytes(const struct tiff_directory *page)
{
    uint64_t samples = page->planar ? 1 : page->samples;
    uint64_t row = (page->block_width * samples * page->bits + 7) / 8;
    return row * page->block_height * (page->planar ? page->samples : 1);
}

static enum status tiff_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    struct tiff_directory page;
    enum status status = tiff_directory_read(&page, more, bytes, have, size, err);
    if (status != OK || *more)
        return status;
    if (page.width > INT32_MAX || page.height > INT32_MAX)
        return error_set(err, ERR_DATA, "invalid image size: %llux%llu pixels", (unsigned long long)page.width,
                         (unsigned long long)page.height);
    status = image_size_set(info, (long long)page.height, (long long)page.width, options, err);
    if (status == OK && !compression_known(page.compression))
        status = error_set(err, ERR_DATA, "TIFF with compression %llu, which is not read",
                           (unsigned long long)page.compression);
    if (status == OK)
        status = check_samples(&page, err);
    if (status != OK)
        return status;
    uint64_t pixels = page.width * page.height, most = 4 * pixels * page.samples + spare_tile;
    if (page.block_width < 1 || page.block_height < 1 || page.block_width > INT32_MAX ||
        page.block_height > INT32_MAX || page.block_width > most / page.block_height || block_bytes(&page) > most)
        return error_set(err, ERR_DATA, "TIFF with tiles of %llux%llu pixels", (unsigned long long)page.block_width,
                         (unsigned long long)page.block_height);
    int orientation = page.orientation ? page.orientation : page.xmp ? xmp_orientation(page.xmp, page.xmp_size) : 0;
    info->orientation = orientation ? orientation : 1;
    info->own_orientation = true;
    info->data = page.end > SIZE_MAX ? SIZE_MAX : (size_t)page.end;
    info->held = (size_t)(through_rgba(&page) ? 4 * pixels : block_bytes(&page));
    return OK;
}

static enum status tiff_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    (void)bytes; /* where its strips end says it */
    if (info->data > size)
        return error_set(err, ERR_DATA, "truncated: TIFF of %zu bytes, its pixels end at byte %zu", size, info->data);
    return OK;
}

/* ---- libtiff on bytes in memory ---------------------------------------------------------------------------------- */

struct source {
    const uint8_t *bytes;
    uint64_t size, at;
    char text[200]; /* the first error */
};

static tmsize_t read_source(thandle_t handle, void *out, tmsize_t count)
{
    struct source *source = handle;
    uint64_t left = source->at < source->size ? source->size - source->at : 0;
    uint64_t take = count < 0 ? 0 : (uint64_t)count;
    if (take > left)
        take = left;
    if (take > 0)
        memcpy(out, source->bytes + source->at, take);
    source->at += take;
    return (tmsize_t)take;
}

static tmsize_t write_source(thandle_t handle, void *in, tmsize_t count)
{
    (void)handle, (void)in, (void)count;
    return -1;
}

static toff_t seek_source(thandle_t handle, toff_t offset, int from)
{
    struct source *source = handle;
    source->at = offset + (from == SEEK_CUR ? source->at : from == SEEK_END ? source->size : 0);
    return source->at;
}

static int close_source(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_source(thandle_t handle)
{
    return ((struct source *)handle)->size;
}

/* The bytes themselves: libtiff only reads what it has mapped. */
static int map_source(thandle_t handle, void **base, toff_t *size)
{
    struct source *source = handle;
    *base = (void *)(uintptr_t)source->bytes;
    *size = source->size;
    return 1;
}

static void unmap_source(thandle_t handle, void *base, toff_t size)
{
    (void)handle, (void)base, (void)size;
}

/* Handlers of one picture and a limit on its memory came with libtiff 4.5. Before, messages are silenced for all. */
#if defined TIFFLIB_VERSION && TIFFLIB_VERSION >= 20221213
static int note_error(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    (void)tiff, (void)module;
    struct source *source = user;
    if (!source->text[0])
        vsnprintf(source->text, sizeof source->text, format, arguments);
    return 1;
}

static int no_warning(TIFF *tiff, void *user, const char *module, const char *format, va_list arguments)
{
    (void)tiff, (void)user, (void)module, (void)format, (void)arguments;
    return 1;
}

/* "rc": strips as they are in the file, not cut into smaller ones. */
static TIFF *open_source(struct source *source, size_t most)
{
    TIFFOpenOptions *options = TIFFOpenOptionsAlloc();
    if (!options)
        return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(options, (tmsize_t)most);
    TIFFOpenOptionsSetErrorHandlerExtR(options, note_error, source);
    TIFFOpenOptionsSetWarningHandlerExtR(options, no_warning, source);
    TIFF *tiff = TIFFClientOpenExt("photo", "rc", source, read_source, write_source, seek_source, close_source,
                                   size_source, map_source, unmap_source, options);
    TIFFOpenOptionsFree(options);
    return tiff;
}
#else
static void silence_all(void)
{
    TIFFSetErrorHandler(NULL);
    TIFFSetWarningHandler(NULL);
}

static TIFF *open_source(struct source *source, size_t most)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)most;
    pthread_once(&once, silence_all);
    return TIFFClientOpen("photo", "rc", source, read_source, write_source, seek_source, close_source, size_source,
                          map_source, unmap_source);
}
#endif

static enum status tiff_failed(const struct source *source, struct error *err)
{
    return image_not_decoded(&image_tiff, source->text, err);
}

/* Does libtiff see the page that tiff_directory_read saw? */
static bool same_page(TIFF *tiff, const struct tiff_directory *page)
{
    uint32_t width = 0, height = 0;
    uint16_t bits = 0, samples = 0, planar = 0, compression = 0;
    TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &height);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &bits);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &samples);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &planar);
    TIFFGetFieldDefaulted(tiff, TIFFTAG_COMPRESSION, &compression);
    return width == page->width && height == page->height && bits == page->bits && samples == page->samples &&
           (planar == PLANARCONFIG_SEPARATE && samples > 1) == page->planar && compression == page->compression &&
           (TIFFIsTiled(tiff) != 0) == page->tiled;
}

/* Reads the strip or tile that holds pixel (y, x), all planes of it, to block[planes][bytes of one]. */
static bool read_block(uint8_t *block, size_t plane, TIFF *tiff, const struct tiff_directory *page, uint32_t y,
                       uint32_t x)
{
    uint16_t planes = page->planar ? (uint16_t)page->samples : 1;
    for (uint16_t s = 0; s < planes; s++) {
        uint8_t *to = block + s * plane;
        tmsize_t got = page->tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, x, y, 0, s), to, (tmsize_t)plane)
                                   : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, y, s), to, (tmsize_t)plane);
        if (got < 0)
            return false;
    }
    return true;
}

static enum status decode_blocks(struct image *image, TIFF *tiff, const struct tiff_directory *page,
                                 const struct source *source, struct error *err)
{
    struct tiff_colours colours;
    void *block;
    size_t bytes = (size_t)block_bytes(page), plane = bytes / (page->planar ? page->samples : 1);
    if (!tiff_colours_set(&colours, tiff, page))
        return error_set(err, ERR_DATA, "TIFF with a palette that is missing");
    tmsize_t need = page->tiled ? TIFFTileSize(tiff) : TIFFStripSize(tiff);
    if (need < 1 || (size_t)need != plane)
        return source->text[0] ? tiff_failed(source, err)
                               : error_set(err, ERR_DATA, "TIFF with strips of %lld bytes, %zu are expected",
                                           (long long)need, plane);
    enum status status = memory_alloc(&block, bytes, 1, "a photo", err);
    if (status != OK)
        return status;
    int rows = (int)page->block_height, columns = (int)page->block_width;
    size_t row_bytes = plane / (size_t)rows;
    for (int64_t y = 0; y < image->height && status == OK; y += rows)
        for (int64_t x = 0; x < image->width && status == OK; x += columns) {
            if (!read_block(block, plane, tiff, page, (uint32_t)y, (uint32_t)x)) {
                status = tiff_failed(source, err);
                break;
            }
            int count = columns < image->width - x ? columns : image->width - (int)x;
            for (int down = 0; down < rows && down < image->height - y; down++)
                tiff_row_to_rgb(image->pixels + 3 * ((size_t)(y + down) * (size_t)image->width + (size_t)x),
                                (uint8_t *)block + (size_t)down * row_bytes, plane, count, &colours);
        }
    memory_free(block);
    return status;
}

static enum status decode_rgba(struct image *image, TIFF *tiff, const struct tiff_directory *page,
                               const struct source *source, struct error *err)
{
    void *raster;
    size_t pixels = (size_t)image->height * (size_t)image->width;
    enum status status = memory_alloc(&raster, pixels, sizeof(uint32_t), "a photo", err);
    if (status != OK)
        return status;
    /* Asked for in the orientation that it has, it is not turned. */
    if (!TIFFReadRGBAImageOriented(tiff, (uint32_t)image->width, (uint32_t)image->height, raster,
                                   page->orientation ? page->orientation : ORIENTATION_TOPLEFT, 1))
        status = tiff_failed(source, err);
    const uint32_t *from = raster;
    for (size_t i = 0; i < pixels && status == OK; i++) {
        image->pixels[3 * i] = (uint8_t)TIFFGetR(from[i]);
        image->pixels[3 * i + 1] = (uint8_t)TIFFGetG(from[i]);
        image->pixels[3 * i + 2] = (uint8_t)TIFFGetB(from[i]);
    }
    memory_free(raster);
    return status;
}

static enum status decode_page(struct image *image, TIFF *tiff, const struct tiff_directory *page,
                               const struct source *source, struct error *err)
{
    if (!same_page(tiff, page))
        return error_set(err, ERR_DATA, "TIFF whose directory can be read in two ways");
    if (through_rgba(page))
        return decode_rgba(image, tiff, page, source, err);
    if (page->photometric == TIFF_YCBCR)
        TIFFSetField(tiff, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
    return decode_blocks(image, tiff, page, source, err);
}

static enum status tiff_decode(struct image *out, const struct image_info *info, const uint8_t *bytes, size_t size,
                               int shift, struct error *err)
{
    (void)shift;
    bool more;
    void *pixels;
    struct tiff_directory page;
    struct source source = {.bytes = bytes, .size = size};
    enum status status = tiff_directory_read(&page, &more, bytes, size, size, err);
    if (status == OK)
        status = memory_alloc(&pixels, (size_t)info->height * (size_t)info->width, 3, "a photo", err);
    if (status != OK)
        return status;
    struct image image = {.height = info->height, .width = info->width, .pixels = pixels};
    TIFF *tiff = open_source(&source, (info->held > size ? info->held : size) + (size_t)spare_tile);
    status = tiff ? decode_page(&image, tiff, &page, &source, err) : tiff_failed(&source, err);
    if (tiff)
        TIFFClose(tiff);
    if (status == OK)
        *out = image;
    else
        memory_free(pixels);
    return status;
}

static size_t tiff_held(const struct image_info *info)
{
    return info->held + (1 << 20);
}

/* "LIBTIFF, Version 4.5.0", and a copyright in the next line. */
static const char *tiff_library(void)
{
    static _Thread_local char text[40];
    int major = 0, minor = 0, patch = 0;
    if (sscanf(TIFFGetVersion(), "LIBTIFF, Version %d.%d.%d", &major, &minor, &patch) < 2)
        return "libtiff";
    snprintf(text, sizeof text, "libtiff %d.%d.%d", major, minor, patch);
    return text;
}

const struct image_codec image_tiff = {.name = "TIFF",
                                       .library = tiff_library,
                                       .recognises = tiff_recognises,
                                       .examine = tiff_examine,
                                       .whole = tiff_whole,
                                       .decode = tiff_decode,
                                       .held = tiff_held};

#else

static const char *tiff_missing(void)
{
    return "this build lacks libtiff; build it with libtiff-dev, or convert the photo";
}

const struct image_codec image_tiff = {
    .name = "TIFF", .missing = tiff_missing, .library = tiff_missing, .recognises = tiff_recognises};

#endif
