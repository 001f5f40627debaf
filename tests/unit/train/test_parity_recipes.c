/* The recipes against PyTorch and torchvision (scripts/parity/recipe_fixtures.py): the loss, mixup and cutmix,
 * clipping, the average of the weights, and five steps of a small ResNet with most of it at once. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/ops/loss.h"
#include "core/train/mix.h"
#include "core/train/train_private.h"
#include "tests/support/compare.h"
#include "tests/support/parity.h"
#include "tests/support/parity_values.h"

#define FOLDER "tests/fixtures/parity/"

/* PyTorch's own float32 is at most 1.2e-7 away from its float64. */
#define TOLERANCE 6e-7
/* 1.6e-7 measured, PyTorch's own float32 2.2e-7; an input of a ReLU may fall on the other side of 0 elsewhere. */
#define TOLERANCE_STEPS 1e-5

static struct fixture *fixture;
static struct pool *pool;

static float get_one(const char *kind, int number, const char *name)
{
    struct fixture_tensor tensor = fixture_get(fixture, "%s.%d/%s", kind, number, name);
    assert_int_equal(tensor.count, 1);
    return tensor.values[0];
}

static void to_labels(int32_t *out, const struct fixture_tensor *tensor)
{
    for (size_t i = 0; i < tensor->count; i++)
        out[i] = (int32_t)tensor->values[i];
}

/* ---- the loss ---------------------------------------------------------------------------------------------------- */

static void loss_with_smoothing_weights_and_mixed_labels(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "loss.%d/x", number); number++) {
        struct fixture_tensor x = fixture_get(fixture, "loss.%d/x", number);
        struct fixture_tensor given = fixture_get(fixture, "loss.%d/labels", number);
        size_t images = x.shape[0], classes = x.shape[1];
        int32_t labels[8], others[8];
        assert_in_range(images, 1, 8);
        to_labels(labels, &given);
        struct targets targets = {.labels = labels, .smoothing = (double)get_one("loss", number, "smoothing")};
        if (fixture_has(fixture, "loss.%d/weights", number))
            targets.weights = fixture_get(fixture, "loss.%d/weights", number).values;
        if (fixture_has(fixture, "loss.%d/share", number)) {
            mix_labels(others, labels, images);
            targets.others = others;
            targets.share = (double)get_one("loss", number, "share");
        }
        double divisor = targets_divisor(&targets, images);
        float *dx = parity_values_zeros(x.count, sizeof *dx);
        float loss = (float)cross_entropy_targets(dx, x.values, &targets, images, classes, divisor);
        parity_values_expect(fixture, "loss", number, "loss", &loss, 1, TOLERANCE);
        parity_values_expect(fixture, "loss", number, "dx", dx, x.count, TOLERANCE);

        /* In two pieces, with the divisor of the whole. */
        struct targets rest = targets;
        rest.labels++;
        if (rest.others)
            rest.others++;
        double sum = cross_entropy_targets(dx, x.values, &targets, 1, classes, divisor);
        sum += cross_entropy_targets(dx + classes, x.values + classes, &rest, images - 1, classes, divisor);
        loss = (float)sum;
        parity_values_expect(fixture, "loss", number, "loss", &loss, 1, TOLERANCE);
        parity_values_expect(fixture, "loss", number, "dx", dx, x.count, TOLERANCE);
        memory_free(dx);
    }
    assert_int_equal(number, 6);
}

/* ---- mixing ------------------------------------------------------------------------------------------------------ */

/* The targets that the labels and the share stand for. */
static void expect_targets(const char *kind, int number, const int32_t *labels, size_t images, double share)
{
    struct fixture_tensor wanted = fixture_get(fixture, "%s.%d/target", kind, number);
    int32_t others[8];
    mix_labels(others, labels, images);
    size_t classes = wanted.shape[1];
    float *target = parity_values_zeros(wanted.count, sizeof *target);
    for (size_t n = 0; n < images; n++) {
        target[n * classes + (size_t)labels[n]] += (float)share;
        target[n * classes + (size_t)others[n]] += (float)(1 - share);
    }
    parity_values_expect(fixture, kind, number, "target", target, wanted.count, TOLERANCE);
    memory_free(target);
}

