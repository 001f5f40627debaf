/* WebP, GIF, TIFF, HEIC and AVIF against Pillow (scripts/make_format_fixtures.py wrote the pictures) and with files
 * that are not well. What this build or this machine does not read is skipped. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/data/av1_header.h"
#include "core/data/heif_streams.h"
#include "core/data/hevc_header.h"
#include "core/data/image.h"
#include "tests/support/test_files.h"

#define FORMATS "tests/fixtures/formats"

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static const char *fixture(const char *name)
{
    return test_path(FORMATS, name);
}

/* Why photos of a format are not read here; NULL when they are. */
static const char *missing(const char *format)
{
    for (size_t i = 0; i < image_format_count(); i++)
        if (strcmp(image_format(i).name, format) == 0)
            return image_format(i).missing;
    fail_msg("no format %s", format);
    return NULL;
}

static const char *format_of(const char *name)
{
    static const struct {
        const char *suffix, *format;
    } known[] = {{".webp", "WebP"}, {".gif", "GIF"}, {".tif", "TIFF"}, {".heic", "HEIC"}, {".avif", "AVIF"}};
    const char *suffix = strrchr(name, '.');
    for (size_t i = 0; suffix && i < sizeof known / sizeof *known; i++)
        if (strcmp(suffix, known[i].suffix) == 0)
            return known[i].format;
    return NULL;
}

/* Skips the test, saying so, where a format is not read. */
static void need(const char *format)
{
    if (!missing(format))
        return;
    print_message("# skipped: %s: %s\n", format, missing(format));
    skip();
}

static void assert_fixture(const char *name)
{
    char expected_name[300];
    struct image image = {0};
    struct image_cost cost;
    struct error err = {0};
    snprintf(expected_name, sizeof expected_name, "%s.ppm", name);
    struct image expected = test_ppm(fixture(expected_name));
    if (image_read(&image, fixture(name), NULL, &err) != OK)
        fail_msg("%s: %s", name, err.text);
    if (image.height != expected.height || image.width != expected.width)
        fail_msg("%s: %dx%d, expected %dx%d", name, image.width, image.height, expected.width, expected.height);
    size_t pixels = (size_t)image.height * (size_t)image.width, differ = 0;
    for (size_t i = 0; i < 3 * pixels; i++)
        differ += image.pixels[i] != expected.pixels[i];
    if (differ > 0)
        fail_msg("%s: %zu of %zu values differ", name, differ, 3 * pixels);
    if (image_probe(fixture(name), NULL, &cost, &err) != OK)
        fail_msg("%s: probe: %s", name, err.text);
    assert_true(cost.memory - cost.file >= 3 * pixels);
    assert_int_equal(cost.kind, IMAGE_READ);
    image_free(&image);
    image_free(&expected);
}

/* A photo of a format that is not read is told from what is no photo, with what would help. */
static void assert_not_read(const char *name, const char *reason)
{
    struct image image;
    struct image_cost cost;
    struct error err = {0};
    assert_int_equal(image_read(&image, fixture(name), NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.text, reason));
    assert_int_equal(image_probe(fixture(name), NULL, &cost, &err), ERR_DATA);
    assert_int_equal(cost.kind, IMAGE_NOT_READ);
}

static void every_kind_of_photo_has_pillows_pixels(void **state)
{
    (void)state;
    struct dirent *entry;
    int photos = 0, skipped = 0;
    DIR *dir = opendir(FORMATS);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        const char *format = format_of(entry->d_name);
        if (!format)
            continue;
        if (missing(format)) {
            assert_not_read(entry->d_name, missing(format));
            skipped++;
            continue;
        }
        assert_fixture(entry->d_name);
        photos++;
    }
    closedir(dir);
    assert_true(photos + skipped >= 140);
    if (skipped > 0)
        print_message("# skipped: %d photos of formats that are not read here\n", skipped);
}

static void the_list_of_formats_says_what_is_read(void **state)
{
    (void)state;
    const char *list = image_formats_read();
    assert_ptr_equal(strstr(list, "JPEG, PNG, "), list);
    for (size_t i = 0; i < image_format_count(); i++) {
        struct image_format format = image_format(i);
        assert_true((strstr(list, format.name) != NULL) == (format.missing == NULL));
        assert_non_null(format.library);
    }
}

