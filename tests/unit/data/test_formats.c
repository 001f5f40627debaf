/* WebP, GIF, TIFF, HEIC and AVIF against Pillow (scripts/make_format_fixtures.py wrote the pictures), and damaged
 * files; those of HEIC and AVIF: test_heif.c. What this build or this machine does not read is skipped. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/data/image.h"
#include "tests/support/format_sample.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

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

static void assert_fixture(const char *name)
{
    char expected_name[300];
    struct image image = {0};
    struct image_cost cost;
    struct error err = {0};
    snprintf(expected_name, sizeof expected_name, "%s.ppm", name);
    struct image expected = test_ppm(format_fixture(expected_name));
    if (image_read(&image, format_fixture(name), NULL, &err) != OK)
        fail_msg("%s: %s", name, err.text);
    if (image.height != expected.height || image.width != expected.width)
        fail_msg("%s: %dx%d, expected %dx%d", name, image.width, image.height, expected.width, expected.height);
    size_t pixels = (size_t)image.height * (size_t)image.width, differ = 0;
    for (size_t i = 0; i < 3 * pixels; i++)
        differ += image.pixels[i] != expected.pixels[i];
    if (differ > 0)
        fail_msg("%s: %zu of %zu values differ", name, differ, 3 * pixels);
    if (image_probe(format_fixture(name), NULL, &cost, &err) != OK)
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
    assert_int_equal(image_read(&image, format_fixture(name), NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.text, reason));
    assert_int_equal(image_probe(format_fixture(name), NULL, &cost, &err), ERR_DATA);
    assert_int_equal(cost.kind, IMAGE_NOT_READ);
}

static void every_kind_of_photo_has_pillows_pixels(void **state)
{
    (void)state;
    struct dirent *entry;
    int photos = 0, skipped = 0;
    DIR *dir = opendir(FORMAT_FIXTURES);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        const char *format = format_of(entry->d_name);
        if (!format)
            continue;
        if (format_missing(format)) {
            assert_not_read(entry->d_name, format_missing(format));
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
        if (format_missing(photos[i].format))
            continue;
        assert_int_equal(image_read(&image, format_fixture(photos[i].name), &ignore, &err), OK);
        assert_int_equal(image.width, photos[i].width);
        image_free(&image);
    }
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
        if (format_missing(format_of(name)))
            continue;
        uint8_t *bytes = test_read(format_fixture(name), &size);
        size_t spare = photos[i].spare;
        /* What libtiff and Pillow write behind the directory is its values, which are looked at. */
        for (size_t cut = photos[i].least; cut < size - spare; cut += cut < 60 ? 1 : 1 + size / 40)
            format_assert_bad(name, bytes, cut, "truncated: ", ERR_DATA);
        format_assert_bad(name, bytes, size - spare - 1, "truncated: ", ERR_DATA);
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
        if (format_missing(format_of(names[i])))
            continue;
        uint8_t *bytes = test_read(format_fixture(names[i]), &size), *changed = malloc(size);
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
        if (format_missing(format_of(names[i])))
            continue;
        assert_int_equal(image_read(&image, format_fixture(names[i]), NULL, &err), OK);
        size_t pixels = (size_t)image.height * (size_t)image.width;
        image_free(&image);
        const struct image_options enough = {.max_pixels = pixels}, few = {.max_pixels = pixels - 1};
        assert_int_equal(image_read(&image, format_fixture(names[i]), &enough, &err), OK);
        image_free(&image);
        assert_int_equal(image_read(&image, format_fixture(names[i]), &few, &err), ERR_DATA);
        assert_non_null(strstr(err.text, "in all"));
        assert_int_equal(image_probe(format_fixture(names[i]), &few, &cost, &err), ERR_DATA);
    }
}

/* Headers that claim more than we read, in files of a few bytes: refused before any memory is asked for. */
static void webp_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    format_need("WebP");
    uint8_t *bytes = test_read(format_fixture("lossy80.webp"), &size);
    memcpy(bytes + 26, "\xFF\x3F\xFF\x3F", 4);
    format_assert_bad("lossy80.webp", bytes, size, "16383x16383 pixels, more than ", ERR_DATA);
    memory_free(bytes);
    bytes = test_read(format_fixture("odd_chunk.webp"), &size);
    memcpy(bytes + 24, "\xFF\xFF\xFF\xFF\xFF\xFF", 6);
    format_assert_bad("odd_chunk.webp", bytes, size, "16777216x16777216 pixels, more than ", ERR_DATA);
    memcpy(bytes + 24, "\x14\0\0\x0B\0\0", 6);
    format_assert_bad("odd_chunk.webp", bytes, size, "WebP cannot be decoded", OK);
    memory_free(bytes);
    /* A frame that lies beyond the canvas. */
    bytes = test_read(format_fixture("frame_within.webp"), &size);
    uint8_t *frame = memmem(bytes, size, "ANMF", 4);
    assert_non_null(frame);
    frame[8] = 7;
    format_assert_bad("frame_within.webp", bytes, size, "with a frame of 11x9 at 14, 4", OK);
    memory_free(bytes);
}

static void gif_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    format_need("GIF");
    uint8_t *bytes = test_read(format_fixture("comment.gif"), &size);
    memcpy(bytes + 6, "\xFF\xFF\xFF\xFF", 4);
    format_assert_bad("comment.gif", bytes, size, "65535x65535 pixels, more than ", ERR_DATA);
    memcpy(bytes + 6, "\x0E\0\x0B\0", 4);
    uint8_t *frame = memmem(bytes, size, "you\0,", 5);
    assert_non_null(frame);
    memcpy(frame + 9, "\xFF\xFF\xFF\xFF", 4);
    format_assert_bad("comment.gif", bytes, size, "65535x65535 pixels, more than ", ERR_DATA);
    /* More rows than there are codes for. */
    memcpy(frame + 9, "\x0E\0\xFF\0", 4);
    format_assert_bad("comment.gif", bytes, size, "GIF cannot be decoded", OK);
    frame[4] = ';';
    format_assert_bad("comment.gif", bytes, size, "GIF without a picture in it", ERR_DATA);
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
    format_need("TIFF");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        size_t size;
        uint8_t *bytes = test_read(format_fixture(changes[i].name), &size);
        uint8_t *value = tiff_value(bytes, size, changes[i].tag);
        memcpy(value, changes[i].value, get_little16(value - 6) == 3 ? 2 : 4);
        format_assert_bad(changes[i].name, bytes, size, changes[i].reason, changes[i].probed);
        memory_free(bytes);
    }
    size_t size;
    uint8_t *bytes = test_read(format_fixture("tiles.tif"), &size);
    memcpy(tiff_value(bytes, size, 322), "\xF0\xFF", 2);
    memcpy(tiff_value(bytes, size, 323), "\xF0\xFF", 2);
    format_assert_bad("tiles.tif", bytes, size, "TIFF with tiles of 65520x65520 pixels", ERR_DATA);
    memory_free(bytes);
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
    };
    return cmocka_run_group_tests_name("formats", tests, folder_setup, folder_teardown);
}
