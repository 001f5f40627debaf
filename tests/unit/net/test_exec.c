/* The fused network against the unfused one in double (tests/support/reference_net.h): every freeze point, both modes
 * of both kinds of BatchNorm, any number of threads. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/net/init.h"
#include "core/net/exec.h"
#include "core/ops/loss.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "tests/support/maps.h"
#include "tests/support/naive.h"
#include "tests/support/reference_net.h"
#include "tests/support/small_net.h"

/* Relative errors, by precision. The worst measured over all cases below: in float32, gradients 2.1e-5, logits 5.4e-6,
 * running statistics 8.9e-7; in bfloat16 0.6 (of a step with batch statistics of three small images; a gradient of
 * zeros would be off by 1), 0.054 and 0.011, and of each gradient 0.045 with few ReLUs, 0.0071 without. AVX-512; other
 * instruction sets and kernels round differently. */
static const double gradient_tolerance[PRECISIONS] = {5e-5, 0.9};
static const double logits_tolerance[PRECISIONS] = {1e-5, 0.11}, running_tolerance[PRECISIONS] = {1e-5, 0.022};
static double worst_each, worst_gradient[PRECISIONS], worst_logits[PRECISIONS], worst_running[PRECISIONS];

/* LARGE is large enough for the depth-first part of a plan to reach into layer1 (maps of 24x24 there). */
enum { IMAGES = 3, SIZE = 45, LARGE = 93, CLASSES = 5 };

static const struct resnet_shape bottlenecks = {"tiny50", true, {2, 1, 3, 1}, 8};
static const struct resnet_shape basics = {"tiny18", false, {1, 3, 1, 1}, 8};

static struct net *tiny(const struct resnet_shape *shape)
{
    struct net *net;
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&net, shape, CLASSES, &err), OK);
    small_net_randomise(net, 11);
    return net;
}

struct collected {
    struct net *net;
    float **gradients;
    size_t given;
};

static void collect(void *context, size_t param, const float *gradient)
{
    struct collected *all = context;
    assert_true(all->net->params[param].trainable);
    assert_null(all->gradients[param]); /* once each */
    all->gradients[param] = malloc(all->net->params[param].count * sizeof(float));
    memcpy(all->gradients[param], gradient, all->net->params[param].count * sizeof(float));
    all->given++;
}

static void collected_free(struct collected *all)
{
    for (size_t i = 0; i < all->net->params_count; i++)
        free(all->gradients[i]);
    free(all->gradients);
}

