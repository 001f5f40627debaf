/* The room on the disk that a cache is measured against. Nothing is written: the size is only planned. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/disk.h"
#include "core/features/feature_file.h"
#include "core/features/feature_plan.h"
#include "tests/support/test_files.h"

static char folder[256];

static int enter(void **state)
{
    (void)state;
    test_folder_make(folder);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    test_folder_remove(folder);
    return 0;
}

/* A cache that takes a quarter of what is free, so that what others write meanwhile does not matter, where its disk has
 * room for `room` times its size beside the files of the run. */
static enum status plan_with_room(struct feature_plan *cache, enum cache_mode mode, double room, struct error *err)
{
    enum { FLOATS = 1 << 20 };
    struct disk disk;
    assert_int_equal(disk_look(&disk, folder, err), OK);
    const size_t photos = (size_t)(disk.free / 4 / (FLOATS * sizeof(float)));
    assert_true(photos > 0);
    *cache =
        (struct feature_plan){.mode = CACHE_DISK, .about = {.key = {0xab}, .values = FLOATS, .dtype = FEATURE_F32}};
    uint64_t bytes = feature_store_bytes(&cache->about, photos);
    const struct cache_options options = {
        .mode = mode, .dir = folder, .limit = UINT64_MAX, .reserve = disk.free - (uint64_t)(room * (double)bytes)};
    const struct cache_ask ask = {
        .options = &options, .augment = AUGMENT_NONE, .views = 1, .epochs = 1, .train = photos};
    const struct plan plan = {.cut = {.values = FLOATS}};
    enum status status = feature_plan_size(cache, &ask, &plan, err);
    assert_true(cache->bytes == bytes);
    return status;
}

static void assert_planned(enum cache_mode mode, double room, enum cache_mode expected)
{
    struct feature_plan cache;
    struct error err = {0};
    enum status status = plan_with_room(&cache, mode, room, &err);
    if (status != OK || cache.mode != expected)
        fail_msg("%s, %.1f times the room: status %d, mode %d: %s%s", cache_mode_names[mode], room, status, cache.mode,
                 err.text, cache.why);
}

/* One that was not asked for leaves as much to others; one that was takes what there is. */
static void a_cache_by_itself_leaves_as_much_to_others(void **state)
{
    (void)state;
    struct feature_plan cache;
    struct error err = {0};
    assert_planned(CACHE_AUTO, 2.5, CACHE_DISK);
    assert_planned(CACHE_AUTO, 1.5, CACHE_OFF);
    assert_planned(CACHE_DISK, 1.5, CACHE_DISK);
    assert_int_equal(plan_with_room(&cache, CACHE_DISK, 0.5, &err), ERR_CANTCREATE);
    assert_non_null(strstr(err.text, "--cache disk: it would take "));
}

/* A file of 95 % of the size is there, so that only the rest needs room. */
static void what_is_there_needs_no_room(void **state)
{
    (void)state;
    struct feature_plan cache;
    struct error err = {0};
    char name[64] = "ab";
    assert_int_equal(plan_with_room(&cache, CACHE_AUTO, 0.5, &err), OK);
    assert_int_equal(cache.mode, CACHE_OFF);
    assert_int_equal(cache.there, 0);
    for (size_t i = 1; i < sizeof cache.about.key; i++)
        strcat(name, "00");
    strcat(name, FEATURE_FILE_SUFFIX);
    test_write(test_path(folder, name), "", 0);
    uint64_t there = cache.bytes / 100 * 95;
    assert_int_equal(truncate(test_path(folder, name), (off_t)there), 0); /* a hole: it takes no room */
    assert_planned(CACHE_AUTO, 0.5, CACHE_DISK);
    assert_int_equal(plan_with_room(&cache, CACHE_DISK, 0.5, &err), OK);
    assert_true(cache.there >= there / 100 * 99 && cache.there <= there);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cache_by_itself_leaves_as_much_to_others, enter, leave),
        cmocka_unit_test_setup_teardown(what_is_there_needs_no_room, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
