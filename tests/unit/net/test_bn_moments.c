/* Moments that a run takes on its way, against those of the unfused network in double; and that they cost the result
 * no bit. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/exec.h"
#include "models/resnet.h"
#include "tests/support/naive.h"
#include "tests/support/reference_net.h"
#include "tests/support/small_net.h"

/* The worst error measured: 3e-6 of a variance (AVX-512); in bfloat16 3.2e-2 of one (plain and AVX2), since
 * each map before the layer is rounded. */
static const double tolerances[PRECISIONS] = {[PRECISION_F32] = 5e-5, [PRECISION_BF16] = 6e-2};

/* LARGE is large enough for the depth-first part of a plan to reach into layer1. */
enum { IMAGES = 5, SMALL = 45, LARGE = 93, CLASSES = 5 };

static const struct resnet_shape bottlenecks = {"tiny50", true, {2, 1, 2, 1}, 8};
static const struct resnet_shape basics = {"tiny18", false, {1, 2, 1, 1}, 8};

static struct net *make_net(const struct resnet_shape *shape)
{
    struct net *net;
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&net, shape, CLASSES, &err), OK);
    small_net_randomise(net, 21);
    return net;
}

static float *make_input(size_t count)
{
    float *x = malloc(count * sizeof *x);
    struct rng rng = rng_stream(22, RNG_TEST, 0, 0);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)rng_normal(&rng) + (float)(i % 7) * 0.2f;
    return x;
}

struct job {
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    struct bn_moments *moments;
};

/* How a pass computes. */
struct way {
    enum conv_engine engine;
    enum precision precision;
};

static struct job job_open(struct net *net, size_t size, size_t threads, size_t most, struct way way)
{
    struct job job = {0};
    struct error err = {0};
    const struct plan_options options = {.batch = IMAGES,
                                         .height = size,
                                         .width = size,
                                         .conv = way.engine,
                                         .precision = way.precision,
                                         .threads = threads};
    assert_int_equal(pool_create(&job.pool, threads, &err), OK);
    assert_int_equal(plan_create(&job.plan, net, &options, &err), OK);
    assert_int_equal(exec_create(&job.exec, job.plan, NULL, job.pool, NULL, &err), OK);
    if (most > 0)
        assert_int_equal(bn_moments_create(&job.moments, job.plan, most, &err), OK);
    exec_set_moments(job.exec, job.moments);
    return job;
}

static void job_close(struct job *job)
{
    bn_moments_destroy(job->moments);
    exec_destroy(job->exec);
    plan_destroy(job->plan);
    pool_destroy(job->pool);
}

/* The operator whose output a layer's BatchNorm reads. */
static const struct op *find_batchnorm(const struct net *net, int param)
{
    for (size_t i = 0; i < net->ops_count; i++)
        if (net->ops[i].kind == OP_BATCHNORM && net->ops[i].param == param)
            return &net->ops[i];
    fail();
    return NULL;
}

/* The first photos of the reference. */
static void check_layer(const struct job *job, size_t layer, const struct reference_net *reference)
{
    const struct program_bn *bn = bn_moments_layer(job->moments, layer);
    const struct op *op = find_batchnorm(job->plan->net, bn->param);
    double tolerance = tolerances[job->plan->options.precision];
    size_t rows, taken = bn_moments_photos(job->moments), channels = bn->channels;
    const double *values = reference_value(reference, op->in[0], &rows);
    double *moments = malloc(4 * channels * sizeof *moments);
    double *mean = moments, *var = moments + channels, *expected_mean = var + channels,
           *expected_var = expected_mean + channels;
    naive_moments(expected_mean, expected_var, values, taken * rows, channels);
    bn_moments_get(mean, var, job->moments, layer);
    for (size_t c = 0; c < channels; c++) {
        double std = sqrt(expected_var[c]);
        if (!(fabs(mean[c] - expected_mean[c]) <= tolerance * (std + fabs(expected_mean[c]))) ||
            !(fabs(var[c] - expected_var[c]) <= tolerance * (expected_var[c] + expected_mean[c] * expected_mean[c])))
            fail_msg("%s channel %zu: mean %g, var %g; the reference has %g, %g",
                     job->plan->net->params[bn->param].name, c, mean[c], var[c], expected_mean[c], expected_var[c]);
    }
    free(moments);
}

