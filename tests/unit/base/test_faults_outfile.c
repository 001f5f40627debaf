/* What killed writers leave is removed, what live ones write is not; the folder's sync counts. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/base/outfile.h"
#include "tests/faults/faults.h"
#include "tests/support/own_folder.h"
#include "tests/support/test_files.h"

static bool is_there(const char *name)
{
    struct stat info;
    return lstat(test_path(folder, name), &info) == 0;
}

/* Not inlined: the compiler may make an fwrite of fputs, which would be counted as a call. */
__attribute__((noinline)) static enum status try_to_write(const char *name, const char *text, struct error *err)
{
    struct outfile file;
    enum status status = outfile_open_in(&file, folder, name, err);
    if (status == OK) {
        fputs(text, file.stream);
        status = outfile_commit(&file, err);
    }
    return status;
}

static void write_whole(const char *name, const char *text)
{
    assert_int_equal(try_to_write(name, text, NULL), OK);
}

/* A process that begins the file and is killed with it open. Returns when it is gone. */
static void begin_and_be_killed(const char *name)
{
    pid_t child = fork();
    if (child == 0) {
        struct outfile file;
        if (outfile_open_in(&file, folder, name, NULL) == OK) {
            fputs("half", file.stream);
            fflush(file.stream);
        }
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static size_t parts(void)
{
    size_t count = 0;
    const struct dirent *entry;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)))
        count += strstr(entry->d_name, ".part") != NULL;
    closedir(dir);
    return count;
}

static void what_a_killed_process_left_is_removed(void **state)
{
    (void)state;
    begin_and_be_killed("model.pth");
    assert_int_equal(parts(), 1);
    write_whole("other.pth", "other"); /* not its own */
    assert_int_equal(parts(), 1);
    write_whole("model.pth", "whole");
    assert_int_equal(parts(), 0);
}

static void what_is_being_written_stays(void **state)
{
    (void)state;
    struct outfile first;
    struct error err;
    assert_int_equal(outfile_open_in(&first, folder, "both", &err), OK);
    fputs("first", first.stream);
    assert_int_equal(parts(), 1);
    write_whole("both", "second");
    outfile_remove_stale(folder, "both");
    assert_int_equal(parts(), 1);
    assert_int_equal(outfile_commit(&first, &err), OK);
    assert_int_equal(parts(), 0);
    size_t size;
    uint8_t *bytes = test_read(test_path(folder, "both"), &size);
    assert_int_equal(size, 5);
    assert_memory_equal(bytes, "first", 5);
    memory_free(bytes);
}

/* Names that are like it, and things that are no files of ours. */
static void nothing_else_is_removed(void **state)
{
    (void)state;
    static const char *const names[] = {"out.abcde.part",   "out.abcdefg.part", "out.abc-ef.part",
                                        "out.abcdef.parts", "outXabcdef.part",  "xout.abcdef.part"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        test_write(test_path(folder, names[i]), (const uint8_t *)"x", 1);
    test_write(test_path(folder, "target"), (const uint8_t *)"x", 1);
    assert_int_equal(symlink("target", test_path(folder, "out.symlnk.part")), 0);
    assert_int_equal(mkfifo(test_path(folder, "out.fifo12.part"), 0600), 0);
    assert_int_equal(mkdir(test_path(folder, "out.folder.part"), 0700), 0);
    char linked[512]; /* somebody's file by a second name */
    snprintf(linked, sizeof linked, "%s", test_path(folder, "out.hardln.part"));
    assert_int_equal(link(test_path(folder, "target"), linked), 0);
    write_whole("out", "whole");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_true(is_there(names[i]));
    assert_true(is_there("target"));
    assert_true(is_there("out.symlnk.part"));
    assert_true(is_there("out.fifo12.part"));
    assert_true(is_there("out.folder.part"));
    assert_true(is_there("out.hardln.part"));
}

/* No descriptor left for a moment, a signal: the file is made all the same. For good: the system has refused. */
static void an_error_that_passes_is_waited_for(void **state)
{
    (void)state;
    static const int errors[] = {EMFILE, ENFILE, ENOMEM, EINTR, EIO, ESTALE};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        struct outfile file;
        struct error err = {0};
        faults_arm_many(FAULT_FILES, 1, 3, errors[i]); /* opening the folder, and making the file twice */
        enum status status = outfile_open_in(&file, folder, "late", &err);
        faults_disarm();
        if (status != OK)
            fail_msg("%s", err.text);
        assert_int_equal(outfile_commit(&file, &err), OK);
        faults_arm_many(FAULT_FILES, 1, errors[i] == EINTR ? 0 : 1000, errors[i]);
        status = outfile_open_in(&file, folder, "never", &err);
        faults_disarm();
        if (errors[i] == EINTR)
            outfile_discard(&file);
        else
            assert_int_equal(status, i < 3 ? ERR_SYSTEM : ERR_CANTCREATE);
        assert_true(i >= 3 || strstr(err.text, "ulimit -n"));
        assert_int_equal(parts(), 0);
    }
}