/* EXIF and XMP in WebP are ignored on demand, a TIFF's own tag is not: torchvision sees that one turned too. */
static void orientation_can_be_ignored_where_it_is_exif(void **state)
{
    (void)state;
    static const struct {
        const char *format, *name;
        int width;
    } photos[] = {{"WebP", "exif6.webp", 20}, {"WebP", "xmp5.webp", 20}, {"TIFF", "turned6.tif", 6}};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        struct image image;
        struct error err = {0};
        const struct image_options ignore = {.ignore_exif = true};
        if (missing(photos[i].format))
            continue;
        assert_int_equal(image_read(&image, fixture(photos[i].name), &ignore, &err), OK);
        assert_int_equal(image.width, photos[i].width);
        image_free(&image);
    }
}

/* The answer of decoder and probe about these bytes: ERR_DATA and one line with `reason`. */
static void assert_bad(const char *name, const void *bytes, size_t size, const char *reason, enum status probed)
{
    const char *path = test_path(folder, "bad");
    struct image image = {.height = 77};
    struct image_cost cost;
    struct error err = {0};
    uint8_t *exact = malloc(size ? size : 1); /* so that the sanitizer sees a read beyond */
    memcpy(exact, bytes, size);
    enum status status = image_decode(&image, exact, size, NULL, &err);
    free(exact);
    if (status != ERR_DATA || !strstr(err.text, reason) || strchr(err.text, '\n'))
        fail_msg("%s, %zu bytes: status %d, \"%s\", expected \"%s\"", name, size, status, err.text, reason);
    assert_int_equal(image.height, 77);
    assert_null(image.pixels);
    test_write(path, bytes, size);
    if (image_probe(path, NULL, &cost, &err) != probed)
        fail_msg("%s, %zu bytes: the probe says %s", name, size, probed == OK ? err.text : "OK");
}

static void a_file_cut_anywhere_is_truncated(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t least, spare; /* bytes that tell the format; bytes at the end that nobody misses */
    } photos[] = {{"lossy80.webp", 12, 0}, {"lossless_alpha.webp", 12, 0},   {"animated.webp", 12, 0},
                  {"palette7.gif", 6, 1},  {"frame_within_clear.gif", 6, 1}, {"rgb_tiff_lzw.tif", 4, 0},
                  {"bigtiff.tif", 4, 0},   {"tiles_planar.tif", 4, 0}};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        size_t size;
        const char *name = photos[i].name;
        if (missing(format_of(name)))
            continue;
        uint8_t *bytes = test_read(fixture(name), &size);
        size_t spare = photos[i].spare;
        /* What libtiff and Pillow write behind the directory is its values, which are looked at. */
        for (size_t cut = photos[i].least; cut < size - spare; cut += cut < 60 ? 1 : 1 + size / 40)
            assert_bad(name, bytes, cut, "truncated: ", ERR_DATA);
        assert_bad(name, bytes, size - spare - 1, "truncated: ", ERR_DATA);
        memory_free(bytes);
    }
}