static void expect_mixed(const char *kind, int number, bool cut)
{
    struct fixture_tensor p = fixture_get(fixture, "%s.%d/pixels", kind, number);
    struct fixture_tensor given = fixture_get(fixture, "%s.%d/labels", kind, number);
    struct fixture_tensor wanted = fixture_get(fixture, "%s.%d/images", kind, number);
    const struct normalise imagenet = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    size_t images = p.shape[0], height = p.shape[1], width = p.shape[2], floats = height * width * 3;
    struct mix mix = {.kind = MIX_UP, .share = (double)get_one(kind, number, "lambda")};
    int32_t labels[8];
    float table[3 * 256];
    uint8_t *pixels = parity_values_zeros(p.count, 1);
    float *mixed = parity_values_zeros(p.count, sizeof *mixed);
    for (size_t i = 0; i < p.count; i++)
        pixels[i] = (uint8_t)p.values[i];
    if (cut) {
        struct fixture_tensor middle = fixture_get(fixture, "%s.%d/middle", kind, number);
        mix = mix_cut(mix.share, (size_t)middle.values[0], (size_t)middle.values[1], height, width);
    }
    normalise_table(table, &imagenet);
    const struct mix_photos photos = {
        .pixels = pixels, .count = images, .height = height, .width = width, .table = table};
    mix_images(mixed, &mix, &photos, 0, images, pool);
    assert_memory_equal(mixed, wanted.values, wanted.count * sizeof *mixed);
    memset(mixed, 0, p.count * sizeof *mixed); /* in two pieces, the second first */
    mix_images(mixed + floats, &mix, &photos, 1, images - 1, pool);
    mix_images(mixed, &mix, &photos, 0, 1, pool);
    assert_memory_equal(mixed, wanted.values, wanted.count * sizeof *mixed);
    to_labels(labels, &given);
    expect_targets(kind, number, labels, images, mix.share);
    memory_free(mixed);
    memory_free(pixels);
}

static void mixup_and_cutmix(void **state)
{
    (void)state;
    int mixups = 0, cutmixes = 0;
    for (; fixture_has(fixture, "mixup.%d/pixels", mixups); mixups++)
        expect_mixed("mixup", mixups, false);
    for (; fixture_has(fixture, "cutmix.%d/pixels", cutmixes); cutmixes++)
        expect_mixed("cutmix", cutmixes, true);
    assert_int_equal(mixups, 2);
    assert_int_equal(cutmixes, 4);
}

/* ---- clipping ---------------------------------------------------------------------------------------------------- */

/* Linear layers, each of these many weights, and one bias that stays out. */
static struct net *net_of_sizes(const struct fixture_tensor *sizes)
{
    struct net *net;
    struct error err = {0};
    if (net_create(&net, "sizes", &err) != OK)
        fail_msg("%s", err.text);
    int x = net_input(net, 1);
    for (size_t i = 0; i < sizes->count; i++) {
        char name[NET_NAME];
        snprintf(name, sizeof name, "fc%zu", i);
        net_child(net, name);
        x = net_linear(net, i == 0 ? x : net_input(net, 1), name, (size_t)sizes->values[i]);
    }
    if (net_finish(net, &err) != OK)
        fail_msg("%s", err.text);
    return net;
}

static void clipping_to_a_norm(void **state)
{
    (void)state;
    int number = 0;
    for (; fixture_has(fixture, "clip.%d/gradients", number); number++) {
        struct fixture_tensor given = fixture_get(fixture, "clip.%d/gradients", number);
        struct fixture_tensor sizes = fixture_get(fixture, "clip.%d/sizes", number);
        struct gradients *gradients;
        struct error err;
        struct net *net = net_of_sizes(&sizes);
        if (gradients_create(&gradients, net, pool, &peers_alone, 1, &err) != OK)
            fail_msg("%s", err.text);
        gradients_begin(gradients, 1, false);
        size_t at = 0;
        for (size_t i = 0; i < sizes.count; at += (size_t)sizes.values[i++]) {
            assert_int_equal(net->params[2 * i].count, (size_t)sizes.values[i]);
            gradients_add(gradients, 2 * i, given.values + at);
        }
        assert_int_equal(gradients_sum(gradients, &err), OK);
        float norm = (float)gradients_clip(gradients, (double)get_one("clip", number, "most"));
        parity_values_expect(fixture, "clip", number, "norm", &norm, 1, TOLERANCE);
        float *clipped = parity_values_zeros(given.count, sizeof *clipped);
        at = 0;
        for (size_t i = 0; i < sizes.count; at += (size_t)sizes.values[i++])
            memcpy(clipped + at, gradients_get(gradients, 2 * i), (size_t)sizes.values[i] * sizeof *clipped);
        parity_values_expect(fixture, "clip", number, "clipped", clipped, given.count, TOLERANCE);
        assert_null(gradients_get(gradients, 1));
        memory_free(clipped);
        gradients_destroy(gradients);
        net_destroy(net);
    }
    assert_int_equal(number, 4);
}

