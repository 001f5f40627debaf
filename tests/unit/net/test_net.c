/* Declarations, freezing, placement and the plan. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/freeze.h"
#include "core/net/init.h"
#include "core/net/place.h"
#include "core/net/plan.h"
#include "core/ops/cpu.h"
#include "models/mlp.h"
#include "models/resnet.h"

static struct net *resnet(const char *arch, size_t classes)
{
    struct net *net;
    struct error err;
    assert_int_equal(resnet_create(&net, arch, classes, &err), OK);
    return net;
}

static void parameters_are_torchvisions(void **state)
{
    (void)state;
    static const struct {
        const char *arch;
        size_t learnable, tensors;
    } rows[] = {/* sum(p.numel() for p in model.parameters()), len(model.state_dict()) of torchvision's models */
                {"resnet18", 11689512, 122},
                {"resnet34", 21797672, 218},
                {"resnet50", 25557032, 320},
                {"resnet101", 44549160, 626},
                {"resnet152", 60192808, 932}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net *net = resnet(rows[i].arch, 1000);
        size_t learnable = 0;
        for (size_t p = 0; p < net->params_count; p++)
            learnable += net->params[p].learnable ? net->params[p].count : 0;
        assert_int_equal(learnable, rows[i].learnable);
        assert_int_equal(net->params_count, rows[i].tensors);
        assert_int_equal(net->children, 10);
        net_destroy(net);
    }
}

