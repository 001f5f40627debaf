#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/freeze.h"
#include "core/train/optimizer.h"
#include "models/mlp.h"

/* Two linear layers: 300x70 + 70 and 70x3 + 3 values, so that fc1.weight is more than one piece of work. */
static struct net *make_net(void)
{
    static const size_t sizes[] = {300, 70, 3};
    struct net *net;
    struct error err;
    assert_int_equal(mlp_create(&net, sizes, 2, &err), OK);
    return net;
}

static struct pool *make_pool(size_t threads)
{
    struct pool *pool;
    struct error err;
    assert_int_equal(pool_create(&pool, threads, &err), OK);
    return pool;
}

/* A value of the parameters, gradients: of size 1, some large, some zero. */
static float draw(uint64_t item, uint32_t step)
{
    struct rng rng = rng_stream(3, RNG_TEST, step, item);
    uint32_t kind = rng_below(&rng, 10);
    double value = rng_normal(&rng);
    return (float)(kind == 0 ? 0 : kind == 1 ? value * 100 : kind == 2 ? value * 1e-4 : value);
}

static void fill(struct net *net)
{
    uint64_t item = 0;
    for (size_t i = 0; i < net->params_count; i++)
        for (size_t j = 0; j < net->params[i].count; j++)
            net->params[i].data[j] = draw(item++, 1000);
}

/* One value in double, by the formulas of PyTorch's pages. */
struct reference {
    double w, a, b; /* a: momentum or exp_avg, b: exp_avg_sq */
};

static void reference_step(struct reference *r, const struct optimizer_options *o, double g, int t, double lr)
{
    if (o->kind == OPTIMIZER_SGD) {
        g += o->weight_decay * r->w;
        if (o->momentum > 0) {
            r->a = t == 1 ? g : o->momentum * r->a + g;
            g = o->nesterov ? g + o->momentum * r->a : r->a;
        }
        r->w -= lr * g;
        return;
    }
    if (o->kind == OPTIMIZER_ADAMW)
        r->w -= lr * o->weight_decay * r->w;
    else
        g += o->weight_decay * r->w;
    r->a = o->beta1 * r->a + (1 - o->beta1) * g;
    r->b = o->beta2 * r->b + (1 - o->beta2) * g * g;
    double a_hat = r->a / (1 - pow(o->beta1, t)), b_hat = r->b / (1 - pow(o->beta2, t));
    r->w -= lr * a_hat / (sqrt(b_hat) + o->eps);
}

enum { STEPS = 10 };

static double rate_of(int step)
{
    return 0.01 / (1 + 0.1 * step);
}

static void step_all(struct optimizer *optimizer, const struct net *net, int step)
{
    uint64_t item = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        float *gradient = calloc(param->count, sizeof *gradient);
        for (size_t j = 0; j < param->count; j++)
            gradient[j] = draw(item++, (uint32_t)step);
        if (param->trainable)
            optimizer_update(optimizer, i, gradient, rate_of(step));
        free(gradient);
    }
}

/* The largest error of any value after STEPS steps, relative to the size of the value's own terms. */
static double largest_error(const struct optimizer_options *options)
{
    struct net *net = make_net();
    struct pool *pool = make_pool(2);
    struct optimizer *optimizer;
    struct error err;
    double worst = 0;
    fill(net);
    assert_int_equal(optimizer_create(&optimizer, net, options, pool, &err), OK);
    for (int step = 0; step < STEPS; step++)
        step_all(optimizer, net, step);
    uint64_t item = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        for (size_t j = 0; j < net->params[i].count; j++, item++) {
            struct reference r = {.w = (double)draw(item, 1000)};
            double size = fabs(r.w);
            for (int step = 0; step < STEPS; step++) {
                double before = r.w;
                reference_step(&r, options, (double)draw(item, (uint32_t)step), step + 1, rate_of(step));
                size += fabs(r.w - before);
            }
            double error = fabs((double)net->params[i].data[j] - r.w) / (size + 1e-30);
            if (!(error <= worst))
                worst = error;
        }
    }
    optimizer_destroy(optimizer);
    pool_destroy(pool);
    net_destroy(net);
    return worst;
}

/* Measured: 3e-7 to 5e-7 (a handful of float32 roundings in ten steps). */
static const double tolerance = 2e-6;

static void check(const char *name, struct optimizer_options options)
{
    double error = largest_error(&options);
    if (!(error <= tolerance))
        fail_msg("%s: relative error %g", name, error);
}

static void sgd_follows_its_formula(void **state)
{
    (void)state;
    struct optimizer_options options = optimizer_defaults(OPTIMIZER_SGD);
    check("plain", options);
    options.weight_decay = 0.01;
    check("decay", options);
    options.momentum = 0.9;
    check("momentum", options);
    options.nesterov = true;
    check("nesterov", options);
}

