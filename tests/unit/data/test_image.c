/* Decoding against Pillow (scripts/make_photo_fixtures.py wrote the pictures) and against files that are not well. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/data/image.h"
#include "core/data/image_format.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

#define PHOTOS "tests/fixtures/photos"

static const char *fixture(const char *name)
{
    return test_path(PHOTOS, name);
}

/* The largest difference of a byte. libjpeg-turbo gives Pillow's bytes; stb_image rounds its DCT and chroma otherwise:
 * 3 at most was measured on these pictures, and 11 at the edge of the one that is subsampled in width only. */
static int difference(const struct image *a, const struct image *b)
{
    int largest = 0;
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->width, b->width);
    for (size_t i = 0; i < (size_t)a->height * (size_t)a->width * 3; i++)
        if (abs(a->pixels[i] - b->pixels[i]) > largest)
            largest = abs(a->pixels[i] - b->pixels[i]);
    return largest;
}

/* stb_image makes rows up where they are missing, and reads colours that a palette does not have from anywhere. */
static bool left_to_a_library(const char *name)
{
    const char *library = strstr(name, ".png") ? image_png_library() : image_jpeg_library();
    return (strncmp(name, "damaged_", 8) == 0 || strncmp(name, "short_", 6) == 0) && strcmp(library, "stb_image") == 0;
}

static void every_kind_of_photo_has_pillows_pixels(void **state)
{
    (void)state;
    struct dirent *entry;
    int photos = 0;
    bool exact = strncmp(image_jpeg_library(), "libjpeg", 7) == 0;
    DIR *dir = opendir(PHOTOS);
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        size_t length = strlen(entry->d_name);
        struct image_cost cost;
        if (entry->d_name[0] == '.' || (length > 4 && strcmp(entry->d_name + length - 4, ".ppm") == 0) ||
            left_to_a_library(entry->d_name))
            continue;
        char name[300];
        struct image image = {0}, expected;
        struct error err = {0};
        snprintf(name, sizeof name, "%s.ppm", entry->d_name);
        expected = test_ppm(fixture(name));
        if (image_read(&image, fixture(entry->d_name), NULL, &err) != OK)
            fail_msg("%s: %s", entry->d_name, err.text);
        int most = exact || !strstr(entry->d_name, ".jpg")  ? 0
                   : strcmp(entry->d_name, "s422.jpg") == 0 ? 11
                                                            : 3,
            found = difference(&image, &expected);
        if (found > most)
            fail_msg("%s: differs by %d", entry->d_name, found);
        if (image.damaged != (strncmp(entry->d_name, "damaged_", 8) == 0))
            fail_msg("%s: damaged is %d", entry->d_name, image.damaged);
        assert_int_equal(image_probe(fixture(entry->d_name), NULL, &cost, &err), OK);
        size_t pixels = (size_t)expected.height * (size_t)expected.width;
        assert_in_range(cost.memory - cost.file, 3 * pixels, 12 * pixels);
        image_free(&image);
        image_free(&expected);
        photos++;
    }
    closedir(dir);
    assert_in_range(photos, 50, 300);
}

static void orientation_can_be_ignored(void **state)
{
    (void)state;
    struct image stored = {0}, upright = {0}, plain = {0};
    struct image_options ignore = {.ignore_exif = true};
    struct error err;
    assert_int_equal(image_read(&stored, fixture("exif6.jpg"), &ignore, &err), OK);
    assert_int_equal(image_read(&upright, fixture("exif6.jpg"), NULL, &err), OK);
    assert_int_equal(image_read(&plain, fixture("exif1.jpg"), NULL, &err), OK);
    assert_int_equal(stored.width, 20);
    assert_int_equal(upright.width, 12);
    assert_int_equal(difference(&stored, &plain), 0);
    image_free(&stored);
    image_free(&upright);
    image_free(&plain);
}

static void assert_bad(const void *bytes, size_t size, const char *reason)
{
    const char *path = test_path(folder, "bad.jpg");
    struct image image = {.height = 77};
    struct error err = {0};
    uint8_t *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    enum status status = image_decode(&image, exact, size, NULL, &err);
    free(exact);
    if (status != ERR_DATA || !strstr(err.text, reason) || strchr(err.text, '\n'))
        fail_msg("status %d, \"%s\", expected \"%s\"", status, err.text, reason);
    assert_int_equal(image.height, 77);
    assert_null(image.pixels);
    test_write(path, bytes, size);
    assert_int_equal(image_read(&image, path, NULL, &err), ERR_DATA);
    assert_null(strstr(err.text, "bad.jpg"));
}

