/* The choices of ReLU that a comparison with PyTorch is given: every layer of the trained part under its number, none
 * of the frozen one. That they are the right ones is what scripts/parity/compare_live.py checks against PyTorch. */
#include "tests/support/test.h"

#include <stdio.h>

#include "tests/support/own_folder.h"
#include "tests/support/parity.h"
#include "tests/support/test_files.h"

#define FOLDER "tests/fixtures/parity/"

enum { IMAGES = 3, HEIGHT = 37, WIDTH = 35, RELUS = 16, RELUS_BEFORE_LAYER3 = 10 };

/* The choices of one batch; the caller closes the file. */
static struct weight_file *choices(struct freeze freeze)
{
    static uint8_t pixels[IMAGES * HEIGHT * WIDTH * 3];
    static const int32_t labels[IMAGES] = {0, 1, 2};
    struct error err = {0};
    struct weight_file *weights, *found = NULL;
    struct net *net = NULL;
    struct parity_result result = {0};
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i / 97 + i * 31);
    struct parity_batches batches = {1, IMAGES, HEIGHT, WIDTH, pixels, labels};
    struct parity_options options = {.freeze = freeze, .threads = 2, .gates = test_path(folder, "gates")};
    if (weight_file_open(&weights, FOLDER "small_weights.safetensors", &err) != OK ||
        parity_net_create(&net, weights, &err) != OK || parity_run(&result, net, &batches, &options, &err) != OK ||
        weight_file_open(&found, test_path(folder, "gates.0"), &err) != OK)
        fail_msg("%s", err.text);
    parity_result_free(&result);
    net_destroy(net);
    weight_file_close(weights);
    return found;
}

/* Both choices occur and nothing else does. */
static void check_relu(const struct weight_file *file, const struct weight_tensor *tensor)
{
    size_t seen[2] = {0, 0};
    assert_non_null(tensor);
    assert_int_equal(tensor->dtype, WEIGHT_U8);
    assert_int_equal(tensor->rank, 4);
    assert_int_equal(weight_tensor_fetch(tensor, file, NULL), OK);
    for (size_t i = 0; i < tensor->bytes; i++) {
        uint8_t value = ((const uint8_t *)tensor->data)[i];
        assert_true(value <= 1);
        seen[value]++;
    }
    assert_true(seen[0] > 0 && seen[1] > 0);
}

static void check_shape(const struct weight_tensor *tensor, uint64_t c, uint64_t h, uint64_t w)
{
    assert_non_null(tensor);
    assert_memory_equal(tensor->shape, ((uint64_t[]){IMAGES, c, h, w}), 4 * sizeof(uint64_t));
}

static void check_relus(const struct weight_file *file, int from)
{
    char name[16];
    for (int i = 0; i < RELUS; i++) {
        snprintf(name, sizeof name, "relu%d", i);
        if (i < from)
            assert_null(weight_file_find(file, name));
        else
            check_relu(file, weight_file_find(file, name));
    }
}

static void all_layers_when_nothing_is_frozen(void **state)
{
    (void)state;
    struct weight_file *file = choices((struct freeze){0, BN_EVAL, BN_BATCH});
    check_relus(file, 0);
    check_shape(weight_file_find(file, "relu0"), 3, 19, 18);
    check_shape(weight_file_find(file, "pool0"), 3, 10, 9);
    check_shape(weight_file_find(file, "relu4"), 6, 10, 9); /* layer2.0.conv1, before the stride */
    check_shape(weight_file_find(file, "relu15"), 96, 2, 2);
    assert_int_equal(weight_file_count(file), RELUS + 1);
    weight_file_close(file);
}

/* Folded or run step by step: a frozen prefix has no gradient. */
static void a_frozen_prefix_has_none(void **state)
{
    (void)state;
    for (int batch = 0; batch < 2; batch++) {
        struct weight_file *file = choices((struct freeze){6, batch ? BN_BATCH : BN_EVAL, BN_BATCH});
        check_relus(file, RELUS_BEFORE_LAYER3);
        assert_int_equal(weight_file_count(file), RELUS - RELUS_BEFORE_LAYER3);
        weight_file_close(file);
    }
}

/* The winner of a window lies inside the image: at the corner only places 4, 5, 7 and 8 of the 3x3 window do. */
static void winners_are_inside(void **state)
{
    (void)state;
    struct weight_file *file = choices((struct freeze){0, BN_EVAL, BN_EVAL});
    const struct weight_tensor *pool = weight_file_find(file, "pool0");
    assert_non_null(pool);
    assert_int_equal(weight_tensor_fetch(pool, file, NULL), OK);
    const uint8_t *places = pool->data;
    for (size_t plane = 0; plane < IMAGES * 3; plane++) {
        uint8_t place = places[plane * 10 * 9];
        assert_true(place == 4 || place == 5 || place == 7 || place == 8);
    }
    weight_file_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_layers_when_nothing_is_frozen),
        cmocka_unit_test(a_frozen_prefix_has_none),
        cmocka_unit_test(winners_are_inside),
    };
    return cmocka_run_group_tests_name("gates", tests, folder_setup, folder_teardown);
}
