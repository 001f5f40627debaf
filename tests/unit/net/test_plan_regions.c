/* Where a plan puts things, and that a run asks nobody else. Regions that are used at once lie apart and inside their
 * memory; and a plan whose regions are all moved away from each other, with gaps between, gives the same bytes and
 * leaves the gaps alone. So neither a place that a run computes by itself nor two values that share a place too early
 * can stay unseen, which the address sanitizer cannot see inside one allocation. In both precisions. */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/net/init.h"
#include "core/net/plan_internal.h"
#include "core/net/exec_internal.h"
#include "models/resnet.h"

enum { IMAGES = 3, CLASSES = 5, THREADS = 2, GAP = 5 * PLAN_ALIGN, PATTERN = 0xA5 };

/* LARGE images have a depth-first part that ends in layer1. */
enum { SMALL = 45, LARGE = 93 };

static const struct resnet_shape bottlenecks = {"tiny50", true, {2, 1, 3, 1}, 8};
static const struct resnet_shape basics = {"tiny18", false, {1, 3, 1, 1}, 8};

static const struct sample {
    const struct resnet_shape *shape;
    bool train;
    size_t size;
    struct freeze freeze;
} samples[] = {
    {&bottlenecks, true, SMALL, {0, BN_EVAL, BN_BATCH}}, {&bottlenecks, true, SMALL, {3, BN_BATCH, BN_BATCH}},
    {&bottlenecks, true, LARGE, {6, BN_EVAL, BN_BATCH}}, {&basics, true, LARGE, {5, BN_EVAL, BN_EVAL}},
    {&basics, false, LARGE, {0, BN_EVAL, BN_EVAL}},      {&bottlenecks, false, LARGE, {0, BN_EVAL, BN_EVAL}},
};
enum { SAMPLES = sizeof samples / sizeof *samples };

static struct net *net_of(const struct sample *sample)
{
    struct net *net;
    struct error err = {0};
    struct rng rng = rng_stream(11, RNG_TEST, 0, 0);
    assert_int_equal(resnet_create_shape(&net, sample->shape, CLASSES, &err), OK);
    net_init(net, 3);
    for (size_t i = 0; i < net->params_count; i++)
        for (size_t j = 0; net->params[i].rank == 1 && j < net->params[i].count; j++)
            net->params[i].data[j] = 0.5f + rng_float(&rng);
    freeze_apply(net, &sample->freeze);
    return net;
}

static struct plan *plan_of(const struct sample *sample, enum precision precision, const struct net *net)
{
    struct plan *plan;
    struct error err = {0};
    struct plan_options options = {.precision = precision,
                                   .train = sample->train,
                                   .batch = IMAGES + 1,
                                   .height = sample->size,
                                   .width = sample->size,
                                   .freeze = sample->freeze,
                                   .threads = THREADS};
    assert_int_equal(plan_create(&plan, net, &options, &err), OK);
    return plan;
}

/* ---- regions as the plan stores them ----------------------------------------------------------------------------- */
static void assert_inside(struct plan_region region, size_t total)
{
    assert_true(region.at % PLAN_ALIGN == 0);
    assert_true(region.at <= total && region.floats <= total - region.at);
}

static void assert_apart(const struct plan_region *regions, size_t count, size_t total)
{
    for (size_t i = 0; i < count; i++) {
        assert_inside(regions[i], total);
        for (size_t j = 0; j < i; j++)
            assert_true(regions[i].at + regions[i].floats <= regions[j].at ||
                        regions[j].at + regions[j].floats <= regions[i].at || regions[i].floats == 0 ||
                        regions[j].floats == 0);
    }
}

static struct plan_region *bn_row(struct plan_bn *bn, size_t i)
{
    struct plan_region *const rows[] = {&bn->mean, &bn->inverse, &bn->scale, &bn->shift, &bn->a, &bn->b, &bn->c};
    return i < sizeof rows / sizeof *rows ? rows[i] : NULL;
}

