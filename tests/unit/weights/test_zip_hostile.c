/* Malformed zip files. The good one is as torch.save writes it; each kind changes the order of things, adds or takes
 * away bytes, or damages some. Changed fields: test_zip_fields.c. */
#include "core/base/byte_order.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/hostile.h"
#include "tests/support/own_folder.h"
#include "tests/support/pth_sample.h"
#include "tests/support/weight_sample.h"

/* ---- orders of things -------------------------------------------------------------------------------------------- */

static void refused_parts(const struct zip_part *parts, size_t count, const char *wanted)
{
    struct bytes file = {0};
    struct zip_places places;
    zip_sample(&file, &places, parts, count, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    hostile_assert_refused(file.data, file.length, wanted);
    bytes_free(&file);
}

static void archives_of_other_kinds_are_refused(void **state)
{
    (void)state;
    struct bytes pickle = {0};
    static const float data[6];
    char name[400];
    pth_good_pickle(&pickle);
    struct zip_part parts[ZIP_SAMPLE_PARTS] = {
        {"a/data.pkl", pickle.data, pickle.length}, {"a/data/0", data, sizeof data}, {"a/version", "3\n", 2}};
#define LAST(entry_name, wanted) (parts[3] = (struct zip_part){entry_name, "x", 1}, refused_parts(parts, 4, wanted))
    LAST("a/data.pkl", "entry 'a/data.pkl': the name occurs twice");
    LAST("a/data/0", "entry 'a/data/0': the name occurs twice");
    LAST("a/data/1", "data of 2 storages, of which 1 are used");
    LAST("a/constants.pkl", "a TorchScript archive");
    LAST("a/code/__torch__.py", "torch.save writes no such entry");
    LAST("b/data.pkl", "torch.save writes no such entry");
    LAST("data.pkl", "torch.save writes no such entry");
    LAST("a/", "torch.save writes no such entry");
    LAST("../../etc/passwd", "torch.save writes no such entry");
    LAST("a/../data.pkl", "torch.save writes no such entry");
    LAST("a/byteorder", "the byte order is not 'little'");
    LAST("a/\xff", "not UTF-8");
    LAST("", "a name of 0 bytes");
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    LAST(name, "a name of 399 bytes");
    parts[0].name = "data.pkl";
    refused_parts(parts, 3, "it has no data.pkl in its folder");
    parts[0] = (struct zip_part){"a/data.pkl", "", 0};
    refused_parts(parts, 3, "the pickle ends without its STOP");
    parts[0] = (struct zip_part){"a/data.pkl", pickle.data, pickle.length};
    parts[1].size = 20;
    refused_parts(parts, 3, "20 bytes, but 6 values of F32 take 24");
    parts[1].name = "a/data/7";
    refused_parts(parts, 3, "a storage whose data is not in the file");
    pickle_op(&pickle, '.');
    parts[1] = (struct zip_part){"a/data/0", data, sizeof data};
    parts[0] = (struct zip_part){"a/data.pkl", pickle.data, pickle.length};
    refused_parts(parts, 3, "1 bytes behind the end of the pickle");
    bytes_free(&pickle);
}

static void insert(struct bytes *file, size_t at, const void *bytes, size_t size)
{
    struct bytes result = {0};
    bytes_put(&result, file->data, at);
    bytes_put(&result, bytes, size);
    bytes_put(&result, file->data + at, file->length - at);
    bytes_free(file);
    *file = result;
}

/* A byte more at any place, and one less. */
static void nothing_may_be_added_or_missing(void **state)
{
    (void)state;
    struct bytes good = {0};
    struct zip_places places;
    pth_good_zip(&good, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    for (size_t at = 0; at <= good.length; at++) {
        struct bytes longer = {0};
        bytes_put(&longer, good.data, good.length);
        insert(&longer, at, "x", 1);
        assert_false(hostile_refused_or_rewritten(longer.data, longer.length));
        bytes_free(&longer);
        if (at == good.length)
            break;
        struct bytes shorter = {0};
        bytes_put(&shorter, good.data, at);
        bytes_put(&shorter, good.data + at + 1, good.length - at - 1);
        assert_false(hostile_refused_or_rewritten(shorter.data, shorter.length));
        bytes_free(&shorter);
    }
    bytes_free(&good);
}

/* Two whole files in one, which readers from the front and from the back would see differently. */
static void two_files_in_one_are_refused(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_PLAIN);
    size_t size = file.length;
    struct bytes second = {0};
    bytes_put(&second, file.data, size);
    bytes_put(&file, second.data, size);
    hostile_assert_refused(file.data, file.length, "the directory is said to");
    put_little(file.data + file.length - 6, get_little(file.data + file.length - 6, 4) + size,
               4); /* the directory's place put right */
    hostile_assert_refused(file.data, file.length, "bytes between the last entry and the directory");
    bytes_free(&second);
    bytes_free(&file);
}

static void two_entries_over_the_same_bytes_are_refused(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    put_little(file.data + places.central[1] + 42, places.local[0], 4);
    hostile_assert_refused(file.data, file.length, "entries overlap");
    bytes_free(&file);
}

static void compressed_and_encrypted_files_say_so(void **state)
{
    (void)state;
    struct bytes file = {0};
    struct zip_places places;
    pth_good_zip(&file, &places, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    put_little(file.data + places.central[2] + 10, 8, 2);
    put_little(file.data + places.local[2] + 8, 8, 2);
    hostile_assert_refused(file.data, file.length, "entry 'archive/data/0': it is compressed (method 8)");
    put_little(file.data + places.central[2] + 10, 0, 2);
    put_little(file.data + places.central[2] + 8, 0x0809, 2);
    hostile_assert_refused(file.data, file.length, "it is encrypted");
    put_little(file.data + places.central[2] + 8, 0x2808, 2);
    hostile_assert_refused(file.data, file.length, "flags 0x2808");
    bytes_free(&file);
}

/* Files that end where their last page ends: reading beyond them kills the process. */
static void nothing_behind_the_file_is_read(void **state)
{
    (void)state;
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct bytes pickle = {0}, file = {0};
    struct zip_places places;
    pth_good_pickle(&pickle);
    char *data = calloc(page, 1);
    assert_non_null(data);
    const struct zip_part none[] = {{"a/data.pkl", pickle.data, pickle.length}, {"a/data/0", data, 0}};
    zip_sample(&file, &places, none, 2, ZIP_PLAIN);
    size_t missing = (page - file.length % page) % page;
    bytes_free(&file);
    struct zip_part parts[] = {none[0], {"a/data/0", data, missing}};
    zip_sample(&file, &places, parts, 2, ZIP_PLAIN);
    assert_int_equal(file.length % page, 0);
    uint8_t *last = file.data + places.central[1];
    static const uint64_t lengths[] = {9, 30, 31, 100, 200, 256, 257, 0xFFFF};
    for (size_t at = 28; at <= 32; at += 2)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
            uint64_t kept = get_little(last + at, 2);
            put_little(last + at, lengths[i], 2);
            assert_false(hostile_refused_or_rewritten(file.data, file.length));
            put_little(last + at, kept, 2);
        }
    free(data);
    bytes_free(&file);
    bytes_free(&pickle);
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static const char fixture[] = "tests/fixtures/pth/tensors_zip.pth";

static void a_file_cut_at_any_byte_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t size = sample_read(bytes, sizeof bytes, fixture);
    assert_in_range(size, 1000, sizeof bytes);
    for (size_t cut = 0; cut < size; cut++)
        hostile_assert_refused(bytes, cut, cut ? ": truncated: " : "byte 0: the file is empty");
}

static void any_flipped_bit_is_refused_or_changes_nothing(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t size = sample_read(bytes, sizeof bytes, fixture), read = 0;
    assert_in_range(size, 1000, sizeof bytes);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        read += hostile_refused_or_same(bytes, size, fixture);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    /* What may change: padding between header and data, versions that made it, attributes. */
    assert_in_range(read, 1000, 8 * 700);
}

static void time_is_bounded(void **state)
{
    (void)state;
    hostile_assert_bounded();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_of_other_kinds_are_refused),
        cmocka_unit_test(nothing_may_be_added_or_missing),
        cmocka_unit_test(two_files_in_one_are_refused),
        cmocka_unit_test(two_entries_over_the_same_bytes_are_refused),
        cmocka_unit_test(compressed_and_encrypted_files_say_so),
        cmocka_unit_test(nothing_behind_the_file_is_read),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_is_refused_or_changes_nothing),
        cmocka_unit_test(time_is_bounded),
    };
    return cmocka_run_group_tests_name("zip, hostile", tests, folder_setup, folder_teardown);
}