static void check_shape(const struct resnet_shape *shape, size_t size, size_t layers, struct way way)
{
    struct net *net = make_net(shape);
    size_t widest = 0;
    size_t count = IMAGES * size * size * 3;
    float *x = make_input(count);
    double *wide = malloc(count * sizeof *wide);
    for (size_t i = 0; i < count; i++)
        wide[i] = (double)x[i];
    struct reference_net *reference = reference_create(net, NULL, IMAGES, size, size);
    reference_forward(reference, wide);

    struct job all = job_open(net, size, 2, 100, way), some = job_open(net, size, 3, 3, way);
    exec_forward(all.exec, x, IMAGES);
    assert_int_equal(bn_moments_photos(all.moments), IMAGES);
    assert_int_equal(bn_moments_layers(all.moments), layers);
    exec_forward(some.exec, x, 1); /* in two passes: the first three photos */
    assert_int_equal(bn_moments_photos(some.moments), 1);
    exec_forward(some.exec, x + count / IMAGES, IMAGES - 1);
    assert_int_equal(bn_moments_photos(some.moments), 3);
    for (size_t layer = 0; layer < layers; layer++) {
        check_layer(&all, layer, reference);
        check_layer(&some, layer, reference);
        size_t channels = bn_moments_layer(all.moments, layer)->channels;
        widest = channels > widest ? channels : widest;
    }
    assert_true(!shape->bottleneck || widest > 128); /* more than the sums of a pass over the rows */
    job_close(&all);
    job_close(&some);
    reference_destroy(reference);
    net_destroy(net);
    free(wide);
    free(x);
}

static const struct way ways[] = {{CONV_FAST, PRECISION_F32},
                                  {CONV_EXACT, PRECISION_F32},
                                  {CONV_IM2COL, PRECISION_F32},
                                  {CONV_FAST, PRECISION_BF16},
                                  {CONV_EXACT, PRECISION_BF16}};
enum { WAYS = sizeof ways / sizeof *ways };

/* conv1, the two convolutions of a block that no residual is added to, and the shortcut's. */
static void test_bottlenecks(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        check_shape(&bottlenecks, LARGE, 1 + 2 * 6 + 4, ways[i]);
        if (ways[i].engine == CONV_FAST)
            check_shape(&bottlenecks, SMALL, 1 + 2 * 6 + 4, ways[i]);
    }
}

static void test_basics(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].engine != CONV_FAST)
            continue;
        check_shape(&basics, SMALL, 1 + 5 + 3, ways[i]);
        check_shape(&basics, LARGE, 1 + 5 + 3, ways[i]);
    }
}

/* The logits with and without moments, and the moments with any number of threads. */
static void check_bits(struct way way)
{
    struct net *net = make_net(&bottlenecks);
    float *x = make_input(IMAGES * LARGE * LARGE * 3), expected[IMAGES * CLASSES];
    double first[2 * 512] = {0}, again[2 * 512] = {0};
    struct job plain = job_open(net, LARGE, 1, 0, way);
    memcpy(expected, exec_forward(plain.exec, x, IMAGES), sizeof expected);
    job_close(&plain);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct job job = job_open(net, LARGE, threads, 4, way);
        assert_memory_equal(exec_forward(job.exec, x, IMAGES), expected, sizeof expected);
        assert_int_equal(bn_moments_photos(job.moments), 4);
        assert_memory_equal(exec_forward(job.exec, x, IMAGES), expected,
                            sizeof expected); /* nothing is taken any more */
        assert_int_equal(bn_moments_photos(job.moments), 4);
        bn_moments_get(again, again + 512, job.moments, bn_moments_layers(job.moments) - 2);
        if (threads == 1)
            memcpy(first, again, sizeof first);
        assert_memory_equal(first, again, sizeof first);
        job_close(&job);
    }
    net_destroy(net);
    free(x);
}

static void test_same_bits(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++)
        check_bits(ways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bottlenecks), cmocka_unit_test(test_basics),
                                       cmocka_unit_test(test_same_bits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
