/* Weights that are prepared once give the bytes of those that each pass prepares, and no pass needs room for them. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/rng.h"
#include "core/net/exec.h"
#include "tests/support/small_net.h"

enum { IMAGES = 3, SIZE = 45, LOGITS = IMAGES * SMALL_NET_CLASSES };

static void run(float *logits, const struct plan *plan, const float *x)
{
    struct pool *pool;
    struct exec *exec;
    struct error err = {0};
    assert_int_equal(pool_create(&pool, 1, &err), OK);
    assert_int_equal(exec_create(&exec, plan, NULL, pool, NULL, &err), OK);
    memcpy(logits, exec_forward(exec, x, IMAGES), LOGITS * sizeof(float));
    exec_destroy(exec);
    pool_destroy(pool);
}

static void check_plan(const struct plan *plan, bool keep)
{
    size_t kept = 0, made = 0, room = 0;
    for (size_t i = 0; i < plan->program->steps_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        size_t wants = step->kernel ? step->kernel->prepared_size(&step->shape) : 0;
        kept += step->prepared.floats > 0;
        made += wants > 0 && !step->kernel->prepare_optional && step->prepared.floats == 0;
        if (wants > 0 && !step->kernel->prepare_optional && room < wants)
            room = wants;
    }
    assert_true(keep ? kept > 0 && made == 0 : made > 0);
    assert_true(keep || plan->scratch.tiles.floats > room); /* made in front of the tiles */
}

static void kept_weights_change_no_byte(void **state)
{
    (void)state;
    float x[IMAGES * SIZE * SIZE * 3], logits[2][LOGITS];
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)rng_normal(&rng);
    struct net *net = small_net_make(SMALL_NET_CLASSES, 11);
    small_net_randomise(net, 11);
    for (int precision = 0; precision < PRECISIONS; precision++) {
        for (int keep = 0; keep < 2; keep++) {
            const struct plan_options options = {.precision = (enum precision)precision,
                                                 .keep_prepared = keep == 1,
                                                 .batch = IMAGES,
                                                 .height = SIZE,
                                                 .width = SIZE,
                                                 .threads = 1};
            struct error err = {0};
            struct plan *plan;
            assert_int_equal(plan_create(&plan, net, &options, &err), OK);
            check_plan(plan, keep == 1);
            run(logits[keep], plan, x);
            plan_destroy(plan);
        }
        assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    }
    net_destroy(net);
}

static void turn(const struct param *param)
{
    for (size_t i = 0; i < param->count; i++)
        param->data[i] = -param->data[i];
}

/* Of the weights that are kept those that train have changed, and no others: a frozen one that did is not looked at. */
static void what_trains_is_prepared_anew(void **state)
{
    (void)state;
    static float x[IMAGES * SIZE * SIZE * 3];
    const struct freeze freeze = {.until = 7, .bn_trained = BN_BATCH};
    const struct plan_options options = {
        .keep_prepared = true, .batch = IMAGES, .height = SIZE, .width = SIZE, .threads = 1};
    float before[LOGITS], after[LOGITS], fresh[LOGITS];
    struct error err = {0};
    struct plan *plan;
    struct pool *pool;
    struct exec *exec;
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)(i % 7) / 4 - 1;
    struct net *net = small_net_make(SMALL_NET_CLASSES, 11);
    small_net_randomise(net, 11);
    assert_int_equal(plan_create(&plan, net, &options, &err), OK);
    assert_int_equal(pool_create(&pool, 1, &err), OK);
    assert_int_equal(exec_create(&exec, plan, NULL, pool, NULL, &err), OK);
    freeze_apply(net, &freeze);
    const struct param *frozen = &net->params[net_param_find(net, "layer1.0.conv1.weight")];
    const struct param *trained = &net->params[net_param_find(net, "layer4.0.conv1.weight")];
    memcpy(before, exec_forward(exec, x, IMAGES), sizeof before);
    turn(frozen);
    exec_refold_trained(exec);
    assert_memory_equal(exec_forward(exec, x, IMAGES), before, sizeof before);
    turn(frozen);
    turn(trained);
    exec_refold_trained(exec);
    memcpy(after, exec_forward(exec, x, IMAGES), sizeof after);
    run(fresh, plan, x);
    assert_memory_not_equal(after, before, sizeof after);
    assert_memory_equal(after, fresh, sizeof after);
    exec_destroy(exec);
    pool_destroy(pool);
    plan_destroy(plan);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_weights_change_no_byte),
                                       cmocka_unit_test(what_trains_is_prepared_anew)};
    return cmocka_run_group_tests_name("kept weights", tests, NULL, NULL);
}
