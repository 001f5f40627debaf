/* What is left of the exchange after backward: ends that are known, and the rows of docs/several-machines.md. */
#include "tests/support/test.h"

#include "core/train/exchange_time.h"
#include "models/resnet.h"

static double left_at(int until, double backward, double moving)
{
    struct error err;
    struct net *net;
    struct plan *plan;
    const struct plan_options options = {
        .train = true, .batch = 2, .height = 64, .width = 64, .threads = 1, .freeze = {.until = until}};
    assert_int_equal(resnet_create(&net, "resnet50", 10, &err), OK);
    freeze_apply(net, &options.freeze);
    assert_int_equal(plan_create(&plan, net, &options, &err), OK);
    double left = exchange_seconds_left(plan, backward, moving);
    plan_destroy(plan);
    net_destroy(net);
    return left;
}

/* The gradient of the only layer that trains is complete at the end. */
static void a_head_alone_is_exchanged_after_backward(void **state)
{
    (void)state;
    for (int until = 8; until <= 9; until++)
        assert_float_equal(left_at(until, 5, 0.25), 0.25, 1e-9);
}

static void a_pass_or_an_exchange_without_time(void **state)
{
    (void)state;
    for (int until = 0; until < 9; until += 3) {
        assert_float_equal(left_at(until, 0, 0.5), 0.5, 1e-9);
        assert_float_equal(left_at(until, 0.5, 0), 0, 1e-9);
    }
}

/* At freeze 6 the two thirds of the bytes that are layer4's leave while layer3 is computed. What a short exchange has
 * left is the first block of layer3, whose gradients come last. */
static void much_hides_behind_the_layers_before_it(void **state)
{
    (void)state;
    double before = 0;
    for (double moving = 0.25; moving < 4; moving *= 2) {
        double left = left_at(6, 1, moving);
        assert_true(left > before && left >= moving - 1 && left < 0.9 * moving);
        before = left;
    }
    assert_true(left_at(6, 1, 2) < 1.1);
    assert_true(left_at(6, 1, 0.1) < 0.01);
    assert_true(left_at(0, 1, 0.5) < 0.01); /* conv1 and layer1 are a hundredth of the bytes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_alone_is_exchanged_after_backward),
        cmocka_unit_test(a_pass_or_an_exchange_without_time),
        cmocka_unit_test(much_hides_behind_the_layers_before_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
