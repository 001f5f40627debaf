/* Malformed safetensors: damaged by chance and byte by byte, and big. Each is refused with ERR_DATA and one line that
 * names the byte, or is as good as it reads. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/rng.h"
#include "tests/support/hostile.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"
#include "weights/safetensors/safetensors.h"

static const char good_header[] = "{\"__metadata__\":{\"format\":\"pt\"},"
                                  "\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
                                  "\"n\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[8,16]}} ";
enum { GOOD_DATA = 16, GOOD_SIZE = 8 + (int)sizeof good_header - 1 + GOOD_DATA };

static void assert_header_refused(const char *header, size_t length, size_t data, const char *wanted)
{
    static uint8_t bytes[400000];
    hostile_assert_refused(bytes, sample_build(bytes, sizeof bytes, header, length, data), wanted);
}

/* ---- headers ----------------------------------------------------------------------------------------------------- */

/* test_safetensors_kinds.c has all kinds of mistakes; these are small enough to count the bytes by hand. */
static const struct {
    const char *header;
    size_t data;
    const char *wanted;
} counted[] = {
    {"", 0, "byte 8: expected '{' as the header's first byte, found the end"},
    {" {}", 0, "byte 8: expected '{' as the header's first byte, found byte 0x20"},
    {"{", 0, "byte 9: expected a name in quotes, found the end of the header"},
    {"{}\n", 0, "byte 10: expected nothing but spaces behind the header's last '}', found byte 0x0a"},
    {"{\"a\":}", 0, "tensor 'a', byte 13: expected '{'"},
    {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "tensor 'a', byte 10: no dtype"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
     8, "byte 62: the tensor 'a' occurs twice"},
    {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "byte 22: the type 'F31' is not known"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3,
     "truncated: 65 bytes, expected 66; download it again"},
    /* A hole between two of them: the file is not truncated, it is wrong. */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}", 3,
     "tensor 'a', byte 10: data_offsets are [4,8], the file holds 3 bytes"},
    /* And two of them that overlap. */
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
     2, "tensor 'b', byte 62: data_offsets are [1,3], the file holds 2 bytes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5,
     "byte 66: the tensors end here, but the file goes on for 1 bytes"},
    {"{}", 1, "byte 10: the tensors end here"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]}}",
     5, "tensor 'b', byte 62: its data begins at 3, expected 2: there is a hole before it"},
    {"{\"\xff\":{}}", 0, "byte 10: byte 0xff is not valid UTF-8"},
    {"{\"abc", 0, "byte 13: the header ends inside a text"},
    {"{\"\\", 0, "byte 10: an escape that JSON does not know"},
    {"{\"\\u00", 0, "byte 10: \\u is not followed by four hexadecimal digits"},
};

static void the_byte_is_named_exactly(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        assert_header_refused(counted[i].header, strlen(counted[i].header), counted[i].data, counted[i].wanted);
}

static void nul_bytes_are_refused_everywhere(void **state)
{
    (void)state;
    char header[sizeof good_header];
    size_t length = sizeof good_header - 1;
    for (size_t i = 0; i < length; i++) {
        memcpy(header, good_header, length);
        header[i] = '\0';
        assert_header_refused(header, length, GOOD_DATA, "byte");
    }
    static const char behind[] = "{}\0 ";
    assert_header_refused(behind, 4, 0, "byte 10: expected nothing but spaces");
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

static void numbers_are_judged_by_their_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool whole;
    } numbers[] = {
        {"0", true},
        {"1", true},
        {"2147483648", true},
        {"4294967296", true},
        {"9007199254740992", true}, /* 2^53, and the first number that a double cannot hold */
        {"9007199254740993", true},
        {"9223372036854775808", true},
        {"18446744073709551615", true},
        {"18446744073709551616", false},
        {"-1", false},
        {"1e3", false},
        {"1.5", false},
        {"1.0", false},
        {"-0", false},
        {"00", false},
        {"NaN", false},
        {"1E0", false},
        {"99999999999999999999999999999999999999999999", false},
    };
    /* %s is the number; 4 bytes of data, which no number above but 4 makes right, or none, where all whole ones do. */
    static const struct {
        const char *form;
        size_t data;
        bool whole_is_fine;
    } places[] = {
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[%s,4],\"data_offsets\":[0,4]}}", 4, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2,%s],\"data_offsets\":[0,4]}}", 4, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[%s,4]}}", 4, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,%s]}}", 4, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[%s,%s]}}", 4, false},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[%s,0],\"data_offsets\":[0,0]}}", 0, true},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[0,%s],\"data_offsets\":[0,0]}}", 0, true},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        for (size_t j = 0; j < sizeof places / sizeof *places; j++) {
            const char *text = numbers[i].text;
            char header[256];
            uint8_t bytes[512];
            int length = snprintf(header, sizeof header, places[j].form, text, text);
            size_t size = sample_build(bytes, sizeof bytes, header, (size_t)length, places[j].data);
            bool neutral = (j == 0 && strcmp(text, "1") == 0) || (j == 2 && strcmp(text, "0") == 0);
            bool fine = numbers[i].whole && (places[j].whole_is_fine || neutral);
            if (hostile_refused_or_rewritten(bytes, size) != fine)
                fail_msg("%s %s", header, fine ? "was refused" : "was read");
        }
}

