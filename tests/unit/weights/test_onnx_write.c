/* ONNX files of small networks, computed by tests/support/onnx_run.h, against the reference network. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/net/init.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "tests/support/onnx_run.h"
#include "tests/support/own_folder.h"
#include "tests/support/reference_net.h"
#include "tests/support/test_files.h"
#include "tests/support/weight_sample.h"
#include "weights/onnx/onnx_write.h"

enum { IMAGES = 2, SIZE = 45, CLASSES = 5 };

static const struct weight_metadata notes[] = {{"freezetune.arch", "tiny"}, {"who", "b\xc3\xa9\xe2\x82\xac"}};

static const struct resnet_shape shapes[] = {{"tiny50", true, {2, 1, 2, 1}, 8}, {"tiny18", false, {1, 2, 1, 1}, 8}};

/* Weights as trained ones are: BatchNorm parameters and statistics away from 0 and 1. */
static void randomise(struct net *net)
{
    struct rng rng = rng_stream(17, RNG_TEST, 0, 0);
    net_init(net, 3);
    for (size_t i = 0; i < net->params_count; i++)
        for (size_t j = 0; j < net->params[i].count && net->params[i].rank == 1; j++)
            net->params[i].data[j] =
                rng_float(&rng) +
                (net->params[i].role == PARAM_BN_BIAS || net->params[i].role == PARAM_RUNNING_MEAN ? -0.5f : 0.5f);
}

static struct net *tiny(const struct resnet_shape *shape)
{
    struct net *net;
    assert_int_equal(resnet_create_shape(&net, shape, CLASSES, NULL), OK);
    randomise(net);
    return net;
}

static struct onnx_model *write_and_read(const struct net *net, bool fold, size_t height, size_t width)
{
    const struct onnx_options options = {.opset = ONNX_OPSET_LEAST, .height = height, .width = width, .fold = fold};
    const char *path = sample_path("model.onnx");
    struct error err = {0};
    if (onnx_write(path, net, &options, notes, 2, &err) != OK)
        fail_msg("%s", err.text);
    size_t size;
    uint8_t *bytes = test_read(path, &size);
    struct onnx_model *model = onnx_model_read(bytes, size);
    memory_free(bytes);
    return model;
}

/* nhwc and nchw of the same random values. */
static void draw(double *nhwc, double *nchw, size_t images, size_t channels, size_t pixels)
{
    struct rng rng = rng_stream(5, RNG_TEST, 0, 1);
    for (size_t n = 0; n < images; n++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < pixels; p++)
                nhwc[(n * pixels + p) * channels + c] = nchw[(n * channels + c) * pixels + p] = rng_normal(&rng);
}

static double distance(const double *found, const double *wanted, size_t count)
{
    double square = 0, norm = 0;
    for (size_t i = 0; i < count; i++) {
        square += (found[i] - wanted[i]) * (found[i] - wanted[i]);
        norm += wanted[i] * wanted[i];
    }
    return norm > 0 ? sqrt(square / norm) : INFINITY;
}

static void the_graph_computes_the_network(void **state)
{
    (void)state;
    enum { COUNT = IMAGES * 3 * SIZE * SIZE };
    double *nhwc = malloc(COUNT * sizeof *nhwc), *nchw = malloc(COUNT * sizeof *nchw);
    assert_true(nhwc && nchw);
    draw(nhwc, nchw, IMAGES, 3, SIZE * SIZE);
    for (int i = 0; i < 4; i++) {
        const bool fold = i % 2;
        struct net *net = tiny(&shapes[i / 2]);
        struct reference_net *reference = reference_create(net, NULL, IMAGES, SIZE, SIZE);
        const double *wanted = reference_forward(reference, nhwc);
        struct onnx_model *model = write_and_read(net, fold, SIZE, SIZE);
        const struct onnx_array *found = onnx_model_run(model, nchw, IMAGES, 3, SIZE, SIZE);
        assert_non_null(found);
        assert_int_equal(found->count, IMAGES * CLASSES);
        /* Measured: 1.7e-12 as it is (eps is a float32 in the file), 3.9e-8 folded (weights rounded to float32). */
        double tolerance = fold ? 4e-7 : 1e-10, error = distance(found->values, wanted, found->count);
        if (!(error <= tolerance))
            fail_msg("%s, fold %d: off by %g", net->arch, fold, error);
        onnx_model_free(model);
        reference_destroy(reference);
        net_destroy(net);
    }
    free(nhwc);
    free(nchw);
}

static size_t nodes_of(const struct onnx_model *model, const char *type)
{
    size_t count = 0;
    for (size_t i = 0; i < model->nodes_count; i++)
        count += strcmp(model->nodes[i].type, type) == 0;
    return count;
}

