#include "tests/support/train_sample.h"

#include <stdio.h>

#include "models/resnet.h"

/* Names "a0", "a1", ... of two classes. */
static struct photo_list list_of(char *names, struct photo *photos, size_t count, char letter)
{
    char *at = names;
    for (size_t i = 0; i < count; i++) {
        photos[i] = (struct photo){.name = (uint64_t)(at - names), .class = (uint32_t)(i % 2)};
        at += sprintf(at, "%c%zu", letter, i) + 1;
    }
    return (struct photo_list){.root = "nowhere", .names = names, .photos = photos, .count = count};
}

enum status train_sample_open(struct train_sample *out, enum optimizer_kind kind, double momentum, char letter,
                              struct error *err)
{
    static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 8};
    struct train_options options = {.optimizer = optimizer_defaults(kind),
                                    .schedule = {.lr = 0.1, .epochs = TRAIN_SAMPLE_EPOCHS, .step_epochs = 1},
                                    .freeze = {.until = 6, .bn_trained = BN_BATCH},
                                    .unfreezing = {1, {{2, 5}}},
                                    .loader = {.threads = 1, .batch = 4, .preprocess = preprocess_for_size(64)},
                                    .usable = TRAIN_SAMPLE_TRAIN};
    options.optimizer.momentum = momentum;
    *out = (struct train_sample){.class_names = {"x", "y"}};
    out->dataset.classes = (struct class_names){out->class_names, 2};
    out->dataset.train = list_of(out->train_names, out->train_photos, TRAIN_SAMPLE_TRAIN, letter);
    out->dataset.val = list_of(out->val_names, out->val_photos, TRAIN_SAMPLE_VAL, 'v');
    enum status status = pool_create(&out->pool, 1, err);
    if (status == OK)
        status = resnet_create_shape(&out->net, &shape, 2, err);
    if (status == OK)
        status = train_create(&out->train, out->net, &out->dataset, &options, out->pool, err);
    return status == OK ? train_prepare(out->train, err) : status;
}

void train_sample_close(struct train_sample *sample)
{
    train_destroy(sample->train);
    net_destroy(sample->net);
    pool_destroy(sample->pool);
}