/* What is damaged within says so, or is decoded to something: never more than that. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {
        "lossy80.webp",     "lossless_alpha.webp", "frame_within.webp", "interlaced.gif", "local_map.gif",
        "tiles_planar.tif", "predictor.tif",       "bits_group4.tif",   "grey_jpeg.tif",  "palette4.tif",
        "ycbcr_jpeg.tif",   "bigtiff.tif",         "ycbcr_deflate.tif"};
    const struct image_options options = {.max_pixels = 1 << 16};
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        if (missing(format_of(names[i])))
            continue;
        uint8_t *bytes = test_read(fixture(names[i]), &size), *changed = malloc(size);
        for (int round = 0; round < 300; round++) {
            memcpy(changed, bytes, size);
            for (int change = 0; change <= round % 3; change++) {
                seed = seed * 1664525 + 1013904223;
                changed[(seed >> 8) % (round % 2 || size < 64 ? size : 64)] = (uint8_t)(seed >> 24);
            }
            struct image image = {0};
            struct error err = {0};
            enum status status = image_decode(&image, changed, size, &options, &err);
            if (status != OK && (status != ERR_DATA || err.text[0] == '\0'))
                fail_msg("%s, round %d: status %d, %s", names[i], round, status, err.text);
            image_free(&image);
        }
        free(changed);
        memory_free(bytes);
    }
}

static void more_pixels_than_the_limit_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"lossy80.webp", "lossless_alpha.webp", "animated.webp",
                                        "palette7.gif", "animated.gif",        "tiles.tif",
                                        "bigtiff.tif",  "ycbcr_jpeg.tif",      "alpha.avif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct image image;
        struct image_cost cost;
        struct error err = {0};
        if (missing(format_of(names[i])))
            continue;
        assert_int_equal(image_read(&image, fixture(names[i]), NULL, &err), OK);
        size_t pixels = (size_t)image.height * (size_t)image.width;
        image_free(&image);
        const struct image_options enough = {.max_pixels = pixels}, few = {.max_pixels = pixels - 1};
        assert_int_equal(image_read(&image, fixture(names[i]), &enough, &err), OK);
        image_free(&image);
        assert_int_equal(image_read(&image, fixture(names[i]), &few, &err), ERR_DATA);
        assert_non_null(strstr(err.text, "in all"));
        assert_int_equal(image_probe(fixture(names[i]), &few, &cost, &err), ERR_DATA);
    }
}

/* Headers that claim more than we read, in files of a few bytes: refused before any memory is asked for. */
static void webp_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    need("WebP");
    uint8_t *bytes = test_read(fixture("lossy80.webp"), &size);
    memcpy(bytes + 26, "\xFF\x3F\xFF\x3F", 4);
    assert_bad("lossy80.webp", bytes, size, "16383x16383 pixels, more than ", ERR_DATA);
    memory_free(bytes);
    bytes = test_read(fixture("odd_chunk.webp"), &size);
    memcpy(bytes + 24, "\xFF\xFF\xFF\xFF\xFF\xFF", 6);
    assert_bad("odd_chunk.webp", bytes, size, "16777216x16777216 pixels, more than ", ERR_DATA);
    memcpy(bytes + 24, "\x14\0\0\x0B\0\0", 6);
    assert_bad("odd_chunk.webp", bytes, size, "WebP cannot be decoded", OK);
    memory_free(bytes);
    /* A frame that lies beyond the canvas. */
    bytes = test_read(fixture("frame_within.webp"), &size);
    uint8_t *frame = memmem(bytes, size, "ANMF", 4);
    assert_non_null(frame);
    frame[8] = 7;
    assert_bad("frame_within.webp", bytes, size, "with a frame of 11x9 at 14, 4", OK);
    memory_free(bytes);
}

static void gif_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    need("GIF");
    uint8_t *bytes = test_read(fixture("comment.gif"), &size);
    memcpy(bytes + 6, "\xFF\xFF\xFF\xFF", 4);
    assert_bad("comment.gif", bytes, size, "65535x65535 pixels, more than ", ERR_DATA);
    memcpy(bytes + 6, "\x0E\0\x0B\0", 4);
    uint8_t *frame = memmem(bytes, size, "you\0,", 5);
    assert_non_null(frame);
    memcpy(frame + 9, "\xFF\xFF\xFF\xFF", 4);
    assert_bad("comment.gif", bytes, size, "65535x65535 pixels, more than ", ERR_DATA);
    /* More rows than there are codes for. */
    memcpy(frame + 9, "\x0E\0\xFF\0", 4);
    assert_bad("comment.gif", bytes, size, "GIF cannot be decoded", OK);
    frame[4] = ';';
    assert_bad("comment.gif", bytes, size, "GIF without a picture in it", ERR_DATA);
    memory_free(bytes);
}

/* The value of a tag that stands in its entry. */
static uint8_t *tiff_value(uint8_t *bytes, size_t size, uint32_t tag)
{
    uint8_t *entry = bytes + get_little32(bytes + 4) + 2;
    for (; entry + 12 <= bytes + size; entry += 12)
        if (get_little16(entry) == tag)
            return entry + 8;
    fail_msg("no tag %u", tag);
    return NULL;
}

