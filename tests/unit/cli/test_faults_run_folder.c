/* The folder of a run where the system refuses: looking above --out ends, what is refused has the right exit code. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/run/record_lock.h"
#include "cli/shell/growing_file.h"
#include "cli/shell/paths.h"
#include "core/base/memory.h"
#include "tests/faults/faults.h"
#include "tests/support/test_files.h"

static char folder[256];

static int enter(void **state)
{
    (void)state;
    test_folder_make(folder);
    return chdir(folder);
}

static int leave(void **state)
{
    (void)state;
    int failed = chdir("/");
    test_folder_remove(folder);
    return failed;
}

/* ---- the folder above --out -------------------------------------------------------------------------------------- */

enum { ALWAYS = 1000 }; /* so many calls fail: for ever, as far as the callers go; a search without end goes beyond */

/* Not even "." or "/" can be looked at: the search for a folder that is there ends with them. */
static void looking_above_ends_where_nothing_can_be_looked_at(void **state)
{
    (void)state;
    static const char *const paths[] = {"run", "a/run", "a/b/c/run", "./run", "../run", "/no/such/folder/run", "a//b"};
    static const int errors[] = {EACCES, EREMOTEIO, EIO, ENOMEM};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        for (size_t k = 0; k < sizeof errors / sizeof *errors; k++) {
            struct error err = {0};
            faults_arm_many(FAULT_LOOKS, 1, ALWAYS, errors[k]);
            enum status status = path_run_check(paths[i], &err);
            long looks = faults_disarm();
            assert_true(looks < 80); /* at most 7 names, 8 tries each */
            if (status != OK && status != ERR_CANTCREATE)
                fail_msg("%s: %d: %s", paths[i], status, err.text);
        }
}

/* One look that fails: the next folder above is asked, and a relative path stays one. */
static void one_look_that_fails_is_no_end(void **state)
{
    (void)state;
    for (long n = 1; n <= 6; n++) {
        struct error err = {0};
        faults_arm_many(FAULT_LOOKS, n, 1, EREMOTEIO);
        enum status status = path_run_check("a/b/c/run", &err);
        faults_disarm();
        if (status != OK)
            fail_msg("%s", err.text);
    }
    struct stat info;
    assert_int_not_equal(stat("a", &info), 0); /* nothing is left */
}

/* ---- log.jsonl and metrics.csv ----------------------------------------------------------------------------------- */

static enum status open_log(size_t lines, struct error *err)
{
    FILE *stream = NULL;
    enum status status = growing_file_open(&stream, folder, "log", lines, err);
    if (stream)
        fclose(stream);
    return status;
}

static long number_of(const char *name)
{
    for (long n = 1; faults_call_name(n); n++)
        if (strcmp(faults_call_name(n), name) == 0)
            return n;
    fail_msg("%s is not called", name);
    return 0;
}

static void assert_log(const char *expected)
{
    size_t size;
    uint8_t *bytes = test_read(test_path(folder, "log"), &size);
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(bytes, expected, size);
    memory_free(bytes);
}

/* What passes is tried again; what stays has the code of its kind, and the file is as it was. */
static void a_growing_file_that_the_system_refuses(void **state)
{
    (void)state;
    static const struct {
        const char *call;
        int error;
        enum status stays; /* once it does not pass */
        bool passes;       /* where it fails once */
        const char *text;
    } rows[] = {
        {"fopen", EMFILE, ERR_SYSTEM, true, "cannot be opened: Too many open files"},
        {"fopen", ENOMEM, ERR_SYSTEM, true, "cannot be opened: Cannot allocate memory"},
        {"fopen", EACCES, ERR_CANTCREATE, false, "cannot be opened: Permission denied"},
        {"fopen", ESTALE, ERR_CANTCREATE, true, "cannot be opened: Stale file handle"},
        {"fstat", EIO, ERR_IO, true, "log: Input/output error"},
        {"fstat", EREMOTEIO, ERR_IO, false, "log: Remote I/O error"},
        {"fseeko", EIO, ERR_IO, false, "reading failed: Input/output error"},
        {"ftruncate", EIO, ERR_IO, true, "log: Input/output error"},
        {"ftruncate", ENOSPC, ERR_IO, false, "log: No space left on device"},
    };
    struct error err = {0};
    test_write(test_path(folder, "log"), "one\ntwo\n", 8);
    faults_arm(FAULT_FILES, 0);
    assert_int_equal(open_log(2, &err), OK);
    faults_disarm();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        faults_arm(FAULT_FILES, 0);
        assert_int_equal(open_log(2, &err), OK);
        faults_disarm();
        long n = number_of(rows[i].call);
        for (long count = 1; count <= ALWAYS; count += ALWAYS - 1) {
            enum status expected = count == 1 && rows[i].passes ? OK : rows[i].stays;
            faults_arm_many(FAULT_FILES, n, count, rows[i].error);
            enum status status = open_log(2, &err);
            faults_disarm();
            if (status != expected || (status != OK && !strstr(err.text, rows[i].text)))
                fail_msg("%s, %s, %ld: %d: %s", rows[i].call, strerror(rows[i].error), count, status, err.text);
            assert_log("one\ntwo\n");
        }
    }
    assert_int_equal(open_log(3, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "fewer than the 3 lines"));
}

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

static enum status lock_and_close(struct error *err)
{
    int lock;
    enum status status = record_lock_open(&lock, folder, err);
    assert_int_equal(lock >= 0, status == OK);
    if (status == OK)
        close(lock);
    return status;
}

