/* What a store of features is for: what was appended is found again, right, in memory and on disk. Damage and other
 * processes are in test_feature_file.c. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/disk.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/features/feature_file.h"
#include "tests/support/feature_sample.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

enum { FLOATS = 37, ENTRIES = 500 }; /* 37: neither type ends at a multiple of 8 bytes */

static struct feature_store *open_store(const struct feature_store_about *about, bool ram)
{
    struct feature_store *store = NULL;
    struct error err = {0};
    if ((ram ? feature_store_open_ram(&store, about, &err)
             : feature_store_open_disk(&store, test_path(folder, "a/cache"), about, &err)) != OK)
        fail_msg("%s", err.text);
    return store;
}

/* Entries first .. first + count - 1 in one call. */
static enum status append(struct feature_store *store, const struct feature_store_about *about, uint32_t first,
                          uint32_t count, struct error *err)
{
    size_t entry = feature_entry_bytes(about);
    char *features = malloc(count * entry);
    struct feature_id *ids = malloc(count * sizeof *ids);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = feature_sample_id(first + i);
        feature_sample_entry(features + i * entry, about, first + i);
    }
    enum status status = feature_store_append(store, ids, features, count, err);
    free(features);
    free(ids);
    return status;
}

static void append_all(struct feature_store *store, const struct feature_store_about *about, uint32_t first,
                       uint32_t count)
{
    struct error err = {0};
    if (append(store, about, first, count, &err) != OK)
        fail_msg("%s", err.text);
}

static void assert_holds(struct feature_store *store, const struct feature_store_about *about, uint32_t first,
                         uint32_t count)
{
    float found_features[FLOATS];
    struct error err = {0};
    for (uint32_t i = first; i < first + count; i++) {
        bool found = false;
        struct feature_id id = feature_sample_id(i);
        assert_true(feature_store_has(store, &id));
        assert_int_equal(feature_store_read(found_features, &found, store, &id, &err), OK);
        assert_true(found && feature_sample_right(found_features, about, i));
    }
}

static void assert_lacks(struct feature_store *store, uint32_t number)
{
    float features[FLOATS];
    struct error err = {0};
    struct feature_id id = feature_sample_id(number);
    bool found = true;
    assert_false(feature_store_has(store, &id));
    assert_int_equal(feature_store_read(features, &found, store, &id, &err), OK);
    assert_false(found);
}

static void filled_and_read(bool ram, enum feature_dtype dtype)
{
    const struct feature_store_about about = feature_sample_about(FLOATS, dtype);
    struct feature_store *store = open_store(&about, ram);
    assert_int_equal(feature_store_count(store), 0);
    assert_lacks(store, 0);
    append_all(store, &about, 0, 1);
    append_all(store, &about, 1, ENTRIES - 1);
    append_all(store, &about, 5, 0);
    assert_int_equal(feature_store_count(store), ENTRIES);
    assert_holds(store, &about, 0, ENTRIES);
    assert_lacks(store, ENTRIES);
    assert_true(feature_store_writable(store));
    feature_store_close(store);
    if (ram)
        return;
    store = open_store(&about, false);
    assert_int_equal(feature_store_count(store), ENTRIES);
    append_all(store, &about, ENTRIES - 10, 20); /* ten of them are there already */
    assert_holds(store, &about, 0, ENTRIES + 10);
    assert_int_equal(feature_store_count(store), ENTRIES + 10);
    assert_int_equal(feature_store_damaged(store), 0);
    feature_store_close(store);
    static const size_t records[] = {
        [FEATURE_F16] = 32 + 80, [FEATURE_F32] = 32 + 152, [FEATURE_BF16] = 32 + 80}; /* multiples of 8 */
    char name[64];
    struct stat info;
    snprintf(name, sizeof name, "a/cache/%02x112233445566778899aabbccddeeff.features", dtype);
    assert_int_equal(stat(test_path(folder, name), &info), 0);
    assert_int_equal(info.st_size, FEATURE_HEADER_BYTES + (ENTRIES + 10) * records[dtype]);
    assert_int_equal(info.st_size, feature_store_bytes(&about, ENTRIES + 10));
}

static void what_is_appended_is_found(void **state)
{
    (void)state;
    for (int dtype = 0; dtype < FEATURE_DTYPES; dtype++) {
        filled_and_read(true, (enum feature_dtype)dtype);
        filled_and_read(false, (enum feature_dtype)dtype);
    }
}

