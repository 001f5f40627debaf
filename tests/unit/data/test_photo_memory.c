/* Photos of a few kilobytes whose data would inflate to many megabytes: each is answered within the memory that the
 * probe says, and a little. The address space of the process is what is limited. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <libdeflate.h>

#include "core/base/crc32.h"
#include "core/base/memory.h"
#include "core/data/image.h"
#include "tests/support/emulator.h"
#include "tests/support/format_sample.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* What a bomb inflates to; what a decoder may take beside what the probe says: libpng keeps a text of 8 MB and inflates
 * it twice, malloc takes whole arenas. */
enum { MEGABYTE = 1 << 20, BOMB = 512 * MEGABYTE, SPARE = 48 * MEGABYTE };

static uint8_t *zeros; /* BOMB zero bytes as a zlib stream */
static size_t zeros_size;

static int make_bomb(void **state)
{
    uint8_t *plain = calloc(BOMB, 1);
    struct libdeflate_compressor *deflate = libdeflate_alloc_compressor(6);
    assert_non_null(plain);
    assert_non_null(deflate);
    zeros = malloc(MEGABYTE);
    zeros_size = libdeflate_zlib_compress(deflate, plain, BOMB, zeros, MEGABYTE);
    assert_in_range(zeros_size, 1, MEGABYTE - 1);
    libdeflate_free_compressor(deflate);
    free(plain);
    return folder_setup(state);
}

static int remove_bomb(void **state)
{
    free(zeros);
    return folder_teardown(state);
}

static void need_limits(void)
{
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its shadow is larger than any limit */
#endif
    if (emulator()) {
        print_message("# skipped: an emulator lets a program have more than its limit\n");
        skip();
    }
}

static size_t address_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%zu", &pages), 1);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Decodes in so much memory as the probe says, and SPARE. */
static enum status decode_within(size_t memory, const uint8_t *bytes, size_t size, struct error *err)
{
    struct image image = {0};
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = address_space() + memory + SPARE;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    enum status status = image_decode(&image, bytes, size, NULL, err);
    void *all = status == OK ? malloc(BOMB) : NULL;
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_null(all); /* so that the limit is one */
    image_free(&image);
    return status;
}

/* ERR_SYSTEM is what a lack of memory would be. `reason` is NULL where it is decoded. */
static void assert_bounded(const char *name, const uint8_t *bytes, size_t size, const char *reason)
{
    const char *path = test_path(folder, name);
    struct image_cost cost = {0};
    struct error err = {0};
    test_write(path, bytes, size);
    if (image_probe(path, NULL, &cost, &err) != OK)
        cost.memory = 0;
    enum status status = decode_within(cost.memory, bytes, size, &err);
    if (status != (reason ? ERR_DATA : OK) || (reason && !strstr(err.text, reason)))
        fail_msg("%s: status %d, \"%s\"", name, status, err.text);
    assert_true(cost.memory < BOMB / 2);
}

/* The low `bytes` bytes of a number. */
static void put(uint8_t *at, uint32_t value, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++)
        at[big ? bytes - 1 - i : i] = (uint8_t)(value >> 8 * i);
}

/* ---- PNG --------------------------------------------------------------------------------------------------------- */

static uint8_t *add_chunk(uint8_t *at, const char *type, const void *head, size_t head_size, const void *body,
                          size_t body_size)
{
    put(at, (uint32_t)(head_size + body_size), 4, true);
    memcpy(at + 4, type, 4);
    memcpy(at + 8, head, head_size);
    memcpy(at + 8 + head_size, body, body_size);
    put(at + 8 + head_size + body_size, crc32_add(0, at + 4, 4 + head_size + body_size), 4, true);
    return at + 12 + head_size + body_size;
}