/* One step of a plan: logits [IMAGES, classes] and every gradient. */
static void one_step(struct net *net, const struct plan_options *options, const float *x, const int *labels,
                     float *logits_out, struct collected *all)
{
    struct error err = {0};
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    size_t classes = net_classes(net);
    assert_int_equal(pool_create(&pool, options->threads, &err), OK);
    if (plan_create(&plan, net, options, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(exec_create(&exec, plan, NULL, pool, NULL, &err), OK);
    const float *logits = exec_forward(exec, x, IMAGES);
    memcpy(logits_out, logits, IMAGES * classes * sizeof(float));
    if (options->train) {
        float dlogits[IMAGES * CLASSES];
        int32_t wide[IMAGES] = {labels[0], labels[1], labels[2]};
        cross_entropy(dlogits, logits, wide, IMAGES, classes);
        *all = (struct collected){.net = net, .gradients = calloc(net->params_count, sizeof(float *))};
        exec_backward(exec, dlogits, collect, all);
    }
    exec_destroy(exec);
    plan_destroy(plan);
    pool_destroy(pool);
}

static void make_input(float *x, double *wide, size_t count)
{
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    for (size_t i = 0; i < count; i++) {
        x[i] = (float)rng_normal(&rng);
        wide[i] = (double)x[i];
    }
}

static void within(const char *what, double error, double tolerance, double *worst)
{
    *worst = fmax(*worst, error);
    if (!(error <= tolerance))
        fail_msg("%s is off by %g", what, error);
}

/* How a network runs, and how near each of its gradients is to be in bfloat16. 0: only all of a step as one vector is
 * looked at, because a single gradient of three images may be smaller than what rounding changes (a bias was off by
 * 1.8: a ReLU that lets another value through). */
struct way {
    enum conv_engine engine;
    enum precision precision;
    double each_bf16;
};

static void check_gradients(const struct net *net, const struct collected *all, const struct reference_net *reference,
                            struct way way)
{
    enum precision precision = way.precision;
    double each = precision == PRECISION_F32 ? gradient_tolerance[precision] : way.each_bf16;
    size_t wanted = 0;
    double off = 0, norm = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        if (!net->params[i].trainable)
            continue;
        wanted++;
        assert_non_null(all->gradients[i]);
        const double *want = reference_gradient(reference, i);
        for (size_t j = 0; j < net->params[i].count; j++) {
            off += ((double)all->gradients[i][j] - want[j]) * ((double)all->gradients[i][j] - want[j]);
            norm += want[j] * want[j];
        }
        if (each > 0)
            within(net->params[i].name, naive_error(all->gradients[i], want, net->params[i].count), each,
                   precision == PRECISION_F32 ? &worst_gradient[precision] : &worst_each);
    }
    if (each == 0)
        within("the step's gradient", sqrt(off / norm), gradient_tolerance[precision], &worst_gradient[precision]);
    assert_int_equal(all->given, wanted);
}

static void check_running(const struct net *net, const struct reference_net *reference, enum precision precision)
{
    for (size_t i = 0; i < net->params_count; i++)
        if (net->params[i].role == PARAM_RUNNING_MEAN || net->params[i].role == PARAM_RUNNING_VAR)
            within(net->params[i].name,
                   naive_error(net->params[i].data, reference_running(reference, i), net->params[i].count),
                   running_tolerance[precision], &worst_running[precision]);
}

/* Destroys the net. */
static void check_net(struct net *net, size_t size, struct freeze freeze, bool train, struct way way)
{
    size_t values = IMAGES * size * size * 3;
    float *x = malloc(values * sizeof *x), logits[IMAGES * CLASSES];
    double *wide = malloc(values * sizeof *wide), dlogits[IMAGES * CLASSES];
    const int labels[IMAGES] = {1, 4, 0};
    make_input(x, wide, values);
    freeze_apply(net, &freeze);
    struct reference_net *reference = reference_create(net, train ? &freeze : NULL, IMAGES, size, size);
    const double *expected = reference_forward(reference, wide);
    struct plan_options options = {.precision = way.precision,
                                   .train = train,
                                   .batch = IMAGES + 1,
                                   .height = size,
                                   .width = size,
                                   .freeze = freeze,
                                   .conv = way.engine,
                                   .threads = 2};
    struct collected all = {0};
    one_step(net, &options, x, labels, logits, &all);
    within("logits", naive_error(logits, expected, IMAGES * CLASSES), logits_tolerance[way.precision],
           &worst_logits[way.precision]);
    if (train) {
        naive_cross_entropy(dlogits, expected, labels, 0, IMAGES, CLASSES);
        reference_backward(reference, dlogits);
        check_gradients(net, &all, reference, way);
        check_running(net, reference, way.precision);
        collected_free(&all);
    }
    reference_destroy(reference);
    free(x);
    free(wide);
    net_destroy(net);
}

/* In float32, and in bfloat16 where the engine knows it. */
static void check_one(const struct resnet_shape *shape, size_t size, struct freeze freeze, bool train,
                      enum conv_engine engine)
{
    check_net(tiny(shape), size, freeze, train, (struct way){engine, PRECISION_F32, 0});
    if (engine != CONV_IM2COL)
        check_net(tiny(shape), size, freeze, train, (struct way){engine, PRECISION_BF16, 0});
}

static void inference_equals_the_unfused_network(void **state)
{
    (void)state;
    check_one(&bottlenecks, SIZE, (struct freeze){0}, false, CONV_FAST);
    check_one(&bottlenecks, LARGE, (struct freeze){0}, false, CONV_EXACT);
    check_one(&bottlenecks, LARGE, (struct freeze){0}, false, CONV_IM2COL);
    check_one(&basics, LARGE, (struct freeze){0}, false, CONV_FAST);
}

static void training_equals_the_unfused_network(void **state)
{
    (void)state;
    for (int until = 0; until <= 9; until++)
        for (int frozen = BN_EVAL; frozen <= BN_BATCH; frozen++)
            for (int trained = BN_EVAL; trained <= BN_BATCH; trained++) {
                struct freeze freeze = {until, (enum bn_mode)frozen, (enum bn_mode)trained};
                check_one(&bottlenecks, SIZE, freeze, true, (enum conv_engine)(until % 3));
                check_one(&basics, SIZE, freeze, true, (enum conv_engine)((until + 1) % 3));
            }
}

static void a_deep_prefix_equals_the_unfused_network(void **state)
{
    (void)state;
    check_one(&bottlenecks, LARGE, (struct freeze){6, BN_EVAL, BN_BATCH}, true, CONV_FAST);
    check_one(&bottlenecks, LARGE, (struct freeze){6, BN_EVAL, BN_BATCH}, true, CONV_IM2COL);
    check_one(&basics, LARGE, (struct freeze){5, BN_EVAL, BN_EVAL}, true, CONV_EXACT);
}

static void check_threads(struct way way)
{
    enum { VALUES = IMAGES * SIZE * SIZE * 3 };
    float *x = malloc(VALUES * sizeof *x), logits[3][IMAGES * CLASSES];
    double *wide = malloc(VALUES * sizeof *wide);
    const int labels[IMAGES] = {1, 4, 0};
    struct collected all[3];
    struct net *nets[3];
    make_input(x, wide, VALUES);
    struct freeze freeze = {5, BN_EVAL, BN_BATCH};
    for (size_t t = 0; t < 3; t++) {
        nets[t] = tiny(&bottlenecks);
        freeze_apply(nets[t], &freeze);
        struct plan_options options = {.precision = way.precision,
                                       .train = true,
                                       .batch = IMAGES,
                                       .height = SIZE,
                                       .width = SIZE,
                                       .freeze = freeze,
                                       .conv = way.engine,
                                       .threads = t + 1};
        one_step(nets[t], &options, x, labels, logits[t], &all[t]);
        assert_memory_equal(logits[t], logits[0], sizeof logits[0]);
        for (size_t i = 0; i < nets[t]->params_count; i++) {
            size_t bytes = nets[t]->params[i].count * sizeof(float);
            if (nets[t]->params[i].trainable)
                assert_memory_equal(all[t].gradients[i], all[0].gradients[i], bytes);
            if (bytes)
                assert_memory_equal(nets[t]->params[i].data, nets[0]->params[i].data, bytes);
        }
    }
    for (size_t t = 0; t < 3; t++) {
        collected_free(&all[t]);
        net_destroy(nets[t]);
    }
    free(x);
    free(wide);
}

static void threads_do_not_change_a_byte(void **state)
{
    (void)state;
    for (int engine = 0; conv_engine_names[engine]; engine++)
        check_threads((struct way){(enum conv_engine)engine, PRECISION_F32, 0});
    check_threads((struct way){CONV_FAST, PRECISION_BF16, 0});
    check_threads((struct way){CONV_EXACT, PRECISION_BF16, 0});
}

static void a_frozen_child_is_not_written(void **state)
{
    (void)state;
    enum { VALUES = IMAGES * SIZE * SIZE * 3 };
    float *x = malloc(VALUES * sizeof *x), logits[IMAGES * CLASSES];
    double *wide = malloc(VALUES * sizeof *wide);
    const int labels[IMAGES] = {1, 4, 0};
    make_input(x, wide, VALUES);
    struct net *net = tiny(&bottlenecks), *before = tiny(&bottlenecks);
    struct freeze freeze = {6, BN_EVAL, BN_BATCH};
    freeze_apply(net, &freeze);
    struct plan_options options = {
        .train = true, .batch = IMAGES, .height = SIZE, .width = SIZE, .freeze = freeze, .threads = 1};
    struct collected all;
    one_step(net, &options, x, labels, logits, &all);
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        if (param->role == PARAM_BATCHES)
            assert_int_equal(param->batches, param->child > 6 ? 1 : 0);
        else if (param->child <= 6)
            assert_memory_equal(param->data, before->params[i].data, param->count * sizeof(float));
        else if (param->role == PARAM_RUNNING_MEAN)
            assert_memory_not_equal(param->data, before->params[i].data, param->count * sizeof(float));
    }
    collected_free(&all);
    net_destroy(net);
    net_destroy(before);
    free(x);
    free(wide);
}

