/* Every allocation and every call about files fails once (tests/faults/faults.h): what is tried then either does
 * without, with the right result, or says so with the right status and one line. Nothing is lost (the sanitizers
 * watch), no descriptor stays open, no file is half-written. And a training step in its steady state allocates nothing.
 */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/checkpoint_file.h"
#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/feature_store.h"
#include "core/data/image.h"
#include "core/data/scan.h"
#include "core/net/init.h"
#include "core/net/run.h"
#include "core/ops/gemm.h"
#include "core/ops/loss.h"
#include "core/train/checkpoint.h"
#include "core/train/train_private.h"
#include "models/resnet.h"
#include "tests/faults/faults.h"
#include "tests/support/feature_sample.h"
#include "tests/support/test_files.h"
#include "weights/bind.h"

enum { PHOTOS = 6, SIDE = 33 };
/* The first and the last calls fail one by one, of those between every eighth: they are the rows of tensors. */
enum { FIRST = 100, LAST = 60, STRIDE = 8 };

static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 4};
static char folder[256];

/* ---- the loop
 * --------------------------------------------------------------------------------------------------------
 */

struct scenario {
    void (*prepare)(void); /* before the counting; NULL: nothing */
    /* Does it all once: OK with everything right (asserted inside), or a status with its text; frees what it took. */
    enum status (*run)(struct error *err);
    void (*check)(enum status status); /* what is left then; NULL: nothing */
    bool allocates, uses_files;        /* so something must fail */
};

static size_t count_entries(const char *path)
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
    size_t descriptors = count_entries("/proc/self/fd");
    for (long n = 1; n <= all; n += n < FIRST || n >= all - LAST ? 1 : STRIDE) {
        err = (struct error){.status = OK};
        enum status status = run_once(scenario, kind, n, &calls, &err);
        assert_answer(kind, status, &err, n);
        failures += status != OK;
        if (count_entries("/proc/self/fd") != descriptors)
            fail_msg("call %ld: a descriptor stays open", n);
    }
    return failures;
}

static void fail_all(const struct scenario *scenario)
{
    long memory = fail_each(scenario, FAULT_MEMORY), files = fail_each(scenario, FAULT_FILES);
    assert_int_equal(memory > 0, scenario->allocates);
    assert_int_equal(files > 0, scenario->uses_files);
}

/* ---- weights
 * ---------------------------------------------------------------------------------------------------------
 */

static struct net *weights; /* what weights.safetensors holds */

static enum status load(struct error *err)
{
    struct weight_file *file = NULL;
    struct net *net = NULL;
    const struct weights_rules rules = {0};
    enum status status = weight_file_open(&file, test_path(folder, "weights.safetensors"), err);
    if (status == OK)
        status = resnet_create_shape(&net, &shape, 2, err);
    if (status == OK)
        status = weights_load(net, file, &rules, NULL, err);
    for (size_t i = 0; status == OK && i < net->params_count; i++)
        if (net->params[i].count)
            assert_memory_equal(net->params[i].data, weights->params[i].data, net->params[i].count * sizeof(float));
    net_destroy(net);
    weight_file_close(file);
    return status;
}

static void loading_weights(void **state)
{
    (void)state;
    fail_all(&(struct scenario){.run = load, .allocates = true, .uses_files = true});
}

/* Over a former file, which stays until the new one is whole. */
static void put_former(void)
{
    test_write(test_path(folder, "out/model.safetensors"), "former", 6);
}

static enum status save(struct error *err)
{
    return weights_save(test_path(folder, "out/model.safetensors"), weights, NULL, 0, err);
}

static void assert_whole(const char *name, const char *expected_name)
{
    size_t size, expected_size;
    uint8_t *found = test_read(test_path(folder, name), &size),
            *expected = test_read(test_path(folder, expected_name), &expected_size);
    assert_int_equal(size, expected_size);
    assert_memory_equal(found, expected, size);
    memory_free(found);
    memory_free(expected);
}

static void check_saved(enum status status)
{
    assert_int_equal(count_entries(test_path(folder, "out")), 3); /* ., .. and the file */
    assert_whole("out/model.safetensors", status == OK ? "weights.safetensors" : "former");
}

static void saving_a_model(void **state)
{
    (void)state;
    test_write(test_path(folder, "former"), "former", 6);
    fail_all(&(struct scenario){
        .prepare = put_former, .run = save, .check = check_saved, .allocates = true, .uses_files = true});
}

/* ---- photos
 * ----------------------------------------------------------------------------------------------------------
 */