static void freeze_until_reads_numbers_and_names(void **state)
{
    (void)state;
    struct net *net = resnet("resnet18", 3);
    static const struct {
        const char *text;
        enum status status;
        int until;
    } rows[] = {{"0", OK, 0},          {"6", OK, 6},
                {"9", OK, 9},          {"layer2", OK, 6},
                {"avgpool", OK, 9},    {"10", ERR_USAGE, 0},
                {"fc", ERR_USAGE, 0},  {"11", ERR_USAGE, 0},
                {"-1", ERR_USAGE, 0},  {"6x", ERR_USAGE, 0},
                {"", ERR_USAGE, 0},    {"layer5", ERR_USAGE, 0},
                {"6.0", ERR_USAGE, 0}, {"Layer2", ERR_USAGE, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        int until = 99;
        assert_int_equal(freeze_parse(&until, net, rows[i].text, &err), rows[i].status);
        assert_int_equal(until, rows[i].status == OK ? rows[i].until : 99);
        assert_null(strchr(err.text, '\n'));
    }
    net_destroy(net);
}

static void freezing_marks_children(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    for (int until = 0; until <= 9; until++) {
        struct freeze freeze = {until, BN_EVAL, BN_BATCH};
        freeze_apply(net, &freeze);
        for (size_t i = 0; i < net->params_count; i++)
            assert_int_equal(net->params[i].trainable, net->params[i].learnable && net->params[i].child > until);
    }
    net_destroy(net);
}

/* What runs folded for each N, named by the operator behind the cut. */
static void the_cut_lies_where_a_single_value_crosses(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    static const char *const next[] = {"conv1.weight",
                                       "conv1.weight",
                                       "layer1.0.conv1.weight",
                                       "layer1.0.conv1.weight",
                                       "layer1.0.conv1.weight",
                                       "layer2.0.conv1.weight",
                                       "layer3.0.conv1.weight",
                                       "layer4.0.conv1.weight",
                                       "fc.weight",
                                       "fc.weight"};
    for (int until = 0; until <= 9; until++) {
        struct freeze freeze = {until, BN_EVAL, BN_BATCH};
        size_t cut = freeze_cut(net, &freeze);
        assert_string_equal(net->params[net->ops[cut].param].name, next[until]);
        freeze.bn_frozen = BN_BATCH; /* batch statistics: nothing is a constant but conv1 alone, which stays with bn1 */
        assert_int_equal(freeze_cut(net, &freeze), 0);
    }
    net_destroy(net);
}

static void placed_buffers_never_meet(void **state)
{
    (void)state;
    struct rng rng = rng_stream(3, RNG_TEST, 0, 0);
    for (int round = 0; round < 50; round++) {
        struct placed buffers[40];
        size_t total, sum = 0;
        struct error err;
        for (size_t i = 0; i < 40; i++) {
            size_t start = rng_below(&rng, 60);
            buffers[i] =
                (struct placed){.size = 1 + rng_below(&rng, 1000), .start = start, .end = start + rng_below(&rng, 12)};
        }
        assert_int_equal(place(buffers, 40, 16, &total, &err), OK);
        for (size_t i = 0; i < 40; i++) {
            sum += buffers[i].size;
            assert_int_equal(buffers[i].offset % 16, 0);
            assert_true(buffers[i].offset + buffers[i].size <= total);
            for (size_t j = 0; j < i; j++) {
                bool together = buffers[i].start <= buffers[j].end && buffers[j].start <= buffers[i].end;
                bool overlap = buffers[i].offset < buffers[j].offset + buffers[j].size &&
                               buffers[j].offset < buffers[i].offset + buffers[i].size;
                assert_false(together && overlap);
            }
        }
        assert_true(total < sum * 3 / 4); /* lifetimes of a tenth of the time: places must be shared */
    }
}

static struct plan *plan_of(struct net *net, struct plan_options options)
{
    struct plan *plan;
    struct error err = {0};
    freeze_apply(net, &options.freeze);
    if (plan_create(&plan, net, &options, &err) != OK)
        fail_msg("%s", err.text);
    return plan;
}

static void the_work_is_that_of_resnet50(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    struct plan_options options = {.train = true, .batch = 16, .height = 224, .width = 224, .threads = 1};
    /* GFLOP of a whole step: forward 8.18; 24.3 at freeze 0, 16.9 at 6, 11.0 at 7 (from the layers' shapes). */
    static const struct {
        int until;
        double step;
    } rows[] = {{0, 24.3}, {6, 16.9}, {7, 11.0}, {9, 8.18}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        options.freeze = (struct freeze){rows[i].until, BN_EVAL, BN_BATCH};
        struct plan *plan = plan_of(net, options);
        double forward = (plan->flops_prefix + plan->flops_suffix) / 1e9;
        assert_true(forward > 8.17 && forward < 8.19);
        double step = forward + plan->flops_backward / 1e9;
        assert_true(step > rows[i].step - 0.06 && step < rows[i].step + 0.06);
        plan_destroy(plan);
    }
    net_destroy(net);
}

/* Winograd makes 36 multiplications where the definition makes 144, and 25 where it makes 81 (a tile of 3x3 outputs):
 * of the forward pass 3.01 of 8.18 GFLOP are 3x3 of stride 1, of which 0.80 are left. */
static void kernels_know_what_they_really_do(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    struct plan_options options = {.batch = 16, .height = 224, .width = 224, .threads = 1};
    struct plan *fast = plan_of(net, options);
    assert_true(fast->work > 5.96e9 && fast->work < 5.97e9);
    options.conv = CONV_EXACT;
    struct plan *exact = plan_of(net, options);
    assert_true(fabs(exact->work - exact->flops_prefix) < 1);
    options.train = true;
    struct plan *step = plan_of(net, options);
    assert_true(fabs(step->work - (step->flops_prefix + step->flops_suffix + step->flops_backward)) < 1);
    plan_destroy(fast);
    plan_destroy(exact);
    plan_destroy(step);
    net_destroy(net);
}

/* Below the freeze line no gradient and no kept activation: memory falls with every frozen layer, and the prefix costs
 * memory by threads, not by the batch. */
static void frozen_children_cost_no_memory(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    struct plan_options options = {.train = true, .batch = 16, .height = 224, .width = 224, .threads = 1};
    size_t before = SIZE_MAX, bytes[10];
    static const int untils[] = {0, 5, 6, 7, 8};
    for (size_t i = 0; i < 5; i++) {
        options.freeze = (struct freeze){untils[i], BN_EVAL, BN_BATCH};
        struct plan *plan = plan_of(net, options);
        for (size_t t = 0; t < plan->program->tensors_count; t++)
            for (size_t s = 0; s < plan->program->folded_steps; s++)
                assert_false(plan->program->steps[s].out == (int)t && plan->tensors[t].has_gradient);
        bytes[i] = plan->arena_floats;
        assert_true(bytes[i] < before * 4 / 5);
        before = bytes[i];
        plan_destroy(plan);
    }
    /* 15.6 MB of kept activations an image at freeze 6, and what backward needs at once. */
    assert_true(bytes[2] * sizeof(float) < (size_t)16 * 18000000);
    /* One image's features at the cut in any number: the prefix adds nothing. */
    assert_true(bytes[4] * sizeof(float) < (size_t)16 * 12000000);
    net_destroy(net);
}

/* The sums of residual blocks are given up in forward and recomputed in backward, from operands that are kept. */
static void backward_makes_sums_again(void **state)
{
    (void)state;
    struct net *net = resnet("resnet50", 1000);
    struct plan_options options = {.train = true, .batch = 16, .height = 224, .width = 224, .threads = 1};
    struct plan *plan = plan_of(net, options);
    size_t remade = 0, floats = 0, kept = 0;
    for (size_t i = 0; i < plan->program->steps_count; i++) {
        const struct fused_op *fused = &plan->program->steps[i];
        const struct plan_tensor *out = &plan->tensors[fused->out];
        remade += out->remade;
        floats += out->remade ? out->values : 0;
        kept += out->remade ? 0 : out->values;
        if (!out->remade)
            continue;
        assert_int_equal(fused->kind, OP_ADD);
        assert_false(plan->tensors[fused->in.tensor].remade || plan->tensors[fused->residual.tensor].remade);
    }
    assert_int_equal(remade, 9); /* of blocks 1 and 3 of 3, 1 and 3 of 4, 1, 3 and 5 of 6, 1 and 3 of 3 */
    assert_true(floats * sizeof(float) > 12800000 && floats * sizeof(float) < 13000000);
    /* What backward needs besides at any moment is small beside what is kept. */
    assert_true(plan->arena_floats < (kept + plan->tensors[0].values) * 16 * 103 / 100);
    plan_destroy(plan);
    net_destroy(net);
}

/* A folded block's output lies where its residual did; features keep their place. */
static void folded_blocks_take_over_a_place(void **state)
{
    (void)state;
    struct net *net = resnet("resnet18", 1000);
    struct freeze freeze = {.until = 4};
    struct plan_options options = {.batch = 4, .height = 224, .width = 224, .threads = 1};
    size_t taken[2] = {0, 0};
    for (size_t i = 0; i < 2; i++) {
        options.cut = i ? freeze_cut(net, &freeze) : 0;
        struct plan *plan = plan_of(net, options);
        for (size_t s = 0; s < plan->program->steps_count; s++) {
            const struct fused_op *fused = &plan->program->steps[s];
            const struct plan_tensor *out = &plan->tensors[fused->out];
            taken[i] += out->place_of >= 0;
            if (out->place_of < 0)
                continue;
            assert_int_equal(out->place_of, fused->residual.tensor);
            assert_int_equal(plan->tensors[out->place_of].offset, out->offset);
            assert_false(i && out->place_of == plan->cut.tensor);
        }
        plan_destroy(plan);
    }
    /* Of 8 blocks all but the one whose input is depth-first and whose output is not, and, where BLAS makes 1x1
     * products, the three that end with one; with a cut not the one whose residual is the features. */
    assert_int_equal(taken[0], cpu_set_get() != CPU_PLAIN ? 7 : 4);
    assert_int_equal(taken[1], taken[0] - 1);
    net_destroy(net);
}

static void hopeless_plans_are_refused(void **state)
{
    (void)state;
    struct net *net = resnet("resnet18", 2);
    struct plan *plan = NULL;
    struct error err = {0};
    struct plan_options options = {.train = true, .batch = 1, .height = 32, .width = 32, .threads = 1};
    freeze_apply(net, &options.freeze);
    options.freeze.bn_trained = BN_BATCH;
    assert_int_equal(plan_create(&plan, net, &options, &err), OK);
    assert_true(plan_batch_too_small(plan, 1));
    assert_false(plan_batch_too_small(plan, 2));
    plan_destroy(plan);
    plan = NULL;
    options.batch = (size_t)1 << 50;
    assert_int_equal(plan_create(&plan, net, &options, &err), ERR_SYSTEM);
    assert_null(plan);
    options.batch = 1;
    options.precision = PRECISION_BF16;
    options.conv = CONV_IM2COL;
    assert_int_equal(plan_create(&plan, net, &options, &err), ERR_USAGE);
    assert_null(plan);
    net_destroy(net);
}

static void initial_weights_have_pytorchs_spread(void **state)
{
    (void)state;
    struct net *net = resnet("resnet18", 1000);
    net_init(net, 5);
    const struct param *conv = &net->params[net_param_find(net, "layer2.0.conv1.weight")];
    const struct param *fc = &net->params[net_param_find(net, "fc.weight")];
    double squares = 0, largest = 0;
    for (size_t i = 0; i < conv->count; i++)
        squares += (double)conv->data[i] * (double)conv->data[i];
    double std = sqrt(squares / (double)conv->count), expected = sqrt(2.0 / (128 * 9));
    assert_true(std > expected * 0.98 && std < expected * 1.02);
    for (size_t i = 0; i < fc->count; i++)
        largest = fabs((double)fc->data[i]) > largest ? fabs((double)fc->data[i]) : largest;
    assert_true(largest <= 1 / sqrt(512) && largest > 0.999 / sqrt(512));
    /* A parameter's values do not depend on the others. */
    float first = fc->data[0];
    param_init(net, (size_t)net_param_find(net, "fc.weight"), 5);
    assert_true(first == fc->data[0]);
    net_destroy(net);
}

static void layouts_turn_back(void **state)
{
    (void)state;
    struct net *net = resnet("resnet18", 2);
    struct param *param = &net->params[0]; /* conv1 [64,3,7,7] */
    float *torch = test_malloc(param->count * sizeof(float)), *back = test_malloc(param->count * sizeof(float));
    for (size_t i = 0; i < param->count; i++)
        torch[i] = (float)i;
    param_from_torch(param, torch);
    assert_true(param->data[((5 * 7 + 2) * 7 + 3) * 3 + 1] == torch[((5 * 3 + 1) * 7 + 2) * 7 + 3]);
    param_to_torch(back, param);
    assert_memory_equal(back, torch, param->count * sizeof(float));
    test_free(torch);
    test_free(back);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_are_torchvisions),
        cmocka_unit_test(freeze_until_reads_numbers_and_names),
        cmocka_unit_test(freezing_marks_children),
        cmocka_unit_test(the_cut_lies_where_a_single_value_crosses),
        cmocka_unit_test(placed_buffers_never_meet),
        cmocka_unit_test(the_work_is_that_of_resnet50),
        cmocka_unit_test(kernels_know_what_they_really_do),
        cmocka_unit_test(frozen_children_cost_no_memory),
        cmocka_unit_test(backward_makes_sums_again),
        cmocka_unit_test(folded_blocks_take_over_a_place),
        cmocka_unit_test(hopeless_plans_are_refused),
        cmocka_unit_test(initial_weights_have_pytorchs_spread),
        cmocka_unit_test(layouts_turn_back),
    };
    return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