static void a_multilayer_perceptron_runs_too(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 7, 6, CLASSES};
    struct net *net;
    struct error err = {0};
    assert_int_equal(mlp_create(&net, sizes, 3, &err), OK);
    net_init(net, 9);
    float x[IMAGES * 10], logits[IMAGES * CLASSES];
    double wide[IMAGES * 10], dlogits[IMAGES * CLASSES];
    const int labels[IMAGES] = {1, 4, 0};
    make_input(x, wide, IMAGES * 10);
    struct freeze freeze = {0, BN_EVAL, BN_BATCH};
    freeze_apply(net, &freeze);
    struct reference_net *reference = reference_create(net, &freeze, IMAGES, 1, 1);
    const double *expected = reference_forward(reference, wide);
    naive_cross_entropy(dlogits, expected, labels, 0, IMAGES, CLASSES);
    reference_backward(reference, dlogits);
    for (int precision = 0; precision < PRECISIONS; precision++) { /* without a pooling all is float32 */
        struct plan_options options = {.precision = (enum precision)precision,
                                       .train = true,
                                       .batch = IMAGES,
                                       .height = 1,
                                       .width = 1,
                                       .freeze = freeze,
                                       .threads = 2};
        struct collected all;
        one_step(net, &options, x, labels, logits, &all);
        assert_true(naive_error(logits, expected, IMAGES * CLASSES) <= logits_tolerance[PRECISION_F32]);
        check_gradients(net, &all, reference, (struct way){.precision = PRECISION_F32});
        collected_free(&all);
    }
    reference_destroy(reference);
    net_destroy(net);
}

