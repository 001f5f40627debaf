/* Files of features that are damaged, cut, foreign, shared or too large: an entry is right or not there. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/data/feature_file.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test_files.h"

enum { FLOATS = 11, RECORD = 32 + 48 };

static char folder[256], path[300];
static struct feature_store_about about;
static uint8_t *good; /* a file of three entries */
static size_t good_size;

static struct feature_store *open_store(void)
{
    struct feature_store *store = NULL;
    struct error err = {0};
    if (feature_store_open_disk(&store, folder, &about, &err) != OK)
        fail_msg("%s", err.text);
    return store;
}

static enum status append(struct feature_store *store, uint32_t first, uint32_t count, struct error *err)
{
    float features[100 * FLOATS];
    struct feature_id ids[100];
    assert_in_range(count, 0, 100);
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = feature_sample_id(first + i);
        feature_sample(features + i * FLOATS, FLOATS, first + i);
    }
    return feature_store_append(store, ids, features, count, err);
}

static void append_all(struct feature_store *store, uint32_t first, uint32_t count)
{
    struct error err = {0};
    if (append(store, first, count, &err) != OK)
        fail_msg("%s", err.text);
}

/* Is the entry there? It must be right then. */
static bool holds(struct feature_store *store, uint32_t number)
{
    float features[FLOATS];
    struct error err = {0};
    struct feature_id id = feature_sample_id(number);
    bool found;
    assert_int_equal(feature_store_read(features, &found, store, &id, &err), OK);
    assert_true(!found || feature_sample_right(features, &about, number));
    return found;
}

