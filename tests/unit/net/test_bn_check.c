/* The four figures of bn_check, on a network whose running statistics are first made those of the photos, and then
 * moved layer by layer, as those of another network are. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/bn_check.h"
#include "core/net/init.h"
#include "core/net/exec.h"
#include "models/resnet.h"

enum { PHOTOS = BN_CHECK_LEAST, SIDE = 48, BYTES = SIDE * SIDE * 3, PASSES = 30 };

static const struct resnet_shape shape = {"tiny50", true, {2, 2, 2, 1}, 8};

struct job {
    struct net *net;
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    uint8_t *pixels;
};

/* Noise with about the contrast of photos. */
static void paint(uint8_t *pixels)
{
    struct rng rng = rng_stream(31, RNG_TEST, 0, 0);
    for (size_t i = 0; i < (size_t)PHOTOS * BYTES; i++)
        pixels[i] = (uint8_t)(90 + rng_below(&rng, 80));
}

static struct bn_moments *measure(const struct job *job, size_t photos)
{
    struct bn_moments *moments;
    struct error err = {0};
    assert_int_equal(bn_moments_create(&moments, job->plan, BN_CHECK_MOST, &err), OK);
    exec_refold(job->exec);
    exec_set_moments(job->exec, moments);
    exec_forward_pixels(job->exec, job->pixels, photos);
    exec_set_moments(job->exec, NULL);
    return moments;
}

static struct bn_check check(const struct job *job, size_t photos)
{
    struct bn_moments *moments = measure(job, photos);
    struct bn_check out;
    struct error err = {0};
    assert_int_equal(bn_check(&out, moments, &err), OK);
    bn_moments_destroy(moments);
    return out;
}

/* Each pass makes one more layer right, as those before it are. */
static void estimate(const struct job *job)
{
    double mean[256], var[256];
    for (int pass = 0; pass < PASSES; pass++) {
        struct bn_moments *moments = measure(job, PHOTOS);
        for (size_t layer = 0; layer < bn_moments_layers(moments); layer++) {
            struct param *params = &job->net->params[bn_moments_layer(moments, layer)->param];
            assert_true(params->count <= 256);
            bn_moments_get(mean, var, moments, layer);
            for (size_t c = 0; c < params->count; c++) {
                params[2].data[c] = (float)mean[c];
                params[3].data[c] = (float)var[c];
            }
        }
        bn_moments_destroy(moments);
    }
}

static struct job job_open(void)
{
    static const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    const struct plan_options options = {.batch = PHOTOS, .height = SIDE, .width = SIDE, .threads = 2};
    struct job job = {.pixels = malloc((size_t)PHOTOS * BYTES)};
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&job.net, &shape, 5, &err), OK);
    net_init(job.net, 3);
    assert_int_equal(pool_create(&job.pool, options.threads, &err), OK);
    assert_int_equal(plan_create(&job.plan, job.net, &options, &err), OK);
    assert_int_equal(exec_create(&job.exec, job.plan, &normalise, job.pool, NULL, &err), OK);
    paint(job.pixels);
    return job;
}

static void job_close(struct job *job)
{
    exec_destroy(job->exec);
    plan_destroy(job->plan);
    pool_destroy(job->pool);
    net_destroy(job->net);
    free(job->pixels);
}

static void scale_var(const struct job *job, const char *name, float factor)
{
    char full[NET_NAME];
    snprintf(full, sizeof full, "%s.running_var", name);
    int found = net_param_find(job->net, full);
    assert_true(found >= 0);
    for (size_t c = 0; c < job->net->params[found].count; c++)
        job->net->params[found].data[c] *= factor;
}

/* The mean square of differences over three pixels, in ImageNet's units. */
static double plain_contrast(const uint8_t *pixels)
{
    static const double std[3] = {0.229, 0.224, 0.225};
    double sum = 0, count = 0;
    for (size_t photo = 0; photo < PHOTOS; photo++)
        for (size_t y = 0; y < SIDE; y++)
            for (size_t x = 0; x < SIDE; x++)
                for (size_t c = 0; c < 3; c++) {
                    const uint8_t *at = pixels + photo * BYTES + (y * SIDE + x) * 3 + c;
                    double down = y + 3 < SIDE ? (at[0] - at[9 * SIDE]) / 255.0 / std[c] : 0;
                    double right = x + 3 < SIDE ? (at[0] - at[9]) / 255.0 / std[c] : 0;
                    sum += down * down + right * right;
                    count += (y + 3 < SIDE) + (x + 3 < SIDE);
                }
    return sum / count;
}

static void test_figures(void **state)
{
    (void)state;
    struct job job = job_open();
    assert_int_equal(check(&job, PHOTOS).finding, BN_UNKNOWN); /* 0 and 1 were never estimated */
    estimate(&job);
    struct bn_check right = check(&job, PHOTOS);
    assert_int_equal(right.finding, BN_AGREES);
    assert_int_equal(right.photos, PHOTOS);
    assert_true(fabs(right.input + log2(plain_contrast(job.pixels) / 0.316)) < 1e-3);
    assert_true(fabs(right.stem) < 1e-3 && fabs(right.blocks) < 1e-3 && fabs(right.last) < 1e-3);
    assert_int_equal(check(&job, PHOTOS - 1).finding, BN_UNKNOWN);
    job_close(&job);
}

static void test_findings(void **state)
{
    (void)state;
    struct job job = job_open();
    estimate(&job);
    scale_var(&job, "layer4.0.bn3", 8);
    struct bn_check found = check(&job, PHOTOS);
    assert_int_equal(found.finding, BN_ACTIVATIONS);
    assert_true(fabs(found.last + 3) < 0.01);

    scale_var(&job, "layer3.0.bn3", 0.25f); /* what lies before is still right, and the mean is over two layers */
    found = check(&job, PHOTOS);
    assert_int_equal(found.finding, BN_BLOCKS);
    assert_true(fabs(found.blocks - 1) < 0.01);

    scale_var(&job, "layer1.0.bn1", 0.25f);
    found = check(&job, PHOTOS);
    assert_int_equal(found.finding, BN_STEM);
    assert_true(fabs(found.stem - 2) < 0.01);

    struct bn_check before = found;
    scale_var(&job, "bn1", 16);
    found = check(&job, PHOTOS);
    assert_int_equal(found.finding, BN_INPUT);
    assert_true(fabs(before.input - found.input - 4) < 0.01);
    job_close(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_figures), cmocka_unit_test(test_findings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
