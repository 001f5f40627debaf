/* Files of features that are damaged, cut or foreign, on disks that are full: an entry is right or not there. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/features/feature_file.h"
#include "tests/support/feature_fixture.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test_files.h"

/* ---- damage ------------------------------------------------------------------------------------------------------ */

static void a_flipped_bit_takes_one_entry_only(void **state)
{
    (void)state;
    for (size_t at = FEATURE_HEADER_BYTES; at < feature_good_size; at++) {
        uint32_t hit = (uint32_t)((at - FEATURE_HEADER_BYTES) / FEATURE_RECORD);
        feature_good[at] ^= (uint8_t)(1 << at % 8);
        test_write(feature_path, feature_good, feature_good_size);
        feature_good[at] ^= (uint8_t)(1 << at % 8);
        struct feature_store *store = feature_fixture_open();
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(feature_fixture_holds(store, i), i != hit);
        struct feature_id id = feature_sample_id(hit);
        assert_false(feature_store_has(store, &id));
        assert_in_range(feature_store_damaged(store), 0, 1); /* 0: its id was hit */
        feature_fixture_append_all(store, 0, 3);
        feature_store_close(store);
        store = feature_fixture_open();
        for (uint32_t i = 0; i < 3; i++)
            assert_true(feature_fixture_holds(store, i));
        assert_int_equal(feature_store_damaged(store), 0);
        feature_store_close(store);
        size_t size;
        memory_free(test_read(feature_path, &size));
        assert_int_equal(size, feature_good_size + FEATURE_RECORD);
    }
}

static void a_file_cut_anywhere_holds_its_whole_records(void **state)
{
    (void)state;
    for (size_t size = 0; size < feature_good_size; size += size + 100 < FEATURE_HEADER_BYTES ? 97 : 1) {
        test_write(feature_path, feature_good, size);
        struct feature_store *store = feature_fixture_open();
        for (uint32_t i = 0; i < 3; i++)
            assert_int_equal(feature_fixture_holds(store, i), size >= FEATURE_HEADER_BYTES + (i + 1) * FEATURE_RECORD);
        feature_fixture_append_all(store, 0, 4);
        feature_store_close(store);
        store = feature_fixture_open();
        for (uint32_t i = 0; i < 4; i++)
            assert_true(feature_fixture_holds(store, i));
        feature_store_close(store);
    }
}

/* Cut while it is open: what is gone is not found, what is appended then is, and nothing that took its place is. */
static void a_file_cut_while_it_is_open(void **state)
{
    (void)state;
    test_write(feature_path, feature_good, feature_good_size);
    struct feature_store *store = feature_fixture_open(), *other = feature_fixture_open();
    assert_int_equal(truncate(feature_path, FEATURE_HEADER_BYTES + FEATURE_RECORD + 5), 0);
    assert_true(feature_fixture_holds(store, 0));
    feature_fixture_append_all(other, 6, 1);
    assert_false(feature_fixture_holds(store, 1)); /* 6 is where it was */
    feature_fixture_append_all(store, 7, 1);
    assert_true(feature_fixture_holds(store, 6) && feature_fixture_holds(store, 7));
    assert_false(feature_fixture_holds(store, 2));
    assert_int_equal(feature_store_damaged(store), 2);
    feature_store_close(other);
    assert_int_equal(truncate(feature_path, 10), 0);
    assert_false(feature_fixture_holds(store, 0));
    feature_store_close(store);
}

static off_t size_of_file(void)
{
    struct stat info;
    assert_int_equal(stat(feature_path, &info), 0);
    return info.st_size;
}

/* Who knew of more records than there are now counts again: it appends where the file ends, and finds what others have
 * put in the place of what is gone. */
static void a_file_cut_while_it_is_open_is_counted_again(void **state)
{
    (void)state;
    struct error err;
    struct feature_store *store = feature_fixture_open(), *other = feature_fixture_open();
    assert_int_equal(truncate(feature_path, FEATURE_HEADER_BYTES + FEATURE_RECORD), 0);
    feature_fixture_append_all(other, 6, 1);
    assert_int_equal(size_of_file(), FEATURE_HEADER_BYTES + 2 * FEATURE_RECORD);
    assert_int_equal(feature_store_refresh(store, &err), OK);
    assert_true(feature_fixture_holds(store, 0) && feature_fixture_holds(store, 6));
    feature_fixture_append_all(store, 7, 1);
    assert_int_equal(size_of_file(), FEATURE_HEADER_BYTES + 3 * FEATURE_RECORD);
    feature_fixture_append_all(other, 8, 1);
    assert_true(feature_fixture_holds(other, 7) && feature_fixture_holds(other, 8));
    feature_store_close(store);
    feature_store_close(other);
}