static int enter(void **state)
{
    (void)state;
    setenv("TMPDIR", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", 0); /* thousands of files */
    test_folder_make(folder);
    about = feature_sample_about(FLOATS, FEATURE_F32);
    snprintf(path, sizeof path, "%s/01112233445566778899aabbccddeeff.features", folder);
    struct feature_store *store = open_store();
    append_all(store, 0, 3);
    feature_store_close(store);
    good = test_read(path, &good_size);
    assert_int_equal(good_size, FEATURE_HEADER_BYTES + 3 * RECORD);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    memory_free(good);
    test_folder_remove(folder);
    return 0;
}

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void a_flipped_bit_takes_one_entry_only(void **state)
{
    (void)state;
    for (size_t at = FEATURE_HEADER_BYTES; at < good_size; at++) {
        uint32_t hit = (uint32_t)((at - FEATURE_HEADER_BYTES) / RECORD);
        good[at] ^= (uint8_t)(1 << at % 8);
        test_write(path, good, good_size);
        good[at] ^= (uint8_t)(1 << at % 8);
        struct feature_store *store = open_store();
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(holds(store, i), i != hit);
        struct feature_id id = feature_sample_id(hit);
        assert_false(feature_store_has(store, &id));
        assert_in_range(feature_store_damaged(store), 0, 1); /* 0: its id was hit */
        append_all(store, 0, 3);
        feature_store_close(store);
        store = open_store();
        for (uint32_t i = 0; i < 3; i++)
            assert_true(holds(store, i));
        assert_int_equal(feature_store_damaged(store), 0);
        feature_store_close(store);
        size_t size;
        memory_free(test_read(path, &size));
        assert_int_equal(size, good_size + RECORD);
    }
}

static void a_file_cut_anywhere_holds_its_whole_records(void **state)
{
    (void)state;
    for (size_t size = 0; size < good_size; size += size + 100 < FEATURE_HEADER_BYTES ? 97 : 1) {
        test_write(path, good, size);
        struct feature_store *store = open_store();
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(holds(store, i), size >= FEATURE_HEADER_BYTES + (i + 1) * RECORD);
        append_all(store, 0, 4);
        feature_store_close(store);
        store = open_store();
        for (uint32_t i = 0; i < 4; i++)
            assert_true(holds(store, i));
        feature_store_close(store);
    }
}

/* Cut while it is open: what is gone is not found, what is appended then is, and nothing that took its place is. */
static void a_file_cut_while_it_is_open(void **state)
{
    (void)state;
    test_write(path, good, good_size);
    struct feature_store *store = open_store(), *other = open_store();
    assert_int_equal(truncate(path, FEATURE_HEADER_BYTES + RECORD + 5), 0);
    assert_true(holds(store, 0));
    append_all(other, 6, 1);
    assert_false(holds(store, 1)); /* 6 is where it was */
    append_all(store, 7, 1);
    assert_true(holds(store, 6) && holds(store, 7));
    assert_false(holds(store, 2));
    assert_int_equal(feature_store_damaged(store), 2);
    feature_store_close(other);
    assert_int_equal(truncate(path, 10), 0);
    assert_false(holds(store, 0));
    feature_store_close(store);
}

/* ---- what is not this file ----------------------------------------------------------------------------------------
 */

static void assert_refused(const void *bytes, size_t size, const char *wanted)
{
    struct feature_store *store = NULL;
    struct error err = {0};
    size_t after;
    test_write(path, bytes, size);
    assert_int_equal(feature_store_open_disk(&store, folder, &about, &err), ERR_DATA);
    assert_null(store);
    if (!strstr(err.text, wanted) || strncmp(err.text, path, strlen(path)) != 0)
        fail_msg("no \"%s\" in: %s", wanted, err.text);
    uint8_t *left = test_read(path, &after);
    assert_int_equal(after, size);
    assert_memory_equal(left, bytes, size);
    memory_free(left);
}

static void a_header_with_a_flipped_bit_is_refused(void **state)
{
    (void)state;
    char clear[400];
    snprintf(clear, sizeof clear, "freezetune cache clear --cache-dir %s 01112233445566778899aabbccddeeff", folder);
    for (size_t at = 0; at < FEATURE_HEADER_BYTES; at += at < 160 || at > FEATURE_HEADER_BYTES - 20 ? 1 : 61) {
        good[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(good, good_size, at < 8 ? "is not a file of features; move it away" : clear);
        good[at] ^= (uint8_t)(1 << at % 8);
    }
}

/* Whole headers that say what they should not. */
static void headers_that_are_refused(void **state)
{
    (void)state;
    static uint8_t page[FEATURE_HEADER_BYTES + RECORD];
    struct feature_store_about other = about;
    other.floats = FLOATS + 1;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    other = about;
    other.dtype = FEATURE_F16;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    other = about;
    other.key[15] ^= 1;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    for (int i = 0; i < 4; i++) { /* with a right checksum */
        other = about;
        if (i == 0)
            other.floats = FEATURE_FLOATS_MOST + 1;
        else if (i == 1)
            other.floats = 0;
        else if (i == 2)
            other.dtype = (enum feature_dtype)2;
        else
            other.image_size = -1;
        feature_header_write(page, &other);
        assert_refused(page, sizeof page, "header is damaged");
    }
    feature_header_write(page, &about);
    page[8] = 2;
    assert_refused(page, sizeof page, "of another version");
    for (size_t i = 0; i < 4; i++) { /* a big-endian machine's */
        page[8 + i] = i == 3;
        page[12 + i] = (uint8_t)(i + 1);
    }
    assert_refused(page, sizeof page, "another byte order");
    assert_refused("hello", 5, "is not a file of features; move it away");
    static const uint8_t zeros[5000];
    assert_refused(zeros, sizeof zeros, "is not a file of features; move it away");
}

static void things_that_are_no_files(void **state)
{
    (void)state;
    struct feature_store *store;
    struct error err = {0};
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0666), 0);
    assert_int_equal(feature_store_open_disk(&store, folder, &about, &err), ERR_DATA);
    unlink(path);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(feature_store_open_disk(&store, folder, &about, &err), ERR_CANTCREATE);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(feature_store_open_disk(&store, "/proc/nowhere", &about, &err), ERR_CANTCREATE);
    test_write(path, good, good_size);
    assert_int_equal(feature_store_open_disk(&store, path, &about, &err), ERR_CANTCREATE); /* the folder is a file */
}

/* A record that got into the file of another key. */
static void another_keys_record_is_not_found(void **state)
{
    (void)state;
    struct feature_store_about other = about;
    other.key[3] ^= 1;
    feature_header_write(good, &other);
    snprintf(path, sizeof path, "%s/01112232445566778899aabbccddeeff.features", folder);
    test_write(path, good, good_size);
    about = other;
    struct feature_store *store = open_store();
    assert_int_equal(feature_store_count(store), 3);
    assert_false(holds(store, 1));
    assert_int_equal(feature_store_damaged(store), 1);
    feature_store_close(store);
}

