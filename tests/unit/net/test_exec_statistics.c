/* Running statistics that are kept apart and moved later: the same bits as those that each pass moves, in the order in
 * which they are moved. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/net/exec.h"
#include "models/resnet.h"
#include "tests/support/small_net.h"

enum { IMAGES = 3, SIDE = 45, PASSES = 3, VALUES = IMAGES * SIDE * SIDE * 3 };

static float x[PASSES][VALUES];

struct trial {
    struct net *net;
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
};

static void begin(struct trial *t, struct freeze freeze)
{
    static const struct resnet_shape shape = {"tiny50", true, {2, 1, 1, 1}, 8};
    const struct plan_options options = {
        .train = true, .batch = IMAGES, .height = SIDE, .width = SIDE, .freeze = freeze, .threads = 2};
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&t->net, &shape, 5, &err), OK);
    small_net_randomise(t->net, 11);
    freeze_apply(t->net, &options.freeze);
    assert_int_equal(pool_create(&t->pool, 2, &err), OK);
    assert_int_equal(plan_create(&t->plan, t->net, &options, &err), OK);
    assert_int_equal(exec_create(&t->exec, t->plan, NULL, t->pool, NULL, &err), OK);
}

static void end(struct trial *t)
{
    exec_destroy(t->exec);
    plan_destroy(t->plan);
    pool_destroy(t->pool);
    net_destroy(t->net);
}

static void assert_same_net(const struct net *a, const struct net *b)
{
    for (size_t i = 0; i < a->params_count; i++) {
        small_net_assert_same(&a->params[i], &b->params[i]);
        assert_true(a->params[i].batches == b->params[i].batches);
    }
}

/* Frozen layers with batch statistics move theirs too; a network without any in batch mode has none to keep. */
static void kept_statistics_move_what_passes_would_have_moved(void **state)
{
    (void)state;
    static const struct freeze freezes[] = {{.until = 0, .bn_trained = BN_BATCH},
                                            {.until = 6, .bn_trained = BN_BATCH},
                                            {.until = 7, .bn_frozen = BN_BATCH},
                                            {.until = 6, .bn_trained = BN_EVAL}};
    for (size_t f = 0; f < sizeof freezes / sizeof *freezes; f++) {
        struct trial moved, kept, other;
        begin(&moved, freezes[f]);
        begin(&kept, freezes[f]);
        begin(&other, freezes[f]);
        size_t count = exec_statistics_count(kept.plan);
        assert_int_equal(count == 0, freezes[f].bn_trained == BN_EVAL && freezes[f].bn_frozen == BN_EVAL);
        double *statistics = calloc(PASSES * count + 1, sizeof *statistics);
        for (int i = 0; i < PASSES; i++)
            exec_forward(moved.exec, x[i], IMAGES);
        for (int i = PASSES - 1; i >= 0; i--) { /* as processes would: in any order of time */
            exec_keep_statistics(kept.exec, statistics + (size_t)i * count);
            exec_forward(kept.exec, x[i], IMAGES);
        }
        assert_same_net(kept.net, other.net);
        exec_keep_statistics(kept.exec, NULL);
        for (int i = 0; i < PASSES; i++)
            exec_move_statistics(kept.exec, statistics + (size_t)i * count);
        assert_same_net(kept.net, moved.net);
        exec_forward(kept.exec, x[0], IMAGES);
        exec_forward(moved.exec, x[0], IMAGES);
        assert_same_net(kept.net, moved.net);
        free(statistics);
        end(&other);
        end(&kept);
        end(&moved);
    }
}

int main(void)
{
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    for (int i = 0; i < PASSES; i++)
        for (size_t j = 0; j < VALUES; j++)
            x[i][j] = (float)(rng_normal(&rng) + i);
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_statistics_move_what_passes_would_have_moved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