/* No residual network has these: a pooling whose input is read by a later step, too, so that its gradient is added to
 * what is there, and a ReLU that cannot wait for its reader, so that a folded value is stored by a merge of its own. */
static struct net *branches(void)
{
    struct net *net;
    struct error err = {0};
    assert_int_equal(net_create(&net, "branches", &err), OK);
    net_child(net, "stem");
    int x = net_relu(net, net_batchnorm(net, net_conv(net, net_input(net, 3), "stem", 8, 3, 1, 1), "bn"));
    net_child(net, "one");
    int pooled = net_maxpool(net, x, 3, 1, 1);
    x = net_add(net, pooled, net_conv(net, x, "one", 8, 3, 1, 1));
    net_child(net, "two");
    pooled = net_maxpool(net, x, 2, 1, 0);
    x = net_relu(net, pooled);
    x = net_add(net, x, net_conv(net, pooled, "two", 8, 1, 1, 0));
    net_child(net, "head");
    net_linear(net, net_avgpool(net, x), "fc", CLASSES);
    assert_int_equal(net_finish(net, &err), OK);
    small_net_randomise(net, 11);
    return net;
}

static void branches_around_poolings_run_too(void **state)
{
    (void)state;
    enum { PIXELS = 29 }; /* large enough to be depth-first */
    for (int precision = 0; precision < PRECISIONS; precision++) {
        struct way way = {CONV_FAST, (enum precision)precision, 0.09};
        check_net(branches(), PIXELS, (struct freeze){0}, false, way);
        for (int until = 0; until <= 3; until++)
            for (int trained = BN_EVAL; trained <= BN_BATCH; trained++)
                check_net(branches(), PIXELS, (struct freeze){until, BN_EVAL, (enum bn_mode)trained}, true, way);
    }
}

/* Every kind of convolution, BatchNorm and a merge on both sides, and no ReLU: what bfloat16 changes is rounding alone,
 * so that each gradient has to be near. */