static void a_huge_hole_is_refused_at_once(void **state)
{
    (void)state;
    struct feature_store *store = NULL;
    struct error err = {0};
    test_write(path, good, good_size);
    if (truncate(path, (off_t)FEATURE_HEADER_BYTES + (off_t)RECORD * (FEATURE_RECORDS_MOST + 1)) != 0)
        skip();
    assert_int_equal(feature_store_open_disk(&store, folder, &about, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "16777217 entries"));
    assert_int_equal(truncate(path, (off_t)FEATURE_HEADER_BYTES + RECORD * 1000), 0);
    store = open_store();
    assert_true(holds(store, 1));
    assert_int_equal(feature_store_count(store), 4); /* and that of nothing */
    feature_store_close(store);
}

/* ---- a disk that takes no more ------------------------------------------------------------------------------------
 */

static void a_full_disk_stops_appending_and_nothing_else(void **state)
{
    (void)state;
    struct rlimit before, limit;
    struct error err = {0};
    test_write(path, good, good_size);
    struct feature_store *store = open_store();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = good_size + 2 * RECORD + 17;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status first = append(store, 3, 5, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, ERR_IO);
    assert_non_null(strstr(err.text, path));
    assert_false(feature_store_writable(store));
    for (int again = 0; again < 2; again++) {
        struct stat info;
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(holds(store, i), i < 5);
        assert_int_equal(feature_store_count(store), 5);
        assert_int_equal(feature_store_damaged(store), 0);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, good_size + 2 * RECORD);
        assert_int_equal(append(store, 5, 1, &err), ERR_IO); /* though there is room again */
    }
    feature_store_close(store);
    store = open_store();
    append_all(store, 3, 5);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(holds(store, i));
    feature_store_close(store);
}

/* No room for the header either. */
static void a_full_disk_from_the_beginning(void **state)
{
    (void)state;
    struct rlimit before, limit;
    struct error err = {0};
    struct feature_store *store = NULL;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status status = feature_store_open_disk(&store, folder, &about, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, ERR_CANTCREATE);
    assert_null(store);
    store = open_store();
    append_all(store, 0, 1);
    feature_store_close(store);
}

/* As root nothing is read-only, so the test becomes somebody else for a moment. */
static void a_file_that_may_only_be_read(void **state)
{
    (void)state;
    struct error err = {0};
    struct feature_store *store = NULL;
    test_write(path, good, good_size);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder, 0555), 0);
    bool root = geteuid() == 0;
    assert_true(!root || seteuid(65534) == 0);
    enum status status = feature_store_open_disk(&store, folder, &about, &err);
    about.key[1] ^= 1;
    struct feature_store *none = NULL;
    enum status other = feature_store_open_disk(&none, folder, &about, NULL);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(other, ERR_CANTCREATE);
    if (status != OK)
        fail_msg("%s", err.text);
    assert_false(feature_store_writable(store));
    assert_true(holds(store, 0) && holds(store, 2));
    assert_int_equal(append(store, 3, 1, &err), ERR_CANTCREATE);
    assert_int_equal(feature_store_refresh(store, &err), OK);
    feature_store_close(store);
}

/* ---- several at once ----------------------------------------------------------------------------------------------
 */

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
           feature_sample_right(features, &about, number);
}

/* Each begins elsewhere, and all want all. What another was faster with is found like one's own. */
static void append_from(int number)
{
    static float features[TOGETHER * WIDE];
    struct feature_id ids[TOGETHER];
    struct error err = {0};
    struct feature_store *store = NULL;
    if (feature_store_open_disk(&store, folder, &about, &err) != OK)
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
    assert_int_equal(unlink(path), 0); /* they make it together, too */
    about.floats = WIDE;
    in_processes(3, append_from);
    struct feature_store *store = open_store();
    assert_int_equal(feature_store_count(store), SHARED);
    for (uint32_t i = 0; i < SHARED; i++)
        assert_true(holds_wide(store, i));
    feature_store_close(store);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, feature_store_bytes(&about, SHARED)); /* nothing twice */
}

static void what_another_appended_is_found_after_a_refresh(void **state)
{
    (void)state;
    struct error err = {0};
    struct feature_id id = feature_sample_id(3);
    struct feature_store *one = open_store(), *two = open_store();
    append_all(one, 3, 2);
    assert_false(feature_store_has(two, &id));
    assert_int_equal(feature_store_refresh(two, &err), OK);
    assert_true(holds(two, 3) && holds(two, 4));
    append_all(two, 5, 1);
    append_all(one, 6, 1);
    assert_true(holds(one, 5));
    feature_store_close(one);
    feature_store_close(two);
}

/* ---- removal ------------------------------------------------------------------------------------------------------
 */

