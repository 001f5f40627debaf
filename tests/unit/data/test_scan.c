#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/data/scan.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* A photo of 8 x 8 pixels, unlike that of any other seed; cut to `size` bytes if that is not 0. */
static void put(const char *name, uint32_t seed, size_t cut)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 8, 8, seed);
    test_write(test_path(folder, name), bytes, cut ? cut : size);
    memory_free(bytes);
}

static void scan(struct scan_report *report, struct dataset *data, size_t threads)
{
    struct pool *pool = NULL;
    struct error err = {0};
    if (dataset_open(data, folder, 0, 1, &err) != OK || pool_create(&pool, threads, &err) != OK ||
        scan_dataset(report, data, NULL, pool, &err) != OK)
        fail_msg("%s", err.text);
    pool_destroy(pool);
}

static void counts_and_bad_photos(void **state)
{
    (void)state;
    struct scan_report report;
    struct dataset data;
    char name[64];
    for (uint32_t i = 0; i < 30; i++) {
        snprintf(name, sizeof name, "train/%s/%02u.bmp", i < 20 ? "ants" : "bees", i);
        put(name, i, i == 5 || i == 25 ? 100 : 0);
    }
    test_write(test_path(folder, "train/ants/.hidden"), "x", 1);
    test_write(test_path(folder, "train/stray.png"), "x", 1);
    test_write(test_path(folder, "train/bees/note"), "x", 1);
    test_write(test_path(folder, "val/bees/note"), "x", 1);
    test_write(test_path(folder, "val/ants/text.jpg"), "hello, text\n", 12);
    put("val/ants/a.bmp", 100, 0);
    put("val/bees/b.bmp", 101, 0);
    test_write(test_path(folder, "val/bees/empty.jpg"), "", 0);
    for (size_t threads = 1; threads <= 3; threads++) {
        scan(&report, &data, threads);
        assert_int_equal(report.class_count, 2);
        assert_int_equal(report.classes[0].train, 20);
        assert_int_equal(report.classes[0].bad_train, 1);
        assert_int_equal(report.classes[1].train, 10);
        assert_int_equal(report.classes[1].bad_train, 1);
        assert_int_equal(report.classes[0].val, 2);
        assert_int_equal(report.classes[0].bad_val, 1);
        assert_int_equal(report.few, 2); /* ants have 20, but one is bad */
        assert_int_equal(report.hidden, 1);
        assert_int_equal(report.stray, 1);
        assert_int_equal(report.others, 2);
        assert_int_equal(report.bad_count, 4);
        assert_false(report.bad[0].val);
        assert_int_equal(report.bad[0].photo, 5);
        assert_string_equal(report.bad[0].reason, "truncated: the BMP has 100 bytes, its pixels need 246");
        assert_int_equal(report.bad[1].photo, 25);
        assert_true(report.bad[2].val);
        assert_int_equal(report.bad[2].photo, 1);
        assert_non_null(strstr(report.bad[2].reason, "not a picture"));
        assert_string_equal(report.bad[3].reason, "an empty file");
        assert_int_equal(report.duplicate_count, 0);
        assert_int_equal(report.bytes, 28 * 246 + 2 * 100 + 12 + 2 * 246);
        assert_int_equal(report.photo_memory, 246 + 3 * 8 * 8);
        scan_report_free(&report);
        dataset_close(&data);
    }
}

/* "LEAK val b/2.bmp = train a/2.bmp" */
static const char *pair_text(char out[128], const struct scan_duplicate *pair, const struct dataset *data)
{
    static const char *const kinds[SCAN_SAME] = {"CONFLICT", "LEAK", "REPEAT"};
    snprintf(out, 128, "%s %s %s = %s %s", kinds[pair->kind], pair->val ? "val" : "train",
             photo_name(pair->val ? &data->val : &data->train, pair->photo), pair->same_val ? "val" : "train",
             photo_name(pair->same_val ? &data->val : &data->train, pair->same));
    return out;
}

