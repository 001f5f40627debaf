/* JPEG: what can be known of one from its markers (ITU T.81, annex B), without decoding it. */
#define _GNU_SOURCE
#include "core/data/image_format.h"

#include <string.h>

#include "core/base/byte_order.h"
#include "core/data/exif.h"

/* Scans that a JPEG may have. A photo has 1 to about 12; a bomb has tens of thousands, and each costs a pass over all
 * pixels. Large pictures get fewer. */
enum { JPEG_SCANS_FEW = 30, JPEG_SCANS_MANY = 500 };
#define JPEG_SCAN_PIXELS 2e9

static bool jpeg_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 3 && memcmp(bytes, "\xFF\xD8\xFF", 3) == 0;
}

enum {
    SOF0 = 0xC0,
    SOF2 = 0xC2,
    SOF3 = 0xC3,
    DHT = 0xC4,
    SOF7 = 0xC7,
    JPG = 0xC8,
    SOF9 = 0xC9,
    SOF10 = 0xCA,
    SOF11 = 0xCB,
    DAC = 0xCC,
    SOF15 = 0xCF,
    SOI = 0xD8,
    EOI = 0xD9,
    SOS = 0xDA,
    APP1 = 0xE1
};

/* The kinds of coding that no decoder here can do, by the frame's marker (T.81, table B.1). */
static const char *jpeg_not_decoded(int marker)
{
    if (marker == SOF3 || marker == SOF7 || marker == SOF11 || marker == SOF15)
        return "lossless JPEG, which is not read; convert it";
    if (marker == SOF9 || marker == SOF10)
        return image_jpeg_arithmetic() ? NULL : "JPEG with arithmetic coding, which is not read; convert it";
    return marker <= SOF2 ? NULL : "hierarchical JPEG, which is not read; convert it";
}

static enum status jpeg_frame(struct image_info *info, int marker, const uint8_t *body, size_t length,
                              const struct image_options *options, struct error *err)
{
    const char *reason = jpeg_not_decoded(marker);
    if (info->height)
        return error_set(err, ERR_DATA, "JPEG with two frames");
    if (reason)
        return error_set(err, ERR_DATA, "%s", reason);
    if (length < 6)
        return error_set(err, ERR_DATA, "JPEG with a frame header of %zu bytes", length);
    if (body[0] != 8)
        return error_set(err, ERR_DATA, "JPEG with %d bits a sample; 8 are read", body[0]);
    if (body[5] != 1 && body[5] != 3 && body[5] != 4)
        return error_set(err, ERR_DATA, "JPEG with %d channels; 1, 3 and 4 are read", body[5]);
    info->channels = body[5];
    info->progressive = marker == SOF2 || marker == SOF10;
    return image_size_set(info, get_big16(body + 1), get_big16(body + 3), options, err);
}

/* The next marker at or behind *at, skipping what libjpeg skips; 0 when the bytes end first. *at is then behind it. */
static int jpeg_marker(size_t *at, const uint8_t *bytes, size_t have)
{
    size_t i = *at;
    for (;;) {
        const uint8_t *found = i < have ? memchr(bytes + i, 0xFF, have - i) : NULL;
        if (!found)
            return 0;
        i = (size_t)(found - bytes);
        while (i < have && bytes[i] == 0xFF)
            i++;
        if (i >= have)
            return 0;
        if (bytes[i] != 0) {
            *at = i + 1;
            return bytes[i];
        }
    }
}

static bool jpeg_marker_alone(int marker)
{
    return marker == 0x01 || (marker >= 0xD0 && marker <= SOI);
}

/* What APP1 segments hold. */
struct metadata {
    const uint8_t *exif, *xmp;
    size_t exif_size, xmp_size;
};

/* EXIF that is too long for one segment goes on in the next one, but its first directory is in the first. XMP has one
 * segment; Pillow takes the last. */
static void metadata_add(struct metadata *metadata, const uint8_t *body, size_t size)
{
    static const char exif[] = "Exif\0", xmp[] = "http://ns.adobe.com/xap/1.0/";
    if (size > sizeof exif && memcmp(body, exif, sizeof exif) == 0 && !metadata->exif) {
        metadata->exif = body;
        metadata->exif_size = size;
    } else if (size > sizeof xmp && memcmp(body, xmp, sizeof xmp) == 0) {
        metadata->xmp = body + sizeof xmp;
        metadata->xmp_size = size - sizeof xmp;
    }
}

