/* Features of the frozen prefix: the same bytes whatever the batch, the place in it, the plan and the threads, and the
 * rest of the network goes on from them as if it had seen the pixels. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/freeze.h"
#include "core/net/init.h"
#include "core/net/exec.h"
#include "core/ops/loss.h"
#include "models/resnet.h"
#include "tests/support/narrow.h"

/* At 93 pixels the depth-first part reaches into layer1, so that some cuts lie within it and some behind it. */
enum { PHOTOS = 5, SIZE = 93, CLASSES = 5, VALUES = SIZE * SIZE * 3, CHILDREN = 10 };

static const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
static const struct resnet_shape bottlenecks = {"tiny50", true, {2, 1, 1, 1}, 8};
static const struct resnet_shape basics = {"tiny18", false, {1, 2, 1, 1}, 24};

struct world {
    struct net *net;
    struct pool *pools[2]; /* of one thread and of three */
    uint8_t *pixels;       /* [PHOTOS] */
};

static struct world world_create(const struct resnet_shape *shape)
{
    struct world world;
    struct error err = {0};
    assert_int_equal(resnet_create_shape(&world.net, shape, CLASSES, &err), OK);
    net_init(world.net, 3);
    assert_int_equal(pool_create(&world.pools[0], 1, &err), OK);
    assert_int_equal(pool_create(&world.pools[1], 3, &err), OK);
    world.pixels = malloc(PHOTOS * VALUES);
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < PHOTOS * VALUES; i++)
        world.pixels[i] = (uint8_t)rng_below(&rng, 256);
    return world;
}

static void world_destroy(struct world *world)
{
    net_destroy(world->net);
    pool_destroy(world->pools[0]);
    pool_destroy(world->pools[1]);
    free(world->pixels);
}

/* A plan and its run, closed together. */
struct machine {
    struct plan *plan;
    struct exec *exec;
};

static struct machine machine_create(const struct world *world, struct plan_options options, size_t threads)
{
    struct machine machine;
    struct error err = {0};
    struct pool *pool = world->pools[threads > 1];
    options.height = options.width = SIZE;
    options.threads = pool_threads(pool);
    freeze_apply(world->net, &options.freeze);
    if (plan_create(&machine.plan, world->net, &options, &err) != OK)
        fail_msg("%s", err.text);
    assert_int_equal(exec_create(&machine.exec, machine.plan, &normalise, pool, NULL, &err), OK);
    return machine;
}

static void machine_destroy(struct machine *machine)
{
    exec_destroy(machine->exec);
    plan_destroy(machine->plan);
}

/* How convolutions are computed and maps stored. */
struct way {
    enum conv_engine conv;
    enum precision precision;
};

/* BLAS has no products of bfloat16. */
static const struct way ways[] = {{CONV_FAST, PRECISION_F32},
                                  {CONV_EXACT, PRECISION_BF16},
                                  {CONV_EXACT, PRECISION_F32},
                                  {CONV_FAST, PRECISION_BF16},
                                  {CONV_IM2COL, PRECISION_F32}};
enum { WAYS = sizeof ways / sizeof *ways };

/* A test that goes through depths goes through ways as well. */
static struct way way_in_turn(int depth)
{
    return ways[depth % WAYS];
}

static size_t bytes_of(const struct plan_cut *cut)
{
    return cut->values * precision_size(cut->precision);
}

static struct freeze freeze_until(int until)
{
    return (struct freeze){until, BN_EVAL, BN_BATCH};
}

/* features[PHOTOS] of each photo by itself, by the training plan on one thread. Returns the bytes of one. */
static size_t features_alone(char **out, const struct world *world, int until, struct way way)
{
    struct machine machine = machine_create(
        world,
        (struct plan_options){
            .train = true, .batch = 1, .freeze = freeze_until(until), .conv = way.conv, .precision = way.precision},
        1);
    size_t entry = bytes_of(&machine.plan->cut);
    assert_true(entry > 0);
    /* What crosses a cut behind the average pooling is float32. */
    assert_int_equal(machine.plan->cut.precision, until < 8 ? way.precision : PRECISION_F32);
    assert_int_equal(
        machine.plan->cut.precision,
        plan_precision_at(world->net, freeze_cut(world->net, &machine.plan->options.freeze), way.precision));
    *out = malloc(PHOTOS * entry);
    for (size_t i = 0; i < PHOTOS; i++) {
        exec_features(machine.exec, world->pixels + i * VALUES, 1);
        memcpy(*out + i * entry, exec_features_place(machine.exec), entry);
    }
    machine_destroy(&machine);
    return entry;
}

