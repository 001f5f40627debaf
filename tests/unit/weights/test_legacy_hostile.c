/* Malformed files of the legacy format: the frame around the pickle, and damage. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/rng.h"
#include "tests/support/hostile_pickle.h"
#include "tests/support/own_folder.h"
#include "tests/support/weight_sample.h"

static const char fixture[] = "tests/fixtures/pth/tensors_legacy.pth";

/* The only place where the file holds these bytes. */
static uint8_t *place_of(struct bytes *file, const char *text, size_t size)
{
    for (size_t i = 0; i + size <= file->length; i++)
        if (memcmp(file->data + i, text, size) == 0)
            return file->data + i;
    fail_msg("not found");
    return NULL;
}

/* One piece of the good file is replaced by another. */
static void the_frame_of_the_legacy_format_is_checked(void **state)
{
    (void)state;
#define PIECE(old, new, wanted)                                                                                        \
    {                                                                                                                  \
        old, sizeof old - 1, new, sizeof new - 1, wanted                                                               \
    }
    static const struct {
        const char *old;
        size_t old_size;
        const char *new;
        size_t new_size;
        const char *wanted;
    } rows[] = {
        PIECE("l\xfc\x9c\x46", "l\xfc\x9c\x47", "its magic number is missing"),
        PIECE("\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19", "N", "its magic number is missing"),
        PIECE("\x80\2M\xe9\3.", "\x80\2M\xe8\3.", "torch.save's protocol is not 1001"),
        PIECE("\x80\2M\xe9\3.", "\x80\2N.", "torch.save's protocol is not 1001"),
        PIECE("little_endian\x88", "little_endian\x89", "the byte order is not said to be little"),
        PIECE("little_endian\x88", "little_endianK\1", "the byte order is not said to be little"),
        PIECE("little_endian", "mittle_endian", "the byte order is not said to be little"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "N.", "expected the list of storages, found None"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "].", "0 storages are listed, the tensors use 1"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "]K\0a.", "a storage that no tensor uses"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "]X\1\0\0\0"
              "1a.",
              "a storage that no tensor uses"),
        PIECE("]X\1\0\0\0"
              "0a.",
              "](X\1\0\0\0"
              "0X\1\0\0\0"
              "0e.",
              "a storage that is listed twice"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\5\0\0\0\0\0\0\0\0\0\0\0", "a storage of 5 values, expected 6"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\6\0\0\0\0\0\0\x80\0\0\0\0", "values, expected 6"),
        PIECE("\6\0\0\0\0\0\0\0\0\0\0\0", "\6\0\0\0\0\0\0\0", ": truncated: "),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes pickle = {0}, file = {0}, changed = {0};
        pickle_start(&pickle);
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &tensor_plain, true);
        pickle_stop(&pickle);
        pth_file(&file, &pickle, 6, true);
        const uint8_t *at = place_of(&file, rows[i].old, rows[i].old_size), *behind = at + rows[i].old_size;
        bytes_put(&changed, file.data, (size_t)(at - file.data));
        bytes_put(&changed, rows[i].new, rows[i].new_size);
        bytes_put(&changed, behind, (size_t)(file.data + file.length - behind));
        hostile_assert_refused(changed.data, changed.length, rows[i].wanted);
        bytes_free(&changed);
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    size_t size = sample_read(bytes, sizeof bytes, fixture);
    assert_in_range(size, 500, sizeof bytes - 1);
    for (size_t cut = 0; cut < size; cut++)
        hostile_assert_refused(bytes, cut, cut ? "" : "byte 0: the file is empty");
    bytes[size] = 0;
    hostile_assert_refused(bytes, size + 1, "the file goes on for 1 bytes");
}

/* The format has no sums: a flipped bit in a value or a name gives another value or name. */
static void any_flipped_bit_is_refused_or_read_as_it_stands(void **state)
{
    (void)state;
    uint8_t bytes[2048];
    size_t size = sample_read(bytes, sizeof bytes, fixture), read = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read += hostile_refused_or_rewritten(bytes, size);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_in_range(read, 8 * 300, 8 * 600);
}

static void counts_of_any_size_are_judged(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {
        0, 1, 5, 6, 7, 1ull << 31, 1ull << 32, 1ull << 53, (1ull << 53) + 1, 1ull << 62, 1ull << 63, UINT64_MAX};
    struct bytes pickle = {0}, file = {0};
    pickle_start(&pickle);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &tensor_plain, true);
    pickle_stop(&pickle);
    pth_file(&file, &pickle, 6, true);
    uint8_t *count = file.data + file.length - 6 * sizeof(float) - 8;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        for (size_t byte = 0; byte < 8; byte++)
            count[byte] = (uint8_t)(numbers[i] >> (8 * byte));
        assert_int_equal(hostile_refused_or_rewritten(file.data, file.length), numbers[i] == 6);
    }
    bytes_free(&file);
    bytes_free(&pickle);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_frame_of_the_legacy_format_is_checked),
        cmocka_unit_test(counts_of_any_size_are_judged),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_is_refused_or_read_as_it_stands),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("legacy .pth, hostile", tests, folder_setup, folder_teardown);
}