static void photos_of_the_same_bytes_are_found(void **state)
{
    (void)state;
    static const char *const expected[] = {
        "CONFLICT train b/2 again.bmp = train a/2.bmp", "REPEAT train b/2 more.bmp = train b/2 again.bmp",
        "LEAK val a/two.bmp = train a/2.bmp",           "LEAK val b/2 too.bmp = train b/2 again.bmp",
        "REPEAT val b/twin2.bmp = val b/twin1.bmp",     "LEAK val b/three.bmp = train b/3.bmp",
        "CONFLICT val c/8.bmp = train a/8.bmp"};
    put("train/a/1.bmp", 1, 0);
    put("train/a/2.bmp", 2, 0);
    put("train/a/8.bmp", 8, 0);
    put("train/b/2 again.bmp", 2, 0);
    put("train/b/2 more.bmp", 2, 0);
    put("train/b/3.bmp", 3, 0);
    put("train/b/short.bmp", 4, 100); /* bad: not compared */
    put("train/c/7.bmp", 7, 0);
    put("val/a/4.bmp", 4, 0);
    put("val/a/two.bmp", 2, 0);
    put("val/b/2 too.bmp", 2, 0);
    put("val/b/short.bmp", 4, 100);
    put("val/b/three.bmp", 3, 0);
    put("val/b/twin1.bmp", 9, 0);
    put("val/b/twin2.bmp", 9, 0);
    put("val/c/8.bmp", 8, 0);
    for (size_t threads = 1; threads <= 2; threads++) {
        struct scan_report report;
        struct dataset data;
        char text[128];
        bool seen[7] = {false};
        scan(&report, &data, threads);
        assert_int_equal(report.duplicate_count, 7);
        assert_int_equal(report.same[SCAN_LABEL_CONFLICT], 2);
        assert_int_equal(report.same[SCAN_LEAK], 3);
        assert_int_equal(report.same[SCAN_REPEAT], 2);
        for (size_t i = 0; i < 7; i++) {
            const struct scan_duplicate *pair = &report.duplicates[i];
            pair_text(text, pair, &data);
            for (size_t k = 0; k < 7; k++)
                seen[k] |= strcmp(text, expected[k]) == 0;
            if (i > 0 && pair[-1].val == pair->val)
                assert_true(pair[-1].photo < pair->photo);
            if (i > 0)
                assert_true(pair[-1].val <= pair->val);
        }
        for (size_t k = 0; k < 7; k++)
            if (!seen[k])
                fail_msg("not found: %s", expected[k]);
        scan_report_free(&report);
        dataset_close(&data);
    }
}

/* The head of a file does not tell these apart, and for a BMP nothing else is read before the whole. */
static void photos_with_the_same_head_are_read_whole(void **state)
{
    (void)state;
    struct scan_report report;
    struct dataset data;
    size_t size;
    uint8_t *bytes = test_bmp(&size, 64, 64, 5);
    assert_true(size > 4096);
    test_write(test_path(folder, "train/a/1.bmp"), bytes, size);
    test_write(test_path(folder, "val/a/same.bmp"), bytes, size);
    bytes[size - 1] ^= 1;
    test_write(test_path(folder, "val/a/other.bmp"), bytes, size);
    test_write(test_path(folder, "train/b/2.bmp"), bytes, size / 2);
    memory_free(bytes);
    scan(&report, &data, 1);
    assert_int_equal(report.duplicate_count, 1);
    assert_int_equal(report.same[SCAN_LEAK], 1);
    assert_string_equal(photo_name(&data.val, report.duplicates[0].photo), "a/same.bmp");
    scan_report_free(&report);
    dataset_close(&data);
}

/* A link that leads nowhere cannot be opened: it is away, where a file of bad content is not. */
static void what_cannot_be_opened_is_away(void **state)
{
    (void)state;
    struct scan_report report;
    struct dataset data;
    put("train/a/1.bmp", 1, 0);
    put("train/a/2.bmp", 2, 100);
    put("train/b/3.bmp", 3, 0);
    put("val/a/4.bmp", 4, 0);
    assert_int_equal(symlink("nowhere", test_path(folder, "train/b/link.bmp")), 0);
    assert_int_equal(symlink("nowhere", test_path(folder, "val/a/link.bmp")), 0);
    scan(&report, &data, 2);
    assert_int_equal(report.bad_count, 3);
    assert_int_equal(report.away_count, 2);
    assert_false(report.bad[0].away);
    assert_true(report.bad[1].away && report.bad[2].away);
    assert_string_equal(report.bad[1].reason, "No such file or directory");
    assert_int_equal(report.classes[0].bad_train, 1);
    assert_int_equal(report.classes[0].away_train, 0);
    assert_int_equal(report.classes[1].bad_train, 1);
    assert_int_equal(report.classes[1].away_train, 1);
    scan_report_free(&report);
    dataset_close(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_and_bad_photos, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(photos_of_the_same_bytes_are_found, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(photos_with_the_same_head_are_read_whole, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_opened_is_away, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
