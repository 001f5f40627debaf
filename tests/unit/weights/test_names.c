/* Names of other libraries. */
#include "tests/support/test.h"

#include <string.h>

#include "core/net/net.h"
#include "models/resnet.h"
#include "weights/names.h"

/* From Hugging Face's file microsoft/resnet-50 (a bottleneck) and resnet-18 (a basic block). */
static const struct {
    const char *theirs, *ours;
} pairs[] = {
    {"resnet.embedder.embedder.convolution.weight", "conv1.weight"},
    {"resnet.embedder.embedder.normalization.running_var", "bn1.running_var"},
    {"resnet.embedder.embedder.normalization.num_batches_tracked", "bn1.num_batches_tracked"},
    {"resnet.encoder.stages.0.layers.0.shortcut.convolution.weight", "layer1.0.downsample.0.weight"},
    {"resnet.encoder.stages.3.layers.0.shortcut.normalization.bias", "layer4.0.downsample.1.bias"},
    {"resnet.encoder.stages.0.layers.0.layer.0.convolution.weight", "layer1.0.conv1.weight"},
    {"resnet.encoder.stages.2.layers.35.layer.2.normalization.running_mean", "layer3.35.bn3.running_mean"},
    {"classifier.1.weight", "fc.weight"},
    {"classifier.1.bias", "fc.bias"},
};

static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char name[WEIGHT_NAME_MAX];
        assert_true(name_from_hugging_face(name, pairs[i].theirs));
        assert_string_equal(name, pairs[i].ours);
        assert_true(name_to_hugging_face(name, pairs[i].ours));
        assert_string_equal(name, pairs[i].theirs);
    }
}

static void every_tensor_of_every_depth_goes_there_and_back(void **state)
{
    (void)state;
    for (const char *const *arch = resnet_names; *arch; arch++) {
        struct net *net;
        assert_int_equal(resnet_create(&net, *arch, 10, NULL), OK);
        assert_true(net->params_count > 100);
        for (size_t i = 0; i < net->params_count; i++) {
            char theirs[WEIGHT_NAME_MAX], ours[WEIGHT_NAME_MAX];
            if (!name_to_hugging_face(theirs, net->params[i].name) || !name_from_hugging_face(ours, theirs))
                fail_msg("%s: %s", *arch, net->params[i].name);
            assert_string_equal(ours, net->params[i].name);
            assert_true(strncmp(theirs, "resnet.", 7) == 0 || strncmp(theirs, "classifier.1.", 13) == 0);
        }
        net_destroy(net);
    }
}

static void other_names_are_none(void **state)
{
    (void)state;
    static const char *const names[] = {
        "",
        "conv1.weight",
        "classifier.1.",
        "classifier.1.weights",
        "classifier.0.weight",
        "resnet.encoder.stages.4.layers.0.layer.0.convolution.weight",
        "resnet.encoder.stages.00.layers.0.layer.0.convolution.weight",
        "resnet.encoder.stages.0.layers.00.layer.0.convolution.weight",
        "resnet.encoder.stages.0.layers.01.layer.0.convolution.weight",
        "resnet.encoder.stages.0.layers.1000.layer.0.convolution.weight",
        "resnet.encoder.stages.0.layers..layer.0.convolution.weight",
        "resnet.encoder.stages.0.layers.-1.layer.0.convolution.weight",
        "resnet.encoder.stages.",
        "resnet.encoder.stages.0.layers.0",
    };
    char out[WEIGHT_NAME_MAX];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (name_from_hugging_face(out, names[i]))
            fail_msg("'%s' became '%s'", names[i], out);
    assert_false(name_to_hugging_face(out, "layer0.0.conv1.weight"));
    assert_false(name_to_hugging_face(out, "layer1.0.conv5.weight"));
    assert_false(name_to_hugging_face(out, "fc1.weight"));
    assert_false(name_to_hugging_face(out, "fc."));
    assert_false(name_to_hugging_face(out, "conv1.weights"));
    assert_false(name_to_hugging_face(out, "layer1.0.downsample.0.weight.ema"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(every_tensor_of_every_depth_goes_there_and_back),
        cmocka_unit_test(other_names_are_none),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