static void check_state(struct plan *plan)
{
    struct plan_region regions[200];
    size_t count = 0, kept = 0;
    for (size_t i = 0; i < plan->program->steps_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        if (step->prepared.floats == 0)
            continue;
        assert_int_equal(step->prepared.floats, step->kernel->prepared_size(&step->shape));
        regions[count++] = step->prepared;
        kept++;
    }
    for (size_t b = 0; b < plan->program->bns_count; b++)
        for (size_t i = 0; bn_row(&plan->bns[b], i); i++) {
            assert_int_equal(bn_row(&plan->bns[b], i)->floats, plan->program->bns[b].channels);
            assert_true(count < sizeof regions / sizeof *regions);
            regions[count++] = *bn_row(&plan->bns[b], i);
        }
    assert_true(count >= 7 && (plan->depth_first_steps == 0 || kept > 0));
    assert_apart(regions, count, plan->state_floats);
}

static void check_scratch(const struct plan *plan)
{
    const struct plan_scratch *scratch = &plan->scratch;
    const struct plan_region batchwise[] = {scratch->sums, scratch->gradient, scratch->tiles};
    const struct plan_region thread[] = {plan->thread.buffer, plan->thread.tiles};
    assert_apart(batchwise, 3, plan->scratch_floats);
    assert_apart(thread, 2, plan->thread.stride);
    assert_true(plan->thread.stride * THREADS <= plan->scratch_floats);
    /* What two operands of a merge sum up goes to both halves. */
    size_t half = scratch->sums.floats / 2;
    assert_int_equal(scratch->residual_sums.floats, half);
    assert_int_equal(scratch->residual_sums.at, scratch->sums.at + half);
}

/* Floats that the values of some images take. */
static size_t floats_of(const struct plan_tensor *tensor, size_t images)
{
    return precision_floats(tensor->values * images, tensor->precision);
}

/* Forward alone: from the step that makes it to the last that reads it. */
static bool alive_together(const struct plan *plan, size_t a, size_t b)
{
    const struct plan_tensor *x = &plan->tensors[a], *y = &plan->tensors[b];
    return plan_place_root(plan, (int)a) != plan_place_root(plan, (int)b) && x->depth_first == y->depth_first &&
           x->maker <= y->last_reader && y->maker <= x->last_reader;
}

static void check_lifetimes(const struct plan *plan)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++)
        for (size_t u = 0; u < t; u++) {
            const struct plan_tensor *a = &plan->tensors[t], *b = &plan->tensors[u];
            size_t images = a->depth_first ? 1 : plan->options.batch;
            if (alive_together(plan, t, u))
                assert_true(a->offset + floats_of(a, images) <= b->offset ||
                            b->offset + floats_of(b, images) <= a->offset);
        }
}

static void check_arena(const struct plan *plan)
{
    check_lifetimes(plan);
    for (size_t i = 0; i < plan->program->steps_count; i++)
        assert_inside(plan->steps[i].saved, plan->arena_floats);
    for (size_t t = 0; t < plan->program->tensors_count; t++) {
        const struct plan_tensor *tensor = &plan->tensors[t];
        size_t batch = floats_of(tensor, plan->options.batch);
        if (tensor->depth_first)
            assert_inside((struct plan_region){tensor->offset, floats_of(tensor, 1)}, plan->thread.buffer.floats);
        else
            assert_inside((struct plan_region){tensor->offset, batch}, plan->arena_floats);
        if (tensor->remade)
            assert_inside((struct plan_region){tensor->remade_offset, batch}, plan->arena_floats);
        if (tensor->has_gradient)
            assert_inside((struct plan_region){tensor->gradient, batch}, plan->arena_floats);
    }
}

static void regions_lie_apart_and_inside(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES * PRECISIONS; i++) {
        const struct sample *sample = &samples[i / PRECISIONS];
        struct net *net = net_of(sample);
        struct plan *plan = plan_of(sample, (enum precision)(i % PRECISIONS), net);
        assert_true((plan->depth_first_steps > 0) == (sample->size == LARGE));
        check_state(plan);
        check_scratch(plan);
        check_arena(plan);
        plan_destroy(plan);
        net_destroy(net);
    }
}

/* ---- regions moved ----------------------------------------------------------------------------------------------- */
/* A memory in which regions get places one behind the other, GAP floats between. */
struct spread {
    size_t total;
    bool *used;
};