/* A listing that lost a file without a word would be worse than none. */
static enum status list_photos(struct error *err)
{
    struct dataset dataset;
    struct scan_report scan;
    struct pool *pool = NULL;
    enum status status = dataset_open(&dataset, test_path(folder, "data"), 0, 1, err);
    if (status != OK)
        return status;
    status = pool_create(&pool, 2, err);
    if (status == OK)
        status = scan_dataset(&scan, &dataset, NULL, pool, err);
    if (status == OK) {
        assert_int_equal(dataset.train.count, 2 * PHOTOS);
        assert_int_equal(dataset.val.count, 2);
        assert_in_range(scan.bad_count, 0, 1); /* the one whose file could not be read */
        scan_report_free(&scan);
    }
    pool_destroy(pool);
    dataset_close(&dataset);
    return status;
}

static void listing_and_scanning_photos(void **state)
{
    (void)state;
    fail_all(&(struct scenario){.run = list_photos, .allocates = true, .uses_files = true});
}

static const char *photo_name_now;

static enum status decode(struct error *err)
{
    char path[256];
    struct image image;
    struct image_cost cost;
    snprintf(path, sizeof path, "tests/fixtures/photos/%s", photo_name_now);
    enum status status = image_probe(path, NULL, &cost, err);
    if (status == OK)
        status = image_read(&image, path, NULL, err);
    if (status == OK)
        image_free(&image);
    return status;
}

static void decoding_a_photo(void **state)
{
    (void)state;
    static const char *const names[] = {"exif6.jpg", "progressive.jpg", "rgb.png", "palette_alpha.png", "rgb.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        photo_name_now = names[i];
        fail_all(&(struct scenario){.run = decode, .allocates = true, .uses_files = true});
    }
}

/* A photo that could not be read is counted as bad; none is missing. */
static enum status load_photos(struct error *err)
{
    struct loader_options options = {.threads = 2, .batch = 4, .ahead = 5, .preprocess = preprocess_for_size(SIDE)};
    struct photo_list list;
    struct class_names classes;
    struct loader *loader = NULL;
    const struct photo_batch *batch;
    size_t good = 0;
    enum status status = folder_list(&list, &classes, test_path(folder, "data/train"), NULL, err);
    if (status != OK)
        return status;
    status = loader_create(&loader, &list, &options, err);
    if (status == OK) {
        loader_start(loader, NULL, list.count, 0, 0, AUGMENT_STANDARD);
        while ((status = loader_next(loader, &batch, err)) == OK && batch)
            good += batch->count;
    }
    if (status == OK)
        assert_int_equal(good + loader_bad_count(loader), 2 * PHOTOS);
    loader_destroy(loader);
    photo_list_free(&list);
    class_names_free(&classes);
    return status;
}

static void loading_photos(void **state)
{
    (void)state;
    fail_all(&(struct scenario){.run = load_photos, .allocates = true, .uses_files = true});
}

/* ---- features kept --------------------------------------------------------------------------------------------------
 */

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
    uint64_t space;
    enum status status = feature_store_space(&space, test_path(folder, "features"), err);
    if (status == OK)
        status = feature_store_open_disk(&store, test_path(folder, "features"), &about, err);
    if (status == OK)
        status = fill_features(store, &about, err);
    if (status == OK)
        status = feature_store_open_ram(&store, &about, err);
    return status == OK ? fill_features(store, &about, err) : status;
}

static void put_no_features(void)
{
    unlink(test_path(folder, "features/00112233445566778899aabbccddeeff.features"));
}

/* Whatever failed, the next run can go on with the file. */
static void check_features(enum status status)
{
    const struct feature_store_about about = feature_sample_about(FEATURES, FEATURE_F16);
    struct feature_store *store;
    struct error err;
    if (feature_store_open_disk(&store, test_path(folder, "features"), &about, &err) != OK)
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
    fail_all(&(struct scenario){.prepare = put_no_features,
                                .run = keep_features,
                                .check = check_features,
                                .allocates = true,
                                .uses_files = true});
}

/* ---- the network
 * -----------------------------------------------------------------------------------------------------
 */

static enum status plan_and_run(struct error *err)
{
    const struct plan_options options = {
        .train = true, .batch = 2, .height = SIDE, .width = SIDE, .freeze = {5, BN_EVAL, BN_BATCH}, .threads = 2};
    struct pool *pool = NULL;
    struct plan *plan = NULL;
    struct run *run = NULL;
    enum status status = pool_create(&pool, 2, err);
    freeze_apply(weights, &options.freeze);
    if (status == OK)
        status = plan_create(&plan, weights, &options, err);
    if (status == OK)
        status = run_create(&run, plan, NULL, pool, NULL, err);
    run_destroy(run);
    plan_destroy(plan);
    pool_destroy(pool);
    return status;
}

