/* What a cache may keep, and what it may start from. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/hash.h"
#include "core/base/memory.h"
#include "core/features/feature_file.h"
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
    size_t entry = feature_entry_bytes(&train_cache(run->train)->about);
    struct feature_id id = id_of(run->train->photo_hashes[0][photo], photo);
    char *features = calloc(2, entry);
    bool found;
    assert_int_equal(feature_store_read(features, &found, a, &id, NULL), OK);
    assert_true(found);
    assert_int_equal(feature_store_read(features + entry, &found, b, &id, NULL), OK);
    assert_true(found);
    assert_memory_equal(features, features + entry, entry);
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
static struct feature_plan plan_cache(const struct net *net, int until, enum precision precision, bool half)
{
    const struct cache_options options = {.mode = CACHE_DISK, .dir = kept, .half = half, .limit = 1 << 30};
    const struct freeze freeze = {until, BN_EVAL, BN_BATCH};
    const struct feature_ground ground = {.preprocess = preprocess_for_size(64), .precision = precision};
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
    about.values = 3;
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
        assert_int_equal(plan_cache(net, 7, PRECISION_F32, half).from, 0);
        keep_something(plan_cache(net, 5, PRECISION_F32, half).about);
        assert_int_equal(plan_cache(net, 7, PRECISION_F32, half).from, half ? 0 : freeze_cut(net, &shallow));
        assert_int_equal(plan_cache(net, 5, PRECISION_F32, half).from, 0);
    }
    /* bfloat16 is rounded nowhere on the way either, whether halves were asked for or not. */
    keep_something(plan_cache(net, 5, PRECISION_BF16, true).about);
    for (int half = 0; half < 2; half++) {
        struct feature_plan plan = plan_cache(net, 7, PRECISION_BF16, half);
        assert_int_equal(plan.from, freeze_cut(net, &shallow));
        assert_int_equal(plan.from_about.dtype, FEATURE_BF16);
    }
    net_destroy(net);
}

/* The precision of the maps at that cut; only float32 is rounded to halves. What may differ has another key. */
static void a_cut_has_its_type_and_key(void **state)
{
    (void)state;
    static const struct resnet_shape shape = {"tiny", false, {1, 1, 1, 1}, 4};
    static const struct {
        int until;
        enum precision precision;
        bool half;
        enum feature_dtype dtype;
        size_t key; /* row with the same one */
    } rows[] = {
        {6, PRECISION_F32, false, FEATURE_F32, 0},   {6, PRECISION_F32, true, FEATURE_F16, 1},
        {6, PRECISION_BF16, false, FEATURE_BF16, 2}, {6, PRECISION_BF16, true, FEATURE_BF16, 2},
        {8, PRECISION_F32, false, FEATURE_F32, 4},   {8, PRECISION_F32, true, FEATURE_F16, 5},
        {8, PRECISION_BF16, false, FEATURE_F32, 6},  {8, PRECISION_BF16, true, FEATURE_F16, 7},
        {9, PRECISION_BF16, false, FEATURE_F32, 6},
    };
    enum { ROWS = sizeof rows / sizeof *rows };
    struct feature_store_about abouts[ROWS];
    struct net *net;
    assert_int_equal(resnet_create_shape(&net, &shape, 3, NULL), OK);
    net_init(net, 1);
    for (size_t i = 0; i < ROWS; i++) {
        abouts[i] = plan_cache(net, rows[i].until, rows[i].precision, rows[i].half).about;
        assert_int_equal(abouts[i].dtype, rows[i].dtype);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(memcmp(abouts[i].key, abouts[k].key, sizeof abouts[i].key) == 0,
                             rows[i].key == rows[k].key);
    }
    net_destroy(net);
}

/* ---- the same bytes ---------------------------------------------------------------------------------------------- */

static enum status count_features(void *context, const struct epoch_result *epoch, struct error *err)
{
    struct feature_counts *counts = context;
    (void)err;
    counts->pixels += epoch->features.pixels;
    counts->advanced += epoch->features.advanced;
    counts->read += epoch->features.read;
    counts->damaged += epoch->features.damaged;
    return OK;
}

/* What a run of two epochs makes of its weights. */
static struct hash128 trained(struct feature_counts *counts, int until, enum precision precision,
                              const struct cache_options *cache)
{
    struct train_options options = small_run_options();
    const struct train_hooks hooks = {.on_epoch = count_features, .save = no_save, .context = counts};
    struct small_run run;
    struct error err;
    struct hash128 hash = {0, 0};
    options.precision = precision;
    options.freeze.until = until;
    options.schedule.epochs = 2;
    options.cache = *cache;
    *counts = (struct feature_counts){0};
    small_run_open(&run, folder, &options);
    if (train_run(run.train, NULL, &hooks, &err) != OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < run.net->params_count; i++)
        hash = hash_bytes(run.net->params[i].data, run.net->params[i].count * sizeof(float), hash.low);
    small_run_close(&run);
    return hash;
}

