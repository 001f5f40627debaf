/* Features that are kept, when memory or files fail. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/disk.h"
#include "core/features/feature_lock.h"
#include "core/features/feature_store.h"
#include "tests/faults/faults.h"
#include "tests/faults/scenario.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test_files.h"

enum { FEATURES = 20, ENTRIES = 9 };

static enum status append_features(struct feature_store *store, uint32_t first, uint32_t count, struct error *err)
{
    float features[ENTRIES * FEATURES];
    struct feature_id ids[ENTRIES];
    for (uint32_t i = 0; i < count; i++) {
        ids[i] = feature_sample_id(first + i);
        feature_sample(features + i * FEATURES, FEATURES, first + i);
    }
    return feature_store_append(store, ids, features, count, err);
}

/* What could not be read is not there; what is there is right. */
static size_t count_right_features(struct feature_store *store, const struct feature_store_about *about)
{
    size_t right = 0;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        float features[FEATURES];
        struct feature_id id = feature_sample_id(i);
        bool found;
        assert_int_equal(feature_store_read(features, &found, store, &id, NULL), OK);
        assert_true(!found || feature_sample_right(features, about, i));
        right += found;
    }
    return right;
}

static enum status fill_features(struct feature_store *store, const struct feature_store_about *about,
                                 struct error *err)
{
    enum status status = append_features(store, 0, 2, err);
    if (status == OK)
        status = append_features(store, 2, ENTRIES - 2, err);
    assert_int_equal(feature_store_writable(store), status == OK);
    size_t right = count_right_features(store, about);
    assert_true(status != OK || right + feature_store_damaged(store) == ENTRIES);
    feature_store_close(store);
    return status;
}

static enum status keep_features(struct error *err)
{
    const struct feature_store_about about = feature_sample_about(FEATURES, FEATURE_F16);
    struct feature_store *store;
    struct disk disk;
    enum status status = disk_look(&disk, test_path(scenario_folder, "features"), err);
    if (status == OK)
        status = feature_store_open_disk(&store, test_path(scenario_folder, "features"), &about, err);
    if (status == OK)
        status = fill_features(store, &about, err);
    if (status == OK)
        status = feature_store_open_ram(&store, &about, err);
    return status == OK ? fill_features(store, &about, err) : status;
}

static void put_no_features(void)
{
    unlink(test_path(scenario_folder, "features/00112233445566778899aabbccddeeff.features"));
}

/* Whatever failed, the next run can go on with the file. */
static void check_features(enum status status)
{
    const struct feature_store_about about = feature_sample_about(FEATURES, FEATURE_F16);
    struct feature_store *store;
    struct error err;
    if (feature_store_open_disk(&store, test_path(scenario_folder, "features"), &about, &err) != OK)
        fail_msg("%s", err.text);
    size_t right = count_right_features(store, &about);
    assert_true(status != OK || right == ENTRIES);
    assert_int_equal(append_features(store, 0, ENTRIES, &err), OK);
    assert_int_equal(count_right_features(store, &about), ENTRIES);
    feature_store_close(store);
}

static void keeping_features(void **state)
{
    (void)state;
    scenario_fail_all(&(struct scenario){.prepare = put_no_features,
                                         .run = keep_features,
                                         .check = check_features,
                                         .allocates = true,
                                         .uses_files = true});
}

/* A new file is opened, its first page written and synced: three calls, of which each that fails is told. */
static void a_header_is_synced(void **state)
{
    (void)state;
    const struct feature_store_about about = feature_sample_about(FEATURES, FEATURE_F16);
    struct feature_store *store;
    size_t told = 0;
    for (long n = 1;; n++) {
        struct error err = {.status = OK};
        put_no_features();
        faults_arm(FAULT_FILES, n);
        enum status status = feature_store_open_disk(&store, test_path(scenario_folder, "features"), &about, &err);
        long calls = faults_disarm();
        if (status == OK)
            feature_store_close(store);
        told += status == ERR_CANTCREATE && strstr(err.text, ".features: cannot be created: ");
        if (calls < n)
            break;
    }
    assert_int_equal(told, 3);
}

/* A process that has a byte of the file locked until it is killed. `own`: by a lock of the process, which has its
 * number, not of the open file. */
static pid_t hold_lock(enum feature_lock_byte byte, bool own)
{
    int ready[2];
    char said;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int fd = open(test_path(scenario_folder, "features/00112233445566778899aabbccddeeff.features"), O_RDWR);
        struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)byte, .l_len = 1};
        if (fd >= 0 && fcntl(fd, own ? F_SETLK : F_OFD_SETLK, &range) == 0 && write(ready[1], "x", 1) == 1)
            for (;;)
                pause();
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &said, 1), 1);
    close(ready[0]);
    return child;
}

/* While calls are counted, waiting takes no time (faults.c). */
static enum status append_patiently(struct error *err)
{
    const struct feature_store_about about = feature_sample_about(FEATURES, FEATURE_F16);
    struct feature_store *store;
    faults_arm(FAULT_FILES, 0);
    enum status status = feature_store_open_disk(&store, test_path(scenario_folder, "features"), &about, err);
    if (status == OK) {
        status = append_features(store, 0, ENTRIES, err);
        feature_store_close(store);
    }
    faults_disarm();
    return status;
}

static void nobody_waits_for_a_lock_without_end(void **state)
{
    (void)state;
    static const enum feature_lock_byte bytes[] = {FEATURE_LOCK_USE, FEATURE_LOCK_APPEND};
    struct error err;
    put_no_features();
    assert_int_equal(append_patiently(&err), OK);
    for (int own = 0; own < 2; own++)
        for (int i = 0; i < 2; i++) {
            char who[64];
            pid_t holder = hold_lock(bytes[i], own);
            enum status status = append_patiently(&err);
            kill(holder, SIGKILL);
            assert_int_equal(waitpid(holder, NULL, 0), holder);
            assert_int_equal(status, ERR_IO);
            snprintf(who, sizeof who, ": process %ld has held its lock for 30 seconds; ", (long)holder);
            if (!strstr(err.text, who))
                fail_msg("%s", err.text);
            assert_int_equal(append_patiently(&err), OK);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeping_features), cmocka_unit_test(a_header_is_synced),
                                       cmocka_unit_test(nobody_waits_for_a_lock_without_end)};
    return cmocka_run_group_tests_name("faults in kept features", tests, scenario_setup, scenario_teardown);
}
