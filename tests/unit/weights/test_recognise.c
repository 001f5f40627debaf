/* Which network a file fits. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "models/mlp.h"
#include "models/resnet.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_net.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"
#include "weights/recognise.h"
#include "weights/safetensors/safetensors.h"

/* A file with the tensors that tell a ResNet from another; `width` is that of the blocks. */
static void write_resnet(const struct resnet_shape *shape, uint64_t classes, uint64_t features, uint64_t width)
{
    static float zeros[64 * 3 * 49 + 7 * 4096];
    static char names[64][64];
    struct weight_tensor tensors[64] = {
        {.name = "conv1.weight", .rank = 4, .shape = {shape->width, 3, 7, 7}, .bytes = shape->width * 147 * 4},
        {.name = "fc.weight", .rank = 2, .shape = {classes, features}, .bytes = classes * features * 4},
        {.name = "fc.bias", .rank = 1, .shape = {classes}, .bytes = classes * 4},
        {.name = shape->bottleneck ? "layer1.0.conv3.weight" : "layer1.0.conv2.weight", .rank = 1}};
    size_t count = 4;
    for (int layer = 1; layer <= 4; layer++)
        for (size_t i = 0; i < shape->blocks[layer - 1]; i++, count++) {
            snprintf(names[count], sizeof names[count], "layer%d.%zu.conv1.weight", layer, i);
            tensors[count] =
                (struct weight_tensor){.name = names[count], .rank = 1, .shape = {width}, .bytes = width * 4};
        }
    for (size_t i = 0; i < count; i++) {
        tensors[i].dtype = WEIGHT_F32;
        tensors[i].data = zeros;
        assert_true(tensors[i].bytes <= sizeof zeros);
    }
    assert_int_equal(safetensors_write(sample_path("model"), tensors, count, NULL, 0, NULL), OK);
}

static bool recognise_model(struct recognised *out)
{
    struct weight_file *file = sample_open("model");
    bool found = weights_recognise(out, file);
    weight_file_close(file);
    return found;
}

static void resnets_are_recognised(void **state)
{
    (void)state;
    struct recognised found = {.arch = "untouched"};
    size_t count = 0;
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch; shape++, count++) {
        uint64_t features = shape->bottleneck ? 2048 : 512;
        struct resnet_shape changed = *shape;
        changed.blocks[3]++;
        write_resnet(&changed, 7, features, 64);
        assert_false(recognise_model(&found));
        changed = *shape;
        changed.width = 32;
        write_resnet(&changed, 7, features, 64);
        assert_false(recognise_model(&found));
        write_resnet(shape, 7, features + 1, 64);
        assert_false(recognise_model(&found));
        write_resnet(shape, 7, features, 128); /* wide_resnet50_2, resnext50_32x4d */
        assert_false(recognise_model(&found));
        write_resnet(shape, 7, features, 64);
        assert_true(recognise_model(&found));
        assert_string_equal(found.arch, shape->arch);
        assert_int_equal(found.classes, 7);
    }
    assert_int_equal(count, 5);
}

static void an_mlp_is_recognised_and_another_net_is_not(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 5, 4, 1};
    struct net *net;
    struct recognised found = {.arch = "untouched"};
    assert_int_equal(mlp_create(&net, sizes, 3, NULL), OK);
    assert_int_equal(weights_save(sample_path("model"), net, NULL, 0, NULL), OK);
    assert_true(recognise_model(&found));
    assert_string_equal(found.arch, "mlp");
    assert_int_equal(found.layers, 3);
    assert_memory_equal(found.sizes, sizes, sizeof sizes);
    assert_int_equal(found.classes, 1);

    struct error err;
    struct net *resnet = small_net_make(SMALL_NET_CLASSES, 1);
    struct weight_file *file = sample_open("model");
    assert_int_equal(weights_load(resnet, file, &(struct weights_rules){0}, NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "; the file looks like mlp"));
    weight_file_close(file);
    net_destroy(net);

    /* One tensor more; layers that do not follow one another. */
    static const float zeros[20];
    struct weight_tensor layers[] = {{.name = "fc1.weight", .rank = 2, .shape = {5, 4}},
                                     {.name = "fc1.bias", .rank = 1, .shape = {5}},
                                     {.name = "fc2.weight", .rank = 2, .shape = {2, 5}},
                                     {.name = "fc2.bias", .rank = 1, .shape = {2}},
                                     {.name = "else", .rank = 1, .shape = {1}}};
    for (size_t i = 0; i < 5; i++) {
        size_t values;
        layers[i].dtype = WEIGHT_F32;
        layers[i].data = zeros;
        assert_true(weight_size(&values, &layers[i].bytes, WEIGHT_F32, layers[i].rank, layers[i].shape));
    }
    found.arch[0] = '\0';
    assert_int_equal(safetensors_write(sample_path("model"), layers, 5, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    layers[2].shape[1] = 4;
    layers[2].bytes = 32;
    assert_int_equal(safetensors_write(sample_path("model"), layers, 4, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    layers[2].shape[1] = 5;
    layers[2].bytes = 40;
    assert_int_equal(safetensors_write(sample_path("model"), layers, 4, NULL, 0, NULL), OK);
    assert_true(recognise_model(&found));

    found.arch[0] = '\0';
    assert_int_equal(weights_save(sample_path("model"), resnet, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    assert_string_equal(found.arch, "");
    net_destroy(resnet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnets_are_recognised),
        cmocka_unit_test(an_mlp_is_recognised_and_another_net_is_not),
    };
    return cmocka_run_group_tests_name("recognise", tests, folder_setup, folder_teardown);
}
