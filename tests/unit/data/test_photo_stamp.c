#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/data/photo_stamp.h"
#include "core/data/scan.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* More than the scan looks at. */
static void put(const char *name, uint32_t seed, size_t flipped)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 64, 64, seed);
    if (flipped)
        bytes[flipped] ^= 1;
    test_write(test_path(folder, name), bytes, size);
    memory_free(bytes);
}

/* Seconds since 1970. */
static void set_time(const char *name, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, test_path(folder, name), times, 0), 0);
}

enum { TRAIN = 5, VAL = 1, ALL = TRAIN + VAL };

static void look(struct photo_stamp stamps[ALL], struct dataset *data, struct pool *pool)
{
    struct scan_report report;
    struct error err = {0};
    if (scan_dataset(&report, data, NULL, pool, &err) != OK)
        fail_msg("%s", err.text);
    memcpy(stamps, report.stamps, ALL * sizeof *stamps);
    scan_report_free(&report);
}

static uint64_t hash_of(const char *name)
{
    size_t size;
    uint8_t *bytes = test_read(test_path(folder, name), &size);
    uint64_t hash = hash_bytes(bytes, size, 0).low;
    memory_free(bytes);
    return hash;
}

static void content_decides(void **state)
{
    (void)state;
    static const char *const names[] = {"train/a/0.bmp", "train/a/1.bmp", "train/b/2.bmp",
                                        "train/b/3.bmp", "train/b/4.bmp", "val/a/v.bmp"};
    struct photo_stamp before[ALL], now[ALL];
    bool changed[ALL];
    struct dataset data;
    struct pool *pool;
    struct error err = {0};
    for (uint32_t i = 0; i < ALL; i++) {
        put(names[i], i, 0);
        set_time(names[i], 1000000000);
    }
    put("val/b/v.bmp", 77, 0);
    assert_int_equal(remove(test_path(folder, "val/b/v.bmp")), 0);
    assert_int_equal(pool_create(&pool, 2, &err), OK);
    if (dataset_open(&data, folder, 0, 1, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(data.train.count, TRAIN);
    assert_int_equal(data.val.count, VAL);
    look(before, &data, pool);
    for (size_t i = 0; i < ALL; i++) {
        assert_int_equal(before[i].size, 54 + 64 * 64 * 3);
        assert_true(before[i].changed == 1000000000ll * 1000000000);
        assert_true(before[i].hash == 0);
    }
    for (size_t i = 0; i < 4; i++)
        before[i].hash = hash_of(names[i]);

    look(now, &data, pool);
    assert_int_equal(photo_stamps_compare(changed, &data.train, before, now, pool), 0);
    assert_true(now[1].hash == before[1].hash && now[4].hash == 0);

    set_time(names[0], 1100000000); /* touched */
    put(names[1], 1, 9000);         /* a bit in the middle, where the scan does not look */
    set_time(names[4], 1100000000); /* touched, and its content is not known */
    assert_int_equal(remove(test_path(folder, names[3])), 0);
    look(now, &data, pool);
    assert_int_equal(photo_stamps_compare(changed, &data.train, before, now, pool), 1);
    assert_true(changed[1]);
    assert_true(now[0].hash == before[0].hash && now[0].changed == 1100000000ll * 1000000000);
    assert_true(now[1].hash == hash_of(names[1]));
    assert_memory_equal(&now[3], &before[3], sizeof now[3]); /* away: what was known stays */

    put(names[2], 2, 9000); /* unnoticed: neither size nor time tells */
    set_time(names[2], 1000000000);
    put(names[4], 4, 100); /* where the scan looks */
    look(now, &data, pool);
    assert_int_equal(photo_stamps_compare(changed, &data.train, before, now, pool), 2);
    assert_true(changed[1] && changed[4]);
    dataset_close(&data);
    pool_destroy(pool);
}

static void a_record_comes_back(void **state)
{
    (void)state;
    static const char list[33] = "0123456789abcdef0123456789abcdef", other[33] = "1123456789abcdef0123456789abcdef";
    struct photo_stamp stamps[ALL], again[ALL] = {{0}};
    uint8_t bytes[1024];
    struct error err;
    bool same;
    for (size_t i = 0; i < ALL; i++)
        stamps[i] = (struct photo_stamp){i * 1000003, -(int64_t)i, UINT64_MAX - i, i << 60};
    size_t size = photo_stamps_size(TRAIN, VAL);
    assert_true(size < sizeof bytes);
    photo_stamps_write(bytes, list, stamps, TRAIN, VAL);
    assert_int_equal(photo_stamps_read(again, &same, bytes, size, list, TRAIN, VAL, &err), OK);
    assert_true(same);
    assert_memory_equal(again, stamps, sizeof stamps);
    memset(again, 0, sizeof again);
    assert_int_equal(photo_stamps_read(again, &same, bytes, size, other, TRAIN, VAL, &err), OK);
    assert_false(same);
    assert_int_equal(photo_stamps_read(again, &same, bytes, size, list, VAL, TRAIN, &err), OK);
    assert_false(same);
    assert_true(again[1].size == 0);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(photo_stamps_read(again, &same, bytes, cut, list, TRAIN, VAL, &err), ERR_DATA);
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 1;
        assert_int_equal(photo_stamps_read(again, &same, bytes, size, list, TRAIN, VAL, &err), ERR_DATA);
        bytes[i] ^= 1;
    }
}

/* For whom the lists are gone: the stamps of the training part, by the record's own numbers. */
static void the_training_part_of_a_record_needs_no_lists(void **state)
{
    (void)state;
    static const char list[33] = "0123456789abcdef0123456789abcdef", other[33] = "1123456789abcdef0123456789abcdef";
    struct photo_stamp stamps[ALL], *train = NULL;
    uint8_t bytes[1024];
    struct error err;
    size_t count = 99, size = photo_stamps_size(TRAIN, VAL);
    bool same;
    for (size_t i = 0; i < ALL; i++)
        stamps[i] = (struct photo_stamp){i * 1000003, -(int64_t)i, UINT64_MAX - i, i << 60};
    photo_stamps_write(bytes, list, stamps, TRAIN, VAL);
    assert_int_equal(photo_stamps_read_train(&train, &count, &same, bytes, size, other, &err), OK);
    assert_false(same);
    assert_null(train);
    assert_int_equal(photo_stamps_read_train(&train, &count, &same, bytes, size, list, &err), OK);
    assert_true(same);
    assert_int_equal(count, TRAIN);
    assert_memory_equal(train, stamps, TRAIN * sizeof *train);
    memory_free(train);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(photo_stamps_read_train(&train, &count, &same, bytes, cut, list, &err), ERR_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(content_decides, folder_setup, folder_teardown),
        cmocka_unit_test(a_record_comes_back),
        cmocka_unit_test(the_training_part_of_a_record_needs_no_lists),
    };
    return cmocka_run_group_tests_name("photo stamps", tests, NULL, NULL);
}
