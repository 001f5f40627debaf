/* Pieces of a file are copies: whatever becomes of the file, what was read stays, and what is gone is an error. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file_map.h"
#include "core/base/hash.h"
#include "core/base/sha256.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_net.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"

enum { PAGES = 9 };
static size_t page, size;
static uint8_t *content;

static const char *fresh(void)
{
    sample_write(sample_path("file"), content, size);
    return sample_path("file");
}

static struct file_map open_fresh(void)
{
    struct file_map map;
    assert_int_equal(file_map_open(&map, fresh(), NULL), OK);
    assert_int_equal(map.size, size);
    return map;
}

static void any_piece_is_that_of_the_file(void **state)
{
    (void)state;
    for (size_t at = 0; at < size; at += page / 2 + 13)
        for (size_t end = at; end <= size; end += page - 7) {
            struct file_map map = open_fresh();
            assert_int_equal(file_map_read(&map, at, end - at, NULL), OK);
            assert_memory_equal(map.bytes + at, content + at, end - at);
            file_map_drop(&map, at, end - at);
            assert_int_equal(file_map_read(&map, 0, size, NULL), OK);
            assert_memory_equal(map.bytes, content, size);
            file_map_close(&map);
        }
}

static void what_was_read_stays_when_the_file_is_cut_or_overwritten(void **state)
{
    (void)state;
    struct file_map map = open_fresh();
    struct error err;
    assert_int_equal(file_map_read(&map, page, 2 * page, NULL), OK);
    assert_int_equal(file_map_check(&map, &err), OK);
    assert_int_equal(truncate(sample_path("file"), (off_t)(page + 10)), 0);
    assert_memory_equal(map.bytes + page, content + page, 2 * page);
    assert_int_equal(file_map_read(&map, page, 2 * page, &err), OK);
    assert_int_equal(file_map_read(&map, page, 3 * page, &err), ERR_IO);
    assert_non_null(strstr(err.text, "shrank while it was read"));
    assert_int_equal(file_map_check(&map, &err), ERR_IO);
    assert_int_equal(file_map_read(&map, 0, page, &err), OK); /* still there */
    assert_memory_equal(map.bytes, content, page);
    file_map_drop(&map, 2 * page, page);
    assert_int_equal(file_map_read(&map, 2 * page, page, &err), ERR_IO);
    file_map_close(&map);

    map = open_fresh();
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); /* times of files are a few ms apart */
    FILE *file = fopen(sample_path("file"), "r+b");
    assert_non_null(file);
    fputs("another", file);
    fclose(file);
    assert_int_equal(file_map_check(&map, &err), ERR_IO);
    assert_non_null(strstr(err.text, "was changed while it was read"));
    file_map_close(&map);
}

static void another_file_at_the_same_path_is_another_file(void **state)
{
    (void)state;
    struct file_map map = open_fresh();
    sample_write(sample_path("other"), "x", 1);
    assert_int_equal(rename(sample_path("other"), sample_path("file")), 0);
    assert_int_equal(file_map_read(&map, 0, size, NULL), OK);
    assert_memory_equal(map.bytes, content, size);
    assert_int_equal(file_map_check(&map, NULL), OK);
    file_map_close(&map);
}

static void hashes_of_files_are_those_of_their_bytes(void **state)
{
    (void)state;
    struct file_map map = open_fresh();
    struct hash128 hash, expected = hash_bytes(content, size, 0);
    char hex[65], wanted[65];
    assert_int_equal(hash_file(&hash, &map, NULL), OK);
    assert_true(hash.high == expected.high && hash.low == expected.low);
    sha256_hex(wanted, content, size);
    assert_int_equal(sha256_file(hex, &map, NULL), OK);
    assert_string_equal(hex, wanted);
    assert_int_equal(truncate(sample_path("file"), 1), 0);
    assert_int_equal(hash_file(&hash, &map, NULL), ERR_IO);
    assert_int_equal(sha256_file(hex, &map, NULL), ERR_IO);
    file_map_close(&map);
}

static void an_empty_file_has_no_bytes(void **state)
{
    (void)state;
    struct file_map map;
    sample_write(sample_path("file"), "", 0);
    assert_int_equal(file_map_open(&map, sample_path("file"), NULL), OK);
    assert_true(map.size == 0 && !map.bytes);
    assert_int_equal(file_map_read(&map, 0, 0, NULL), OK);
    file_map_close(&map);
}

/* At any place, in any tensor: an error that says so, never other numbers. */
static void weights_of_a_file_that_is_cut_while_they_are_loaded_are_refused(void **state)
{
    (void)state;
    static const struct weights_rules rules = {0};
    struct net *net = small_net_save();
    struct stat info;
    assert_int_equal(stat(sample_path("good"), &info), 0);
    for (off_t cut = info.st_size - 1; cut >= 0; cut -= info.st_size / 7) {
        struct error err = {0};
        net_destroy(small_net_save());
        struct weight_file *file = sample_open("good");
        assert_int_equal(truncate(sample_path("good"), cut), 0);
        assert_int_equal(weights_load(net, file, &rules, NULL, &err), ERR_IO);
        assert_non_null(strstr(err.text, "while it was read"));
        weight_file_close(file);
    }
    net_destroy(net);
}

static int setup(void **state)
{
    page = (size_t)sysconf(_SC_PAGESIZE);
    size = PAGES * page + 123;
    content = malloc(size);
    for (size_t i = 0; content && i < size; i++)
        content[i] = (uint8_t)(i * 31 + i / 251 + 1);
    return content ? folder_setup(state) : -1;
}

static int teardown(void **state)
{
    free(content);
    return folder_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_piece_is_that_of_the_file),
        cmocka_unit_test(what_was_read_stays_when_the_file_is_cut_or_overwritten),
        cmocka_unit_test(another_file_at_the_same_path_is_another_file),
        cmocka_unit_test(hashes_of_files_are_those_of_their_bytes),
        cmocka_unit_test(an_empty_file_has_no_bytes),
        cmocka_unit_test(weights_of_a_file_that_is_cut_while_they_are_loaded_are_refused),
    };
    return cmocka_run_group_tests_name("file_map", tests, setup, teardown);
}
