#define _GNU_SOURCE
#include "tests/faults/scenario.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/net/init.h"
#include "tests/faults/faults.h"
#include "tests/support/emulator.h"
#include "tests/support/test.h"
#include "tests/support/test_files.h"
#include "weights/bind.h"

/* The first and the last calls fail one by one, of those between every eighth: they are the rows of tensors. Under an
 * emulator, a twelfth of these: all take it more than five minutes, and what a failed call does is no matter of the
 * processor. */
enum { FIRST = 100, LAST = 60, STRIDE = 8, EMULATED = 12 };

const struct resnet_shape scenario_shape = {"tiny", true, {1, 1, 1, 1}, 4};
char scenario_folder[256];
struct net *scenario_weights;

size_t scenario_entries(const char *path)
{
    size_t count = 0;
    DIR *dir = opendir(path);
    assert_non_null(dir);
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static void assert_answer(enum fault_kind kind, enum status status, const struct error *err, long n)
{
    if (kind == FAULT_MEMORY && status != OK && status != ERR_SYSTEM)
        fail_msg("allocation %ld: status %d: %s", n, status, err->text);
    if (status != OK && (status == ERR_USAGE || status == ERR_PROMISE || status == ERR_NO))
        fail_msg("call %ld: status %d: %s", n, status, err->text);
    if (status != OK && (err->text[0] == '\0' || strchr(err->text, '\n')))
        fail_msg("call %ld: no line of text: \"%s\"", n, err->text);
}

static enum status run_once(const struct scenario *scenario, enum fault_kind kind, long n, long *calls,
                            struct error *err)
{
    if (scenario->prepare)
        scenario->prepare();
    faults_arm(kind, n);
    enum status status = scenario->run(err);
    *calls = faults_disarm();
    if (scenario->check)
        scenario->check(status);
    return status;
}

/* Returns how many times it failed. */
static long fail_each(const struct scenario *scenario, enum fault_kind kind)
{
    struct error err = {.status = OK};
    long failures = 0, all, calls;
    if (run_once(scenario, kind, 0, &all, &err) != OK)
        fail_msg("without a fault: %s", err.text);
    size_t descriptors = scenario_entries("/proc/self/fd");
    for (long n = 1; n <= all; n += (n < FIRST || n >= all - LAST ? 1 : STRIDE) * (emulator() ? EMULATED : 1)) {
        err = (struct error){.status = OK};
        enum status status = run_once(scenario, kind, n, &calls, &err);
        assert_answer(kind, status, &err, n);
        failures += status != OK;
        if (scenario_entries("/proc/self/fd") != descriptors)
            fail_msg("call %ld: a descriptor stays open", n);
    }
    return failures;
}

void scenario_fail_all(const struct scenario *scenario)
{
    long memory = fail_each(scenario, FAULT_MEMORY), files = fail_each(scenario, FAULT_FILES);
    assert_int_equal(memory > 0, scenario->allocates);
    assert_int_equal(files > 0, scenario->uses_files);
}

bool scenario_is_former(const char *name)
{
    size_t size;
    uint8_t *bytes = test_read(test_path(scenario_folder, name), &size);
    bool former = size == 6 && memcmp(bytes, "former", 6) == 0;
    memory_free(bytes);
    return former;
}

void scenario_assert_same(const char *name, const char *expected_name)
{
    size_t size, expected_size;
    uint8_t *found = test_read(test_path(scenario_folder, name), &size),
            *expected = test_read(test_path(scenario_folder, expected_name), &expected_size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(found, expected, size);
    memory_free(found);
    memory_free(expected);
}

static void make_photo(const char *name, uint32_t seed)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 40, 36, seed);
    test_write(test_path(scenario_folder, name), bytes, size);
    memory_free(bytes);
}

int scenario_setup(void **state)
{
    (void)state;
    struct error err;
    char name[64];
    test_folder_make(scenario_folder);
    for (uint32_t i = 0; i < 2 * SCENARIO_PHOTOS; i++) {
        snprintf(name, sizeof name, "data/train/%s/%u.bmp", i % 2 ? "ants" : "bees", i);
        make_photo(name, i);
    }
    make_photo("data/val/ants/x.bmp", 50);
    make_photo("data/val/bees/y.bmp", 51);
    test_write(test_path(scenario_folder, "former"), "former", 6);
    if (resnet_create_shape(&scenario_weights, &scenario_shape, 2, &err) != OK)
        return -1;
    net_init(scenario_weights, 1);
    return weights_save(test_path(scenario_folder, "weights.safetensors"), scenario_weights, NULL, 0, &err) == OK ? 0
                                                                                                                  : -1;
}

int scenario_teardown(void **state)
{
    (void)state;
    net_destroy(scenario_weights);
    test_folder_remove(scenario_folder);
    return 0;
}
