/* Photos from bytes to RGB: JPEG, PNG, BMP, WebP, GIF, TIFF, HEIC and AVIF, judged by their content, never by their
 * name. Of an animation the first frame is read, of a TIFF the first page, of HEIC and AVIF the primary picture.
 *
 * What a pixel is, whatever the file holds (Pillow's convert("RGB") where nothing else is said):
 *   grey, palette   r = g = b; the palette's colour
 *   alpha           composited over white, (c*a + 255*(255-a)) / 255 rounded, where Pillow drops it; also a palette's
 *                   transparency and a colour key. A 32-bit BMP without an alpha mask has no alpha
 *   16 bits         the high byte, where Pillow cuts grey ones off at 255
 *   JPEG            islow DCT and smooth chroma upsampling, which is what Pillow sees, when built with libjpeg-turbo;
 *                   built with stb_image alone, 0.02 grey levels away on average
 *   CMYK, YCCK      ink is stored inverted (as Adobe does, marked or not): r = (255-c)*(255-k)/255
 *   HEIC, AVIF      decoded by libheif, converted as pillow-heif (HEIC) and Pillow (AVIF) see it: ycbcr.h
 *   ICC, gamma      ignored
 *   EXIF            orientation 1..8 is applied (JPEG APP1, PNG eXIf), or ignored as torchvision does
 *
 * A file that ends early is an error, not a half-grey picture, and its reason begins with "truncated:". Where only the
 * end mark (JPEG EOI, PNG IEND) is missing and every row is there, it is decoded. So is what is damaged within and what
 * Pillow decodes too: a JPEG whose data libjpeg complains about, a PNG with a wrong checksum in a chunk that holds no
 * pixels. image.damaged says so of both. A wrong checksum in one of PNG's critical chunks is an error. Bytes behind the
 * end mark are ignored. Sizes are checked from the header, before anything is decoded. (A build with stb_image in the
 * place of libjpeg or libpng cannot tell: it refuses a JPEG or PNG without end mark, and sees no damage in a JPEG.)
 *
 * Errors here are about one photo, and their text is the reason alone, without the path ("truncated: ..."), so that
 * it can stand in a table beside the path: ERR_DATA for its content, which stays as it is; ERR_NOINPUT or ERR_IO for
 * reading it, which may go well another time; ERR_SYSTEM alone is about us (no memory, no descriptors).
 */
#ifndef FREEZETUNE_IMAGE_H
#define FREEZETUNE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/error.h"

#define IMAGE_MAX_SIDE 65535              /* pixels, each way: what a JPEG can have */
#define IMAGE_MAX_PIXELS 210000000        /* the default of image_options.max_pixels */
#define IMAGE_MAX_BYTES ((size_t)1 << 30) /* a larger file is not read as a photo */

/* A picture that was decoded at a half, a quarter or an eighth (shift 1, 2, 3): each pixel stands for 2^shift x 2^shift
 * of the photo's. Where the photo ends within a pixel, `trim` says by how many of its own pixels the picture goes
 * beyond it. See reduce.h. */
struct image {
    int height, width;
    uint8_t *pixels; /* [H,W,3] RGB */
    int shift;
    struct image_trim {
        int top, left, bottom, right;
    } trim;
    bool damaged; /* it was decoded all the same: see above */
};

struct image_codec; /* a format that is read, see image_format.h */

/* What the first bytes of a file say that it is. */
enum image_kind {
    IMAGE_NO_PICTURE,
    IMAGE_NOT_READ, /* a picture in a format that this build does not read */
    IMAGE_READ      /* a picture in one that it reads, well or damaged */
};

