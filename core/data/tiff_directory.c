#include "core/data/tiff_directory.h"

#include <string.h>

#include "core/base/byte_order.h"

enum tag {
    IMAGE_WIDTH = 256,
    IMAGE_LENGTH = 257,
    BITS_PER_SAMPLE = 258,
    COMPRESSION = 259,
    PHOTOMETRIC = 262,
    STRIP_OFFSETS = 273,
    ORIENTATION = 274,
    SAMPLES_PER_PIXEL = 277,
    ROWS_PER_STRIP = 278,
    STRIP_BYTE_COUNTS = 279,
    PLANAR_CONFIGURATION = 284,
    TILE_WIDTH = 322,
    TILE_LENGTH = 323,
    TILE_OFFSETS = 324,
    TILE_BYTE_COUNTS = 325,
    EXTRA_SAMPLES = 338,
    SAMPLE_FORMAT = 339,
    XMP = 700
};

/* The bytes that are there, and how numbers stand in them. */
struct source {
    const uint8_t *bytes;
    size_t have, size;
    bool big_endian, big_tiff;
    bool *more;
    struct error *err;
};

/* The values of an entry: `count` numbers of `width` bytes. NULL `values` where the tag is missing. */
struct entry {
    const uint8_t *values;
    uint64_t count;
    size_t width;
};

bool tiff_recognises(const uint8_t *bytes, size_t have)
{
    return have >= 4 && (memcmp(bytes, "II*\0", 4) == 0 || memcmp(bytes, "MM\0*", 4) == 0 ||
                         memcmp(bytes, "II+\0", 4) == 0 || memcmp(bytes, "MM\0+", 4) == 0);
}

static uint64_t number(const struct source *source, const uint8_t *at, size_t width)
{
    return source->big_endian ? get_big(at, width) : get_little(at, width);
}

/* Bytes [at, at + length) of the file, or NULL with *status said: OK with *more, or ERR_DATA. */
static const uint8_t *look(const struct source *source, uint64_t at, uint64_t length, enum status *status)
{
    if (at <= source->have && length <= source->have - at)
        return source->bytes + at;
    *status = OK;
    if (at <= source->size && length <= source->size - at)
        *source->more = true;
    else
        *status = error_set(source->err, ERR_DATA, "truncated: TIFF of %zu bytes, its directory points behind them",
                            source->size);
    return NULL;
}

static size_t type_width(unsigned type)
{
    enum { BYTE = 1, SHORT = 3, LONG = 4, UNDEFINED = 7, IFD = 13, LONG8 = 16, IFD8 = 18 };
    switch (type) {
    case BYTE:
    case UNDEFINED:
        return 1;
    case SHORT:
        return 2;
    case LONG:
    case IFD:
        return 4;
    case LONG8:
    case IFD8:
        return 8;
    default:
        return 0;
    }
}

/* Entries of the directory: `count` of `width` bytes each. */
struct directory {
    const uint8_t *entries;
    uint64_t count;
    size_t width;
};

/* Finds the tag's values; *found is empty where there is none.
 * False when a look at more is due or it makes no sense. */
static bool find(struct entry *found, const struct source *source, const struct directory *directory, enum tag tag,
                 enum status *status)
{
    size_t field = source->big_tiff ? 8 : 4; /* bytes of a count, and of values that stand in the entry */
    *found = (struct entry){0};
    for (uint64_t i = 0; i < directory->count; i++) {
        const uint8_t *entry = directory->entries + i * directory->width;
        if (number(source, entry, 2) != tag)
            continue;
        size_t width = type_width((unsigned)number(source, entry + 2, 2));
        uint64_t count = number(source, entry + 4, field);
        if (width == 0 || count == 0)
            continue;
        if (count > source->size / width) {
            *status = error_set(source->err, ERR_DATA, "TIFF with %llu values of tag %d", (unsigned long long)count,
                                (int)tag);
            return false;
        }
        const uint8_t *values = entry + 4 + field;
        if (count * width > field)
            values = look(source, number(source, values, field), count * width, status);
        *found = (struct entry){values, count, width};
        return values != NULL;
    }
    return true;
}

static uint64_t value_at(const struct source *source, const struct entry *entry, uint64_t i)
{
    return number(source, entry->values + i * entry->width, entry->width);
}

/* The first value of each of these tags, or what stands for a missing one. */
static bool read_numbers(struct tiff_directory *out, const struct source *source, const struct directory *directory,
                         enum status *status)
{
    uint64_t planar = 1, orientation = 0, tile_width = 0, tile_height = 0, rows = UINT64_MAX;
    *out = (struct tiff_directory){.bits = 1, .samples = 1, .compression = 1, .sample_format = 1};
    const struct {
        enum tag tag;
        uint64_t *value;
    } fields[] = {
        {IMAGE_WIDTH, &out->width},         {IMAGE_LENGTH, &out->height},     {BITS_PER_SAMPLE, &out->bits},
        {COMPRESSION, &out->compression},   {PHOTOMETRIC, &out->photometric}, {ORIENTATION, &orientation},
        {SAMPLES_PER_PIXEL, &out->samples}, {ROWS_PER_STRIP, &rows},          {PLANAR_CONFIGURATION, &planar},
        {TILE_WIDTH, &tile_width},          {TILE_LENGTH, &tile_height},      {SAMPLE_FORMAT, &out->sample_format}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        struct entry entry;
        if (!find(&entry, source, directory, fields[i].tag, status))
            return false;
        if (!entry.values)
            continue;
        *fields[i].value = value_at(source, &entry, 0);
        bool a_sample_each = fields[i].tag == BITS_PER_SAMPLE || fields[i].tag == SAMPLE_FORMAT;
        for (uint64_t k = 1; a_sample_each && k < entry.count; k++)
            if (value_at(source, &entry, k) != *fields[i].value) {
                *status = error_set(source->err, ERR_DATA, "TIFF whose samples differ in bits or format");
                return false;
            }
    }
    out->tiled = tile_width > 0 || tile_height > 0;
    out->block_width = out->tiled ? tile_width : out->width;
    out->block_height = out->tiled ? tile_height : rows > out->height ? out->height : rows;
    out->planar = planar == 2 && out->samples > 1;
    out->orientation = orientation <= 8 ? (int)orientation : 1;
    return true;
}