static size_t spread_take(struct spread *spread, size_t floats)
{
    size_t at = spread->total + GAP;
    spread->total = at + plan_align(floats) + GAP;
    spread->used = test_realloc(spread->used, spread->total);
    memset(spread->used + at - GAP, false, spread->total - at + GAP);
    memset(spread->used + at, true, floats);
    return at;
}

static void spread_region(struct spread *spread, struct plan_region *region)
{
    region->at = spread_take(spread, region->floats);
}

/* The last come first, so that nothing stays where it was. */
static void spread_state(struct plan *plan, struct spread *state)
{
    for (size_t b = plan->program->bns_count; b-- > 0;)
        for (size_t i = 0; bn_row(&plan->bns[b], i); i++)
            spread_region(state, bn_row(&plan->bns[b], i));
    for (size_t i = plan->program->steps_count; i-- > 0;)
        spread_region(state, &plan->steps[i].prepared);
    plan->state_floats = state->total;
}

/* Every value of its own lifetime at a place of its own; those that take over a place on purpose still do. */
static void spread_arena(struct plan *plan, struct spread *arena, struct spread *buffer)
{
    for (size_t t = 0; t < plan->program->tensors_count; t++) {
        struct plan_tensor *tensor = &plan->tensors[t];
        size_t batch = floats_of(tensor, plan->options.batch);
        if (tensor->place_of >= 0)
            tensor->offset = plan->tensors[plan_place_root(plan, (int)t)].offset;
        else
            tensor->offset =
                spread_take(tensor->depth_first ? buffer : arena, tensor->depth_first ? floats_of(tensor, 1) : batch);
        if (tensor->remade)
            tensor->remade_offset = spread_take(arena, batch);
    }
    for (size_t t = plan->program->tensors_count; t-- > 0;) { /* whose place it takes over comes later in the list */
        struct plan_tensor *tensor = &plan->tensors[t];
        if (tensor->has_gradient)
            tensor->gradient = tensor->gradient_of >= 0 ? plan->tensors[tensor->gradient_of].gradient
                                                        : spread_take(arena, floats_of(tensor, plan->options.batch));
    }
    for (size_t i = 0; i < plan->program->steps_count; i++)
        spread_region(arena, &plan->steps[i].saved);
    plan->arena_floats = arena->total;
}

/* Scratch: the two ways to use it get a memory of their own each. */
static void spread_scratch(struct plan *plan, struct spread *scratch, struct spread *buffer)
{
    struct plan_scratch *parts = &plan->scratch;
    spread_region(scratch, &parts->tiles);
    spread_region(scratch, &parts->gradient);
    spread_region(scratch, &parts->residual_sums);
    spread_region(scratch, &parts->sums);
    struct spread part = {0};
    spread_region(&part, &plan->thread.tiles);
    plan->thread.buffer.floats = buffer->total;
    spread_region(&part, &plan->thread.buffer);
    for (size_t i = 0; i < buffer->total; i++)
        part.used[plan->thread.buffer.at + i] = buffer->used[i];
    plan->thread.stride = part.total;
    for (size_t thread = 0; thread < THREADS; thread++)
        for (size_t i = 0; i < part.total && thread * part.total + i < scratch->total; i++)
            scratch->used[thread * part.total + i] |= part.used[i];
    if (scratch->total < THREADS * part.total) {
        size_t had = scratch->total;
        scratch->total = THREADS * part.total;
        scratch->used = test_realloc(scratch->used, scratch->total);
        for (size_t i = had; i < scratch->total; i++)
            scratch->used[i] = part.used[i % part.total];
    }
    plan->scratch_floats = scratch->total;
    test_free(part.used);
}

/* ---- one pass ---------------------------------------------------------------------------------------------------- */
struct answer {
    float logits[IMAGES * CLASSES];
    float *gradients; /* of all trainable parameters, one behind the other */
    size_t floats;
    const struct net *net;
};

static void collect(void *context, size_t param, const float *gradient)
{
    struct answer *answer = context;
    size_t floats = answer->net->params[param].count;
    answer->gradients = test_realloc(answer->gradients, (answer->floats + floats) * sizeof(float));
    memcpy(answer->gradients + answer->floats, gradient, floats * sizeof(float));
    answer->floats += floats;
}