/* ---- the average ------------------------------------------------------------------------------------------------- */

/* scripts/parity/recipe_fixtures.py's Tiny; in its 1x1 convolution PyTorch's layout is ours. */
static struct net *tiny_net(void)
{
    struct net *net;
    struct error err = {0};
    if (net_create(&net, "tiny", &err) != OK)
        fail_msg("%s", err.text);
    net_child(net, "conv1");
    int x = net_conv(net, net_input(net, 3), "conv1", 4, 1, 1, 0);
    net_child(net, "bn1");
    x = net_batchnorm(net, x, "bn1");
    net_child(net, "avgpool");
    x = net_avgpool(net, x);
    net_child(net, "fc");
    net_linear(net, x, "fc", 2);
    if (net_finish(net, &err) != OK)
        fail_msg("%s", err.text);
    return net;
}

static void take_values(struct net *net, int number, size_t step)
{
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        struct fixture_tensor value = fixture_get(fixture, "ema.%d/value/%s", number, param->name);
        if (param->role == PARAM_BATCHES)
            param->batches = (int64_t)value.values[step];
        else
            memcpy(param->data, value.values + step * param->count, param->count * sizeof(float));
    }
}

static void expect_average(struct comparison *comparison, const struct net *net, int number, size_t step)
{
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        struct fixture_tensor wanted = fixture_get(fixture, "ema.%d/average/%s", number, param->name);
        if (param->role == PARAM_BATCHES)
            assert_int_equal(param->batches, (int64_t)wanted.values[step]);
        else
            compare_tensor(comparison, param->name, param->data, param->count, wanted.values + step * param->count,
                           param->count, TOLERANCE);
    }
}

static void average_of_parameters_and_buffers(void **state)
{
    (void)state;
    const struct freeze freeze = {.bn_trained = BN_BATCH};
    int number = 0;
    for (; fixture_has(fixture, "ema.%d/decay", number); number++) {
        struct comparison comparison = {0};
        struct net *net = tiny_net();
        struct ema *ema;
        struct error err;
        size_t steps = fixture_get(fixture, "ema.%d/value/fc.bias", number).shape[0];
        freeze_apply(net, &freeze);
        if (ema_create(&ema, net, &freeze, (double)get_one("ema", number, "decay"), pool, &err) != OK)
            fail_msg("%s", err.text);
        for (size_t step = 0; step < steps; step++) {
            take_values(net, number, step);
            ema_update(ema);
            ema_swap(ema);
            expect_average(&comparison, net, number, step);
            ema_swap(ema);
        }
        if (!compare_passed(&comparison))
            fail_msg("ema.%d: %s", number, comparison.first_fault);
        assert_int_equal(comparison.tensors, steps * 7);
        ema_destroy(ema);
        net_destroy(net);
    }
    assert_int_equal(number, 3);
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

/* Recipe in scripts/parity/recipe_fixtures.py. */
enum { SIDE = 35, PHOTOS = 6, MOST_PHOTOS = 64 };

static const struct train_options options = {
    .optimizer = {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.01},
    .schedule = {.lr = 0.05, .epochs = 1, .step_epochs = 1},
    .freeze = {.until = 7, .bn_frozen = BN_EVAL, .bn_trained = BN_BATCH},
    .recipe = {.label_smoothing = 0.1, .class_weight_power = 0.5, .clip_norm = 0.8, .micro_batch = 4, .ema = 0.6},
    .loader = {.threads = 1,
               .batch = PHOTOS,
               .preprocess =
                   {.resize = SIDE, .crop = SIDE, .mean = {0.485f, 0.456f, 0.406f}, .std = {0.229f, 0.224f, 0.225f}}},
};

/* The small batches, their photos one after the other, cut to SIDE x SIDE. */
static uint8_t *small_pixels(struct fixture *inputs, size_t *photos)
{
    struct fixture_tensor p = fixture_get(inputs, "pixels");
    size_t height = p.shape[2], width = p.shape[3], at = 0;
    *photos = p.shape[0] * p.shape[1];
    assert_true(height == SIDE + 2 && width == SIDE);
    uint8_t *pixels = parity_values_zeros(*photos * SIDE * SIDE * 3, 1);
    for (size_t n = 0; n < *photos; n++)
        for (size_t i = 0; i < (size_t)SIDE * SIDE * 3; i++)
            pixels[at++] = (uint8_t)p.values[(n * height + 1) * width * 3 + i];
    return pixels;
}

static void expect_moving(struct comparison *comparison, const struct net *net)
{
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        if (param->child <= options.freeze.until)
            continue;
        struct fixture_tensor wanted = fixture_get(fixture, "steps.0/average/%s", param->name);
        if (param->role == PARAM_BATCHES) {
            assert_int_equal(param->batches, (int64_t)wanted.values[0]);
            continue;
        }
        float *found = parity_values_zeros(param->count, sizeof *found);
        param_to_torch(found, param);
        compare_tensor(comparison, param->name, found, param->count, wanted.values, wanted.count, TOLERANCE_STEPS);
        memory_free(found);
    }
}