static void assert_probe(const void *bytes, size_t size, enum status expected)
{
    const char *path = test_path(folder, "probe.jpg");
    struct error err = {0};
    struct image_cost cost;
    test_write(path, bytes, size);
    assert_int_equal(image_probe(path, NULL, &cost, &err), expected);
    assert_int_equal(cost.file, size);
}

static void what_is_no_photo_says_what_it_is(void **state)
{
    (void)state;
    assert_bad("", 0, "an empty file");
    assert_bad("hello world, I am text\n", 23, "not a picture (starts with \"hello wo\")");
    assert_bad("\n\0\0\0\0\0\0\0", 8, "(starts with \"\\n\\x00\\x00\\x00\\x00\\x00\\x00\\x00\")");
    assert_bad("a\0bc\0\0dd", 8, "(starts with \"a\\x00bc\\x00\\x00dd\")");
    assert_bad("8BPS............", 16, "a Photoshop image; JPEG, PNG, BMP");
    assert_bad("gimp xcf file...", 16, "a GIMP image");
    assert_bad("MM Hello, a text", 16, "not a picture (starts with \"MM Hello\")");
    assert_bad("\xFF\xD8\xFF\xD9", 4, "JPEG without a picture");
    assert_bad("\xFF\xD8\xFF\xDA\0\x02\xFF\xD9", 8, "before its size");
    assert_bad("\xFF\xD8\xFF\xE0\0\x01...", 9, "segment of 1 bytes");
}

/* Headers that claim more than we read, in files of a few bytes: refused before any memory is asked for. */
static void sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    uint8_t *jpeg = test_read(fixture("s420.jpg"), &size);
    uint8_t *frame = memmem(jpeg, size, "\xFF\xC0", 2);
    assert_non_null(frame);
    memset(frame + 5, 0xFF, 4);
    assert_bad(jpeg, size, "65535x65535 pixels, more than 210000000 in all");
    assert_probe(jpeg, size, ERR_DATA);
    memcpy(frame + 5, "\x40\0\x40\0", 4);
    assert_bad(jpeg, size, "16384x16384 pixels, more than 210000000 in all");
    memcpy(frame + 5, "\0\0\0\x08", 4);
    assert_bad(jpeg, size, "8x0 pixels");
    frame[4] = 12;
    assert_bad(jpeg, size, "12 bits a sample");
    memory_free(jpeg);

    uint8_t *png = test_read(fixture("rgb.png"), &size);
    memset(png + 16, 0xFF, 8);
    assert_bad(png, size, "4294967295x4294967295 pixels, more than 65535 a side");
    memory_free(png);

    uint8_t *bmp = test_read(fixture("rgb.bmp"), &size);
    memcpy(bmp + 18, "\0\0\0\x80", 4);
    assert_bad(bmp, size, "-2147483648x13 pixels");
    memcpy(bmp + 18, "\x10\0\0\0\0\0\0\x80", 8);
    assert_bad(bmp, size, "16x2147483648 pixels");
    memcpy(bmp + 18, "\x10\x27\0\0\x10\x27\0\0", 8);
    assert_bad(bmp, size, "truncated: the BMP has 730 bytes, its pixels need 300000054");
    memcpy(bmp + 18, "\x11\0\0\0\x0D\0\0\0", 8);
    bmp[30] = 1;
    assert_bad(bmp, size, "BMP with compression 1 and 24 bits a pixel");
    memory_free(bmp);

    struct image image = {0};
    struct error err = {0};
    struct image_options few = {.max_pixels = 37 * 29 - 1};
    assert_int_equal(image_read(&image, fixture("s444.jpg"), &few, &err), ERR_DATA);
    assert_string_equal(err.text, "37x29 pixels, more than 1072 in all");
}

/* A black BMP of one bit a pixel: the longest that is read, each way, and the decoder's own width of that. */
static void a_side_of_65535_is_read(void **state)
{
    (void)state;
    static const struct {
        int height, width;
    } sizes[] = {{2, IMAGE_MAX_SIDE}, {IMAGE_MAX_SIDE, 2}};
    for (size_t i = 0; i < 2; i++) {
        int height = sizes[i].height, width = sizes[i].width;
        size_t stride = ((size_t)width + 31) / 32 * 4, size = 62 + stride * (size_t)height;
        uint8_t *bmp = calloc(size, 1);
        struct image image = {0};
        struct error err = {0};
        memcpy(bmp, "BM\0\0\0\0\0\0\0\0\x3E\0\0\0\x28", 15);
        memcpy(bmp + 26, "\x01\0\x01", 3);
        bmp[18] = (uint8_t)width, bmp[19] = (uint8_t)(width >> 8);
        bmp[22] = (uint8_t)height, bmp[23] = (uint8_t)(height >> 8);
        bmp[size - stride] = 0x80; /* its first pixel is the second colour */
        memset(bmp + 58, 0xFF, 3);
        assert_int_equal(image_decode(&image, bmp, size, NULL, &err), OK);
        assert_int_equal(image.height, height);
        assert_int_equal(image.width, width);
        assert_int_equal(image.pixels[0], 255);
        assert_int_equal(image.pixels[3], 0);
        image_free(&image);
        free(bmp);
    }
}

