/* Files of features that several processes write, read and remove at once. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/features/feature_file.h"
#include "tests/support/feature_fixture.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test_files.h"

/* ---- several at once --------------------------------------------------------------------------------------------- */

/* Runs work(number) in `count` processes, which begin together, and waits for all of them. */
static void in_processes(int count, void (*work)(int number))
{
    pid_t children[8];
    int start[2];
    char byte = 0;
    assert_int_equal(pipe(start), 0);
    for (int i = 0; i < count; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            if (read(start[0], &byte, 1) == 1)
                work(i);
            _exit(0);
        }
    }
    for (int i = 0; i < count; i++)
        assert_int_equal(write(start[1], &byte, 1), 1);
    for (int i = 0; i < count; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    close(start[0]);
    close(start[1]);
}

/* Large ones, so that writing takes long enough to be overtaken. */
enum { SHARED = 192, WIDE = 20000, TOGETHER = 4 };

static bool holds_wide(struct feature_store *store, uint32_t number)
{
    static float features[WIDE];
    struct error err = {0};
    struct feature_id id = feature_sample_id(number);
    bool found;
    return feature_store_read(features, &found, store, &id, &err) == OK && found &&
           feature_sample_right(features, &feature_about, number);
}

/* Each begins elsewhere, and all want all. What another was faster with is found like one's own. */
static void append_from(int number)
{
    static float features[TOGETHER * WIDE];
    struct feature_id ids[TOGETHER];
    struct error err = {0};
    struct feature_store *store = NULL;
    if (feature_store_open_disk(&store, feature_folder, &feature_about, &err) != OK)
        _exit(1);
    for (uint32_t i = 0; i < SHARED; i += TOGETHER) {
        for (uint32_t j = 0; j < TOGETHER; j++) {
            uint32_t entry = ((uint32_t)number * 64 + i + j) % SHARED;
            ids[j] = feature_sample_id(entry);
            feature_sample(features + j * WIDE, WIDE, entry);
        }
        if (feature_store_append(store, ids, features, TOGETHER, &err) != OK)
            _exit(2);
    }
    for (uint32_t i = 0; i < SHARED; i++)
        if (!holds_wide(store, i))
            _exit(3);
    feature_store_close(store);
}

static void processes_append_to_one_file(void **state)
{
    (void)state;
    struct stat info;
    assert_int_equal(unlink(feature_path), 0); /* they make it together, too */
    feature_about.values = WIDE;
    in_processes(3, append_from);
    struct feature_store *store = feature_fixture_open();
    assert_int_equal(feature_store_count(store), SHARED);
    for (uint32_t i = 0; i < SHARED; i++)
        assert_true(holds_wide(store, i));
    feature_store_close(store);
    assert_int_equal(stat(feature_path, &info), 0);
    assert_int_equal(info.st_size, feature_store_bytes(&feature_about, SHARED)); /* nothing twice */
}

static void what_another_appended_is_found_after_a_refresh(void **state)
{
    (void)state;
    struct error err = {0};
    struct feature_id id = feature_sample_id(3);
    struct feature_store *one = feature_fixture_open(), *two = feature_fixture_open();
    feature_fixture_append_all(one, 3, 2);
    assert_false(feature_store_has(two, &id));
    assert_int_equal(feature_store_refresh(two, &err), OK);
    assert_true(feature_fixture_holds(two, 3) && feature_fixture_holds(two, 4));
    feature_fixture_append_all(two, 5, 1);
    feature_fixture_append_all(one, 6, 1);
    assert_true(feature_fixture_holds(one, 5));
    feature_store_close(one);
    feature_store_close(two);
}

/* ---- removal ----------------------------------------------------------------------------------------------------- */

static void a_file_in_use_is_not_removed(void **state)
{
    (void)state;
    struct error err = {0};
    bool in_use = false;
    struct feature_store *store = feature_fixture_open();
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), OK);
    assert_true(in_use);
    assert_true(feature_fixture_holds(store, 1));
    feature_store_close(store);
    assert_int_equal(access(feature_path, F_OK), 0);
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), OK);
    assert_false(in_use);
    assert_int_equal(access(feature_path, F_OK), -1);
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), ERR_NOINPUT);
}

static void only_a_file_of_features_is_removed(void **state)
{
    (void)state;
    struct error err = {0};
    bool in_use = false;
    test_write(feature_path, "hello", 5);
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), ERR_DATA);
    assert_int_equal(access(feature_path, F_OK), 0);
    feature_good[100] ^= 1; /* damaged, and ours */
    test_write(feature_path, feature_good, feature_good_size);
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), OK);
    assert_int_equal(access(feature_path, F_OK), -1);
    test_write(feature_path, "", 0); /* left before it held any */
    assert_int_equal(feature_file_remove(&in_use, feature_path, &err), OK);
    assert_int_equal(access(feature_path, F_OK), -1);
}

/* Removed between opening it and the lock: what is appended is in the file that has the name then. */
static void a_file_removed_while_it_is_opened(void **state)
{
    (void)state;
    struct flock alone = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct stat info;
    int status, remover = open(feature_path, O_RDWR | O_CLOEXEC);
    assert_true(remover >= 0);
    assert_int_equal(fcntl(remover, F_OFD_SETLK, &alone), 0);
    pid_t child = fork();
    if (child == 0) {
        struct error err = {0};
        struct feature_store *store;
        close(remover);
        if (feature_store_open_disk(&store, feature_folder, &feature_about, &err) != OK ||
            feature_fixture_append(store, 7, 1, &err) != OK)
            _exit(1);
        _exit(0);
    }
    usleep(50000); /* it has opened the file, or at worst this shows nothing */
    test_write(feature_path, feature_good, feature_good_size); /* and a third program has made it again */
    close(remover);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(feature_path, &info), 0);
    assert_int_equal(info.st_size, feature_good_size + FEATURE_RECORD);
}

/* The first two open and append, and find their entry in the file of that name. The others remove it all the time: so
 * many that one has opened what another removes. */
static void open_and_remove(int number)
{
    struct error err = {0};
    for (uint32_t i = 0; i < 300; i++) {
        struct feature_store *store = NULL;
        struct stat info = {0};
        bool in_use;
        if (number >= 2) {
            enum status status = feature_file_remove(&in_use, feature_path, &err);
            if (status != OK && status != ERR_NOINPUT)
                _exit(1);
            continue;
        }
        if (feature_store_open_disk(&store, feature_folder, &feature_about, &err) != OK)
            _exit(2);
        if (feature_fixture_append(store, i, 1, &err) != OK || !feature_fixture_holds(store, i))
            _exit(3);
        if (stat(feature_path, &info) != 0 || info.st_size < FEATURE_HEADER_BYTES + FEATURE_RECORD)
            _exit(4);
        feature_store_close(store);
    }
}

static void opening_and_removing_at_once(void **state)
{
    (void)state;
    in_processes(6, open_and_remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(processes_append_to_one_file, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(what_another_appended_is_found_after_a_refresh, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_in_use_is_not_removed, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(only_a_file_of_features_is_removed, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_removed_while_it_is_opened, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(opening_and_removing_at_once, feature_fixture_enter, feature_fixture_leave),
    };
    return cmocka_run_group_tests_name("feature_sharing", tests, NULL, NULL);
}