static void five_steps_of_a_whole_recipe(void **state)
{
    (void)state;
    struct fixture *inputs = fixture_open(FOLDER "small_batches.safetensors");
    struct fixture_tensor given = fixture_get(inputs, "labels"), losses = fixture_get(fixture, "steps.0/losses"),
                          norms = fixture_get(fixture, "steps.0/norms");
    struct comparison comparison = {0};
    struct error err = {0};
    struct weight_file *file;
    struct net *net;
    struct train *train;
    size_t photos;
    uint8_t *pixels = small_pixels(inputs, &photos);
    int32_t labels[MOST_PHOTOS];
    uint32_t numbers[MOST_PHOTOS] = {0};
    struct photo list[MOST_PHOTOS];
    char *class_names[] = {"a", "b", "c", "d", "e"};
    assert_true(photos <= MOST_PHOTOS && photos == losses.count * PHOTOS);
    to_labels(labels, &given);
    for (size_t i = 0; i < photos; i++)
        list[i] = (struct photo){.class = (uint32_t)labels[i]};
    struct dataset dataset = {
        .classes = {class_names, 5},
        .train = {.root = "nowhere", .names = "x", .photos = list, .count = photos},
        .val = {.root = "nowhere", .names = "x", .photos = list, .count = 1},
    };
    struct train_options mine = options;
    mine.usable = photos;
    if (weight_file_open(&file, FOLDER "small_weights.safetensors", &err) != OK ||
        parity_net_create(&net, file, &err) != OK || train_create(&train, net, &dataset, &mine, pool, &err) != OK ||
        train_prepare(train, &err) != OK)
        fail_msg("%s", err.text);

    float found[MOST_PHOTOS], lengths[MOST_PHOTOS];
    for (size_t step = 0; step < losses.count; step++) {
        struct step_result result;
        const struct photo_batch batch = {.count = PHOTOS,
                                          .pixels = pixels + step * PHOTOS * SIDE * SIDE * 3,
                                          .labels = labels + step * PHOTOS,
                                          .photos = numbers};
        if (train_step(train, &batch, PHOTOS, &result, &err) != OK)
            fail_msg("%s", err.text);
        found[step] = (float)result.loss;
        lengths[step] = (float)result.norm;
        train->state.batch++;
    }
    compare_tensor(&comparison, "losses", found, losses.count, losses.values, losses.count, TOLERANCE_STEPS);
    compare_tensor(&comparison, "norms", lengths, norms.count, norms.values, norms.count, TOLERANCE_STEPS);
    ema_swap(train->recipe.ema);
    expect_moving(&comparison, net);
    print_message("# whole recipe: %zu tensors, worst %.1e (%s)\n", comparison.tensors, comparison.worst,
                  comparison.worst_name);
    if (!compare_passed(&comparison))
        fail_msg("%zu tensors differ, first %s", comparison.failures, comparison.first_fault);
    train_destroy(train);
    net_destroy(net);
    weight_file_close(file);
    memory_free(pixels);
    fixture_close(inputs);
}

static int setup(void **state)
{
    (void)state;
    return parity_values_open(&fixture, &pool, FOLDER "recipes.safetensors");
}

static int teardown(void **state)
{
    (void)state;
    return parity_values_close(fixture, pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loss_with_smoothing_weights_and_mixed_labels),
        cmocka_unit_test(mixup_and_cutmix),
        cmocka_unit_test(clipping_to_a_norm),
        cmocka_unit_test(average_of_parameters_and_buffers),
        cmocka_unit_test(five_steps_of_a_whole_recipe),
    };
    return cmocka_run_group_tests_name("parity of recipes", tests, setup, teardown);
}