/* What is known of a photo before it is decoded. */
struct image_info {
    const struct image_codec *codec;
    int height, width; /* as stored, before any rotation; 1..IMAGE_MAX_SIDE */
    int orientation;   /* 1..8 as EXIF counts; 1 when nothing is told */
    /* JPEG: first byte behind the header of the first scan; BMP: first byte of the pixels; PNG: first byte of the chunk
     * within which it is cut; the formats of other libraries: the first byte behind all that the photo needs, also
     * where the file ends before. */
    size_t data;
    size_t held;          /* TIFF, HEIC, AVIF: bytes that decoding holds beside the pixels */
    bool own_orientation; /* `orientation` is the format's own and no EXIF: ignore_exif does not concern it */
    int bits;             /* BMP: of a pixel */
    bool alpha;           /* WebP: its pixels have one */
    bool packed;          /* BMP: in runs, whose end the decoder sees */
    int channels;         /* JPEG, PNG: as the decoder holds them, alpha included */
    bool progressive;     /* JPEG whose decoder holds all coefficients, PNG whose decoder holds all pixels */
    bool cut;             /* the end mark is missing: decoding shows whether rows are */
    bool damaged;         /* PNG with a wrong checksum on which no pixel depends */
};

struct image_options {
    bool ignore_exif;  /* leave the orientation as stored */
    size_t max_pixels; /* H*W beyond this is refused; 0 means IMAGE_MAX_PIXELS */
    /* For the cost in image_probe when photos are decoded smaller (reduce_shift_least); 0: at full size. */
    int fast_resize, fast_crop;
};

/* What a photo takes, in bytes: its file, and the memory that image_read needs at its highest, the file in it. `ends`
 * is a hash of the bytes that image_probe looked at: files of the same bytes have the same. */
struct image_cost {
    size_t file, memory;
    int64_t changed; /* the time of the file's last change (mtime), in ns since 1970 */
    uint64_t ends;
    enum image_kind kind; /* IMAGE_NO_PICTURE also for an empty file and one that cannot be read */
};

/* Enough bytes for image_kind to be sure. */
enum { IMAGE_KIND_BYTES = 32 };
enum image_kind image_kind(const uint8_t *bytes, size_t have);

/* "JPEG, PNG, BMP and WebP": the formats that are read, by this build on this machine. */
const char *image_formats_read(void);

/* Every format that can be read: its name, what decodes it, and why it is not read here (NULL when it is). */
struct image_format {
    const char *name, *library, *missing;
};
size_t image_format_count(void);
struct image_format image_format(size_t i);

/* Decodes one photo. Owned by the caller (image_free); untouched on failure. */
MUST_CHECK enum status image_decode(struct image *out, const uint8_t *bytes, size_t size,
                                    const struct image_options *options, struct error *err);

/* A photo in memory, looked through but not decoded. */
struct image_file {
    uint8_t *bytes;
    size_t size;
    int height, width; /* upright, or as stored with ignore_exif */
    struct image_info info;
};

/* Reads a file. FIFOs, devices and folders are refused without blocking. Free with image_file_close. */
MUST_CHECK enum status image_open(struct image_file *out, const char *path, const struct image_options *options,
                                  struct error *err);
void image_file_close(struct image_file *file);

/* Decodes it, a JPEG at 1 / 2^shift of its sides (0..3), where this build's decoder can: out->shift says. */
MUST_CHECK enum status image_load(struct image *out, const struct image_file *file, int shift,
                                  const struct image_options *options, struct error *err);

/* All of that, at full size. FIFOs, devices and folders are refused without blocking. */
MUST_CHECK enum status image_read(struct image *out, const char *path, const struct image_options *options,
                                  struct error *err);

void image_free(struct image *image);

/* What can be said of a photo from a few reads: ERR_DATA when it is no photo that we read, is too large, or ends early.
 * One without end mark is decoded to find that out. Never refuses what image_read accepts; what passes may still fail
 * to decode. *cost is filled as far as it is known, also on failure. */
MUST_CHECK enum status image_probe(const char *path, const struct image_options *options, struct image_cost *cost,
                                   struct error *err);

/* "libjpeg-turbo 2.1.5" or "stb_image", "libpng 1.6.39" or "stb_image": what decodes JPEG and PNG in this build. */
const char *image_jpeg_library(void);
const char *image_png_library(void);

#endif