static void the_file_says_what_it_is(void **state)
{
    (void)state;
    struct net *net = tiny(&shapes[0]);
    struct onnx_model *model = write_and_read(net, false, 45, 60), *folded = write_and_read(net, true, 45, 60);
    assert_int_equal(model->ir_version, 7);
    assert_int_equal(model->opset, 7);
    assert_string_equal(model->input, "input");
    assert_string_equal(model->input_shape, "batch,3,45,60");
    assert_string_equal(model->output, "logits");
    assert_string_equal(model->output_shape, "batch,5");
    assert_int_equal(model->props_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(model->props[i].key, notes[i].key);
        assert_string_equal(model->props[i].value, notes[i].value);
    }
    /* Parameters by their own names; counts of batches stay behind. */
    for (size_t i = 0; i < net->params_count; i++) {
        const struct onnx_array *array = onnx_model_array(model, net->params[i].name);
        if (net->params[i].role == PARAM_BATCHES)
            assert_null(array);
        else
            assert_int_equal(array->count, net->params[i].count);
    }
    assert_int_equal(nodes_of(model, "Conv"), nodes_of(model, "BatchNormalization"));
    assert_int_equal(nodes_of(folded, "BatchNormalization"), 0);
    assert_int_equal(nodes_of(folded, "Conv"), nodes_of(model, "Conv"));
    assert_int_equal(onnx_model_array(folded, "layer1.0.conv2.bias")->count, 8);
    onnx_model_free(model);
    onnx_model_free(folded);
    net_destroy(net);
}

/* Pixels in, probabilities out: as the network's answer to what normalising makes of the pixels. */
static void pixels_become_probabilities(void **state)
{
    (void)state;
    enum { COUNT = IMAGES * 3 * SIZE * SIZE };
    const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    double *pixels = malloc(COUNT * sizeof *pixels), *x = malloc(COUNT * sizeof *x);
    struct rng rng = rng_stream(6, RNG_TEST, 0, 1);
    assert_true(pixels && x);
    for (size_t i = 0; i < COUNT; i++) {
        pixels[i] = floor(256 * (double)rng_float(&rng));
        x[i] = (pixels[i] / 255 - (double)normalise.mean[i % 3]) / (double)normalise.std[i % 3];
    }
    struct net *net = tiny(&shapes[0]);
    struct reference_net *reference = reference_create(net, NULL, IMAGES, SIZE, SIZE);
    const double *logits = reference_forward(reference, x);
    for (int i = 0; i < 3; i++) {
        const float temperatures[] = {0, 2.5f, 0};
        const struct onnx_options options = {.opset = ONNX_OPSET_LEAST,
                                             .height = SIZE,
                                             .width = SIZE,
                                             .normalise = &normalise,
                                             .softmax = i < 2,
                                             .temperature = temperatures[i]};
        const char *path = sample_path("pixels.onnx");
        assert_int_equal(onnx_write(path, net, &options, notes, 2, NULL), OK);
        size_t size;
        uint8_t *bytes = test_read(path, &size);
        struct onnx_model *model = onnx_model_read(bytes, size);
        assert_string_equal(model->input_shape, "batch,45,45,3");
        assert_int_equal(model->input_type, 2);
        assert_int_equal(model->output_type, 1);
        assert_string_equal(model->output, i < 2 ? "probabilities" : "logits");
        const struct onnx_array *found = onnx_model_run(model, pixels, IMAGES, SIZE, SIZE, 3);
        double wanted[IMAGES * CLASSES];
        for (size_t n = 0; n < IMAGES; n++) {
            const double t = temperatures[i] > 0 ? (double)temperatures[i] : 1, *own = logits + n * CLASSES;
            double sum = 0;
            for (size_t k = 0; k < CLASSES; k++)
                sum += exp(own[k] / t);
            for (size_t k = 0; k < CLASSES; k++)
                wanted[n * CLASSES + k] = i < 2 ? exp(own[k] / t) / sum : own[k];
        }
        assert_int_equal(found->count, IMAGES * CLASSES);
        assert_true(distance(found->values, wanted, found->count) <= 1e-9);
        onnx_model_free(model);
        memory_free(bytes);
    }
    reference_destroy(reference);
    net_destroy(net);
    free(pixels);
    free(x);
}