static void a_lock_that_the_system_refuses(void **state)
{
    (void)state;
    static const struct {
        enum fault_kind kind;
        long n; /* of its kind: open, fcntl and fstat, or stat */
        int error;
        enum status stays;
        bool passes;
        const char *text;
    } rows[] = {
        {FAULT_FILES, 1, EMFILE, ERR_SYSTEM, true, "Too many open files: close other programs"},
        {FAULT_FILES, 1, ENFILE, ERR_SYSTEM, true, "close other programs"},
        {FAULT_FILES, 1, EIO, ERR_IO, true, "Input/output error"},
        {FAULT_FILES, 1, EACCES, ERR_CANTCREATE, false,
         ".lock: cannot be opened to lock the folder: Permission denied"},
        {FAULT_FILES, 1, EROFS, ERR_CANTCREATE, false, "Read-only file system"},
        {FAULT_FILES, 1, ENOENT, ERR_NOINPUT, false, "No such file"},
        {FAULT_FILES, 2, EAGAIN, ERR_CANTCREATE, false, "another freezetune is running there"},
        {FAULT_FILES, 3, EIO, ERR_IO, true, "Input/output error"},
        {FAULT_LOOKS, 1, ENOMEM, ERR_SYSTEM, true, "Cannot allocate memory"},
        {FAULT_LOOKS, 1, ESTALE, ERR_IO, true, "Stale file handle"},
        {FAULT_LOOKS, 1, ENOENT, ERR_CANTCREATE, false, "was replaced by another program"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (long count = 1; count <= ALWAYS; count += ALWAYS - 1) {
            struct error err = {0};
            enum status expected = count == 1 && rows[i].passes ? OK : rows[i].stays;
            faults_arm_many(rows[i].kind, rows[i].n, count, rows[i].error);
            enum status status = lock_and_close(&err);
            faults_disarm();
            if (status != expected || (status != OK && !strstr(err.text, rows[i].text)))
                fail_msg("row %zu, %ld: %d: %s", i, count, status, err.text);
        }
    struct error err;
    assert_int_equal(lock_and_close(&err), OK); /* none of them kept it */
}

/* Somebody has the lock, alone or with others: who may have it too, and who sees it. */
static void a_lock_is_held_alone_or_shared(void **state)
{
    (void)state;
    struct error err;
    int alone, shared, second;
    assert_false(record_lock_is_held(folder));
    assert_int_equal(record_lock_open(&alone, folder, &err), OK);
    assert_true(record_lock_is_held(folder));
    assert_int_equal(record_lock_share(&shared, folder, &err), ERR_CANTCREATE);
    assert_int_equal(record_lock_open(&second, folder, &err), ERR_CANTCREATE);
    assert_int_equal(second, -1);
    close(alone);
    assert_false(record_lock_is_held(folder));
    assert_int_equal(record_lock_share(&shared, folder, &err), OK);
    assert_int_equal(record_lock_share(&second, folder, &err), OK);
    assert_int_equal(record_lock_open(&alone, folder, &err), ERR_CANTCREATE);
    assert_false(record_lock_is_held(folder));
    close(shared);
    close(second);
    assert_int_equal(record_lock_open(&alone, folder, &err), OK);
    close(alone);
    assert_int_equal(record_lock_open(&alone, "no/such/folder", &err), ERR_NOINPUT);
}

/* What has the name of the lock and is no file, or a link to one, is nobody's lock. */
static void what_is_no_file_is_not_locked(void **state)
{
    (void)state;
    struct error err;
    int lock;
    assert_int_equal(mkfifo(".lock", 0600), 0);
    assert_int_equal(record_lock_open(&lock, folder, &err), ERR_CANTCREATE);
    assert_non_null(strstr(err.text, ".lock: is no file"));
    assert_int_equal(unlink(".lock") || symlink("elsewhere", ".lock"), 0);
    assert_int_equal(record_lock_open(&lock, folder, &err), ERR_CANTCREATE);
    assert_int_equal(access("elsewhere", F_OK), -1);
}

/* Of a folder that is new, each call fails once: the status is one of the documented, and --out can be used then. */
static void a_new_folder_that_the_system_refuses(void **state)
{
    (void)state;
    for (int kind = FAULT_MEMORY; kind <= FAULT_FILES; kind++)
        for (long n = 1;; n++) {
            struct error err = {0};
            char *path;
            int lock;
            bool made;
            faults_arm_many((enum fault_kind)kind, n, ALWAYS, EMFILE);
            enum status status = record_lock_create(&path, &lock, &made, "run", &err);
            long calls = faults_disarm();
            if (status != OK && status != ERR_SYSTEM && status != ERR_CANTCREATE && status != ERR_IO)
                fail_msg("kind %d, call %ld: %d: %s", kind, n, status, err.text);
            assert_int_equal(status == OK, path != NULL && lock >= 0);
            if (status == OK)
                close(lock);
            memory_free(path);
            assert_int_equal(record_lock_create(&path, &lock, &made, "run", &err), OK);
            close(lock);
            memory_free(path);
            record_lock_remove("run");
            assert_int_equal(rmdir("run"), 0);
            if (calls < n)
                break;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(looking_above_ends_where_nothing_can_be_looked_at, enter, leave),
        cmocka_unit_test_setup_teardown(one_look_that_fails_is_no_end, enter, leave),
        cmocka_unit_test_setup_teardown(a_growing_file_that_the_system_refuses, enter, leave),
        cmocka_unit_test_setup_teardown(a_lock_that_the_system_refuses, enter, leave),
        cmocka_unit_test_setup_teardown(a_lock_is_held_alone_or_shared, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_not_locked, enter, leave),
        cmocka_unit_test_setup_teardown(a_new_folder_that_the_system_refuses, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