/* Records of more than a megabyte, of which one is written at a time. */
static void large_records(void **state)
{
    (void)state;
    enum { LARGE = 300000 };
    const struct feature_store_about about = feature_sample_about(LARGE, FEATURE_F32);
    float *features = malloc(LARGE * sizeof *features);
    struct error err = {0};
    for (int ram = 0; ram < 2; ram++) {
        struct feature_store *store = open_store(&about, ram);
        assert_int_equal(append(store, &about, 0, 3, &err), OK);
        for (uint32_t i = 0; i < 3; i++) {
            struct feature_id id = feature_sample_id(i);
            bool found;
            assert_int_equal(feature_store_read(features, &found, store, &id, &err), OK);
            assert_true(found && feature_sample_right(features, &about, i));
        }
        feature_store_close(store);
    }
    free(features);
}

/* Every bit of a float32 comes back; a half has what it can hold. */
static void values_at_the_edges(void **state)
{
    (void)state;
    static const float values[FLOATS] = {NAN, INFINITY, -INFINITY, -0.0f, 1e-45f, 3.4e38f, 0.1f};
    const struct feature_id id = {{1, 2}, 3, 4};
    struct error err = {0};
    float back[FLOATS];
    bool found;
    for (int ram = 0; ram < 2; ram++) {
        struct feature_store_about about = feature_sample_about(FLOATS, FEATURE_F32);
        struct feature_store *store = open_store(&about, ram);
        assert_int_equal(feature_store_append(store, &id, values, 1, &err), OK);
        assert_int_equal(feature_store_read(back, &found, store, &id, &err), OK);
        assert_true(found);
        assert_memory_equal(back, values, sizeof values);
        feature_store_close(store);

        about = feature_sample_about(FLOATS, FEATURE_F16);
        store = open_store(&about, ram);
        assert_int_equal(feature_store_append(store, &id, values, 1, &err), ERR_DATA);
        assert_non_null(strstr(err.text, "--cache-dtype f32"));
        assert_int_equal(feature_store_count(store), 0);
        assert_true(feature_store_writable(store));
        append_all(store, &about, 0, 3);
        assert_holds(store, &about, 0, 3);
        feature_store_close(store);
    }
}

/* All there are: NaN with their payloads, infinities, denormals, both zeros. */
static void every_bit_of_a_bfloat16_comes_back(void **state)
{
    (void)state;
    enum { ALL = 1 << 16 };
    static uint16_t values[ALL], back[ALL];
    const struct feature_id id = {{1, 2}, 3, 4};
    const struct feature_store_about about = feature_sample_about(ALL, FEATURE_BF16);
    struct error err = {0};
    bool found;
    for (uint32_t i = 0; i < ALL; i++)
        values[i] = (uint16_t)i;
    for (int ram = 0; ram < 2; ram++) {
        struct feature_store *store = open_store(&about, ram);
        memset(back, 0, sizeof back);
        assert_int_equal(feature_store_append(store, &id, values, 1, &err), OK);
        assert_int_equal(feature_store_read(back, &found, store, &id, &err), OK);
        assert_true(found);
        assert_memory_equal(back, values, sizeof values);
        feature_store_close(store);
    }
}

/* The same id twice in a call, as two equal photos have it, is one entry. */
static void an_id_twice_is_one_entry(void **state)
{
    (void)state;
    const struct feature_store_about about = feature_sample_about(FLOATS, FEATURE_F32);
    float features[3 * FLOATS];
    const struct feature_id ids[3] = {feature_sample_id(1), feature_sample_id(2), feature_sample_id(1)};
    struct error err = {0};
    feature_sample(features, FLOATS, 1);
    feature_sample(features + FLOATS, FLOATS, 2);
    feature_sample(features + 2 * FLOATS, FLOATS, 1);
    for (int ram = 0; ram < 2; ram++) {
        struct feature_store *store = open_store(&about, ram);
        assert_int_equal(feature_store_append(store, ids, features, 3, &err), OK);
        assert_int_equal(feature_store_count(store), 2);
        append_all(store, &about, 5, 4);
        assert_holds(store, &about, 1, 2);
        assert_holds(store, &about, 5, 4);
        feature_store_close(store);
    }
    struct stat info;
    assert_int_equal(stat(test_path(folder, "a/cache/01112233445566778899aabbccddeeff.features"), &info), 0);
    assert_int_equal(info.st_size, feature_store_bytes(&about, 6));
}

