#include "tests/support/small_run.h"

#include <stdio.h>

#include "core/base/memory.h"
#include "core/net/init.h"
#include "models/resnet.h"
#include "tests/support/test.h"
#include "tests/support/test_files.h"

void small_run_photo(const char *folder, const char *name, uint32_t seed)
{
    size_t size;
    uint8_t *bytes = test_bmp(&size, 40, 36, seed);
    test_write(test_path(folder, name), bytes, size);
    memory_free(bytes);
}

/* In the order of the list: by class, then by name. */
static const char *name_of(size_t photo)
{
    static char name[64];
    snprintf(name, sizeof name, "data/train/%s/%zu.bmp", photo < SMALL_RUN_PHOTOS / 2 ? "ants" : "bees", photo);
    return name;
}

void small_run_photos(const char *folder)
{
    for (size_t i = 0; i < SMALL_RUN_PHOTOS; i++)
        small_run_photo(folder, name_of(i), (uint32_t)i);
    small_run_photo(folder, "data/val/ants/x.bmp", 50);
    small_run_photo(folder, "data/val/bees/y.bmp", 51);
}

void small_run_change_photo(const char *folder, size_t photo)
{
    small_run_photo(folder, name_of(photo), 100 + (uint32_t)photo);
}

struct train_options small_run_options(void)
{
    return (struct train_options){
        .seed = 3,
        .optimizer = optimizer_defaults(OPTIMIZER_SGD),
        .schedule = {.lr = 0.01, .epochs = 1, .step_epochs = 1},
        .freeze = {.until = 6, .bn_trained = BN_BATCH},
        .augment = AUGMENT_NONE,
        .views = 1,
        .cache = {.mode = CACHE_OFF},
        .loader = {.threads = 1, .batch = SMALL_RUN_PHOTOS / 2, .preprocess = preprocess_for_size(SMALL_RUN_SIDE)},
        .usable = SMALL_RUN_PHOTOS};
}

enum status small_run_try(struct small_run *out, const char *data, const struct train_options *options,
                          struct error *err)
{
    static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 4};
    *out = (struct small_run){0};
    enum status status = dataset_open(&out->dataset, data, 0, 1, err);
    if (status == OK)
        status = pool_create(&out->pool, 1, err);
    if (status == OK)
        status = resnet_create_shape(&out->net, &shape, SMALL_RUN_CLASSES, err);
    if (status != OK)
        return status;
    net_init(out->net, 5);
    status = train_create(&out->train, out->net, &out->dataset, options, out->pool, err);
    return status == OK ? train_prepare(out->train, err) : status;
}

void small_run_open(struct small_run *out, const char *folder, const struct train_options *options)
{
    struct error err = {0};
    if (small_run_try(out, test_path(folder, "data"), options, &err) != OK)
        fail_msg("%s", err.text);
}

void small_run_close(struct small_run *run)
{
    train_destroy(run->train);
    net_destroy(run->net);
    dataset_close(&run->dataset);
    pool_destroy(run->pool);
}