static void tiff_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t tag;
        const char *value, *reason;
        enum status probed;
    } changes[] = {
        {"tiles.tif", 322, "\xF0\xFF", "TIFF cannot be decoded", OK},
        {"tiles.tif", 262, "\x08\0", "TIFF with photometric interpretation 8", ERR_DATA},
        {"tiles.tif", 259, "\x06\0", "TIFF with compression 6, which is not read", ERR_DATA},
        {"tiles.tif", 277, "\x07\0", "TIFF with 7 samples a pixel of 8 bits", ERR_DATA},
        {"palette4.tif", 258, "\x0C\0", "TIFF with 1 samples a pixel of 12 bits", ERR_DATA},
        {"palette4.tif", 273, "\xF0\xFF\0\0", "truncated: TIFF of ", ERR_DATA},
        {"palette4.tif", 320, "\xF0\xFF\0\0", "TIFF cannot be decoded", OK},
    };
    need("TIFF");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        size_t size;
        uint8_t *bytes = test_read(fixture(changes[i].name), &size);
        uint8_t *value = tiff_value(bytes, size, changes[i].tag);
        memcpy(value, changes[i].value, get_little16(value - 6) == 3 ? 2 : 4);
        assert_bad(changes[i].name, bytes, size, changes[i].reason, changes[i].probed);
        memory_free(bytes);
    }
    size_t size;
    uint8_t *bytes = test_read(fixture("tiles.tif"), &size);
    memcpy(tiff_value(bytes, size, 322), "\xF0\xFF", 2);
    memcpy(tiff_value(bytes, size, 323), "\xF0\xFF", 2);
    assert_bad("tiles.tif", bytes, size, "TIFF with tiles of 65520x65520 pixels", ERR_DATA);
    memory_free(bytes);
}

static void heif_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    need("HEIC");
    uint8_t *bytes = test_read(fixture("s420.heic"), &size), *ispe = memmem(bytes, size, "ispe", 4);
    assert_non_null(ispe);
    memset(ispe + 8, 0xFF, 8);
    assert_bad("s420.heic", bytes, size, "4294967295x4294967295 pixels, more than ", ERR_DATA);
    memcpy(ispe, "ipse", 4);
    assert_bad("s420.heic", bytes, size, "HEIF that does not tell its size", ERR_DATA);
    memory_free(bytes);
}

/* With 16 bytes of header, the last 8 its length, which says less. */
static void a_heif_box_shorter_than_its_header_is_damaged(void **state)
{
    (void)state;
    uint8_t bytes[] = "\0\0\0\x14"
                      "ftypheic\0\0\0\0mif1"
                      "\0\0\0\1meta\0\0\0\0\0\0\0";
    need("HEIC");
    for (uint8_t length = 0; length < 16; length++) {
        bytes[sizeof bytes - 1] = length;
        assert_bad("a short box", bytes, sizeof bytes, "HEIF is damaged: the box at byte 20", ERR_DATA);
    }
}

/* The file says 64x64, its stream 8192x8192: a flat picture of that size is a file of 16 kB, and libheif and
 * libde265 took 400 MB for it before they said that it does not fit. */
static void a_hevc_stream_larger_than_its_picture_is_refused(void **state)
{
    (void)state;
    size_t size;
    need("HEIC");
    uint8_t *bytes = test_read("tests/fixtures/large_stream.heic", &size);
    static const char reason[] = "HEIC of 64x64 pixels whose HEVC header says 8192x8192";
    assert_bad("large_stream.heic", bytes, size, reason, ERR_DATA);

    /* hvcC: 22 bytes, how many arrays, and of each its kind (33), how many units and their lengths. libde265 knows a
     * unit by its own header and not by the array's kind. */
    uint8_t *record = memmem(bytes, size, "hvcC", 4), *array = memmem(record, 100, "\x61\0\1\0\x2d\x42\1", 7);
    assert_non_null(array);
    array[0] = 39;
    assert_bad("an array of another kind", bytes, size, reason, ERR_DATA);

    /* The parameter set at the head of the stream instead. */
    enum { PREFIX = 4, SET = 45 };
    uint8_t *set = array + 5, *data = (uint8_t *)memmem(bytes, size, "mdat", 4) + 4;
    size_t left = size - (size_t)(data - bytes) - PREFIX - SET - PREFIX;
    memcpy(data, "\0\0\0\x2d", PREFIX);
    memcpy(data + PREFIX, set, SET);
    memcpy(data + PREFIX + SET, (uint8_t[]){0, 0, (uint8_t)(left >> 8), (uint8_t)left}, PREFIX);
    set[0] = 39 << 1; /* a message, of no effect */
    assert_bad("a parameter set in the stream", bytes, size, reason, OK);

    uint64_t width = 0, height = 0;
    data[PREFIX + 1] |= 1 << 3; /* of another layer */
    hevc_stream_size(&width, &height, data, size - (size_t)(data - bytes));
    assert_int_equal(width, 0);
    memory_free(bytes);
}

