/* What a cache may keep, and what it may start from. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/features/feature_plan.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_run.h"
#include "tests/support/test_files.h"

static char kept[300], clean[300];

static int enter(void **state)
{
    folder_setup(state);
    snprintf(kept, sizeof kept, "%s/kept", folder);
    snprintf(clean, sizeof clean, "%s/clean", folder);
    return 0;
}

/* ---- photos that change ------------------------------------------------------------------------------------------ */

static enum status no_epoch(void *context, const struct epoch_result *epoch, struct error *err)
{
    (void)context;
    (void)epoch;
    (void)err;
    return OK;
}

static enum status no_save(void *context, struct error *err)
{
    (void)context;
    (void)err;
    return OK;
}

static void open_run(struct small_run *run, const char *dir)
{
    struct train_options options = small_run_options();
    options.cache = (struct cache_options){.mode = CACHE_DISK, .dir = dir, .limit = 1 << 30};
    small_run_open(run, folder, &options);
}

static void train_it(struct small_run *run)
{
    static const struct train_hooks hooks = {.on_epoch = no_epoch, .save = no_save};
    struct error err;
    if (train_run(run->train, NULL, &hooks, &err) != OK)
        fail_msg("%s", err.text);
}

static struct feature_store *open_store(const struct small_run *run, const char *dir)
{
    struct feature_store *store;
    struct error err;
    if (feature_store_open_disk(&store, dir, &train_cache(run->train)->about, &err) != OK)
        fail_msg("%s", err.text);
    return store;
}

static struct feature_id id_of(struct hash128 content, uint32_t photo)
{
    return feature_id_of(content, photo_view_plain(), 0, photo);
}

/* Both have an entry for the photo's content, with the same features. */
static void assert_same_entry(struct feature_store *a, struct feature_store *b, const struct small_run *run,
                              uint32_t photo)
{
    size_t floats = train_cache(run->train)->about.floats;
    struct feature_id id = id_of(run->train->photo_hashes[0][photo], photo);
    float *features = calloc(2 * floats, sizeof *features);
    bool found;
    assert_int_equal(feature_store_read(features, &found, a, &id, NULL), OK);
    assert_true(found);
    assert_int_equal(feature_store_read(features + floats, &found, b, &id, NULL), OK);
    assert_true(found);
    assert_memory_equal(features, features + floats, floats * sizeof *features);
    free(features);
}

/* Between its hash and its decoding: what was decoded is not kept as what was hashed. */
static void features_of_a_photo_that_changes_are_not_kept_under_its_former_content(void **state)
{
    (void)state;
    enum { CHANGED = 5 };
    struct small_run run, other;
    small_run_photos(folder);
    open_run(&run, kept);
    struct hash128 former = run.train->photo_hashes[0][CHANGED];
    small_run_change_photo(folder, CHANGED);
    train_it(&run);
    open_run(&other, clean);
    train_it(&other);
    struct feature_store *store = open_store(&run, kept), *expected = open_store(&other, clean);
    struct feature_id id = id_of(former, CHANGED);
    assert_false(feature_store_has(store, &id));
    for (uint32_t i = 0; i < SMALL_RUN_PHOTOS; i++)
        assert_same_entry(store, expected, &other, i);
    assert_memory_equal(&run.train->photo_hashes[0][CHANGED], &other.train->photo_hashes[0][CHANGED], sizeof former);
    assert_int_equal(feature_store_count(store), SMALL_RUN_PHOTOS + 2);
    feature_store_close(store);
    feature_store_close(expected);
    small_run_close(&run);
    small_run_close(&other);
}

/* ---- a shallower cut --------------------------------------------------------------------------------------------- */

/* A plan behind child `until`, with features of what is there in `kept`. */
static struct feature_plan plan_cache(const struct net *net, int until, bool half)
{
    const struct cache_options options = {.mode = CACHE_DISK, .dir = kept, .half = half, .limit = 1 << 30};
    const struct freeze freeze = {until, BN_EVAL, BN_BATCH};
    const struct feature_ground ground = {.preprocess = preprocess_for_size(64)};
    const struct cache_ask ask = {.options = &options,
                                  .net = net,
                                  .freeze = &freeze,
                                  .ground = &ground,
                                  .augment = AUGMENT_NONE,
                                  .views = 1,
                                  .epochs = 1,
                                  .train = 4,
                                  .val = 2};
    struct feature_plan plan;
    struct hash128 *params;
    struct error err;
    assert_int_equal(param_hashes(&params, net, &err), OK);
    if (feature_plan_begin(&plan, &ask, params, &err) != OK)
        fail_msg("%s", err.text);
    memory_free(params);
    return plan;
}