static void a_file_in_use_is_not_removed(void **state)
{
    (void)state;
    struct error err = {0};
    bool in_use = false;
    struct feature_store *store = open_store();
    assert_int_equal(feature_file_remove(&in_use, path, &err), OK);
    assert_true(in_use);
    assert_true(holds(store, 1));
    feature_store_close(store);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(feature_file_remove(&in_use, path, &err), OK);
    assert_false(in_use);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(feature_file_remove(&in_use, path, &err), ERR_NOINPUT);
}

static void only_a_file_of_features_is_removed(void **state)
{
    (void)state;
    struct error err = {0};
    bool in_use = false;
    test_write(path, "hello", 5);
    assert_int_equal(feature_file_remove(&in_use, path, &err), ERR_DATA);
    assert_int_equal(access(path, F_OK), 0);
    good[100] ^= 1; /* damaged, and ours */
    test_write(path, good, good_size);
    assert_int_equal(feature_file_remove(&in_use, path, &err), OK);
    assert_int_equal(access(path, F_OK), -1);
    test_write(path, "", 0); /* left before it held any */
    assert_int_equal(feature_file_remove(&in_use, path, &err), OK);
    assert_int_equal(access(path, F_OK), -1);
}

/* Removed between opening it and the lock: what is appended is in the file that has the name then. */
static void a_file_removed_while_it_is_opened(void **state)
{
    (void)state;
    struct flock alone = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    struct stat info;
    int status, remover = open(path, O_RDWR | O_CLOEXEC);
    assert_true(remover >= 0);
    assert_int_equal(fcntl(remover, F_OFD_SETLK, &alone), 0);
    pid_t child = fork();
    if (child == 0) {
        struct error err = {0};
        struct feature_store *store;
        close(remover);
        if (feature_store_open_disk(&store, folder, &about, &err) != OK || append(store, 7, 1, &err) != OK)
            _exit(1);
        _exit(0);
    }
    usleep(50000);                     /* it has opened the file, or at worst this shows nothing */
    test_write(path, good, good_size); /* and a third program has made it again */
    close(remover);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_size, good_size + RECORD);
}

/* Even numbers open and append, and find their entry in the file of that name; odd ones remove it all the time. */
static void open_and_remove(int number)
{
    struct error err = {0};
    for (uint32_t i = 0; i < 300; i++) {
        struct feature_store *store = NULL;
        struct stat info = {0};
        bool in_use;
        if (number % 2) {
            enum status status = feature_file_remove(&in_use, path, &err);
            if (status != OK && status != ERR_NOINPUT)
                _exit(1);
            continue;
        }
        if (feature_store_open_disk(&store, folder, &about, &err) != OK)
            _exit(2);
        if (append(store, i, 1, &err) != OK || !holds(store, i))
            _exit(3);
        if (stat(path, &info) != 0 || info.st_size < FEATURE_HEADER_BYTES + RECORD)
            _exit(4);
        feature_store_close(store);
    }
}

static void opening_and_removing_at_once(void **state)
{
    (void)state;
    in_processes(4, open_and_remove);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flipped_bit_takes_one_entry_only, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_holds_its_whole_records, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_cut_while_it_is_open, enter, leave),
        cmocka_unit_test_setup_teardown(a_header_with_a_flipped_bit_is_refused, enter, leave),
        cmocka_unit_test_setup_teardown(headers_that_are_refused, enter, leave),
        cmocka_unit_test_setup_teardown(things_that_are_no_files, enter, leave),
        cmocka_unit_test_setup_teardown(another_keys_record_is_not_found, enter, leave),
        cmocka_unit_test_setup_teardown(a_huge_hole_is_refused_at_once, enter, leave),
        cmocka_unit_test_setup_teardown(a_full_disk_stops_appending_and_nothing_else, enter, leave),
        cmocka_unit_test_setup_teardown(a_full_disk_from_the_beginning, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_that_may_only_be_read, enter, leave),
        cmocka_unit_test_setup_teardown(processes_append_to_one_file, enter, leave),
        cmocka_unit_test_setup_teardown(what_another_appended_is_found_after_a_refresh, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_in_use_is_not_removed, enter, leave),
        cmocka_unit_test_setup_teardown(only_a_file_of_features_is_removed, enter, leave),
        cmocka_unit_test_setup_teardown(a_file_removed_while_it_is_opened, enter, leave),
        cmocka_unit_test_setup_teardown(opening_and_removing_at_once, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
