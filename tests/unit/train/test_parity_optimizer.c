/* Optimizers and schedules against PyTorch's paths (scripts/parity/op_fixtures.py): given gradients, some of them 0 or
 * tiny, and a learning rate that changes from step to step. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/train/optimizer.h"
#include "core/train/schedule.h"
#include "tests/support/compare.h"
#include "tests/support/fixture.h"

/* PyTorch's own float32 is 9e-8 away from these float64 values. */
#define TOLERANCE 3e-7

static struct fixture *fixture;

struct path {
    const char *name;
    struct optimizer_options options; /* beta1, beta2 and eps: PyTorch's defaults */
};

static const struct path paths[] = {
    {"sgd", {.kind = OPTIMIZER_SGD}},
    {"sgd_decay", {.kind = OPTIMIZER_SGD, .weight_decay = 0.1}},
    {"sgd_momentum", {.kind = OPTIMIZER_SGD, .momentum = 0.9}},
    {"sgd_momentum_decay", {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1}},
    {"sgd_nesterov_decay", {.kind = OPTIMIZER_SGD, .momentum = 0.8, .nesterov = true, .weight_decay = 0.1}},
    {"adam", {.kind = OPTIMIZER_ADAM}},
    {"adam_decay", {.kind = OPTIMIZER_ADAM, .weight_decay = 0.1}},
    {"adamw", {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.1}},
    {"adamw_plain", {.kind = OPTIMIZER_ADAMW}},
};

/* A linear layer of `values` - 1 weights and a bias: two parameters that together hold a path's values. */
static struct net *make_net(size_t values)
{
    struct net *net;
    struct error err = {0};
    if (net_create(&net, "linear", &err) != OK)
        fail_msg("%s", err.text);
    net_child(net, "fc");
    net_linear(net, net_input(net, values - 1), "fc", 1);
    if (net_finish(net, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(net->params_count, 2);
    assert_int_equal(net->params[0].count, values - 1);
    assert_int_equal(net->params[1].count, 1);
    return net;
}

static void follow(const struct path *path, struct pool *pool)
{
    struct fixture_tensor start = fixture_get(fixture, "%s/start", path->name);
    struct fixture_tensor lr = fixture_get(fixture, "%s/lr", path->name);
    struct fixture_tensor gradients = fixture_get(fixture, "%s/gradients", path->name);
    struct fixture_tensor wanted = fixture_get(fixture, "%s/path", path->name);
    size_t values = start.count, weights = values - 1;
    struct net *net = make_net(values);
    struct optimizer_options options = optimizer_defaults(path->options.kind);
    struct optimizer *optimizer;
    struct error err = {0};
    struct comparison comparison = {0};
    options.momentum = path->options.momentum;
    options.nesterov = path->options.nesterov;
    options.weight_decay = path->options.weight_decay;
    memcpy(net->params[0].data, start.values, weights * sizeof(float));
    net->params[1].data[0] = start.values[weights];
    if (optimizer_create(&optimizer, net, &options, pool, &err) != OK)
        fail_msg("%s: %s", path->name, err.text);

    for (size_t step = 0; step < lr.count; step++) {
        /* lr is float32 in the fixture as in PyTorch's run, and used in double. */
        const float *gradient = gradients.values + step * values;
        optimizer_update(optimizer, 0, gradient, (double)lr.values[step]);
        optimizer_update(optimizer, 1, gradient + weights, (double)lr.values[step]);
        float *point = gradients.values + step * values; /* the gradient is used up: the point takes its place */
        memcpy(point, net->params[0].data, weights * sizeof(float));
        point[weights] = net->params[1].data[0];
        compare_tensor(&comparison, "path", point, values, wanted.values + step * values, values, TOLERANCE);
    }
    print_message("# %s: worst %.1e over %zu steps\n", path->name, comparison.worst, comparison.tensors);
    if (!compare_passed(&comparison))
        fail_msg("%s: %s", path->name, comparison.first_fault);
    optimizer_destroy(optimizer);
    net_destroy(net);
}

static void optimizers_follow_pytorch(void **state)
{
    (void)state;
    struct pool *pool;
    struct error err = {0};
    assert_int_equal(pool_create(&pool, 2, &err), OK);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        follow(&paths[i], pool);
    pool_destroy(pool);
}

static void schedules_follow_pytorch(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum schedule_kind kind;
    } schedules[] = {{"constant", SCHEDULE_CONSTANT},
                     {"constant_warm", SCHEDULE_CONSTANT},
                     {"step", SCHEDULE_STEP},
                     {"step_warm", SCHEDULE_STEP},
                     {"cosine", SCHEDULE_COSINE},
                     {"cosine_warm", SCHEDULE_COSINE},
                     {"cosine_one_step_warm", SCHEDULE_COSINE}};
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++) {
        const char *name = schedules[i].name;
        const float *o = fixture_get(fixture, "schedule.%s/options", name).values;
        struct fixture_tensor wanted = fixture_get(fixture, "schedule.%s/lr", name);
        struct schedule schedule = {.kind = schedules[i].kind,
                                    .lr = (double)o[0],
                                    .gamma = (double)o[1],
                                    .step_epochs = (size_t)o[2],
                                    .warmup = (double)o[3] / (double)o[5],
                                    .epochs = (size_t)o[4],
                                    .steps_per_epoch = (size_t)o[5]};
        assert_int_equal(wanted.count, schedule.epochs * schedule.steps_per_epoch);
        struct comparison comparison = {0};
        for (size_t s = 0; s < wanted.count; s++) {
            float found = (float)schedule_lr(&schedule, s / schedule.steps_per_epoch, s % schedule.steps_per_epoch);
            compare_tensor(&comparison, name, &found, 1, wanted.values + s, 1, TOLERANCE);
        }
        if (!compare_passed(&comparison))
            fail_msg("%s", comparison.first_fault);
    }
}

/* Every tensor of the file belongs to a path or a schedule above: 4 and 2 each. */
static void nothing_is_left_over(void **state)
{
    (void)state;
    assert_int_equal(fixture_count(fixture), 4 * sizeof paths / sizeof *paths + 2 * 7);
}

static int setup(void **state)
{
    (void)state;
    fixture = fixture_open("tests/fixtures/parity/optimizers.safetensors");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fixture_close(fixture);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(optimizers_follow_pytorch),
        cmocka_unit_test(schedules_follow_pytorch),
        cmocka_unit_test(nothing_is_left_over),
    };
    return cmocka_run_group_tests_name("parity of optimizers", tests, setup, teardown);
}