static void all_of_an_id_counts(void **state)
{
    (void)state;
    const struct feature_store_about about = feature_sample_about(1, FEATURE_F32);
    const struct feature_id ids[] = {{{1, 2}, 3, 4}, {{9, 2}, 3, 4}, {{1, 9}, 3, 4}, {{1, 2}, 9, 4}, {{1, 2}, 3, 9}};
    const float features[] = {1, 2, 3, 4, 5};
    struct error err = {0};
    struct feature_store *store = open_store(&about, true);
    assert_int_equal(feature_store_append(store, ids, features, 5, &err), OK);
    for (size_t i = 0; i < 5; i++) {
        float value;
        bool found;
        assert_int_equal(feature_store_read(&value, &found, store, &ids[i], &err), OK);
        assert_true(found && value == features[i]);
    }
    feature_store_close(store);
}

/* Puts and removals at random, against a list. */
static void the_index_finds_what_is_in_it(void **state)
{
    (void)state;
    enum { IDS = 300 };
    struct feature_index index = {0};
    uint32_t expected[IDS], number, count = 0;
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    struct error err = {0};
    memset(expected, 0xFF, sizeof expected);
    for (uint32_t step = 0; step < 20000; step++) {
        uint32_t which = rng_below(&rng, IDS);
        struct feature_id id = feature_sample_id(which);
        bool there = expected[which] != UINT32_MAX;
        assert_int_equal(feature_index_find(&number, &index, &id), there);
        assert_true(!there || number == expected[which]);
        if (rng_below(&rng, 2)) {
            assert_int_equal(feature_index_put(&index, &id, step, &err), OK);
            expected[which] = step;
            count += !there;
        } else {
            feature_index_remove(&index, &id);
            expected[which] = UINT32_MAX;
            count -= there;
        }
        assert_int_equal(index.count, count);
    }
    feature_index_free(&index);
}

/* Some of the others are looked for where it lies: no part of an id may be left out when they are compared. */
static void an_id_that_differs_in_one_part_is_another(void **state)
{
    (void)state;
    const struct feature_id id = feature_sample_id(0);
    struct feature_index index = {0};
    uint32_t number;
    struct error err = {0};
    assert_int_equal(feature_index_put(&index, &id, 7, &err), OK);
    for (uint32_t i = 1; i < 2000; i++) {
        struct feature_id others[] = {id, id, id, id};
        others[0].photo[0] ^= i;
        others[1].photo[1] ^= i;
        others[2].view ^= i;
        others[3].view_seed ^= i;
        for (size_t part = 0; part < 4; part++)
            assert_false(feature_index_find(&number, &index, &others[part]));
    }
    assert_true(feature_index_find(&number, &index, &id));
    assert_int_equal(number, 7);
    feature_index_free(&index);
}

static void space_is_asked_of_the_folder_or_one_above(void **state)
{
    (void)state;
    struct disk disk = {0}, above = {0};
    struct error err = {0};
    struct stat info;
    assert_int_equal(disk_look(&disk, folder, &err), OK);
    assert_true(disk.free > 0);
    assert_int_equal(disk_look(&above, test_path(folder, "not/yet/there"), &err), OK);
    assert_true(above.free > 0 && above.device == disk.device);
    assert_int_equal(stat(test_path(folder, "not"), &info), -1);
    assert_int_equal(disk_look(&disk, "not-there", &err), OK);
    assert_int_equal(disk_look(&disk, "/proc/self/fd/not-there", &err), OK);
    assert_true(disk.device != above.device);
    assert_int_equal(disk_look(&disk, "/proc/self/maps/x", &err), ERR_IO);
    const struct feature_store_about about = feature_sample_about(FEATURE_VALUES_MOST, FEATURE_F32);
    assert_true(feature_store_bytes(&about, SIZE_MAX) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_appended_is_found, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(large_records, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(values_at_the_edges, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(every_bit_of_a_bfloat16_comes_back, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(an_id_twice_is_one_entry, folder_setup, folder_teardown),
        cmocka_unit_test(all_of_an_id_counts),
        cmocka_unit_test(the_index_finds_what_is_in_it),
        cmocka_unit_test(an_id_that_differs_in_one_part_is_another),
        cmocka_unit_test_setup_teardown(space_is_asked_of_the_folder_or_one_above, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