/* Batches of `count` photos, the first being photo `first`, round and round. */
static void check_batch(const struct world *world, const struct machine *machine, const char *alone, size_t entry,
                        size_t first, size_t count)
{
    uint8_t *pixels = malloc(count * VALUES);
    for (size_t i = 0; i < count; i++)
        memcpy(pixels + i * VALUES, world->pixels + (first + i) % PHOTOS * VALUES, VALUES);
    assert_int_equal(bytes_of(&machine->plan->cut), entry);
    exec_features(machine->exec, pixels, count);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal((const char *)exec_features_place(machine->exec) + i * entry,
                            alone + (first + i) % PHOTOS * entry, entry);
    free(pixels);
}

static void check_any_batch(const struct world *world, int until, struct way way)
{
    char *alone;
    size_t entry = features_alone(&alone, world, until, way);
    for (int train = 0; train <= 1; train++)
        for (size_t threads = 1; threads <= 3; threads += 2) {
            struct freeze freeze = freeze_until(until);
            struct machine machine = machine_create(world,
                                                    (struct plan_options){.train = train,
                                                                          .batch = PHOTOS + 1,
                                                                          .freeze = freeze,
                                                                          .conv = way.conv,
                                                                          .precision = way.precision,
                                                                          .cut = freeze_cut(world->net, &freeze)},
                                                    threads);
            check_batch(world, &machine, alone, entry, 0, PHOTOS + 1);
            check_batch(world, &machine, alone, entry, 3, 3);
            machine_destroy(&machine);
        }
    free(alone);
}

static void features_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    struct world world = world_create(&bottlenecks);
    for (int until = 2; until <= 9; until++)
        check_any_batch(&world, until, way_in_turn(until));
    for (size_t way = 0; way < WAYS; way++)
        check_any_batch(&world, 9, ways[way]);
    world_destroy(&world);
    world = world_create(&basics);
    for (int until = 4; until <= 9; until++)
        check_any_batch(&world, until, way_in_turn(until + 1));
    for (size_t way = 0; way < WAYS; way++)
        check_any_batch(&world, 9, ways[way]);
    world_destroy(&world);
}

/* ---- going on from them ------------------------------------------------------------------------------------------ */
struct gradients {
    const struct net *net;
    float **of; /* [params] */
};

static void keep_gradient(void *context, size_t param, const float *gradient)
{
    struct gradients *kept = context;
    size_t bytes = kept->net->params[param].count * sizeof(float);
    kept->of[param] = malloc(bytes);
    memcpy(kept->of[param], gradient, bytes);
}

/* One training step from pixels or from features that were carried elsewhere and back. */
static struct gradients one_step(const struct world *world, struct machine *machine, bool carried, float *logits_out)
{
    struct gradients kept = {world->net, calloc(world->net->params_count, sizeof(float *))};
    const int32_t labels[PHOTOS] = {0, 3, 4, 1, 0};
    float dlogits[PHOTOS * CLASSES];
    size_t bytes = PHOTOS * bytes_of(&machine->plan->cut);
    const float *logits;
    if (carried) {
        char *features = malloc(bytes);
        exec_features(machine->exec, world->pixels, PHOTOS);
        memcpy(features, exec_features_place(machine->exec), bytes);
        exec_forward_pixels(machine->exec, world->pixels + VALUES, 2);
        memcpy(exec_features_place(machine->exec), features, bytes);
        free(features);
        logits = exec_forward_features(machine->exec, PHOTOS);
    } else {
        logits = exec_forward_pixels(machine->exec, world->pixels, PHOTOS);
    }
    memcpy(logits_out, logits, PHOTOS * CLASSES * sizeof(float));
    cross_entropy(dlogits, logits, labels, PHOTOS, CLASSES);
    if (machine->plan->options.train)
        exec_backward(machine->exec, dlogits, keep_gradient, &kept);
    return kept;
}