/* A file that another process has locked first, to remove it, is not left where that process fails. */
static void a_file_that_was_not_locked_does_not_stay(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        faults_arm_many(FAULT_FILES, n, 1, EAGAIN);
        enum status status = try_to_write("out", "text", NULL);
        long calls = faults_disarm();
        (void)status;
        assert_int_equal(parts(), 0);
        if (calls < n)
            break;
    }
}

/* The sync of the folder is the last call. One that fails is told, and the file is whole; EINVAL comes from file
 * systems that have none. */
static void the_folder_is_synced(void **state)
{
    (void)state;
    static const struct {
        int error;
        enum status expected;
    } rows[] = {{EIO, ERR_IO}, {ENOSPC, ERR_IO}, {EINVAL, OK}, {ENOTSUP, OK}, {EINTR, OK}};
    faults_arm(FAULT_FILES, 0);
    write_whole("out", "whole");
    long calls = faults_disarm();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {.status = OK};
        assert_int_equal(unlink(test_path(folder, "out")), 0);
        faults_arm_many(FAULT_FILES, calls, 1, rows[i].error);
        enum status status = try_to_write("out", "whole", &err);
        faults_disarm();
        assert_int_equal(status, rows[i].expected);
        if (status != OK)
            assert_non_null(strstr(err.text, "/out: was written, but its folder cannot be synced: "));
        assert_int_equal(parts(), 0);
        size_t size;
        uint8_t *bytes = test_read(test_path(folder, "out"), &size);
        assert_int_equal(size, 5);
        memory_free(bytes);
    }
}

/* The number of the call of that name, the first behind number `from`; 0: there is none. */
static long find_call(const char *name, long from)
{
    for (long n = from + 1; faults_call_name(n); n++)
        if (strcmp(faults_call_name(n), name) == 0)
            return n;
    return 0;
}

/* A rename that reaches the disk before the bytes do leaves an empty file after a power cut: they are synced first, and
 * a sync that fails leaves the former file. */
static void the_file_is_synced_before_it_has_its_name(void **state)
{
    (void)state;
    struct error err;
    write_whole("out", "former"); /* from now on the folder has the same entries each time */
    faults_arm(FAULT_FILES, 0);
    write_whole("out", "former");
    faults_disarm();
    long flushed = find_call("fflush", 0), synced = find_call("fsync", 0), renamed = find_call("rename", 0);
    assert_true(flushed > 0 && flushed < synced && synced < renamed);
    long folder_synced = find_call("fsync", renamed);
    assert_true(folder_synced > 0);
    assert_int_equal(find_call("fsync", folder_synced), 0);
    assert_int_equal(find_call("rename", renamed), 0);
    static const int errors[] = {EIO, ENOSPC, EDQUOT, EINTR};
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        faults_arm_many(FAULT_FILES, synced, 1, errors[i]);
        enum status status = try_to_write("out", "another", &err);
        faults_disarm();
        bool again = errors[i] == EINTR;
        assert_int_equal(status, again ? OK : ERR_IO);
        if (!again)
            assert_non_null(strstr(err.text, "/out: writing failed: "));
        size_t size;
        uint8_t *bytes = test_read(test_path(folder, "out"), &size);
        assert_int_equal(size, again ? 7 : 6);
        assert_memory_equal(bytes, again ? "another" : "former", size);
        memory_free(bytes);
        assert_int_equal(parts(), 0);
    }
}

/* As any program makes files: by the umask, not the 0600 of a temporary file. */
static void the_mode_is_that_of_other_files(void **state)
{
    (void)state;
    static const mode_t masks[] = {022, 002, 077};
    mode_t own = umask(0);
    for (size_t i = 0; i < 3; i++) {
        struct stat info;
        umask(masks[i]);
        write_whole("out", "whole");
        assert_int_equal(lstat(test_path(folder, "out"), &info), 0);
        assert_int_equal(info.st_mode & 0777, 0666 & ~masks[i]);
        assert_int_equal(unlink(test_path(folder, "out")), 0);
    }
    umask(own);
}

/* A write that failed on the way fails the file, although the disk has room again at its end. The limit on the size of
 * a file plays the disk. */
static void a_write_that_failed_before_is_not_forgotten(void **state)
{
    (void)state;
    static const char much[1 << 16];
    struct rlimit limit, small;
    struct outfile file;
    struct error err = {0};
    write_whole("out", "before");
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = (struct rlimit){.rlim_cur = sizeof much / 2, .rlim_max = limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(outfile_open_in(&file, folder, "out", &err), OK);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    size_t written = fwrite(much, 1, sizeof much, file.stream);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_true(written < sizeof much);
    assert_int_equal(outfile_commit(&file, &err), ERR_IO);
    assert_int_equal(parts(), 0);
    size_t size;
    memory_free(test_read(test_path(folder, "out"), &size));
    assert_int_equal(size, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_killed_process_left_is_removed, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(what_is_being_written_stays, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(an_error_that_passes_is_waited_for, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_file_that_was_not_locked_does_not_stay, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(nothing_else_is_removed, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(the_folder_is_synced, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(the_file_is_synced_before_it_has_its_name, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(the_mode_is_that_of_other_files, folder_setup, folder_teardown),
        cmocka_unit_test_setup_teardown(a_write_that_failed_before_is_not_forgotten, folder_setup, folder_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