static void keep_something(struct feature_store_about about)
{
    struct feature_store *store;
    struct error err;
    about.floats = 3;
    if (feature_store_open_disk(&store, kept, &about, &err) != OK)
        fail_msg("%s", err.text);
    feature_store_close(store);
}

/* A run without the shallower file computes from pixels, which are rounded nowhere on the way: what was rounded to
 * halves at the shallower cut would end in other bytes. */
static void deeper_features_begin_at_shallower_ones_but_not_at_halves(void **state)
{
    (void)state;
    static const struct resnet_shape shape = {"tiny", false, {1, 1, 1, 1}, 4};
    struct net *net;
    struct error err;
    assert_int_equal(resnet_create_shape(&net, &shape, 3, &err), OK);
    net_init(net, 1);
    const struct freeze shallow = {5, BN_EVAL, BN_BATCH};
    for (int half = 0; half < 2; half++) {
        assert_int_equal(plan_cache(net, 7, half).from, 0);
        keep_something(plan_cache(net, 5, half).about);
        assert_int_equal(plan_cache(net, 7, half).from, half ? 0 : freeze_cut(net, &shallow));
        assert_int_equal(plan_cache(net, 5, half).from, 0);
    }
    net_destroy(net);
}

/* Off by itself, an error when it was asked for, and each time with the reason. */
static void what_cannot_be_kept_is_not(void **state)
{
    (void)state;
    static const struct {
        bool mixes, batch;
        int until;
        size_t views;
        const char *why; /* NULL: there is a cache */
    } rows[] = {{false, false, 6, 1, NULL},
                {true, false, 6, 1, "--mixup, --cutmix and --random-erasing change"},
                {false, true, 6, 1, "with --bn-frozen batch"},
                {false, false, 6, 0, "with --views 0 no view repeats"},
                {false, false, 0, 1, "no child that processes the photos is frozen"}};
    const struct feature_ground ground = {.preprocess = preprocess_for_size(64)};
    struct hash128 *params;
    struct net *net;
    struct error err;
    assert_int_equal(resnet_create(&net, "resnet18", 2, &err), OK);
    net_init(net, 1);
    assert_int_equal(param_hashes(&params, net, &err), OK);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int by_name = 0; by_name < 2; by_name++) {
            const struct cache_options options = {
                .mode = by_name ? CACHE_RAM : CACHE_AUTO, .dir = kept, .limit = 1 << 30};
            const struct freeze freeze = {rows[i].until, rows[i].batch ? BN_BATCH : BN_EVAL, BN_BATCH};
            const struct cache_ask ask = {.options = &options,
                                          .net = net,
                                          .freeze = &freeze,
                                          .ground = &ground,
                                          .augment = AUGMENT_NONE,
                                          .mixes = rows[i].mixes,
                                          .views = rows[i].views,
                                          .epochs = 1,
                                          .train = 4,
                                          .val = 2};
            struct feature_plan plan = {0};
            enum status status = feature_plan_begin(&plan, &ask, params, &err);
            assert_int_equal(status, rows[i].why && by_name ? ERR_USAGE : OK);
            if (status == OK)
                assert_int_equal(plan.mode == CACHE_OFF, rows[i].why != NULL);
            if (rows[i].why)
                assert_non_null(strstr(status == OK ? plan.why : err.text, rows[i].why));
        }
    memory_free(params);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_kept_is_not),
        cmocka_unit_test_setup_teardown(features_of_a_photo_that_changes_are_not_kept_under_its_former_content, enter,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(deeper_features_begin_at_shallower_ones_but_not_at_halves, enter,
                                        folder_teardown),
    };
    return cmocka_run_group_tests_name("feature cache", tests, NULL, NULL);
}