static void planning_and_preparing_a_run(void **state)
{
    (void)state;
    fail_all(&(struct scenario){.run = plan_and_run, .allocates = true, .uses_files = true});
}

/* ---- a whole training
 * ------------------------------------------------------------------------------------------------
 */

struct session {
    struct net *net;
    struct pool *pool;
    struct dataset dataset;
    struct train *train;
    char name[64]; /* of the file below `folder` that is saved */
};

static void close_session(struct session *session)
{
    train_destroy(session->train);
    net_destroy(session->net);
    dataset_close(&session->dataset);
    pool_destroy(session->pool);
}

/* The second epoch, if there is one, is a stage of its own. */
static enum status open_session(struct session *session, enum optimizer_kind optimizer, size_t epochs,
                                struct error *err)
{
    struct train_options options = {.optimizer = optimizer_defaults(optimizer),
                                    .schedule = {.lr = 0.01, .epochs = epochs, .step_epochs = 1},
                                    .freeze = {.until = 5, .bn_trained = BN_BATCH},
                                    .unfreezing = {epochs - 1, {{1, 4}}},
                                    .augment = AUGMENT_STANDARD,
                                    .recipe = {.class_weight_power = 0.5, .mixup = 0.2, .micro_batch = 2, .ema = 0.5},
                                    .loader = {.threads = 1, .batch = 3, .preprocess = preprocess_for_size(SIDE)},
                                    .usable = 2 * PHOTOS};
    *session = (struct session){.name = "checkpoint/last.safetensors"};
    enum status status = dataset_open(&session->dataset, test_path(folder, "data"), 0, 1, err);
    if (status != OK) {
        session->dataset = (struct dataset){0};
        return status;
    }
    status = pool_create(&session->pool, 2, err);
    if (status == OK)
        status = resnet_create_shape(&session->net, &shape, 2, err);
    if (status != OK)
        return status;
    net_init(session->net, 5);
    status = train_create(&session->train, session->net, &session->dataset, &options, session->pool, err);
    return status == OK ? train_prepare(session->train, err) : status;
}

static enum status nothing(void *context, const struct epoch_result *epoch, struct error *err)
{
    (void)context;
    (void)epoch;
    (void)err;
    return OK;
}

static enum status save_checkpoint(void *context, struct error *err)
{
    const struct session *session = context;
    static const struct weight_metadata model[MODEL_METADATA] = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}};
    return checkpoint_write(test_path(folder, session->name), session->train, model, err);
}

static enum status train_all(struct session *session, struct error *err)
{
    const struct train_hooks hooks = {.context = session, .on_epoch = nothing, .save = save_checkpoint};
    bool stopped;
    return train_run(session->train, &hooks, &stopped, err);
}

static void put_no_checkpoint(void)
{
    test_write(test_path(folder, "checkpoint/last.safetensors"), "former", 6);
}

static enum status train_epochs(size_t epochs, struct error *err)
{
    struct session session;
    enum status status = open_session(&session, OPTIMIZER_ADAM, epochs, err);
    if (status == OK)
        status = train_all(&session, err);
    close_session(&session);
    return status;
}

static enum status train_once(struct error *err)
{
    return train_epochs(1, err);
}

