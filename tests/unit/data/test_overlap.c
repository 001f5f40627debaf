#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/data/overlap.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

/* 64 x 64 pixels: longer than what the probe reads. The last byte is changed by `change`. */
static void put(const char *name, uint32_t seed, uint8_t change)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 64, 64, seed);
    bytes[size - 1] = (uint8_t)(bytes[size - 1] ^ change);
    test_write(test_path(folder, name), bytes, size);
    memory_free(bytes);
}

static struct photo_list list_of(const char *name)
{
    struct photo_list list = {0};
    struct error err = {0};
    char path[512];
    snprintf(path, sizeof path, "%s", test_path(folder, name));
    if (photo_list_add(&list, path, &err) != OK)
        fail_msg("%s", err.text);
    return list;
}

static struct overlap find(const char *photos, const char *others, char first[2][512])
{
    struct overlap overlap = {.count = 99};
    for (size_t threads = 1; threads <= 2; threads++) {
        struct photo_list a = list_of(photos), b = list_of(others);
        struct pool *pool = NULL;
        struct error err = {0};
        if (pool_create(&pool, threads, &err) != OK || overlap_find(&overlap, &a, &b, pool, &err) != OK)
            fail_msg("%s", err.text);
        if (overlap.count > 0) {
            snprintf(first[0], 512, "%s", photo_name(&a, overlap.photo) + strlen(folder) + 1);
            snprintf(first[1], 512, "%s", photo_name(&b, overlap.same) + strlen(folder) + 1);
        }
        pool_destroy(pool);
        photo_list_free(&a);
        photo_list_free(&b);
    }
    return overlap;
}

static void copies_links_and_the_files_themselves_are_found(void **state)
{
    (void)state;
    char first[2][512], path[512], target[512];
    put("train/1", 1, 0);
    put("train/2", 2, 0);
    put("train/3", 3, 0);
    put("train/3 again", 3, 0);
    put("other/a", 9, 0); /* in neither */
    put("other/b", 1, 1); /* but for its last byte */
    put("other/twin", 9, 0);
    assert_int_equal(find("other", "train", first).count, 0);
    put("other/c", 3, 0);
    put("other/d", 3, 0);
    assert_int_equal(find("other", "train", first).count, 2);
    assert_string_equal(first[0], "other/c");
    assert_string_equal(first[1], "train/3");
    snprintf(target, sizeof target, "%s", test_path(folder, "train/2"));
    snprintf(path, sizeof path, "%s", test_path(folder, "other/aa link"));
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(find("other", "train", first).count, 3);
    assert_string_equal(first[0], "other/aa link");
    assert_string_equal(first[1], "train/2");
    assert_int_equal(find("train", "train", first).count, 4);
    assert_int_equal(find("train", "other", first).count, 3); /* 2, 3 and 3 again */
    assert_string_equal(first[0], "train/2");
}

static void what_is_no_photo_is_in_no_list(void **state)
{
    (void)state;
    char first[2][512];
    test_write(test_path(folder, "train/empty"), "", 0);
    test_write(test_path(folder, "train/text"), "hello, text\n", 12);
    test_write(test_path(folder, "other/empty"), "", 0);
    test_write(test_path(folder, "other/text"), "hello, text\n", 12);
    put("train/1", 1, 0);
    put("other/2", 2, 0);
    assert_int_equal(find("other", "train", first).count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(copies_links_and_the_files_themselves_are_found, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_photo_is_in_no_list, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests_name("overlap", tests, NULL, NULL);
}