static void check_going_on(const struct world *world, int until, bool train, struct way way)
{
    struct freeze freeze = freeze_until(until);
    freeze.bn_trained = BN_EVAL; /* or the second forward pass would see moved statistics */
    struct machine machine = machine_create(world,
                                            (struct plan_options){.train = train,
                                                                  .batch = PHOTOS,
                                                                  .freeze = freeze,
                                                                  .conv = way.conv,
                                                                  .precision = way.precision,
                                                                  .cut = freeze_cut(world->net, &freeze)},
                                            3);
    float logits[2][PHOTOS * CLASSES];
    struct gradients kept[2];
    for (int carried = 0; carried <= 1; carried++)
        kept[carried] = one_step(world, &machine, carried, logits[carried]);
    assert_memory_equal(logits[1], logits[0], sizeof logits[0]);
    size_t given = 0;
    for (size_t i = 0; i < world->net->params_count; i++) {
        assert_int_equal(!kept[0].of[i], !kept[1].of[i]);
        if (kept[0].of[i])
            assert_memory_equal(kept[1].of[i], kept[0].of[i], world->net->params[i].count * sizeof(float));
        given += kept[0].of[i] != NULL;
        free(kept[0].of[i]);
        free(kept[1].of[i]);
    }
    assert_int_equal(given > 0, train);
    free(kept[0].of);
    free(kept[1].of);
    machine_destroy(&machine);
}

static void the_rest_goes_on_from_features_as_from_pixels(void **state)
{
    (void)state;
    struct world world = world_create(&bottlenecks);
    for (int until = 2; until <= 9; until++) {
        check_going_on(&world, until, true, way_in_turn(until));
        check_going_on(&world, until, false, way_in_turn(until));
    }
    world_destroy(&world);
}

static void deeper_features_are_made_from_shallower_ones(void **state)
{
    (void)state;
    struct world world = world_create(&bottlenecks);
    for (int from = 4; from <= 7; from++)
        for (int until = from + 1; until <= 9; until += 2) {
            struct way way = way_in_turn(from);
            struct freeze freeze = freeze_until(until), shallow = freeze_until(from);
            char *alone, *start;
            size_t entry = features_alone(&alone, &world, until, way);
            size_t start_entry = features_alone(&start, &world, from, way);
            struct machine machine = machine_create(&world,
                                                    (struct plan_options){.batch = PHOTOS,
                                                                          .conv = way.conv,
                                                                          .precision = way.precision,
                                                                          .freeze = freeze,
                                                                          .cut = freeze_cut(world.net, &freeze),
                                                                          .from = freeze_cut(world.net, &shallow)},
                                                    3);
            assert_int_equal(bytes_of(&machine.plan->from), start_entry);
            memcpy(exec_advance_place(machine.exec), start, PHOTOS * start_entry);
            exec_advance(machine.exec, PHOTOS);
            assert_memory_equal(exec_features_place(machine.exec), alone, PHOTOS * entry);
            machine_destroy(&machine);
            free(alone);
            free(start);
        }
    world_destroy(&world);
}

static void what_is_trained_has_no_cut(void **state)
{
    (void)state;
    struct world world = world_create(&basics);
    struct freeze batch = {6, BN_BATCH, BN_BATCH}, nothing = {0, BN_EVAL, BN_EVAL};
    const struct freeze freezes[] = {batch, nothing};
    for (size_t i = 0; i < 2; i++) {
        struct machine machine =
            machine_create(&world, (struct plan_options){.train = true, .batch = 2, .freeze = freezes[i]}, 1);
        assert_int_equal(machine.plan->cut.steps, 0);
        assert_int_equal(machine.plan->cut.values, 0);
        assert_true(machine.plan->flops_features == 0);
        machine_destroy(&machine);
    }
    /* The cut moves past children without parameters: 8 and 9 are the same. */
    struct freeze eight = freeze_until(8), nine = freeze_until(9);
    assert_int_equal(freeze_cut(world.net, &eight), freeze_cut(world.net, &nine));
    world_destroy(&world);
}

static void narrower_sets_do_the_same(void **state)
{
    (void)state;
    int runs;
    assert_int_equal(narrow_runs(&runs), 0);
    print_message("# %d narrower instruction sets\n", runs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(features_do_not_depend_on_the_batch),
        cmocka_unit_test(the_rest_goes_on_from_features_as_from_pixels),
        cmocka_unit_test(deeper_features_are_made_from_shallower_ones),
        cmocka_unit_test(what_is_trained_has_no_cut),
        cmocka_unit_test(narrower_sets_do_the_same),
    };
    return cmocka_run_group_tests_name("run features", tests, NULL, NULL);
}
