/* Class activation maps: mean plus bias is the logit; the maps come from the last map of the network. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/cam.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "tests/support/maps.h"
#include "tests/support/small_net.h"

enum { IMAGES = 3, CLASSES = 5 };

static const struct resnet_shape bottlenecks = {"tiny50", true, {2, 1, 1, 1}, 8};
static const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};

/* A network and its run by a plan with these cuts. */
struct bench {
    struct net *net;
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
};

static struct bench bench_make(size_t height, size_t width, enum precision precision, size_t threads, size_t from_end,
                               size_t cuts)
{
    struct error err = {0};
    struct bench bench;
    size_t cut;
    assert_int_equal(resnet_create_shape(&bench.net, &bottlenecks, CLASSES, &err), OK);
    small_net_randomise(bench.net, 11);
    assert_int_equal(cam_place(&cut, bench.net, &err), OK);
    assert_int_equal(cut, bench.net->ops_count - 2);
    struct plan_options options = {.batch = IMAGES, .height = height, .width = width, .precision = precision};
    options.threads = threads;
    options.cut = cuts > 0 ? cut + 1 - from_end : 0;
    options.from = cuts > 1 ? cut : 0;
    assert_int_equal(pool_create(&bench.pool, threads, &err), OK);
    if (plan_create(&bench.plan, bench.net, &options, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(exec_create(&bench.exec, bench.plan, &normalise, bench.pool, NULL, &err), OK);
    return bench;
}

static void bench_free(struct bench *bench)
{
    exec_destroy(bench->exec);
    plan_destroy(bench->plan);
    pool_destroy(bench->pool);
    net_destroy(bench->net);
}

static uint8_t *make_pixels(size_t count)
{
    struct rng rng = rng_stream(5, RNG_TEST, 0, 0);
    uint8_t *pixels = malloc(count);
    assert_non_null(pixels);
    for (size_t i = 0; i < count; i++)
        pixels[i] = (uint8_t)(255 * rng_float(&rng));
    return pixels;
}

/* Maps and features of cam against the last map as a plan with that cut alone gives it. */
static void check_against_the_last_map(const struct cam *cam, const uint8_t *pixels, size_t height, size_t width,
                                       enum precision precision)
{
    struct bench bench = bench_make(height, width, precision, 1, 1, 1);
    size_t values = bench.plan->cut.values, channels = cam_features_count(cam);
    size_t area = cam_height(cam) * cam_width(cam);
    const float *weight = bench.net->params[bench.net->ops[bench.net->ops_count - 1].param].data;
    float *map = malloc(area * sizeof *map);
    assert_int_equal(values, area * channels);
    exec_features(bench.exec, pixels, IMAGES);
    float *last = values_of(exec_features_place(bench.exec), IMAGES * values, bench.plan->cut.precision);
    for (size_t image = 0; image < IMAGES; image++)
        for (size_t class = 0; class < CLASSES; class ++) {
            cam_map(map, cam, image, class);
            for (size_t p = 0; p < area; p++) {
                double want = 0, size = 0;
                for (size_t k = 0; k < channels; k++) {
                    double term =
                        (double)weight[class * channels + k] * (double)last[(image * area + p) * channels + k];
                    want += term;
                    size += fabs(term);
                }
                assert_true(fabs((double)map[p] - want) <= 1e-6 * size);
            }
        }
    free(last);
    free(map);
    bench_free(&bench);
}

static void check(size_t height, size_t width, enum precision precision, size_t threads)
{
    struct error err = {0};
    struct bench bench = bench_make(height, width, precision, threads, 0, 2);
    struct bench plain = bench_make(height, width, precision, 1, 0, 0);
    uint8_t *pixels = make_pixels(IMAGES * height * width * 3);
    struct cam *cam;
    assert_int_equal(cam_create(&cam, bench.plan, &err), OK);
    assert_int_equal(cam_height(cam), (height + 31) / 32);
    assert_int_equal(cam_width(cam), (width + 31) / 32);
    const float *logits = cam_forward(cam, bench.exec, pixels, IMAGES);
    const float *want = exec_forward_pixels(plain.exec, pixels, IMAGES);
    assert_memory_equal(logits, want, IMAGES * CLASSES * sizeof(float));
    size_t area = cam_height(cam) * cam_width(cam);
    float *map = malloc(area * sizeof *map);
    for (size_t image = 0; image < IMAGES; image++)
        for (size_t class = 0; class < CLASSES; class ++) {
            double mean = 0, logit = (double)logits[image * CLASSES + class];
            cam_map(map, cam, image, class);
            for (size_t p = 0; p < area; p++)
                mean += (double)map[p] / (double)area;
            if (!(fabs(mean + (double)cam_bias(cam, class) - logit) <= 1e-5 * fmax(1, fabs(logit))))
                fail_msg("%zux%zu: mean plus bias %.9g, logit %.9g", width, height, mean + (double)cam_bias(cam, class),
                         logit);
        }
    free(map);
    check_against_the_last_map(cam, pixels, height, width, precision);
    cam_destroy(cam);
    free(pixels);
    bench_free(&plain);
    bench_free(&bench);
}

static void mean_plus_bias_is_the_logit(void **state)
{
    (void)state;
    check(64, 64, PRECISION_F32, 2);
    check(93, 93, PRECISION_F32, 1); /* depth-first through layer1 */
    check(64, 96, PRECISION_F32, 2);
    check(64, 64, PRECISION_BF16, 2);
    check(33, 93, PRECISION_BF16, 1);
}

/* A last map of 23x23: every step is depth-first. */
static void maps_of_a_large_image(void **state)
{
    (void)state;
    check(736, 736, PRECISION_F32, 2);
}

static void features_are_the_mean_of_the_last_map(void **state)
{
    (void)state;
    struct error err = {0};
    struct bench bench = bench_make(64, 64, PRECISION_F32, 2, 0, 2);
    struct bench last = bench_make(64, 64, PRECISION_F32, 2, 1, 1);
    uint8_t *pixels = make_pixels(IMAGES * 64 * 64 * 3);
    struct cam *cam;
    assert_int_equal(cam_create(&cam, bench.plan, &err), OK);
    cam_forward(cam, bench.exec, pixels, 2); /* fewer than the batch */
    exec_features(last.exec, pixels, 2);
    const float *a = exec_features_place(last.exec);
    size_t channels = cam_features_count(cam);
    assert_int_equal(channels, 4 * 8 * 8);
    for (size_t image = 0; image < 2; image++)
        for (size_t k = 0; k < channels; k++) {
            double mean = 0;
            for (size_t p = 0; p < 4; p++)
                mean += (double)a[(image * 4 + p) * channels + k] / 4;
            assert_true(fabs((double)cam_features(cam)[image * channels + k] - mean) <= 1e-6 * fmax(1, mean));
        }
    cam_destroy(cam);
    free(pixels);
    bench_free(&last);
    bench_free(&bench);
}

static void another_network_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 5, 1};
    struct error err = {0};
    struct net *net;
    size_t cut;
    assert_int_equal(mlp_create(&net, sizes, 2, &err), OK);
    assert_int_equal(cam_place(&cut, net, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "average pooling"));
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_plus_bias_is_the_logit),
        cmocka_unit_test(maps_of_a_large_image),
        cmocka_unit_test(features_are_the_mean_of_the_last_map),
        cmocka_unit_test(another_network_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