/* ---- damaged files ----------------------------------------------------------------------------------------------- */

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[GOOD_SIZE + 1] = {0};
    assert_int_equal(sample_build(bytes, sizeof bytes, good_header, sizeof good_header - 1, GOOD_DATA), GOOD_SIZE);
    assert_true(hostile_refused_or_rewritten(bytes, GOOD_SIZE));
    for (size_t size = 0; size < GOOD_SIZE; size++)
        hostile_assert_refused(bytes, size, size ? ": truncated: " : "byte 0: the file is empty");
    hostile_assert_refused(bytes, GOOD_SIZE + 1, "goes on for 1 bytes");
    /* The shortest header of all. */
    assert_int_equal(sample_build(bytes, sizeof bytes, "{}", 2, 0), 10);
    assert_true(hostile_refused_or_rewritten(bytes, 10));
    hostile_assert_refused(bytes, 9, ": truncated: ");
}

static void any_flipped_bit_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    uint8_t bytes[GOOD_SIZE];
    sample_build(bytes, sizeof bytes, good_header, sizeof good_header - 1, GOOD_DATA);
    size_t read = 0, total = 8 * (GOOD_SIZE - GOOD_DATA);
    for (size_t bit = 0; bit < total; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read += hostile_refused_or_rewritten(bytes, GOOD_SIZE);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* Flips in names, keys and texts (6+2+1+1 letters) may give other letters,
     * and two types can take another's place. */
    assert_in_range(read, 20, 100);
}

/* Bytes of a valid file replaced, doubled, removed and swapped, by chance. */
static void random_damage_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    static const char letters[] = "{}[]\",:\\0123456789 eE.-+utn\x80\xff";
    for (uint32_t seed = 0; seed < 3000; seed++) {
        struct rng rng = rng_stream(1, RNG_TEST, seed, 0);
        uint8_t bytes[GOOD_SIZE + 16];
        size_t size = sample_build(bytes, sizeof bytes, good_header, sizeof good_header - 1, GOOD_DATA);
        for (uint32_t change = 0; change < 1 + rng_below(&rng, 4); change++) {
            size_t at = rng_below(&rng, (uint32_t)size), other = rng_below(&rng, (uint32_t)size);
            uint8_t kept = bytes[at];
            switch (rng_below(&rng, 4)) {
            case 0:
                bytes[at] = (uint8_t)letters[rng_below(&rng, sizeof letters)];
                break;
            case 1:
                memmove(bytes + at + 1, bytes + at, size++ - at);
                break;
            case 2:
                memmove(bytes + at, bytes + at + 1, --size - at);
                break;
            default:
                bytes[at] = bytes[other];
                bytes[other] = kept;
            }
        }
        hostile_refused_or_rewritten(bytes, size);
    }
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