/* A newer operator set is the same graph: the files differ in one byte. */
static void the_operator_set_is_that_of_the_options(void **state)
{
    (void)state;
    struct net *net = tiny(&shapes[0]);
    size_t least_size, size;
    struct onnx_options options = {.opset = ONNX_OPSET_LEAST, .height = 45, .width = 45};
    const char *path = sample_path("model.onnx");
    assert_int_equal(onnx_write(path, net, &options, notes, 2, NULL), OK);
    uint8_t *least = test_read(path, &least_size);
    for (options.opset = ONNX_OPSET_LEAST; options.opset <= ONNX_OPSET_MOST; options.opset++) {
        assert_int_equal(onnx_write(path, net, &options, notes, 2, NULL), OK);
        uint8_t *bytes = test_read(path, &size);
        struct onnx_model *model = onnx_model_read(bytes, size);
        assert_int_equal(model->ir_version, 7);
        assert_int_equal(model->opset, options.opset);
        assert_int_equal(size, least_size);
        size_t different = 0;
        for (size_t i = 0; i < size; i++)
            different += bytes[i] != least[i];
        assert_int_equal(different, options.opset > ONNX_OPSET_LEAST);
        onnx_model_free(model);
        memory_free(bytes);
    }
    memory_free(least);
    net_destroy(net);
}

/* Linear layers in a row are flattened once. */
static void a_network_without_convolutions(void **state)
{
    (void)state;
    const size_t sizes[] = {7, 6, 5, 2};
    struct net *net;
    double x[2 * 7], same[2 * 7];
    assert_int_equal(mlp_create(&net, sizes, 3, NULL), OK);
    randomise(net);
    draw(x, same, 2, 7, 1);
    struct reference_net *reference = reference_create(net, NULL, 2, 1, 1);
    struct onnx_model *model = write_and_read(net, true, 1, 1);
    const struct onnx_array *found = onnx_model_run(model, x, 2, 7, 1, 1);
    assert_int_equal(nodes_of(model, "Flatten"), 1);
    assert_int_equal(found->count, 4);
    assert_true(distance(found->values, reference_forward(reference, x), 4) <= 1e-12);
    onnx_model_free(model);
    reference_destroy(reference);
    net_destroy(net);
}

static void a_batchnorm_with_other_readers_before_it_stays(void **state)
{
    (void)state;
    struct net *net;
    assert_int_equal(net_create(&net, "fork", NULL), OK);
    int x = net_input(net, 3);
    net_child(net, "a");
    x = net_conv(net, x, "conv", 4, 3, 1, 1);
    int normal = net_batchnorm(net, x, "bn");
    x = net_relu(net, net_add(net, normal, x));
    net_linear(net, net_avgpool(net, x), "fc", CLASSES);
    assert_int_equal(net_finish(net, NULL), OK);
    randomise(net);
    double nhwc[3 * 16], nchw[3 * 16];
    draw(nhwc, nchw, 1, 3, 16);
    struct reference_net *reference = reference_create(net, NULL, 1, 4, 4);
    struct onnx_model *model = write_and_read(net, true, 4, 4);
    assert_int_equal(nodes_of(model, "BatchNormalization"), 1);
    const struct onnx_array *found = onnx_model_run(model, nchw, 1, 3, 4, 4);
    assert_true(distance(found->values, reference_forward(reference, nhwc), CLASSES) <= 1e-8);
    onnx_model_free(model);
    reference_destroy(reference);
    net_destroy(net);
}

static void what_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    const struct onnx_options options = {.opset = ONNX_OPSET_LEAST, .height = 8, .width = 8};
    const struct weight_metadata latin1 = {"k", "caf\xe9"};
    struct net *net = tiny(&shapes[1]);
    struct error err = {0};
    size_t before = sample_folder_entries();
    assert_int_equal(onnx_write(sample_path("never.onnx"), net, &options, &latin1, 1, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'caf\\xe9' is not valid UTF-8"));
    assert_int_equal(onnx_write(sample_path("no/such/folder.onnx"), net, &options, NULL, 0, &err), ERR_CANTCREATE);
    assert_int_equal(onnx_write("/dev/full", net, &options, NULL, 0, &err), ERR_IO);

    struct rlimit kept, limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (rlim_t bytes = 0; bytes <= 40000; bytes += 5000) {
        limit = (struct rlimit){.rlim_cur = bytes, .rlim_max = kept.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        enum status status = onnx_write(sample_path("full.onnx"), net, &options, NULL, 0, &err);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
        assert_int_equal(status, ERR_IO);
    }
    signal(SIGXFSZ, handler);
    assert_int_equal(sample_folder_entries(), before);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graph_computes_the_network),
        cmocka_unit_test(pixels_become_probabilities),
        cmocka_unit_test(the_file_says_what_it_is),
        cmocka_unit_test(the_operator_set_is_that_of_the_options),
        cmocka_unit_test(a_network_without_convolutions),
        cmocka_unit_test(a_batchnorm_with_other_readers_before_it_stays),
        cmocka_unit_test(what_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests_name("onnx_write", tests, folder_setup, folder_teardown);
}