/* ---- what is not this file --------------------------------------------------------------------------------------- */

static void assert_refused(const void *bytes, size_t size, const char *wanted)
{
    struct feature_store *store = NULL;
    struct error err = {0};
    size_t after;
    test_write(feature_path, bytes, size);
    assert_int_equal(feature_store_open_disk(&store, feature_folder, &feature_about, &err), ERR_DATA);
    assert_null(store);
    if (!strstr(err.text, wanted) || strncmp(err.text, feature_path, strlen(feature_path)) != 0)
        fail_msg("no \"%s\" in: %s", wanted, err.text);
    uint8_t *left = test_read(feature_path, &after);
    assert_int_equal(after, size);
    assert_memory_equal(left, bytes, size);
    memory_free(left);
}

static void a_header_with_a_flipped_bit_is_refused(void **state)
{
    (void)state;
    char clear[400];
    snprintf(clear, sizeof clear, "freezetune cache clear --cache-dir %s 01112233445566778899aabbccddeeff",
             feature_folder);
    for (size_t at = 0; at < FEATURE_HEADER_BYTES; at += at < 160 || at > FEATURE_HEADER_BYTES - 20 ? 1 : 61) {
        feature_good[at] ^= (uint8_t)(1 << at % 8);
        assert_refused(feature_good, feature_good_size, at < 8 ? "is not a feature file; move it away" : clear);
        feature_good[at] ^= (uint8_t)(1 << at % 8);
    }
}

/* Whole headers that say what they should not. */
static void headers_that_are_refused(void **state)
{
    (void)state;
    static uint8_t page[FEATURE_HEADER_BYTES + FEATURE_RECORD];
    struct feature_store_about other = feature_about;
    other.values = FEATURE_FLOATS + 1;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    other = feature_about;
    other.dtype = FEATURE_F16;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    other = feature_about;
    other.key[15] ^= 1;
    feature_header_write(page, &other);
    assert_refused(page, sizeof page, "holds other features than its name says");
    for (int i = 0; i < 4; i++) { /* with a right checksum */
        other = feature_about;
        if (i == 0)
            other.values = FEATURE_VALUES_MOST + 1;
        else if (i == 1)
            other.values = 0;
        else if (i == 2)
            other.dtype = FEATURE_DTYPES;
        else
            other.image_size = -1;
        feature_header_write(page, &other);
        assert_refused(page, sizeof page, "header is damaged");
    }
    feature_header_write(page, &feature_about);
    for (uint8_t version = 0; version <= FEATURE_VERSION + 1; version += FEATURE_VERSION + 1) {
        page[8] = version;
        assert_refused(page, sizeof page, "of another version");
    }
    for (size_t i = 0; i < 4; i++) { /* a big-endian machine's */
        page[8 + i] = i == 3;
        page[12 + i] = (uint8_t)(i + 1);
    }
    assert_refused(page, sizeof page, "another byte order");
    assert_refused("hello", 5, "is not a feature file; move it away");
    static const uint8_t zeros[5000];
    assert_refused(zeros, sizeof zeros, "is not a feature file; move it away");
}

/* What each version may hold. A program that knows version 1 alone reads halves and float32 that this one wrote, and
 * of bfloat16 it says "another version", not "damaged". */
static void versions_have_their_types(void **state)
{
    (void)state;
    static uint8_t page[FEATURE_HEADER_BYTES];
    for (int dtype = 0; dtype < FEATURE_DTYPES; dtype++) {
        const struct feature_store_about about = feature_sample_about(FEATURE_FLOATS, (enum feature_dtype)dtype);
        struct feature_store_about found;
        feature_header_write(page, &about);
        assert_int_equal(page[8], dtype == FEATURE_BF16 ? 2 : 1);
        for (uint8_t version = 1; version <= FEATURE_VERSION; version++) {
            page[8] = version;
            uint64_t checksum = hash_bytes(page, FEATURE_HEADER_BYTES - sizeof checksum, 0).low;
            memcpy(page + FEATURE_HEADER_BYTES - sizeof checksum, &checksum, sizeof checksum);
            enum feature_header header = feature_header_read(&found, page, sizeof page);
            if (version == 1 && dtype == FEATURE_BF16) {
                assert_int_equal(header, FEATURE_HEADER_DAMAGED);
            } else {
                assert_int_equal(header, FEATURE_HEADER_GOOD);
                assert_memory_equal(&found, &about, sizeof about);
            }
        }
    }
}

