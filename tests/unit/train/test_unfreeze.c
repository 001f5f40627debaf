/* Staged unfreezing and the rates of children. What they do to a training is compared with PyTorch's in test_parity. */
#include "tests/support/test.h"

#include <string.h>

#include "core/net/freeze.h"
#include "core/train/rates.h"
#include "core/train/unfreeze.h"
#include "models/resnet.h"

static struct net *resnet(void)
{
    struct net *net;
    struct error err;
    assert_int_equal(resnet_create(&net, "resnet18", 3, &err), OK);
    return net;
}

/* Ten epochs; texts up to the first NULL. */
struct wish {
    int freeze_until;
    size_t head_first;
    const char *texts[4];
    const char *error; /* a part of it */
    int wanted[10];    /* the freeze point of each epoch */
};

static enum status parse(int *first, struct unfreezing *out, const struct net *net, const struct wish *wish,
                         struct error *err)
{
    struct unfreezing_options options = {
        .freeze_until = wish->freeze_until, .head_first = wish->head_first, .unfreeze_at = wish->texts, .epochs = 10};
    while (options.count < 4 && wish->texts[options.count])
        options.count++;
    return unfreezing_parse(first, out, net, &options, err);
}

static void every_epoch_has_its_freeze_point(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        {6, 0, {NULL}, NULL, {6, 6, 6, 6, 6, 6, 6, 6, 6, 6}},
        {8, 0, {"3:6"}, NULL, {8, 8, 6, 6, 6, 6, 6, 6, 6, 6}},
        {8, 0, {"6:4", "2:layer3", "10:0"}, NULL, {8, 7, 7, 7, 7, 4, 4, 4, 4, 0}},
        {6, 2, {NULL}, NULL, {9, 9, 6, 6, 6, 6, 6, 6, 6, 6}},
        {6, 2, {"4:layer1"}, NULL, {9, 9, 6, 5, 5, 5, 5, 5, 5, 5}},
        {9, 3, {NULL}, NULL, {9, 9, 9, 9, 9, 9, 9, 9, 9, 9}},
        {9, 3, {"4:8"}, NULL, {9, 9, 9, 8, 8, 8, 8, 8, 8, 8}},
    };
    struct net *net = resnet();
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        int first;
        struct unfreezing unfreezing;
        struct error err;
        if (parse(&first, &unfreezing, net, &wishes[i], &err) != OK)
            fail_msg("row %zu: %s", i, err.text);
        for (size_t epoch = 0; epoch < 10; epoch++)
            assert_int_equal(unfreezing_until(&unfreezing, first, epoch), wishes[i].wanted[epoch]);
    }
    net_destroy(net);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct wish wishes[] = {
        {8, 0, {"0:6"}, "--unfreeze-at 0:6: the epoch must be from 2 to --epochs (10)", {0}},
        {8, 0, {"1:6"}, "--unfreeze-at 1:6: the epoch must be from 2", {0}},
        {8, 0, {"11:6"}, "--unfreeze-at 11:6: the epoch must be from 2", {0}},
        {8, 0, {"-3:6"}, "the epoch must be from 2", {0}},
        {8, 0, {"99999999999999999999:6"}, "'99999999999999999999' is not an epoch", {0}},
        {8, 0, {"999999999999999999999999999999:6"}, "must be EPOCH:N", {0}},
        {8, 0, {"x:6"}, "--unfreeze-at x:6: 'x' is not an epoch; must be EPOCH:N, such as 3:8", {0}},
        {8, 0, {"3"}, "--unfreeze-at 3: must be EPOCH:N", {0}},
        {8, 0, {":3"}, "must be EPOCH:N", {0}},
        {8, 0, {"3:"}, "--unfreeze-at 3:: not a number", {0}},
        {8, 0, {"3:6:4"}, "--unfreeze-at 3:6:4: not a number", {0}},
        {8, 0, {"3:layer9"}, "--unfreeze-at 3:layer9: not a number and not a child", {0}},
        {8, 0, {"3:-1"}, "--unfreeze-at 3:-1: resnet18 has 10 children, so this must be 0 to 9", {0}},
        {8, 0, {"3:11"}, "must be 0 to 9", {0}},
        {8, 0, {"3:10"}, "--unfreeze-at 3:10: that freezes all 10 children", {0}},
        {6, 0, {"3:8"}, "--unfreeze-at 3:8: before that epoch children 1 to 6 are frozen", {0}},
        {6, 0, {"3:6"}, "N must be below 6", {0}},
        {8, 0, {"5:4", "7:6"}, "--unfreeze-at 7:6: before that epoch children 1 to 4", {0}},
        {8, 0, {"5:4", "5:2"}, "--unfreeze-at 5:2: epoch 5 already has another freeze point, 4", {0}},
        {6, 10, {NULL}, "--head-first 10: must be less than --epochs (10)", {0}},
        {6, 3, {"3:4"}, "--unfreeze-at 3:4: the head trains alone until epoch 3", {0}},
        {6, 3, {"4:4"}, "epoch 4 already has another freeze point, 6", {0}},
    };
    struct net *net = resnet();
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        int first = -7;
        struct unfreezing unfreezing = {.count = 77};
        struct error err;
        assert_int_equal(parse(&first, &unfreezing, net, &wishes[i], &err), ERR_USAGE);
        if (!strstr(err.text, wishes[i].error))
            fail_msg("row %zu: %s", i, err.text);
        assert_int_equal(first, -7);
        assert_int_equal(unfreezing.count, 77);
    }
    net_destroy(net);
}