/* One bit in the middle of each record of the plan's file. */
static void damage_records(const struct feature_plan *plan)
{
    char path[400];
    size_t size, record = feature_record_bytes(&plan->about);
    snprintf(path, sizeof path, "%s/", kept);
    for (size_t i = 0; i < sizeof plan->about.key; i++)
        snprintf(path + strlen(path), 3, "%02x", plan->about.key[i]);
    strcat(path, FEATURE_FILE_SUFFIX);
    uint8_t *bytes = test_read(path, &size);
    for (size_t at = FEATURE_HEADER_BYTES + record / 2; at < size; at += record)
        bytes[at] ^= 4;
    test_write(path, bytes, size);
    memory_free(bytes);
}

/* The plan of the cache of such a run. */
static struct feature_plan planned(int until, enum precision precision, const struct cache_options *cache)
{
    struct train_options options = small_run_options();
    struct small_run run;
    options.precision = precision;
    options.freeze.until = until;
    options.cache = *cache;
    small_run_open(&run, folder, &options);
    struct feature_plan plan = *train_cache(run.train);
    small_run_close(&run);
    return plan;
}

static void check_same(int until, enum precision precision, bool half)
{
    enum { PHOTOS = SMALL_RUN_PHOTOS + SMALL_RUN_CLASSES };
    struct cache_options cache = {.mode = CACHE_OFF, .dir = kept, .half = half, .limit = 1 << 30};
    struct feature_counts counts;
    const struct hash128 expected = trained(&counts, until, precision, &cache);
    for (int run = 0; run < 4; run++) { /* in memory, onto disk, from there, from damaged records */
        cache.mode = run == 0 ? CACHE_RAM : CACHE_DISK;
        if (run == 3) {
            struct feature_plan plan = planned(until, precision, &cache);
            damage_records(&plan);
        }
        struct hash128 found = trained(&counts, until, precision, &cache);
        if (found.high != expected.high || found.low != expected.low)
            fail_msg("%s, half %d, until %d, run %d: other bytes", precision_names[precision], half, until, run);
        assert_true(counts.read > 0);
        assert_int_equal(counts.damaged, run == 3 ? PHOTOS : 0);
        assert_int_equal(counts.pixels + counts.advanced, run == 2 ? 0 : PHOTOS);
    }
}

/* In either precision, before the pooling and behind it, whose values are float32 in both. A deeper cut begins at the
 * shallower one's features where those are no halves. */
static void runs_end_with_the_same_bytes_with_and_without_a_cache(void **state)
{
    (void)state;
    small_run_photos(folder);
    for (int precision = 0; precision < PRECISIONS; precision++)
        for (int half = 0; half < 2; half++)
            for (int until = 5; until <= 9; until += 2) {
                snprintf(kept, sizeof kept, "%s/kept-%d-%d", folder, precision, half);
                check_same(until, (enum precision)precision, half);
            }
}

static void features_of_a_deeper_cut_are_made_from_bfloat16(void **state)
{
    (void)state;
    const struct cache_options off = {.mode = CACHE_OFF}, disk = {.mode = CACHE_DISK, .dir = kept, .limit = 1 << 30};
    struct feature_counts counts;
    small_run_photos(folder);
    (void)trained(&counts, 5, PRECISION_BF16, &disk);
    for (int until = 6; until <= 9; until += 3) { /* the latter are float32 */
        struct hash128 expected = trained(&counts, until, PRECISION_BF16, &off);
        struct hash128 found = trained(&counts, until, PRECISION_BF16, &disk);
        assert_true(found.high == expected.high && found.low == expected.low);
        assert_int_equal(counts.advanced, SMALL_RUN_PHOTOS + SMALL_RUN_CLASSES);
        assert_int_equal(counts.pixels, 0);
    }
}

/* Half of float32's, but for the heads of the records. */
static void features_in_bfloat16_take_half_the_room(void **state)
{
    (void)state;
    const struct cache_options disk = {.mode = CACHE_DISK, .dir = kept, .limit = 1 << 30};
    small_run_photos(folder);
    const struct feature_plan f32 = planned(5, PRECISION_F32, &disk), bf16 = planned(5, PRECISION_BF16, &disk);
    const size_t entries = SMALL_RUN_PHOTOS + SMALL_RUN_CLASSES, values = bf16.about.values;
    assert_int_equal(f32.about.values, values);
    assert_int_equal(f32.bytes, FEATURE_HEADER_BYTES + entries * (32 + (4 * values + 7) / 8 * 8));
    assert_int_equal(bf16.bytes, FEATURE_HEADER_BYTES + entries * (32 + (2 * values + 7) / 8 * 8));
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
        cmocka_unit_test_setup_teardown(a_cut_has_its_type_and_key, enter, folder_teardown),
        cmocka_unit_test_setup_teardown(runs_end_with_the_same_bytes_with_and_without_a_cache, enter, folder_teardown),
        cmocka_unit_test_setup_teardown(features_of_a_deeper_cut_are_made_from_bfloat16, enter, folder_teardown),
        cmocka_unit_test_setup_teardown(features_in_bfloat16_take_half_the_room, enter, folder_teardown),
    };
    return cmocka_run_group_tests_name("feature cache", tests, NULL, NULL);
}