/* ExtraSamples; four samples of RGB without it are taken for RGB and alpha, as by Pillow. */
static bool read_alpha(struct tiff_directory *out, const struct source *source, const struct directory *directory,
                       enum status *status)
{
    enum { UNSPECIFIED = 0, COREL = 999 };
    struct entry extra;
    if (!find(&extra, source, directory, EXTRA_SAMPLES, status))
        return false;
    uint64_t colours = out->photometric == TIFF_SEPARATED                               ? 4
                       : out->photometric == TIFF_RGB || out->photometric == TIFF_YCBCR ? 3
                                                                                        : 1;
    uint64_t kind = extra.values                                                  ? value_at(source, &extra, 0)
                    : out->photometric == TIFF_RGB && out->samples == colours + 1 ? (uint64_t)TIFF_UNASSOCIATED
                                                                                  : UNSPECIFIED;
    if (out->samples <= colours || out->photometric == TIFF_SEPARATED || out->photometric == TIFF_YCBCR)
        kind = UNSPECIFIED;
    out->alpha = kind == TIFF_ASSOCIATED                      ? TIFF_ASSOCIATED
                 : kind == TIFF_UNASSOCIATED || kind == COREL ? TIFF_UNASSOCIATED
                                                              : TIFF_NO_ALPHA;
    return true;
}

/* Where the last strip or tile ends. Old files do not say how long their strips are. */
static bool read_end(struct tiff_directory *out, const struct source *source, const struct directory *directory,
                     enum status *status)
{
    struct entry offsets, counts;
    if (!find(&offsets, source, directory, out->tiled ? TILE_OFFSETS : STRIP_OFFSETS, status) ||
        !find(&counts, source, directory, out->tiled ? TILE_BYTE_COUNTS : STRIP_BYTE_COUNTS, status))
        return false;
    if (!offsets.values) {
        *status = error_set(source->err, ERR_DATA, "TIFF without a picture in it");
        return false;
    }
    for (uint64_t i = 0; i < offsets.count; i++) {
        uint64_t begin = value_at(source, &offsets, i);
        uint64_t length = counts.values && i < counts.count ? value_at(source, &counts, i) : 0;
        uint64_t end = length > UINT64_MAX - begin ? UINT64_MAX : begin + length;
        if (end > out->end)
            out->end = end;
    }
    return true;
}

static bool read_xmp(struct tiff_directory *out, const struct source *source, const struct directory *directory,
                     enum status *status)
{
    struct entry xmp;
    if (!find(&xmp, source, directory, XMP, status))
        return false;
    out->xmp = xmp.values;
    out->xmp_size = xmp.values ? (size_t)(xmp.count * xmp.width) : 0;
    return true;
}

static bool find_directory(struct directory *out, const struct source *source, enum status *status)
{
    size_t field = source->big_tiff ? 8 : 4, prefix = source->big_tiff ? 8 : 2;
    const uint8_t *head = look(source, 0, source->big_tiff ? 16 : 8, status);
    if (!head)
        return false;
    uint64_t at = number(source, head + (source->big_tiff ? 8 : 4), field);
    const uint8_t *count = look(source, at, prefix, status);
    if (!count)
        return false;
    *out = (struct directory){.count = number(source, count, prefix), .width = source->big_tiff ? 20 : 12};
    if (out->count > source->size / out->width) {
        *status = error_set(source->err, ERR_DATA, "truncated: TIFF of %zu bytes with %llu entries in its directory",
                            source->size, (unsigned long long)out->count);
        return false;
    }
    out->entries = look(source, at + prefix, out->count * out->width, status);
    return out->entries != NULL;
}

enum status tiff_directory_read(struct tiff_directory *out, bool *more, const uint8_t *bytes, size_t have, size_t size,
                                struct error *err)
{
    struct source source = {.bytes = bytes, .have = have, .size = size, .more = more, .err = err};
    struct directory directory;
    enum status status = OK;
    *more = false;
    if (!look(&source, 0, 4, &status))
        return status;
    source.big_endian = bytes[0] == 'M';
    source.big_tiff = memchr(bytes, '+', 4) != NULL;
    if (find_directory(&directory, &source, &status) && read_numbers(out, &source, &directory, &status) &&
        read_alpha(out, &source, &directory, &status) && read_end(out, &source, &directory, &status))
        (void)read_xmp(out, &source, &directory, &status);
    return status;
}