static struct net *without_relu(void)
{
    struct net *net;
    struct error err = {0};
    assert_int_equal(net_create(&net, "linear", &err), OK);
    net_child(net, "stem");
    int x = net_batchnorm(net, net_conv(net, net_input(net, 3), "stem", 12, 7, 2, 3), "bn0");
    net_child(net, "one");
    int side = net_batchnorm(net, net_conv(net, x, "side", 33, 1, 2, 0), "bn1");
    x = net_batchnorm(net, net_conv(net, x, "in", 20, 1, 1, 0), "bn2");
    x = net_batchnorm(net, net_conv(net, x, "strided", 20, 3, 2, 1), "bn3");
    x = net_add(net, net_batchnorm(net, net_conv(net, x, "out", 33, 1, 1, 0), "bn4"), side);
    net_child(net, "two");
    x = net_add(net, net_batchnorm(net, net_conv(net, x, "square", 33, 3, 1, 1), "bn5"), x);
    net_child(net, "head");
    net_linear(net, net_avgpool(net, x), "fc", CLASSES);
    assert_int_equal(net_finish(net, &err), OK);
    small_net_randomise(net, 11);
    return net;
}

static void each_gradient_is_near_where_no_relu_chooses(void **state)
{
    (void)state;
    /* With batch statistics a bias before another BatchNorm has no gradient at all here. */
    for (int until = 0; until <= 2; until++)
        for (int engine = CONV_FAST; engine <= CONV_EXACT; engine++)
            check_net(without_relu(), SIZE, (struct freeze){until, BN_EVAL, BN_EVAL}, true,
                      (struct way){(enum conv_engine)engine, PRECISION_BF16, 0.015});
}

static void pixels_are_normalised_as_torchvision_does(void **state)
{
    (void)state;
    enum { VALUES = IMAGES * SIZE * SIZE * 3 };
    const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    uint8_t *pixels = malloc(VALUES);
    float *x = malloc(VALUES * sizeof *x), logits[IMAGES * CLASSES];
    struct rng rng = rng_stream(13, RNG_TEST, 0, 0);
    for (size_t i = 0; i < VALUES; i++) {
        pixels[i] = (uint8_t)rng_below(&rng, 256);
        x[i] = ((float)pixels[i] / 255.0f - normalise.mean[i % 3]) / normalise.std[i % 3];
    }
    struct net *net = tiny(&bottlenecks);
    struct error err = {0};
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    assert_int_equal(pool_create(&pool, 2, &err), OK);
    for (int precision = 0; precision < PRECISIONS; precision++) {
        struct plan_options options = {
            .precision = (enum precision)precision, .batch = IMAGES, .height = SIZE, .width = SIZE, .threads = 2};
        assert_int_equal(plan_create(&plan, net, &options, &err), OK);
        assert_int_equal(exec_create(&exec, plan, &normalise, pool, NULL, &err), OK);
        memcpy(logits, exec_forward(exec, x, IMAGES), sizeof logits);
        assert_memory_equal(exec_forward_pixels(exec, pixels, IMAGES), logits, sizeof logits);
        exec_destroy(exec);
        plan_destroy(plan);
    }
    pool_destroy(pool);
    net_destroy(net);
    free(pixels);
    free(x);
}

static int report(void **state)
{
    (void)state;
    for (int i = 0; i < PRECISIONS; i++)
        print_message("# worst error, %s: gradients %.2g, logits %.2g, running statistics %.2g\n", precision_names[i],
                      worst_gradient[i], worst_logits[i], worst_running[i]);
    print_message("# worst of each gradient in bf16 where that is looked at: %.2g\n", worst_each);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inference_equals_the_unfused_network),
        cmocka_unit_test(training_equals_the_unfused_network),
        cmocka_unit_test(a_deep_prefix_equals_the_unfused_network),
        cmocka_unit_test(threads_do_not_change_a_byte),
        cmocka_unit_test(a_frozen_child_is_not_written),
        cmocka_unit_test(a_multilayer_perceptron_runs_too),
        cmocka_unit_test(branches_around_poolings_run_too),
        cmocka_unit_test(each_gradient_is_near_where_no_relu_chooses),
        cmocka_unit_test(pixels_are_normalised_as_torchvision_does),
    };
    return cmocka_run_group_tests_name("exec", tests, NULL, report);
}
