/* Which way is up, from EXIF and XMP. What is expected is what Pillow 13's ImageOps.exif_transpose does; the pictures
 * that it turned are in tests/fixtures/photos. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/data/exif.h"
#include "core/data/image_format.h"

/* The answer for bytes in a block of exactly their size, so that the sanitizer sees a read beyond. */
static int ask(int (*question)(const uint8_t *, size_t), const void *bytes, size_t size)
{
    uint8_t *exact = malloc(size ? size : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, size);
    int answer = question(exact, size);
    free(exact);
    return answer;
}

static int ask_text(int (*question)(const uint8_t *, size_t), const char *text)
{
    return ask(question, text, strlen(text));
}

/* A TIFF structure with one directory entry, changed one field at a time. */
static void one_field_changed(void **state)
{
    (void)state;
    static const uint8_t good[] = "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
    enum { SIZE = sizeof good - 1 };
    static const struct {
        size_t at;
        uint8_t value;
        int expected;
    } changes[] = {{0, 'X', 0}, {3, 1, 0},  {4, 200, 0}, {7, 0xFF, 0}, {8, 0, 0},  {12, 17, 0}, {14, 3, 1},
                   {12, 1, 1},  {12, 2, 1}, {12, 7, 1},  {18, 0, 1},   {18, 9, 1}, {19, 1, 1},  {12, 4, 6},
                   {12, 6, 6},  {12, 8, 6}, {12, 9, 6},  {12, 13, 6},  {14, 2, 6}};
    uint8_t bytes[SIZE];
    assert_int_equal(exif_orientation(good, SIZE), 6);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        memcpy(bytes, good, SIZE);
        bytes[changes[i].at] = changes[i].value;
        if (ask(exif_orientation, bytes, SIZE) != changes[i].expected)
            fail_msg("byte %zu = %d: %d", changes[i].at, changes[i].value, exif_orientation(bytes, SIZE));
    }
    for (size_t size = 0; size < SIZE; size++) {
        assert_int_equal(ask(exif_orientation, good, size), 0);
    }
}

#define TIFF_6 "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06"
#define TIFF_3 "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0"
#define TIFF_NONE "II*\0\x08\0\0\0\x01\0\x0F\x01\x03\0\x01\0\0\0\x03\0\0\0"
#define TIFF_0 "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0"
#define OF(text) (const uint8_t *)(text), sizeof(text) - 1

/* Another tag stands before the orientation; `entry` is its type, count and value. */
static int behind_another(const char *entry)
{
    uint8_t bytes[34] = "II*\0\x08\0\0\0\x02\0\x0F\x01........\x12\x01\x03\0\x01\0\0\0\x06\0\0";
    memcpy(bytes + 12, entry, 10);
    memcpy(bytes + 22, "\x12\x01\x03\0\x01\0\0\0\x06\0\0\0", 12);
    return ask(exif_orientation, bytes, sizeof bytes);
}

static void other_tags_do_not_hide_it_but_one_beyond_the_end_does(void **state)
{
    (void)state;
    assert_int_equal(behind_another("\x02\0\x03\0\0\0abc\0"), 6);
    assert_int_equal(behind_another("\x63\0\x01\0\0\0abcd"), 6);
    assert_int_equal(behind_another("\x02\0\0\x10\0\0\0\0\0\0"), 6);
    assert_int_equal(behind_another("\x02\0\x0A\0\0\0\x88\x13\0\0"), 0);
}

static void any_number_of_prefixes_up_to_two(void **state)
{
    (void)state;
    assert_int_equal(ask(exif_orientation_any, OF(TIFF_6)), 6);
    assert_int_equal(ask(exif_orientation_any, OF("Exif\0\0" TIFF_6)), 6);
    assert_int_equal(ask(exif_orientation_any, OF("Exif\0\0Exif\0\0" TIFF_6)), 6);
    assert_int_equal(ask(exif_orientation_any, OF("Exif\0\0Exif\0\0Exif\0\0" TIFF_6)), 0);
    assert_int_equal(ask(exif_orientation_any, OF("Exif\0\0")), 0);
    assert_int_equal(ask(exif_orientation, OF("Exif\0\0" TIFF_6)), 0);
}

static void xmp_tells_it_as_attribute_and_as_element(void **state)
{
    (void)state;
    assert_int_equal(ask_text(xmp_orientation, "<d tiff:Orientation=\"6\"/>"), 6);
    assert_int_equal(ask_text(xmp_orientation, "<tiff:Orientation>8</tiff:Orientation>"), 8);
    assert_int_equal(ask_text(xmp_orientation, "<d tiff:Orientation=\"x\"/><e tiff:Orientation=\"3\"/>"), 3);
    assert_int_equal(ask_text(xmp_orientation, "<d tiff:Orientation=\"0\"/>"), 1);
    assert_int_equal(ask_text(xmp_orientation, "<d tiff:Orientation=\"9\"/>"), 1);
    assert_int_equal(ask_text(xmp_orientation, "<d tiff:Orientation='6'/>"), 0);
    assert_int_equal(ask_text(xmp_orientation, "tiff:Orientation=\""), 0);
    assert_int_equal(ask_text(xmp_orientation, "tiff:Orientation="), 0);
    assert_int_equal(ask_text(xmp_orientation, "tiff:Orientation"), 0);
    assert_int_equal(ask_text(xmp_orientation, ""), 0);
}