/* Two bombs: a JPEG of empty scans without end, a PNG whose data inflates far beyond its picture. */
static void bombs_are_refused(void **state)
{
    (void)state;
    enum { SCANS = 3000, SCAN = 10 };
    size_t size;
    uint8_t *jpeg = test_read(fixture("progressive.jpg"), &size);
    uint8_t *longer = calloc(size + SCANS * SCAN, 1), *at = longer + size - 2;
    memcpy(longer, jpeg, size - 2);
    for (int i = 0; i < SCANS; i++, at += SCAN)
        memcpy(at, "\xFF\xDA\0\x08\x01\x01\0\x01\x3F\0", SCAN);
    memcpy(at, "\xFF\xD9", 2);
    assert_bad(longer, size + SCANS * SCAN, "JPEG with more than 500 scans, refused");
    free(longer);
    memory_free(jpeg);

    uint8_t *png = test_read("tests/fixtures/bomb.png", &size);
    struct image image = {0};
    struct error err = {0};
    assert_true(size < 10000);
    if (strcmp(image_png_library(), "stb_image") == 0) {
        assert_bad(png, size, "far more data than its size needs");
    } else { /* libpng inflates it row by row, and what is behind the last row only to find its end */
        assert_int_equal(image_decode(&image, png, size, NULL, &err), OK);
        image_free(&image);
    }
    memory_free(png);
}

/* 16 x 17 codes in one Huffman table: stb_image would write behind its own. */
static void a_huffman_table_that_is_too_large_is_refused(void **state)
{
    (void)state;
    enum { CODES = 16 * 17 };
    size_t size;
    uint8_t *jpeg = test_read(fixture("s420.jpg"), &size), *table = memmem(jpeg, size, "\xFF\xC4", 2);
    assert_non_null(table);
    size_t before = (size_t)(table - jpeg), length = 2 + 17 + CODES;
    uint8_t *longer = calloc(size + 2 + length, 1);
    memcpy(longer, jpeg, before);
    memcpy(longer + before, "\xFF\xC4", 2);
    longer[before + 2] = (uint8_t)(length >> 8);
    longer[before + 3] = (uint8_t)length;
    memset(longer + before + 5, 17, 16);
    memcpy(longer + before + 2 + length, table, size - before);
    assert_bad(longer, size + 2 + length, "the Huffman table at byte");
    free(longer);
    memory_free(jpeg);
}

static void devices_and_folders_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const names[] = {"fifo", "/dev/zero", "folder", "missing"};
    const char *fifo = test_path(folder, "fifo"), *sub = test_path(folder, "folder");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(mkdir(sub, 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *path = names[i][0] == '/' ? names[i] : test_path(folder, names[i]);
        struct image image;
        struct error err = {0};
        struct image_cost cost;
        enum status expected = strcmp(names[i], "missing") == 0 ? ERR_NOINPUT : ERR_DATA;
        const char *text = expected == ERR_DATA ? "not a regular file" : "No such file or directory";
        assert_int_equal(image_read(&image, path, NULL, &err), expected);
        assert_string_equal(err.text, text);
        assert_int_equal(image_probe(path, NULL, &cost, &err), expected);
        assert_string_equal(err.text, text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_photo_has_pillows_pixels),
        cmocka_unit_test(orientation_can_be_ignored),
        cmocka_unit_test(what_is_no_photo_says_what_it_is),
        cmocka_unit_test(sizes_are_checked_before_decoding),
        cmocka_unit_test(a_side_of_65535_is_read),
        cmocka_unit_test(bombs_are_refused),
        cmocka_unit_test(a_huffman_table_that_is_too_large_is_refused),
        cmocka_unit_test(devices_and_folders_are_refused_at_once),
    };
    return cmocka_run_group_tests_name("image", tests, folder_setup, folder_teardown);
}