/* The file says 40x30 or 128x64 pixels, and what libheif or libdav1d would allocate by says more:
 * refused without them. */
static void streams_and_grids_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    need("AVIF");
    /* The sequence header of a still picture: 4 bits each for how long width and height are, then both less one. */
    uint8_t *bytes = test_read(fixture("s420.avif"), &size), *mdat = memmem(bytes, size, "mdat", 4);
    assert_non_null(mdat);
    uint8_t *header = mdat + 4 + (mdat[4] == 0x12 ? 2 : 0); /* behind a temporal delimiter */
    assert_int_equal(header[0], 0x0A);
    uint64_t width = 0, height = 0;
    av1_header_size(&width, &height, mdat + 4, size - (size_t)(mdat + 4 - bytes));
    assert_int_equal(width, 40);
    assert_int_equal(height, 30);
    assert_int_equal(header[2] & 8, 8); /* reduced_still_picture_header: profile 3 bits, two flags, level 5 bits */
    header[3] |= 0x3C;                  /* its width has 16 bits */
    assert_bad("s420.avif", bytes, size, "AVIF of 40x30 pixels whose AV1 header says ", OK);
    memory_free(bytes);
    /* A grid in idat: version, flags, rows, columns, width, height. */
    bytes = test_read("tests/fixtures/grid.avif", &size);
    struct image image = {0};
    struct error err = {0};
    if (image_decode(&image, bytes, size, NULL, &err) != OK)
        fail_msg("grid.avif: %s", err.text);
    assert_int_equal(image.width, 128);
    image_free(&image);
    uint8_t *grid = memmem(bytes, size, "\0\0\0\1\0\x80\0\x40", 8);
    assert_non_null(grid);
    memcpy(grid + 4, "\xFD\xE8\xFD\xE8", 4);
    assert_bad("grid.avif", bytes, size, "AVIF of 128x64 pixels whose grid says 65000x65000", OK);
    memory_free(bytes);
}

/* Each entry of iloc says that the item is all of the file. */
static void items_that_share_too_much_data_are_refused(void **state)
{
    (void)state;
    enum { MOST = 8, ENTRY = 6, VERSION = 4 };
    static const char iinf[] = "\0\0\0\x22iinf\0\0\0\0\0\1"
                               "\0\0\0\x14infe\2\0\0\0\0\1\0\0av01";
    static const char iloc[] = "\0\0\0\0iloc\0\0\0\0\0\0\0", entry[] = "\0\1\0\0\0\1";
    uint8_t bytes[VERSION + sizeof iinf + sizeof iloc + (MOST + 1) * ENTRY] = {0};
    uint8_t *box = bytes + VERSION + sizeof iinf - 1;
    memcpy(bytes + VERSION, iinf, sizeof iinf - 1);
    for (uint8_t count = 1; count <= MOST + 1; count++) {
        struct error err = {0};
        struct heif_streams streams;
        memcpy(box, iloc, sizeof iloc);
        box[3] = (uint8_t)(sizeof iloc + ENTRY * count);
        box[sizeof iloc - 1] = count;
        for (int i = 0; i < count; i++)
            memcpy(box + sizeof iloc + ENTRY * i, entry, ENTRY);
        size_t size = (size_t)(box - bytes) + box[3];
        const struct heif_primary primary = {.meta_end = size};
        enum status status = heif_streams_read(&streams, &primary, bytes, size, &err);
        if (status != (count > MOST ? ERR_DATA : OK))
            fail_msg("%d items: status %d, \"%s\"", count, status, err.text);
        if (count > MOST)
            assert_string_equal(err.text, "its items have more than 8 times the data of the file");
    }
}