static void things_that_are_no_files(void **state)
{
    (void)state;
    struct feature_store *store;
    struct error err = {0};
    assert_int_equal(unlink(feature_path), 0);
    assert_int_equal(mkfifo(feature_path, 0666), 0);
    assert_int_equal(feature_store_open_disk(&store, feature_folder, &feature_about, &err), ERR_DATA);
    /* Nobody waits for the other end of a FIFO. */
    enum feature_header header;
    struct feature_store_about about;
    uint64_t bytes;
    int64_t used;
    assert_int_equal(feature_file_look(&header, &about, &bytes, &used, feature_path, &err), OK);
    assert_int_equal(header, FEATURE_HEADER_FOREIGN);
    unlink(feature_path);
    assert_int_equal(mkdir(feature_path, 0777), 0);
    assert_int_equal(feature_store_open_disk(&store, feature_folder, &feature_about, &err), ERR_DATA);
    assert_int_equal(rmdir(feature_path), 0);
    assert_int_equal(feature_store_open_disk(&store, "/proc/nowhere", &feature_about, &err), ERR_CANTCREATE);
    test_write(feature_path, feature_good, feature_good_size);
    assert_int_equal(feature_store_open_disk(&store, feature_path, &feature_about, &err),
                     ERR_CANTCREATE); /* the folder is a file */
}

static void assert_not_opened(const char *why)
{
    struct feature_store *store;
    struct error err = {0};
    assert_int_equal(feature_store_open_disk(&store, feature_folder, &feature_about, &err), ERR_DATA);
    if (!strstr(err.text, why))
        fail_msg("%s, not %s", err.text, why);
}

/* In a folder that others may write to: a link leads nowhere, not to a file that is there nor to one that would be
 * made; `cache` takes it for none of ours, and it stays. */
static void planted_links_are_not_followed(void **state)
{
    (void)state;
    char target[300];
    struct feature_store_about about;
    enum feature_header header;
    struct stat info;
    struct error err;
    uint64_t bytes;
    int64_t used;
    bool in_use;
    snprintf(target, sizeof target, "%s/target", feature_folder);
    unlink(feature_path);
    for (int there = 0; there < 2; there++) {
        if (there)
            test_write(target, feature_good, feature_good_size);
        assert_int_equal(symlink(target, feature_path), 0);
        assert_not_opened("not a regular file");
        assert_int_equal(stat(target, &info) == 0, there);
        assert_int_equal(feature_file_look(&header, &about, &bytes, &used, feature_path, &err), OK);
        assert_int_equal(header, FEATURE_HEADER_FOREIGN);
        assert_int_equal(feature_file_remove(&in_use, feature_path, &err), ERR_DATA);
        assert_int_equal(unlink(feature_path), 0);
    }
    assert_int_equal(unlink(target), 0);
}

static void planted_sockets_are_refused(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(feature_path) >= sizeof address.sun_path)
        skip();
    strcpy(address.sun_path, feature_path);
    unlink(feature_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_not_opened("not a regular file");
    close(fd);
    unlink(feature_path);
}

/* What another user made, or could change, is not taken for ours. */
static void files_of_others_are_refused(void **state)
{
    (void)state;
    struct feature_store *store;
    test_write(feature_path, feature_good, feature_good_size);
    assert_int_equal(chmod(feature_path, 0666), 0);
    assert_not_opened("every user may write to it");
    assert_int_equal(chmod(feature_path, 0644), 0);
    store = feature_fixture_open();
    feature_store_close(store);
    if (geteuid() != 0)
        skip(); /* nobody else can give files away */
    assert_int_equal(chown(feature_path, 12345, (gid_t)-1), 0);
    assert_not_opened("belongs to another user (number 12345)");
    assert_int_equal(unlink(feature_path), 0);
}

/* A record that got into the file of another key. */
static void another_keys_record_is_not_found(void **state)
{
    (void)state;
    struct feature_store_about other = feature_about;
    other.key[3] ^= 1;
    feature_header_write(feature_good, &other);
    snprintf(feature_path, sizeof feature_path, "%s/01112232445566778899aabbccddeeff.features", feature_folder);
    test_write(feature_path, feature_good, feature_good_size);
    feature_about = other;
    struct feature_store *store = feature_fixture_open();
    assert_int_equal(feature_store_count(store), 3);
    assert_false(feature_fixture_holds(store, 1));
    assert_int_equal(feature_store_damaged(store), 1);
    feature_store_close(store);
}