static void a_raw_profile_is_read_from_its_digits(void **state)
{
    (void)state;
    assert_int_equal(ask_text(exif_orientation_hex, "\nexif\n      28\n4578696600004D4D002A00000008\n"
                                                    "0001011200040000000100000006\n"),
                     6);
    assert_int_equal(ask_text(exif_orientation_hex, "\nexif\n  28\n4d4d002a0000000800010112000400000001000000"), 0);
    assert_int_equal(ask_text(exif_orientation_hex, "\nexif\n"), 0);
    assert_int_equal(ask_text(exif_orientation_hex, "\nexif\n 5\nzz"), 0);
    assert_int_equal(ask_text(exif_orientation_hex, ""), 0);
}

static void exif_comes_first_and_xmp_is_asked_where_it_is_silent(void **state)
{
    (void)state;
    static const char xmp[] = "<d tiff:Orientation=\"8\"/>";
    assert_int_equal(orientation_of_metadata(OF(TIFF_3), OF(xmp)), 3);
    assert_int_equal(orientation_of_metadata(OF(TIFF_NONE), OF(xmp)), 8);
    assert_int_equal(orientation_of_metadata(OF(TIFF_0), OF(xmp)), 1);
    assert_int_equal(orientation_of_metadata(NULL, 0, OF(xmp)), 8);
    assert_int_equal(orientation_of_metadata(OF(TIFF_NONE), NULL, 0), 1);
    assert_int_equal(orientation_of_metadata(NULL, 0, NULL, 0), 1);
}

/* A segment APP1 behind `at`; returns its end. */
static uint8_t *add_segment(uint8_t *at, const uint8_t *body, size_t size)
{
    *at++ = 0xFF;
    *at++ = 0xE1;
    *at++ = (uint8_t)((size + 2) >> 8);
    *at++ = (uint8_t)(size + 2);
    memcpy(at, body, size);
    return at + size;
}

/* The orientation of a JPEG of 8 x 8 grey pixels, up to its scan, with two segments. */
static int of_segments(const uint8_t *first, size_t first_size, const uint8_t *second, size_t second_size)
{
    static const uint8_t rest[] = "\xFF\xC0\0\x0B\x08\0\x08\0\x08\x01\x01\x11\0\xFF\xDA\0\x08\x01\x01\0\0\x3F\0";
    static const struct image_options options = {.max_pixels = 1000};
    uint8_t bytes[300] = {0xFF, 0xD8};
    struct image_info info = {0};
    struct error err = {0};
    bool more = false;
    uint8_t *end = add_segment(add_segment(bytes + 2, first, first_size), second, second_size);
    memcpy(end, rest, sizeof rest - 1);
    size_t size = (size_t)(end - bytes) + sizeof rest - 1;
    if (image_examine(&info, &more, bytes, size, size, &options, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(info.width, 8);
    return info.orientation;
}

/* A second EXIF segment is the rest of a long first one, or an editor's mistake; of XMP the last counts. */
static void of_two_segments_the_first_exif_and_the_last_xmp_count(void **state)
{
    (void)state;
#define EXIF(tiff) OF("Exif\0\0" tiff)
#define XMP(number) OF("http://ns.adobe.com/xap/1.0/\0<d tiff:Orientation=\"" number "\"/>")
    assert_int_equal(of_segments(EXIF(TIFF_6), EXIF(TIFF_3)), 6);
    assert_int_equal(of_segments(EXIF(TIFF_3), EXIF(TIFF_6)), 3);
    assert_int_equal(of_segments(EXIF(TIFF_6), OF("Exif\0\0the rest of a picture within")), 6);
    assert_int_equal(of_segments(XMP("3"), XMP("8")), 8);
    assert_int_equal(of_segments(XMP("8"), EXIF(TIFF_3)), 3);
    assert_int_equal(of_segments(EXIF(TIFF_3), XMP("8")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_field_changed),
        cmocka_unit_test(other_tags_do_not_hide_it_but_one_beyond_the_end_does),
        cmocka_unit_test(any_number_of_prefixes_up_to_two),
        cmocka_unit_test(xmp_tells_it_as_attribute_and_as_element),
        cmocka_unit_test(a_raw_profile_is_read_from_its_digits),
        cmocka_unit_test(exif_comes_first_and_xmp_is_asked_where_it_is_silent),
        cmocka_unit_test(of_two_segments_the_first_exif_and_the_last_xmp_count),
    };
    return cmocka_run_group_tests_name("orientation", tests, NULL, NULL);
}