/* The type that is checked must be the one that a decoder goes by. */
static void two_items_of_one_number_are_refused(void **state)
{
    (void)state;
    static const char meta[] = "\0\0\0\0"
                               "\0\0\0\x36iinf\0\0\0\0\0\2"
                               "\0\0\0\x14infe\2\0\0\0\0\7\0\0hvc1"
                               "\0\0\0\x14infe\2\0\0\0\0\7\0\0grid"
                               "\0\0\0\x10iloc\0\0\0\0\0\0\0";
    struct error err = {0};
    struct heif_streams streams;
    const struct heif_primary primary = {.meta_end = sizeof meta};
    assert_int_equal(heif_streams_read(&streams, &primary, (const uint8_t *)meta, sizeof meta, &err), ERR_DATA);
    assert_string_equal(err.text, "two of its items have number 7");
}

/* libheif takes the last box meta, the checks the first. */
static void a_second_directory_is_not_read(void **state)
{
    (void)state;
    size_t size;
    need("HEIC");
    uint8_t *bytes = test_read(fixture("s420.heic"), &size), *box = (uint8_t *)memmem(bytes, size, "meta", 4) - 4;
    size_t length = get_big32(box);
    uint8_t *both = malloc(size + length);
    memcpy(both, bytes, size);
    memcpy(both + size, box, length);
    uint8_t *ispe = memmem(both + size, length, "ispe", 4);
    assert_non_null(ispe);
    memcpy(ispe + 8, "\0\0\0\x20\0\0\0\x10", 8);
    struct image one = {0}, two = {0};
    struct error err = {0};
    if (image_decode(&one, bytes, size, NULL, &err) != OK || image_decode(&two, both, size + length, NULL, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(one.width, two.width);
    assert_int_equal(one.height, two.height);
    assert_memory_equal(one.pixels, two.pixels, 3 * (size_t)one.width * (size_t)one.height);
    image_free(&one);
    image_free(&two);
    free(both);
    memory_free(bytes);
}

/* Planes of another size than the header says are not looked at. */
static void planes_of_another_size_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *format, *name;
    } photos[] = {{"AVIF", "s420.avif"}, {"AVIF", "alpha.avif"}, {"HEIC", "8bit_444_full_0.heic"}};
    for (size_t i = 0; i < sizeof photos / sizeof *photos; i++) {
        size_t size;
        if (missing(photos[i].format))
            continue;
        uint8_t *bytes = test_read(fixture(photos[i].name), &size), *ispe = memmem(bytes, size, "ispe", 4);
        assert_non_null(ispe);
        ispe[11]++;
        assert_bad(photos[i].name, bytes, size, photos[i].format, OK);
        memory_free(bytes);
    }
}

/* Colours that are said to be premultiplied by an alpha that is none. */
static void premultiplied_without_alpha_is_opaque(void **state)
{
    (void)state;
    static const char kind[] = "auxiliary:alpha";
    size_t size;
    struct image image = {0};
    struct error err = {0};
    need("AVIF");
    uint8_t *bytes = test_read(fixture("premultiplied_10bit_422_full_12.avif"), &size);
    uint8_t *alpha = memmem(bytes, size, kind, sizeof kind - 1);
    assert_non_null(alpha);
    alpha[sizeof kind - 2] = 'b';
    assert_int_equal(image_decode(&image, bytes, size, NULL, &err), OK);
    assert_int_equal(image.width, 19);
    image_free(&image);
    memory_free(bytes);
}