static void adam_follows_its_formula(void **state)
{
    (void)state;
    struct optimizer_options options = optimizer_defaults(OPTIMIZER_ADAM);
    check("adam", options);
    options.weight_decay = 0.01;
    check("adam, decay", options);
    options.kind = OPTIMIZER_ADAMW;
    check("adamw", options);
    options.beta1 = 0.5;
    options.beta2 = 0.9;
    check("adamw, betas", options);
}

static void the_bytes_do_not_depend_on_threads(void **state)
{
    (void)state;
    struct net *nets[2] = {make_net(), make_net()};
    for (size_t k = 0; k < 2; k++) {
        struct optimizer_options options = optimizer_defaults(OPTIMIZER_ADAMW);
        struct pool *pool = make_pool(k == 0 ? 1 : 3);
        struct optimizer *optimizer;
        struct error err;
        options.weight_decay = 0.1;
        fill(nets[k]);
        assert_int_equal(optimizer_create(&optimizer, nets[k], &options, pool, &err), OK);
        for (int step = 0; step < STEPS; step++)
            step_all(optimizer, nets[k], step);
        optimizer_destroy(optimizer);
        pool_destroy(pool);
    }
    for (size_t i = 0; i < nets[0]->params_count; i++)
        assert_memory_equal(nets[0]->params[i].data, nets[1]->params[i].data, nets[0]->params[i].count * sizeof(float));
    net_destroy(nets[0]);
    net_destroy(nets[1]);
}

/* As add_param_group: fresh state for what is new, and nothing for what is frozen. */
static void parameters_can_be_added_later(void **state)
{
    (void)state;
    struct net *net = make_net();
    struct pool *pool = make_pool(1);
    struct optimizer_options options = optimizer_defaults(OPTIMIZER_ADAM);
    struct optimizer *optimizer;
    struct error err;
    freeze_child(net, 2, true);
    assert_int_equal(optimizer_bytes(net, &options), 2 * sizeof(float) * (300 * 70 + 70));
    assert_int_equal(optimizer_create(&optimizer, net, &options, pool, &err), OK);
    assert_int_equal(optimizer_state_count(optimizer), 2);
    step_all(optimizer, net, 0);
    freeze_child(net, 2, false);
    assert_int_equal(optimizer_add_trainable(optimizer, &err), OK);
    assert_int_equal(optimizer_state_count(optimizer), 4);
    step_all(optimizer, net, 1);
    for (size_t i = 0; i < 4; i++) {
        struct optimizer_state row = optimizer_state_get(optimizer, i);
        assert_int_equal(row.param, i);
        assert_int_equal(row.buffers, 2);
        assert_string_equal(row.names[0], "exp_avg");
        assert_string_equal(row.names[1], "exp_avg_sq");
        assert_int_equal(*row.steps, net->params[i].child == 1 ? 2 : 1);
        /* After its first step exp_avg is a tenth of the gradient. */
        uint64_t first_item = 300 * 70 + 70;
        if (i == 2)
            assert_float_equal(row.data[0][0], 0.1f * draw(first_item, 1), 1e-6);
    }
    optimizer_destroy(optimizer);
    pool_destroy(pool);
    net_destroy(net);
}

static void state_is_as_large_as_the_kind_needs(void **state)
{
    (void)state;
    struct net *net = make_net();
    struct optimizer_options options = optimizer_defaults(OPTIMIZER_SGD);
    size_t values = 300 * 70 + 70 + 70 * 3 + 3;
    assert_int_equal(optimizer_bytes(net, &options), 0);
    options.momentum = 0.9;
    assert_int_equal(optimizer_bytes(net, &options), 4 * values);
    net_destroy(net);
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct net *net = make_net();
    struct pool *pool = make_pool(1);
    struct optimizer_options good = optimizer_defaults(OPTIMIZER_SGD), bad[8];
    for (size_t i = 0; i < 8; i++)
        bad[i] = good;
    bad[0].momentum = 1;
    bad[1].momentum = -0.1;
    bad[2].momentum = NAN;
    bad[3].weight_decay = -1e-3;
    bad[4].weight_decay = NAN;
    bad[5].nesterov = true;
    bad[6].kind = OPTIMIZER_ADAM;
    bad[6].beta2 = 1;
    bad[7].kind = OPTIMIZER_ADAMW;
    bad[7].eps = 0;
    for (size_t i = 0; i < 8; i++) {
        struct optimizer *optimizer = NULL;
        struct error err = {0};
        assert_int_equal(optimizer_create(&optimizer, net, &bad[i], pool, &err), ERR_USAGE);
        assert_null(optimizer);
        assert_true(strlen(err.text) > 0);
    }
    pool_destroy(pool);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sgd_follows_its_formula),
        cmocka_unit_test(adam_follows_its_formula),
        cmocka_unit_test(the_bytes_do_not_depend_on_threads),
        cmocka_unit_test(parameters_can_be_added_later),
        cmocka_unit_test(state_is_as_large_as_the_kind_needs),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests_name("optimizer", tests, NULL, NULL);
}