static void wrong_header_lengths_are_refused_before_they_are_used(void **state)
{
    (void)state;
    static const uint64_t lengths[] = {GOOD_SIZE - 7,    1u << 31,   1ull << 32, 1ull << 53,
                                       (1ull << 53) + 1, 1ull << 63, UINT64_MAX, UINT64_MAX - 7};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        uint8_t bytes[GOOD_SIZE];
        sample_build(bytes, sizeof bytes, good_header, sizeof good_header - 1, GOOD_DATA);
        for (size_t j = 0; j < 8; j++)
            bytes[j] = (uint8_t)(lengths[i] >> (8 * j));
        /* The first may be a file that ends in its header; the others are no header's length. */
        hostile_assert_refused(bytes, sizeof bytes,
                               i == 0 ? ": truncated: "
                                      : "byte 0: not a safetensors file, or a damaged one: a header of");
    }
    /* Shorter than the header is. */
    for (uint64_t length = 0; length < sizeof good_header - 2; length++) {
        uint8_t bytes[GOOD_SIZE];
        sample_build(bytes, sizeof bytes, good_header, sizeof good_header - 1, GOOD_DATA);
        memcpy(bytes, &length, sizeof length);
        hostile_assert_refused(bytes, sizeof bytes, "byte ");
    }
    /* 100,000,001 bytes of header that are really there (a file with a hole). */
    const uint64_t beyond = SAFETENSORS_MAX_HEADER + 1;
    const char *path = sample_path("sparse.safetensors");
    struct weight_file *file = NULL;
    struct error err = {0};
    sample_write(path, &beyond, sizeof beyond);
    assert_int_equal(truncate(path, 8 + (off_t)beyond), 0);
    assert_int_equal(weight_file_open(&file, path, &err), ERR_DATA);
    hostile_assert_message(&err, path);
    assert_non_null(strstr(err.text, "where 100000000 are possible"));
    unlink(path);
}

static void depth_is_no_danger(void **state)
{
    (void)state;
    static const char *const openings[] = {"[",
                                           "{\"a\":",
                                           "{\"a\":{\"dtype\":",
                                           "{\"__metadata__\":{\"k\":",
                                           "{\"a\":{\"dtype\":\"F32\",\"shape\":[",
                                           "{\"a\":{\"data_offsets\":["};
    static char header[300000];
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        size_t length = 0, piece = strlen(openings[i]);
        for (; length + piece <= sizeof header; length += piece)
            memcpy(header + length, openings[i], piece);
        assert_header_refused(header, length, 0, "byte ");
    }
}

static void long_names_do_not_hide_the_message(void **state)
{
    (void)state;
    static char header[5000];
    char name[4001];
    memset(name, 'n', 4000);
    name[4000] = '\0';
    int length =
        snprintf(header, sizeof header, "{\"%s\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", name);
    assert_header_refused(header, (size_t)length, 4, "needs 8");
    memset(name, '\1', 4000);
    length = snprintf(header, sizeof header, "{\"\\n%s", name);
    assert_header_refused(header, (size_t)length, 0, "control byte 0x01");
}

static void other_files_are_called_by_their_name(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *wanted;
    } rows[] = {
        {"PK\5\6", "an empty zip file"},
        {"\x80\2K\1.", "a pickle, but not a file of torch.save"},
        {"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"},
        {"\xfd"
         "7zXZ",
         "an xz archive"},
        {"\x1f\x8b\b", "a gzip archive"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char bytes[200] = {0};
        memcpy(bytes, rows[i].begin, strlen(rows[i].begin));
        hostile_assert_refused(bytes, sizeof bytes, rows[i].wanted);
    }
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct weight_file *file = NULL;
    struct error err = {0};
    assert_int_equal(weight_file_open(&file, sample_path("missing"), &err), ERR_NOINPUT);
    assert_int_equal(weight_file_open(&file, sample_path("."), &err), ERR_NOINPUT); /* no weights in the folder */
    assert_int_equal(weight_file_open(&file, "/dev/zero", &err), ERR_DATA);
    const char *fifo = sample_path("fifo");
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(weight_file_open(&file, fifo, &err), ERR_DATA);
    assert_null(file);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_byte_is_named_exactly),
        cmocka_unit_test(nul_bytes_are_refused_everywhere),
        cmocka_unit_test(numbers_are_judged_by_their_text),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_is_refused_or_read_as_it_stands),
        cmocka_unit_test(random_damage_is_refused_or_read_as_it_stands),
        cmocka_unit_test(wrong_header_lengths_are_refused_before_they_are_used),
        cmocka_unit_test(depth_is_no_danger),
        cmocka_unit_test(long_names_do_not_hide_the_message),
        cmocka_unit_test(other_files_are_called_by_their_name),
        cmocka_unit_test(what_is_no_file_is_refused),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("safetensors, hostile", tests, folder_setup, folder_teardown);
}