/* A clap that leaves nothing, and one that goes beyond the picture, which leaves all of it. */
static void a_crop_is_kept_within_the_picture(void **state)
{
    (void)state;
    size_t size;
    struct image image = {0};
    struct error err = {0};
    need("HEIC");
    uint8_t *bytes = test_read(fixture("8bit_444_full_0.heic"), &size), *clap = memmem(bytes, size, "clap", 4);
    assert_non_null(clap);
    memcpy(clap + 4, "\0\0\xEA\x60", 4);
    memcpy(clap + 12, "\0\0\xEA\x60", 4);
    assert_int_equal(image_decode(&image, bytes, size, NULL, &err), OK);
    assert_int_equal(image.width, 64);
    assert_int_equal(image.height, 64);
    image_free(&image);
    memcpy(clap + 20, "\x7F\xFF\xFF\xFF", 4);
    assert_bad("clap", bytes, size, "0x", ERR_DATA);
    memory_free(bytes);
}

/* libdav1d says more about it, on stderr. */
static void damaged_avif_is_one_line(void **state)
{
    (void)state;
    static const char *const names[] = {"s420.avif", "s444.avif", "grey.avif"};
    need("AVIF");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        uint8_t *bytes = test_read(fixture(names[i]), &size), *data = memmem(bytes, size, "mdat", 4);
        assert_non_null(data);
        memset(data + 4, 0x5A, size - (size_t)(data + 4 - bytes));
        assert_bad(names[i], bytes, size, "AVIF cannot be decoded: ", OK);
        memory_free(bytes);
    }
}

/* mif1 is no answer: the next brand that is known is. */
static void brands_tell_heic_from_avif(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t size;
        const char *format;
    } files[] = {{"\0\0\0\x14"
                  "ftypheic\0\0\0\0mif1",
                  20, "HEIC"},
                 {"\0\0\0\x14"
                  "ftypavif\0\0\0\0mif1",
                  20, "AVIF"},
                 {"\0\0\0\x18"
                  "ftypmif1\0\0\0\0miafavif",
                  24, "AVIF"},
                 {"\0\0\0\x18"
                  "ftypmsf1\0\0\0\0heixavif",
                  24, "HEIC"},
                 {"\0\0\0\x14"
                  "ftypisom\0\0\0\0mp41",
                  20, NULL}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *format = files[i].format;
        enum image_kind expected = !format ? IMAGE_NO_PICTURE : missing(format) ? IMAGE_NOT_READ : IMAGE_READ;
        assert_int_equal(image_kind((const uint8_t *)files[i].head, files[i].size), expected);
        if (!format)
            continue;
        struct image image;
        struct error err = {0};
        assert_int_equal(image_decode(&image, (const uint8_t *)files[i].head, files[i].size, NULL, &err), ERR_DATA);
        assert_ptr_equal(missing(format) ? strstr(err.text, format) : strstr(err.text, "truncated: HEIF"), err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_photo_has_pillows_pixels),
        cmocka_unit_test(the_list_of_formats_says_what_is_read),
        cmocka_unit_test(orientation_can_be_ignored_where_it_is_exif),
        cmocka_unit_test(a_file_cut_anywhere_is_truncated),
        cmocka_unit_test(changed_bytes_do_no_harm),
        cmocka_unit_test(more_pixels_than_the_limit_are_refused),
        cmocka_unit_test(webp_sizes_are_checked_before_decoding),
        cmocka_unit_test(gif_sizes_are_checked_before_decoding),
        cmocka_unit_test(tiff_sizes_are_checked_before_decoding),
        cmocka_unit_test(heif_sizes_are_checked_before_decoding),
        cmocka_unit_test(a_heif_box_shorter_than_its_header_is_damaged),
        cmocka_unit_test(a_hevc_stream_larger_than_its_picture_is_refused),
        cmocka_unit_test(streams_and_grids_are_checked_before_decoding),
        cmocka_unit_test(items_that_share_too_much_data_are_refused),
        cmocka_unit_test(two_items_of_one_number_are_refused),
        cmocka_unit_test(a_second_directory_is_not_read),
        cmocka_unit_test(planes_of_another_size_are_refused),
        cmocka_unit_test(premultiplied_without_alpha_is_opaque),
        cmocka_unit_test(a_crop_is_kept_within_the_picture),
        cmocka_unit_test(damaged_avif_is_one_line),
        cmocka_unit_test(brands_tell_heic_from_avif),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