/* More steps than a network can have freeze points. */
static void a_long_list_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"2:9",  "3:8",  "4:7",  "5:6",  "6:5",  "7:4",  "8:3",  "9:2", "10:1",
                                        "11:0", "12:0", "13:0", "14:0", "15:0", "16:0", "17:0", "18:0"};
    struct unfreezing_options options = {
        .freeze_until = 9, .unfreeze_at = texts, .count = sizeof texts / sizeof *texts, .epochs = 20};
    struct net *net = resnet();
    struct unfreezing unfreezing;
    struct error err;
    int first;
    assert_int_equal(unfreezing_parse(&first, &unfreezing, net, &options, &err), ERR_USAGE);
    net_destroy(net);
}

static void a_childs_rate_counts_those_with_parameters_behind_it(void **state)
{
    (void)state;
    static const double wanted[] = {0.015625, 0.03125, 0, 0, 0.0625, 0.125, 0.25, 0.5, 0, 3};
    const struct child_rates rates = {.decay = 0.5, .head = 3}, none = {0};
    struct net *net = resnet();
    for (int child = 1; child <= 10; child++) {
        assert_true(rates_child(&rates, net, child) == wanted[child - 1]);
        assert_true(rates_child(&none, net, child) == (wanted[child - 1] > 0 ? 1 : 0));
    }
    net_destroy(net);
}

/* A rate of r and an lr of 0.5 are an lr of r * 0.5, to the bit,
 * whether a parameter is there from the start or later. */
static void a_rate_is_an_lr_of_its_own(void **state)
{
    (void)state;
    static const struct optimizer_options kinds[] = {
        {.kind = OPTIMIZER_SGD, .momentum = 0.9, .weight_decay = 0.1},
        {.kind = OPTIMIZER_ADAM, .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8},
        {.kind = OPTIMIZER_ADAMW, .weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8}};
    const struct child_rates rates = {.decay = 0.3, .head = 7};
    struct pool *pool;
    struct error err;
    assert_int_equal(pool_create(&pool, 1, &err), OK);
    for (size_t k = 0; k < 3; k++) {
        struct net *a = resnet(), *b = resnet();
        struct optimizer *one, *other;
        freeze_apply(a, &(struct freeze){.until = 9});
        freeze_apply(b, &(struct freeze){.until = 9});
        assert_int_equal(optimizer_create(&one, a, &kinds[k], pool, &err), OK);
        assert_int_equal(optimizer_create(&other, b, &kinds[k], pool, &err), OK);
        rates_apply(&rates, a, one);
        freeze_apply(a, &(struct freeze){.until = 7});
        freeze_apply(b, &(struct freeze){.until = 7});
        assert_int_equal(optimizer_add_trainable(one, &err), OK);
        assert_int_equal(optimizer_add_trainable(other, &err), OK);
        size_t compared = 0;
        for (size_t i = 0; i < a->params_count; i++) {
            const struct param *param = &a->params[i];
            if (!param->trainable)
                continue;
            for (size_t j = 0; j < param->count; j++)
                a->params[i].data[j] = b->params[i].data[j] = (float)(j % 7) - 3;
            for (int step = 0; step < 2; step++) {
                optimizer_update(one, i, param->data, 0.5);
                optimizer_update(other, i, b->params[i].data, 0.5 * (param->child == 10 ? 7 : 0.3));
            }
            assert_memory_equal(param->data, b->params[i].data, param->count * sizeof(float));
            compared++;
        }
        assert_int_equal(compared, 15 + 2); /* layer4 and fc */
        optimizer_destroy(one);
        optimizer_destroy(other);
        net_destroy(a);
        net_destroy(b);
    }
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_epoch_has_its_freeze_point),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(a_long_list_is_refused),
        cmocka_unit_test(a_childs_rate_counts_those_with_parameters_behind_it),
        cmocka_unit_test(a_rate_is_an_lr_of_its_own),
    };
    return cmocka_run_group_tests_name("unfreezing", tests, NULL, NULL);
}
