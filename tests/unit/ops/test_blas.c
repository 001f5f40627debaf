/* OpenBLAS's start: with no room for it an error, not an endless wait, and no thread of its own. The first test that
 * succeeds loads it, so the order matters. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/ops/blas.h"
#include "core/ops/gemm.h"
#include "tests/support/emulator.h"
#include "tests/support/test.h"

static size_t address_space(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%zu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Calls blas_open where the process may have `room` bytes more. */
static enum status open_within(size_t room, size_t callers, struct error *err)
{
    struct rlimit before, limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    limit = before;
    limit.rlim_cur = address_space() + room;
    assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
    enum status status = blas_open(callers, err);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    return status;
}

static bool limits_work(void)
{
#ifdef __SANITIZE_ADDRESS__
    return false; /* its shadow is larger than any limit */
#else
    return address_space() > 0 && !emulator(); /* which lets a program have more */
#endif
}

static size_t threads_of_process(void)
{
    size_t count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static void assert_no_room(enum status status, const struct error *err)
{
    assert_int_equal(status, ERR_SYSTEM);
    if (!strstr(err->text, "ulimit -v"))
        fail_msg("no advice: %s", err->text);
}

static void without_room_nothing_is_loaded(void **state)
{
    (void)state;
    if (blas_linked() || !limits_work())
        skip();
    struct error err;
    for (size_t room = 0; room < (size_t)180 << 20; room += (size_t)12 << 20) {
        assert_no_room(open_within(room, 1, &err), &err);
        assert_string_equal(blas_library(), "OpenBLAS not loaded");
    }
    assert_no_room(open_within((size_t)300 << 20, 3, &err), &err);
    assert_string_equal(blas_library(), "OpenBLAS not loaded");
}

static void loaded_it_has_no_threads(void **state)
{
    (void)state;
    struct error err = {.text = ""};
    size_t before = threads_of_process();
    if (!blas_linked())
        assert_int_equal(unsetenv("OPENBLAS_NUM_THREADS"), 0);
    if (blas_open(0, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(threads_of_process(), before);
    assert_null(strstr(blas_library(), "not loaded"));
}

static void more_callers_want_more_room(void **state)
{
    (void)state;
    if (!limits_work())
        skip();
    struct error err = {.text = ""};
    assert_no_room(open_within((size_t)150 << 20, 3, &err), &err);
    if (open_within((size_t)600 << 20, 3, &err) != OK)
        fail_msg("%s", err.text);
}

/* What is held once is there for as many callers again, and the product is that of the definition. */
static void a_product_needs_no_more_room(void **state)
{
    (void)state;
    float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, 0, 2, 1, 0, 3}, c[4] = {9, 9, 9, 9};
    struct error err = {.text = ""};
    if ((limits_work() ? open_within((size_t)1 << 20, 3, &err) : blas_open(3, &err)) != OK)
        fail_msg("%s", err.text);
    size_t before = address_space();
    gemm(GEMM_NT, 2, 2, 3, a, 3, b, 3, 0.0f, c, 2);
    assert_true(address_space() == before || !limits_work());
    const float want[4] = {7, 10, 16, 22};
    assert_memory_equal(c, want, sizeof want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_room_nothing_is_loaded),
        cmocka_unit_test(loaded_it_has_no_threads),
        cmocka_unit_test(more_callers_want_more_room),
        cmocka_unit_test(a_product_needs_no_more_room),
    };
    return cmocka_run_group_tests_name("blas", tests, NULL, NULL);
}
