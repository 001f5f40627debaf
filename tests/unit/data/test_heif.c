/* HEIC and AVIF: files whose boxes contradict one another or their streams, and what is made of them. Pixels:
 * test_formats.c. What this build or this machine does not read is skipped. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/byte_order.h"
#include "core/base/memory.h"
#include "core/data/av1_header.h"
#include "core/data/heif_streams.h"
#include "core/data/hevc_header.h"
#include "core/data/image.h"
#include "tests/support/format_sample.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

static void heif_sizes_are_checked_before_decoding(void **state)
{
    (void)state;
    size_t size;
    format_need("HEIC");
    uint8_t *bytes = test_read(format_fixture("s420.heic"), &size), *ispe = memmem(bytes, size, "ispe", 4);
    assert_non_null(ispe);
    memset(ispe + 8, 0xFF, 8);
    format_assert_bad("s420.heic", bytes, size, "4294967295x4294967295 pixels, more than ", ERR_DATA);
    memcpy(ispe, "ipse", 4);
    format_assert_bad("s420.heic", bytes, size, "HEIF that does not tell its size", ERR_DATA);
    memory_free(bytes);
}

/* With 16 bytes of header, the last 8 its length, which says less. */
static void a_heif_box_shorter_than_its_header_is_damaged(void **state)
{
    (void)state;
    uint8_t bytes[] = "\0\0\0\x14"
                      "ftypheic\0\0\0\0mif1"
                      "\0\0\0\1meta\0\0\0\0\0\0\0";
    format_need("HEIC");
    for (uint8_t length = 0; length < 16; length++) {
        bytes[sizeof bytes - 1] = length;
        format_assert_bad("a short box", bytes, sizeof bytes, "HEIF is damaged: the box at byte 20", ERR_DATA);
    }
}

/* The file says 64x64, its stream 8192x8192: a flat picture of that size is a file of 16 kB, and libheif and
 * libde265 took 400 MB for it before they said that it does not fit. */
static void a_hevc_stream_larger_than_its_picture_is_refused(void **state)
{
    (void)state;
    size_t size;
    format_need("HEIC");
    uint8_t *bytes = test_read("tests/fixtures/large_stream.heic", &size);
    static const char reason[] = "HEIC of 64x64 pixels whose HEVC header says 8192x8192";
    format_assert_bad("large_stream.heic", bytes, size, reason, ERR_DATA);

    /* hvcC: 22 bytes, how many arrays, and of each its kind (33), how many units and their lengths. libde265 knows a
     * unit by its own header and not by the array's kind. */
    uint8_t *record = memmem(bytes, size, "hvcC", 4), *array = memmem(record, 100, "\x61\0\1\0\x2d\x42\1", 7);
    assert_non_null(array);
    array[0] = 39;
    format_assert_bad("an array of another kind", bytes, size, reason, ERR_DATA);

    /* The parameter set at the head of the stream instead. */
    enum { PREFIX = 4, SET = 45 };
    uint8_t *set = array + 5, *data = (uint8_t *)memmem(bytes, size, "mdat", 4) + 4;
    size_t left = size - (size_t)(data - bytes) - PREFIX - SET - PREFIX;
    memcpy(data, "\0\0\0\x2d", PREFIX);
    memcpy(data + PREFIX, set, SET);
    memcpy(data + PREFIX + SET, (uint8_t[]){0, 0, (uint8_t)(left >> 8), (uint8_t)left}, PREFIX);
    set[0] = 39 << 1; /* a message, of no effect */
    format_assert_bad("a parameter set in the stream", bytes, size, reason, OK);

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
    format_need("AVIF");
    /* The sequence header of a still picture: 4 bits each for how long width and height are, then both less one. */
    uint8_t *bytes = test_read(format_fixture("s420.avif"), &size), *mdat = memmem(bytes, size, "mdat", 4);
    assert_non_null(mdat);
    uint8_t *header = mdat + 4 + (mdat[4] == 0x12 ? 2 : 0); /* behind a temporal delimiter */
    assert_int_equal(header[0], 0x0A);
    uint64_t width = 0, height = 0;
    av1_header_size(&width, &height, mdat + 4, size - (size_t)(mdat + 4 - bytes));
    assert_int_equal(width, 40);
    assert_int_equal(height, 30);
    assert_int_equal(header[2] & 8, 8); /* reduced_still_picture_header: profile 3 bits, two flags, level 5 bits */
    header[3] |= 0x3C;                  /* its width has 16 bits */
    format_assert_bad("s420.avif", bytes, size, "AVIF of 40x30 pixels whose AV1 header says ", OK);
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
    format_assert_bad("grid.avif", bytes, size, "AVIF of 128x64 pixels whose grid says 65000x65000", OK);
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

/* The type that is checked must be the one that a decoder uses. */
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
    format_need("HEIC");
    uint8_t *bytes = test_read(format_fixture("s420.heic"), &size),
            *box = (uint8_t *)memmem(bytes, size, "meta", 4) - 4;
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
        if (format_missing(photos[i].format))
            continue;
        uint8_t *bytes = test_read(format_fixture(photos[i].name), &size), *ispe = memmem(bytes, size, "ispe", 4);
        assert_non_null(ispe);
        ispe[11]++;
        format_assert_bad(photos[i].name, bytes, size, photos[i].format, OK);
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
    format_need("AVIF");
    uint8_t *bytes = test_read(format_fixture("premultiplied_10bit_422_full_12.avif"), &size);
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
    format_need("HEIC");
    uint8_t *bytes = test_read(format_fixture("8bit_444_full_0.heic"), &size), *clap = memmem(bytes, size, "clap", 4);
    assert_non_null(clap);
    memcpy(clap + 4, "\0\0\xEA\x60", 4);
    memcpy(clap + 12, "\0\0\xEA\x60", 4);
    assert_int_equal(image_decode(&image, bytes, size, NULL, &err), OK);
    assert_int_equal(image.width, 64);
    assert_int_equal(image.height, 64);
    image_free(&image);
    memcpy(clap + 20, "\x7F\xFF\xFF\xFF", 4);
    format_assert_bad("clap", bytes, size, "0x", ERR_DATA);
    memory_free(bytes);
}

/* libdav1d says more about it, on stderr. */
static void damaged_avif_is_one_line(void **state)
{
    (void)state;
    static const char *const names[] = {"s420.avif", "s444.avif", "grey.avif"};
    format_need("AVIF");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size;
        uint8_t *bytes = test_read(format_fixture(names[i]), &size), *data = memmem(bytes, size, "mdat", 4);
        assert_non_null(data);
        memset(data + 4, 0x5A, size - (size_t)(data + 4 - bytes));
        format_assert_bad(names[i], bytes, size, "AVIF cannot be decoded: ", OK);
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
        enum image_kind expected = !format ? IMAGE_NO_PICTURE : format_missing(format) ? IMAGE_NOT_READ : IMAGE_READ;
        assert_int_equal(image_kind((const uint8_t *)files[i].head, files[i].size), expected);
        if (!format)
            continue;
        struct image image;
        struct error err = {0};
        assert_int_equal(image_decode(&image, (const uint8_t *)files[i].head, files[i].size, NULL, &err), ERR_DATA);
        assert_ptr_equal(format_missing(format) ? strstr(err.text, format) : strstr(err.text, "truncated: HEIF"),
                         err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    return cmocka_run_group_tests_name("heif", tests, folder_setup, folder_teardown);
}