/* rgb.png with a chunk before its pixels. */
static void png_texts_and_profiles_stay_small(void **state)
{
    (void)state;
    static const struct {
        const char *name, *type, *head;
        size_t size;
    } chunks[] = {{"raw.png", "zTXt", "Raw profile type exif\0", 23},
                  {"comment.png", "zTXt", "Comment\0", 9},
                  {"xmp.png", "iTXt", "XML:com.adobe.xmp\0\1\0\0", 22},
                  {"profile.png", "iCCP", "profile\0", 9}};
    enum { HEADER = 33 };
    size_t size;
    need_limits();
    uint8_t *png = test_read("tests/fixtures/photos/rgb.png", &size);
    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        uint8_t *longer = malloc(size + zeros_size + 100), *at = longer + HEADER;
        memcpy(longer, png, HEADER);
        at = add_chunk(at, chunks[i].type, chunks[i].head, chunks[i].size, zeros, zeros_size);
        memcpy(at, png + HEADER, size - HEADER);
        assert_bounded(chunks[i].name, longer, (size_t)(at - longer) + size - HEADER, NULL);
        free(longer);
    }
    memory_free(png);
}

/* ---- TIFF -------------------------------------------------------------------------------------------------------- */

/* 8 x 8 grey pixels, deflated; a last strip whose data is a bomb. */
static void a_tiff_strip_inflates_to_its_rows_only(void **state)
{
    (void)state;
    static const struct {
        uint32_t tag, value;
    } entries[] = {{256, 8}, {257, 8}, {258, 8}, {259, 8}, {262, 1}, {273, 0}, {277, 1}, {278, 8}, {279, 1}};
    enum { COUNT = sizeof entries / sizeof *entries, DATA = 8 + 2 + 12 * COUNT + 4 };
    need_limits();
    format_need("TIFF");
    uint8_t *tiff = calloc(DATA + zeros_size, 1), *at = tiff + 10;
    memcpy(tiff, "II*\0\x08\0\0\0", 8);
    tiff[8] = COUNT;
    for (int i = 0; i < COUNT; i++, at += 12) {
        uint32_t tag = entries[i].tag;
        put(at, tag, 2, false);
        put(at + 2, 4, 2, false);
        put(at + 4, 1, 4, false);
        put(at + 8, tag == 273 ? DATA : tag == 279 ? (uint32_t)zeros_size : entries[i].value, 4, false);
    }
    memcpy(tiff + DATA, zeros, zeros_size);
    assert_bounded("bomb.tif", tiff, DATA + zeros_size, NULL);
    free(tiff);
}

/* ---- sides that the data does not fill --------------------------------------------------------------------------- */

/* A frame of 65535 x 300 without its codes, in 38 bytes. */
static void a_gif_with_the_largest_side_is_bounded(void **state)
{
    (void)state;
    static const uint8_t gif[] = "GIF89a\xFF\xFF\x2C\x01\x80\0\0\0\0\0\xFF\xFF\xFF"
                                 ",\0\0\0\0\xFF\xFF\x2C\x01\0\x02\x01\0\0;";
    need_limits();
    format_need("GIF");
    assert_bounded("large.gif", gif, sizeof gif - 1, "GIF cannot be decoded");
}

/* A lossless picture that says 16383 x 1000. */
static void a_webp_with_the_largest_side_is_bounded(void **state)
{
    (void)state;
    size_t size;
    need_limits();
    format_need("WebP");
    uint8_t *webp = test_read("tests/fixtures/formats/lossless.webp", &size), *head = memmem(webp, size, "VP8L", 4);
    assert_non_null(head);
    put(head + 9, (uint32_t)(16383 - 1) | (uint32_t)(1000 - 1) << 14, 4, false);
    assert_bounded("large.webp", webp, size, "WebP cannot be decoded");
    memory_free(webp);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(png_texts_and_profiles_stay_small),
        cmocka_unit_test(a_tiff_strip_inflates_to_its_rows_only),
        cmocka_unit_test(a_gif_with_the_largest_side_is_bounded),
        cmocka_unit_test(a_webp_with_the_largest_side_is_bounded),
    };
    return cmocka_run_group_tests_name("photo memory", tests, make_bomb, remove_bomb);
}