/* Forward, and backward in training, in `memory` of plan_shared_bytes full of PATTERN. Gives the run. */
static struct exec *pass(struct answer *answer, const struct plan *plan, struct pool *pool, void *memory)
{
    struct exec *exec;
    struct error err = {0};
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    size_t count = IMAGES * plan->tensors[0].values;
    float *x = test_malloc(count * sizeof *x), dlogits[IMAGES * CLASSES];
    for (size_t i = 0; i < count; i++)
        x[i] = (float)rng_normal(&rng);
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        dlogits[i] = (float)rng_normal(&rng);
    memset(memory, PATTERN, plan_shared_bytes(plan));
    assert_int_equal(exec_create(&exec, plan, NULL, pool, memory, &err), OK);
    *answer = (struct answer){.net = plan->net};
    memcpy(answer->logits, exec_forward(exec, x, IMAGES), sizeof answer->logits);
    if (plan->options.train)
        exec_backward(exec, dlogits, collect, answer);
    test_free(x);
    return exec;
}

static void assert_gaps_untouched(const struct spread *spread, const float *memory, int value)
{
    unsigned char gap[sizeof(float)];
    memset(gap, value, sizeof gap);
    for (size_t i = 0; i < spread->total; i++)
        if (!spread->used[i] && memcmp(&memory[i], gap, sizeof gap) != 0)
            fail_msg("float %zu of %zu was written, which the plan gives to nobody", i, spread->total);
}

static struct answer expected_answer(const struct sample *sample, enum precision precision, struct pool *pool)
{
    struct net *net = net_of(sample);
    struct plan *plan = plan_of(sample, precision, net);
    struct answer answer;
    struct error err = {0};
    void *memory = NULL;
    assert_int_equal(memory_alloc(&memory, plan_shared_bytes(plan), 1, "a test", &err), OK);
    exec_destroy(pass(&answer, plan, pool, memory));
    memory_free(memory);
    plan_destroy(plan);
    net_destroy(net);
    return answer;
}

static void check_moved(const struct sample *sample, enum precision precision, struct pool *pool)
{
    struct answer expected = expected_answer(sample, precision, pool), answer;
    struct net *net = net_of(sample);
    struct plan *plan = plan_of(sample, precision, net);
    struct spread kept = {0}, arena = {0}, buffer = {0}, scratch = {0};
    struct error err = {0};
    void *memory = NULL;
    spread_state(plan, &kept);
    spread_arena(plan, &arena, &buffer);
    spread_scratch(plan, &scratch, &buffer);
    assert_int_equal(memory_alloc(&memory, plan_shared_bytes(plan), 1, "a test", &err), OK);
    struct exec *exec = pass(&answer, plan, pool, memory);
    assert_memory_equal(answer.logits, expected.logits, sizeof answer.logits);
    assert_int_equal(answer.floats, expected.floats);
    if (sample->train)
        assert_memory_equal(answer.gradients, expected.gradients, answer.floats * sizeof(float));
    assert_gaps_untouched(&kept, exec->state, 0);
    assert_gaps_untouched(&arena, exec->arena, PATTERN);
    assert_gaps_untouched(&scratch, exec->scratch, PATTERN);
    exec_destroy(exec);
    memory_free(memory);
    test_free(kept.used);
    test_free(arena.used);
    test_free(buffer.used);
    test_free(scratch.used);
    test_free(answer.gradients);
    test_free(expected.gradients);
    plan_destroy(plan);
    net_destroy(net);
}

static void a_run_asks_only_the_plan(void **state)
{
    (void)state;
    struct pool *pool;
    struct error err = {0};
    assert_int_equal(pool_create(&pool, THREADS, &err), OK);
    for (size_t i = 0; i < SAMPLES * PRECISIONS; i++)
        check_moved(&samples[i / PRECISIONS], (enum precision)(i % PRECISIONS), pool);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_lie_apart_and_inside),
        cmocka_unit_test(a_run_asks_only_the_plan),
    };
    return cmocka_run_group_tests_name("plan_regions", tests, NULL, NULL);
}
