#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/shell/paths.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/base/threads.h"

static char room[] = "/tmp/freezetune-paths-XXXXXX";

static int enter(void **state)
{
    (void)state;
    strcpy(room + sizeof room - 7, "XXXXXX");
    if (!mkdtemp(room) || chdir(room) != 0)
        return -1;
    unsetenv("FREEZETUNE_WEIGHTS");
    unsetenv("XDG_DATA_HOME");
    return setenv("HOME", room, 1);
}

static int leave(void **state)
{
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", room);
    return chdir("/") == 0 && system(command) == 0 ? 0 : -1;
}

static void touch(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0);
    close(fd);
}

static void weights_are(const char *given, const char *expected)
{
    char *path = NULL;
    struct error err;
    assert_int_equal(path_weights(&path, given, &err), OK);
    assert_string_equal(path, expected);
    memory_free(path);
}

static void weights_are_looked_for_in_order(void **state)
{
    (void)state;
    char *path = NULL, expected[128];
    struct error err;
    assert_int_equal(path_weights(&path, NULL, &err), ERR_NOINPUT);
    assert_null(path);
    assert_non_null(strstr(err.text, "freezetune weights get"));
    assert_non_null(strstr(err.text, "--weights random"));

    assert_int_equal(folder_create(".local/share/freezetune", &err), OK);
    touch(".local/share/freezetune/resnet50.safetensors");
    snprintf(expected, sizeof expected, "%s/.local/share/freezetune/resnet50.safetensors", room);
    weights_are(NULL, expected);

    assert_int_equal(folder_create("xdg/freezetune", &err), OK);
    touch("xdg/freezetune/resnet50.safetensors");
    setenv("XDG_DATA_HOME", "xdg", 1); /* relative: ignored */
    weights_are(NULL, expected);
    snprintf(expected, sizeof expected, "%s/xdg", room);
    setenv("XDG_DATA_HOME", expected, 1);
    snprintf(expected, sizeof expected, "%s/xdg/freezetune/resnet50.safetensors", room);
    weights_are(NULL, expected);

    touch("resnet50.safetensors");
    weights_are(NULL, "resnet50.safetensors");
    setenv("FREEZETUNE_WEIGHTS", "other.safetensors", 1);
    weights_are(NULL, "other.safetensors");
    weights_are("named.safetensors", "named.safetensors");
}

static void cache_is(const char *given, const char *expected)
{
    char *path = NULL;
    struct error err;
    assert_int_equal(path_cache(&path, given, &err), OK);
    assert_string_equal(path, expected);
    memory_free(path);
}

static void the_cache_is_below_home(void **state)
{
    (void)state;
    char *path = NULL, expected[128];
    struct error err;
    snprintf(expected, sizeof expected, "%s/.cache/freezetune", room);
    unsetenv("XDG_CACHE_HOME");
    cache_is(NULL, expected);
    setenv("XDG_CACHE_HOME", "relative", 1);
    cache_is(NULL, expected);
    setenv("XDG_CACHE_HOME", "/some/cache", 1);
    cache_is(NULL, "/some/cache/freezetune");
    cache_is("named", "named");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    assert_int_equal(path_cache(&path, NULL, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "--cache-dir"));
    assert_null(path);
}

static void data_must_be_a_folder(void **state)
{
    (void)state;
    char *path = NULL;
    struct error err;
    assert_int_equal(path_data(&path, NULL, &err), ERR_NOINPUT);
    touch("data");
    assert_int_equal(path_data(&path, NULL, &err), ERR_DATA);
    unlink("data");
    mkdir("data", 0777);
    assert_int_equal(path_data(&path, NULL, &err), OK);
    assert_string_equal(path, "data");
    memory_free(path);
}

static void run_is(const char *given, const char *expected)
{
    char *path = NULL;
    struct error err;
    assert_int_equal(path_run(&path, given, &err), OK);
    assert_string_equal(path, expected);
    memory_free(path);
}

static void runs_are_counted(void **state)
{
    (void)state;
    char *path = NULL;
    struct error err;
    run_is(NULL, "runs/1");
    run_is(NULL, "runs/2");
    touch("runs/3");
    run_is(NULL, "runs/4");
    run_is("a/b", "a/b");
    run_is("a/b", "a/b"); /* exists and is empty */
    touch("a/b/.hidden");
    assert_int_equal(path_run(&path, "a/b", &err), ERR_CANTCREATE);
    assert_non_null(strstr(err.text, "--resume a/b"));
    assert_int_equal(path_run(&path, "a/b/.hidden", &err), ERR_CANTCREATE);
    assert_null(path);
}

static void make_run(void *context, size_t item, size_t thread)
{
    char **paths = context;
    struct error err;
    (void)thread;
    if (path_run(&paths[item], NULL, &err) != OK)
        paths[item] = NULL;
}

static void runs_started_together_get_a_folder_each(void **state)
{
    (void)state;
    enum { RUNS = 64 };
    char *paths[RUNS];
    bool seen[RUNS + 1] = {false};
    struct pool *pool;
    struct error err;
    assert_int_equal(pool_create(&pool, 4, &err), OK);
    pool_for(pool, RUNS, make_run, paths);
    pool_destroy(pool);
    for (size_t i = 0; i < RUNS; i++) {
        int n = 0;
        assert_non_null(paths[i]);
        assert_int_equal(sscanf(paths[i], "runs/%d", &n), 1);
        assert_in_range(n, 1, RUNS);
        assert_false(seen[n]);
        seen[n] = true;
        memory_free(paths[i]);
    }
}

static void the_same_file_by_another_name(void **state)
{
    (void)state;
    touch("a");
    touch("b");
    assert_int_equal(symlink("a", "link"), 0);
    assert_int_equal(link("b", "hard"), 0);
    assert_true(path_same_file("a", "./link"));
    assert_true(path_same_file("hard", "b"));
    assert_false(path_same_file("a", "b"));
    assert_false(path_same_file("none", "none"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(weights_are_looked_for_in_order, enter, leave),
        cmocka_unit_test_setup_teardown(the_cache_is_below_home, enter, leave),
        cmocka_unit_test_setup_teardown(data_must_be_a_folder, enter, leave),
        cmocka_unit_test_setup_teardown(runs_are_counted, enter, leave),
        cmocka_unit_test_setup_teardown(the_same_file_by_another_name, enter, leave),
        cmocka_unit_test_setup_teardown(runs_started_together_get_a_folder_each, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
