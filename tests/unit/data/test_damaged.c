/* Files that are cut or damaged: what is refused, what is used all the same, and that the probe never refuses what the
 * decoder takes. The pictures in tests/fixtures/photos whose names begin with damaged_ are test_image.c's. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/image.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

#define PHOTOS "tests/fixtures/photos"

static uint8_t *fixture(const char *name, size_t *size)
{
    return test_read(test_path(PHOTOS, name), size);
}

static bool by_stb(const char *name)
{
    return (strstr(name, ".jpg") && strcmp(image_jpeg_library(), "stb_image") == 0) ||
           (strstr(name, ".png") && strcmp(image_png_library(), "stb_image") == 0);
}

/* Decodes a block of exactly its size, so that the sanitizer sees a read beyond. */
static enum status decode(struct image *out, const void *bytes, size_t size, struct error *err)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    *out = (struct image){0};
    enum status status = image_decode(out, exact, size, NULL, err);
    free(exact);
    return status;
}

static enum status probe(const void *bytes, size_t size, struct error *err)
{
    const char *path = test_path(folder, "probe");
    struct image_cost cost;
    test_write(path, bytes, size);
    enum status status = image_probe(path, NULL, &cost, err);
    assert_int_equal(cost.file, size);
    return status;
}

static void assert_refused(const void *bytes, size_t size, const char *reason)
{
    struct image image;
    struct error err = {0};
    enum status status = decode(&image, bytes, size, &err);
    if (status != ERR_DATA || !strstr(err.text, reason))
        fail_msg("status %d, \"%s\", expected \"%s\"", status, err.text, reason);
    assert_null(image.pixels);
}

static bool same_pixels(const struct image *a, const struct image *b)
{
    return a->height == b->height && a->width == b->width &&
           memcmp(a->pixels, b->pixels, (size_t)a->height * (size_t)a->width * 3) == 0;
}

/* A cut file is refused as truncated; or all of its rows are there, and it has the pixels of the whole one. Which of
 * the two, the probe says too. */
static bool check_cut(const char *name, const struct image *whole, const uint8_t *bytes, size_t cut)
{
    struct image image;
    struct error err = {0};
    enum status status = decode(&image, bytes, cut, &err), probed = probe(bytes, cut, &err);
    if (status == OK && (!same_pixels(&image, whole) || !image.damaged || probed != OK))
        fail_msg("%s cut to %zu bytes is used, and is not the same (probe: %d)", name, cut, probed);
    if (status != OK && (status != ERR_DATA || probed != ERR_DATA || (cut > 8 && !strstr(err.text, "truncated: the "))))
        fail_msg("%s cut to %zu bytes: status %d, probe %d, \"%s\"", name, cut, status, probed, err.text);
    image_free(&image);
    return status == OK;
}

static void a_cut_file_is_truncated_unless_every_row_is_there(void **state)
{
    (void)state;
    static const char *const names[] = {"s420.jpg", "progressive.jpg", "restart.jpg",    "cmyk.jpg",
                                        "rgb.png",  "rgba.png",        "interlaced.png", "interlaced_rgba.png"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size, used = 0;
        struct image whole;
        struct error err = {0};
        uint8_t *bytes = fixture(names[i], &size);
        assert_int_equal(decode(&whole, bytes, size, &err), OK);
        assert_false(whole.damaged);
        for (size_t cut = 0; cut < size; cut += cut + 30 < size ? 1 + cut % 7 : 1)
            used += check_cut(names[i], &whole, bytes, cut);
        if (by_stb(names[i]) ? used > 0 : used < 1 || used > 25)
            fail_msg("%s: %zu of its cuts are used", names[i], used);
        image_free(&whole);
        memory_free(bytes);
    }
}

/* What stands behind it is missed by nobody: padding of the last row, the end mark of runs. */
static void a_bmp_needs_its_last_pixel(void **state)
{
    (void)state;
    static const char *const names[] = {"rgb.bmp", "kind_rle8.bmp", "kind_rle4.bmp", "kind_565.bmp", "kind_old.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size, used = 0;
        struct image image, whole;
        struct error err = {0};
        uint8_t *bytes = fixture(names[i], &size);
        assert_int_equal(decode(&whole, bytes, size, &err), OK);
        for (size_t cut = 2; cut < size; cut++) {
            if (decode(&image, bytes, cut, &err) == OK) {
                assert_true(same_pixels(&image, &whole));
                image_free(&image);
                used++;
            } else if (!strstr(err.text, "truncated: the BMP") || used > 0) {
                fail_msg("%s cut to %zu bytes: \"%s\"", names[i], cut, err.text);
            }
        }
        assert_in_range(used, 0, 12);
        image_free(&whole);
        memory_free(bytes);
    }
}