static void a_huge_hole_is_refused_at_once(void **state)
{
    (void)state;
    struct feature_store *store = NULL;
    struct error err = {0};
    test_write(feature_path, feature_good, feature_good_size);
    if (truncate(feature_path, (off_t)FEATURE_HEADER_BYTES + (off_t)FEATURE_RECORD * (FEATURE_RECORDS_MOST + 1)) != 0)
        skip();
    assert_int_equal(feature_store_open_disk(&store, feature_folder, &feature_about, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "16777217 entries"));
    assert_int_equal(truncate(feature_path, (off_t)FEATURE_HEADER_BYTES + FEATURE_RECORD * 1000), 0);
    store = feature_fixture_open();
    assert_true(feature_fixture_holds(store, 1));
    assert_int_equal(feature_store_count(store), 4); /* and that of nothing */
    feature_store_close(store);
}

/* ---- a disk that takes no more ----------------------------------------------------------------------------------- */

static void a_full_disk_stops_appending_and_nothing_else(void **state)
{
    (void)state;
    struct rlimit before, limit;
    struct error err = {0};
    test_write(feature_path, feature_good, feature_good_size);
    struct feature_store *store = feature_fixture_open();
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = feature_good_size + 2 * FEATURE_RECORD + 17;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status first = feature_fixture_append(store, 3, 5, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(first, ERR_IO);
    assert_non_null(strstr(err.text, feature_path));
    assert_false(feature_store_writable(store));
    for (int again = 0; again < 2; again++) {
        struct stat info;
        for (uint32_t i = 0; i < 8; i++)
            assert_int_equal(feature_fixture_holds(store, i), i < 5);
        assert_int_equal(feature_store_count(store), 5);
        assert_int_equal(feature_store_damaged(store), 0);
        assert_int_equal(stat(feature_path, &info), 0);
        assert_int_equal(info.st_size, feature_good_size + 2 * FEATURE_RECORD);
        assert_int_equal(feature_fixture_append(store, 5, 1, &err), ERR_IO); /* though there is room again */
    }
    feature_store_close(store);
    store = feature_fixture_open();
    feature_fixture_append_all(store, 3, 5);
    for (uint32_t i = 0; i < 8; i++)
        assert_true(feature_fixture_holds(store, i));
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
    assert_int_equal(unlink(feature_path), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 1000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum status status = feature_store_open_disk(&store, feature_folder, &feature_about, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(status, ERR_CANTCREATE);
    assert_null(store);
    store = feature_fixture_open();
    feature_fixture_append_all(store, 0, 1);
    feature_store_close(store);
}

/* As root nothing is read-only, so the test becomes somebody else for a moment. */
static void a_file_that_may_only_be_read(void **state)
{
    (void)state;
    struct error err = {0};
    struct feature_store *store = NULL;
    test_write(feature_path, feature_good, feature_good_size);
    assert_int_equal(chmod(feature_path, 0444), 0);
    assert_int_equal(chmod(feature_folder, 0555), 0);
    bool root = geteuid() == 0;
    assert_true(!root || seteuid(65534) == 0);
    enum status status = feature_store_open_disk(&store, feature_folder, &feature_about, &err);
    feature_about.key[1] ^= 1;
    struct feature_store *none = NULL;
    enum status other = feature_store_open_disk(&none, feature_folder, &feature_about, NULL);
    assert_true(!root || seteuid(0) == 0);
    assert_int_equal(chmod(feature_folder, 0755), 0);
    assert_int_equal(other, ERR_CANTCREATE);
    if (status != OK)
        fail_msg("%s", err.text);
    assert_false(feature_store_writable(store));
    assert_true(feature_fixture_holds(store, 0) && feature_fixture_holds(store, 2));
    assert_int_equal(feature_fixture_append(store, 3, 1, &err), ERR_CANTCREATE);
    assert_int_equal(feature_store_refresh(store, &err), OK);
    feature_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_flipped_bit_takes_one_entry_only, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_cut_anywhere_holds_its_whole_records, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_cut_while_it_is_open, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_cut_while_it_is_open_is_counted_again, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_header_with_a_flipped_bit_is_refused, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(headers_that_are_refused, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test(versions_have_their_types),
        cmocka_unit_test_setup_teardown(things_that_are_no_files, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(planted_links_are_not_followed, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(planted_sockets_are_refused, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(files_of_others_are_refused, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(another_keys_record_is_not_found, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_huge_hole_is_refused_at_once, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_full_disk_stops_appending_and_nothing_else, feature_fixture_enter,
                                        feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_full_disk_from_the_beginning, feature_fixture_enter, feature_fixture_leave),
        cmocka_unit_test_setup_teardown(a_file_that_may_only_be_read, feature_fixture_enter, feature_fixture_leave),
    };
    return cmocka_run_group_tests_name("feature_file", tests, NULL, NULL);
}