static enum status jpeg_examine(struct image_info *info, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                const struct image_options *options, struct error *err)
{
    size_t at = 2;
    struct metadata metadata = {0};
    for (;;) {
        int marker = jpeg_marker(&at, bytes, have);
        if (marker == 0 || (!jpeg_marker_alone(marker) && marker != EOI && have - at < 2))
            break;
        if (jpeg_marker_alone(marker))
            continue;
        if (marker == EOI)
            return error_set(err, ERR_DATA, "JPEG without a picture in it");
        size_t length = get_big16(bytes + at);
        if (length < 2)
            return error_set(err, ERR_DATA, "JPEG with a segment of %zu bytes at byte %zu", length, at);
        if (length > have - at)
            break;
        const uint8_t *body = bytes + at + 2;
        if (marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC) {
            enum status status = jpeg_frame(info, marker, body, length - 2, options, err);
            if (status != OK)
                return status;
        } else if (marker == APP1) {
            metadata_add(&metadata, body, length - 2);
        } else if (marker == SOS) {
            if (!info->height)
                return error_set(err, ERR_DATA, "JPEG whose picture begins before its size is told");
            info->progressive = info->progressive || length < 3 || body[0] < info->channels; /* a scan for each */
            info->data = at + length;
            info->orientation =
                orientation_of_metadata(metadata.exif, metadata.exif_size, metadata.xmp, metadata.xmp_size);
            return OK;
        }
        at += length;
    }
    if (have < size) {
        *more = true;
        return OK;
    }
    return error_set(err, ERR_DATA, "truncated: the JPEG ends within its header, at byte %zu", size);
}

/* Huffman tables of a DHT segment: none may have more than 256 codes, which stb_image does not check itself. */
static bool jpeg_tables_fit(const uint8_t *body, size_t length)
{
    enum { HEAD = 17 };
    while (length >= HEAD) {
        size_t codes = 0;
        for (int i = 1; i < HEAD; i++)
            codes += body[i];
        if (codes > 256 || codes > length - HEAD)
            return false;
        body += HEAD + codes;
        length -= HEAD + codes;
    }
    return length == 0;
}

static enum status jpeg_whole(struct image_info *info, const uint8_t *bytes, size_t size, struct error *err)
{
    double most = JPEG_SCAN_PIXELS / ((double)info->height * info->width);
    most = most < JPEG_SCANS_FEW ? JPEG_SCANS_FEW : most > JPEG_SCANS_MANY ? JPEG_SCANS_MANY : most;
    size_t at = 2, scans = 0;
    int marker;
    while ((marker = jpeg_marker(&at, bytes, size)) != 0 && marker != EOI) {
        if (jpeg_marker_alone(marker))
            continue;
        size_t length = size - at < 2 ? SIZE_MAX : get_big16(bytes + at);
        if (length > size - at)
            break;
        if (marker == DHT && (length < 2 || !jpeg_tables_fit(bytes + at + 2, length - 2)))
            return error_set(err, ERR_DATA, "JPEG is damaged: the Huffman table at byte %zu", at);
        if (marker == SOS && (double)++scans > most)
            return error_set(err, ERR_DATA, "JPEG with more than %.0f scans, refused", most);
        at += length;
    }
    info->cut = marker != EOI;
    return OK;
}

static bool jpeg_end_seen(const struct image_info *info, const uint8_t *tail, size_t from, size_t have)
{
    size_t skip = info->data > from ? info->data - from : 0;
    return skip < have && memmem(tail + skip, have - skip, "\xFF\xD9", 2) != NULL;
}

const struct image_codec image_jpeg = {.name = "JPEG",
                                       .library = image_jpeg_library,
                                       .recognises = jpeg_recognises,
                                       .examine = jpeg_examine,
                                       .end_seen = jpeg_end_seen,
                                       .whole = jpeg_whole,
                                       .decode = image_decode_jpeg,
                                       .held = image_held_jpeg,
                                       .shrinks = IMAGE_JPEG_SHRINKS};