/* The byte of a chunk is changed, or its checksum is. */
static void a_wrong_checksum_is_refused_where_pixels_depend_on_it(void **state)
{
    (void)state;
    static const struct {
        const char *file, *chunk;
        bool refused;
    } cases[] = {{"rgb.png", "IHDR", true},           {"rgb.png", "IDAT", true},    {"palette.png", "PLTE", true},
                 {"rgb.png", "IEND", false},          {"gamma.png", "gAMA", false}, {"up_raw.png", "zTXt", false},
                 {"palette_alpha.png", "tRNS", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size;
        struct image image, whole;
        struct error err = {0};
        uint8_t *bytes = fixture(cases[i].file, &size), *chunk = memmem(bytes, size, cases[i].chunk, 4);
        assert_non_null(chunk);
        assert_int_equal(decode(&whole, bytes, size, &err), OK);
        size_t length = (size_t)chunk[-2] << 8 | chunk[-1];
        chunk[4 + length] ^= 1;
        if (cases[i].refused) {
            assert_refused(bytes, size, "PNG is damaged: the checksum at byte");
        } else {
            assert_int_equal(decode(&image, bytes, size, &err), OK);
            assert_true(image.damaged && same_pixels(&image, &whole));
            image_free(&image);
        }
        image_free(&whole);
        memory_free(bytes);
    }
}

/* What no decoder here can do is known from the head: the probe refuses it, with the reason. */
static void codings_that_cannot_be_decoded_are_named_at_once(void **state)
{
    (void)state;
    static const struct {
        uint8_t marker;
        const char *reason;
    } cases[] = {{0xC3, "lossless JPEG"},     {0xC5, "hierarchical JPEG"}, {0xC7, "lossless JPEG"},
                 {0xCB, "lossless JPEG"},     {0xCD, "hierarchical JPEG"}, {0xCE, "hierarchical JPEG"},
                 {0xC6, "hierarchical JPEG"}, {0xCF, "lossless JPEG"}};
    size_t size;
    uint8_t *bytes = fixture("s420.jpg", &size), *frame = memmem(bytes, size, "\xFF\xC0", 2);
    assert_non_null(frame);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        frame[1] = cases[i].marker;
        assert_int_equal(probe(bytes, size, &err), ERR_DATA);
        assert_non_null(strstr(err.text, cases[i].reason));
        assert_refused(bytes, size, cases[i].reason);
    }
    memory_free(bytes);
}

static void bytes_behind_the_end_mark_are_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {"s420.jpg", "rgb.png", "rgb.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        struct image image = {0};
        struct error err = {0};
        uint8_t *bytes = fixture(names[i], &size), *longer = calloc(size + 9000, 1);
        memcpy(longer, bytes, size);
        memset(longer + size, 'x', 9000);
        assert_int_equal(image_decode(&image, longer, size + 9000, NULL, &err), OK);
        assert_false(image.damaged);
        image_free(&image);
        assert_int_equal(probe(longer, size + 9000, &err), OK);
        free(longer);
        memory_free(bytes);
    }
}

/* Bytes changed at random: any answer is right that is one (the sanitizers watch), and what the probe refuses is
 * refused by the decoder too. */
static void changed_bytes_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"s420.jpg",    "progressive.jpg",   "cmyk.jpg",           "exif6.jpg",
                                        "rgb.png",     "grey16.png",        "interlaced.png",     "rgb.bmp",
                                        "palette.bmp", "palette_alpha.png", "kind_rle8.bmp",      "kind_rle4.bmp",
                                        "up_raw.png",  "up_xmp.jpg",        "interlaced_rgba.png"};
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct image_cost cost;
        size_t size;
        uint8_t *bytes = fixture(names[i], &size), *changed = malloc(size);
        for (int round = 0; round < 200; round++) {
            memcpy(changed, bytes, size);
            for (int change = 0; change <= round % 3; change++) {
                seed = seed * 1664525 + 1013904223;
                changed[(seed >> 8) % (round % 2 ? size : 64)] = (uint8_t)(seed >> 24);
            }
            struct image image = {0};
            struct error err = {0};
            enum status status = image_decode(&image, changed, size, NULL, &err);
            assert_true(status == OK || (status == ERR_DATA && err.text[0] != '\0'));
            image_free(&image);
            test_write(test_path(folder, "changed"), changed, size);
            assert_true(image_probe(test_path(folder, "changed"), NULL, &cost, &err) == OK || status != OK);
        }
        free(changed);
        memory_free(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_file_is_truncated_unless_every_row_is_there),
        cmocka_unit_test(a_bmp_needs_its_last_pixel),
        cmocka_unit_test(a_wrong_checksum_is_refused_where_pixels_depend_on_it),
        cmocka_unit_test(codings_that_cannot_be_decoded_are_named_at_once),
        cmocka_unit_test(bytes_behind_the_end_mark_are_ignored),
        cmocka_unit_test(changed_bytes_do_no_harm),
    };
    return cmocka_run_group_tests_name("damaged", tests, folder_setup, folder_teardown);
}