/* Either the former file or a whole one, which a run can go on with. */
static void check_checkpoint(enum status status)
{
    struct session session;
    struct error err;
    assert_int_equal(count_entries(test_path(folder, "checkpoint")), 3);
    if (status != OK) {
        assert_whole("checkpoint/last.safetensors", "former");
        return;
    }
    if (open_session(&session, OPTIMIZER_ADAM, 1, &err) != OK ||
        checkpoint_read(test_path(folder, session.name), session.train, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(train_state_get(session.train)->epoch, 1);
    close_session(&session);
}

static void training_and_its_checkpoint(void **state)
{
    (void)state;
    fail_all(&(struct scenario){.prepare = put_no_checkpoint,
                                .run = train_once,
                                .check = check_checkpoint,
                                .allocates = true,
                                .uses_files = true});
}

/* From a checkpoint of the second stage, which is entered on the way. */
static enum status go_on(struct error *err)
{
    struct session session;
    enum status status = open_session(&session, OPTIMIZER_ADAM, 2, err);
    if (status == OK)
        status = checkpoint_read(test_path(folder, session.name), session.train, err);
    if (status == OK) {
        assert_int_equal(train_state_get(session.train)->epoch, 2);
        assert_int_equal(train_freeze(session.train)->until, 4);
    }
    close_session(&session);
    return status;
}

static void reading_a_checkpoint(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(train_epochs(2, &err), OK);
    fail_all(&(struct scenario){.run = go_on, .allocates = true, .uses_files = true});
}

/* ---- the steady state
 * ------------------------------------------------------------------------------------------------
 */

static void update(void *context, size_t param, const float *gradient)
{
    optimizer_update(context, param, gradient, 0.01);
}

/* A step is forward, loss, backward and updates. */
static long allocations_of_steps(size_t threads, enum optimizer_kind kind, int until)
{
    const struct freeze freeze = {until, BN_EVAL, BN_BATCH};
    const struct plan_options options = {
        .train = true, .batch = 3, .height = SIDE, .width = SIDE, .freeze = freeze, .threads = threads};
    const struct optimizer_options choice = optimizer_defaults(kind);
    const int32_t labels[3] = {0, 1, 1};
    static uint8_t pixels[3 * SIDE * SIDE * 3];
    float dlogits[3 * 2];
    struct pool *pool;
    struct plan *plan;
    struct run *run;
    struct optimizer *optimizer;
    struct error err;
    freeze_apply(weights, &freeze);
    if (pool_create(&pool, threads, &err) != OK || plan_create(&plan, weights, &options, &err) != OK ||
        run_create(&run, plan, NULL, pool, NULL, &err) != OK ||
        optimizer_create(&optimizer, weights, &choice, pool, &err) != OK)
        fail_msg("%s", err.text);
    long before = faults_allocations();
    for (int step = 0; step < 3; step++) {
        const float *logits = run_forward_pixels(run, pixels, 3);
        cross_entropy(dlogits, logits, labels, 3, 2);
        run_backward(run, dlogits, update, optimizer);
    }
    long after = faults_allocations();
    optimizer_destroy(optimizer);
    run_destroy(run);
    plan_destroy(plan);
    pool_destroy(pool);
    return after - before;
}

static void a_step_allocates_nothing(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++)
        for (int until = 0; until <= 9; until++) {
            assert_int_equal(allocations_of_steps(threads, OPTIMIZER_SGD, until), 0);
            assert_int_equal(allocations_of_steps(threads, OPTIMIZER_ADAMW, until), 0);
        }
}

/* The same of a run with a recipe. */
static void a_step_of_a_recipe_allocates_nothing(void **state)
{
    (void)state;
    static const uint8_t pixels[3 * SIDE * SIDE * 3];
    static const int32_t labels[3] = {0, 1, 1};
    static const uint32_t numbers[3];
    const struct photo_batch batch = {.count = 3, .pixels = pixels, .labels = labels, .photos = numbers};
    struct session session;
    struct step_result result;
    struct error err;
    if (open_session(&session, OPTIMIZER_ADAM, 1, &err) != OK)
        fail_msg("%s", err.text);
    long before = faults_allocations();
    for (int step = 0; step < 3; step++)
        assert_int_equal(train_step(session.train, &batch, 3, &result, &err), OK);
    assert_int_equal(faults_allocations(), before);
    close_session(&session);
}

/* ---- all of it
 * -------------------------------------------------------------------------------------------------------
 */

static void make_photo(const char *name, uint32_t seed)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 40, 36, seed);
    test_write(test_path(folder, name), bytes, size);
    memory_free(bytes);
}

static int prepare(void **state)
{
    (void)state;
    struct error err;
    char name[64];
    setenv("TMPDIR", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", 0); /* thousands of synced files */
    test_folder_make(folder);
    for (uint32_t i = 0; i < 2 * PHOTOS; i++) {
        snprintf(name, sizeof name, "data/train/%s/%u.bmp", i % 2 ? "ants" : "bees", i);
        make_photo(name, i);
    }
    make_photo("data/val/ants/x.bmp", 50);
    make_photo("data/val/bees/y.bmp", 51);
    if (gemm_init(&err) != OK || resnet_create_shape(&weights, &shape, 2, &err) != OK)
        return -1;
    net_init(weights, 1);
    return weights_save(test_path(folder, "weights.safetensors"), weights, NULL, 0, &err) == OK ? 0 : -1;
}

static int clean(void **state)
{
    (void)state;
    net_destroy(weights);
    test_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loading_weights),
        cmocka_unit_test(saving_a_model),
        cmocka_unit_test(listing_and_scanning_photos),
        cmocka_unit_test(decoding_a_photo),
        cmocka_unit_test(loading_photos),
        cmocka_unit_test(keeping_features),
        cmocka_unit_test(planning_and_preparing_a_run),
        cmocka_unit_test(training_and_its_checkpoint),
        cmocka_unit_test(reading_a_checkpoint),
        cmocka_unit_test(a_step_allocates_nothing),
        cmocka_unit_test(a_step_of_a_recipe_allocates_nothing),
    };
    return cmocka_run_group_tests_name("faults", tests, prepare, clean);
}
