#define _POSIX_C_SOURCE 200809L
/* The sums of gradients are the same bytes however the pieces of a batch are dealt to peers. */
#include "core/train/gradients.h"

#include <math.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/rng.h"
#include "tests/support/test.h"
#include "tests/support/thread_peers.h"

enum { RANKS = 8, PIECES = 16, CUTTINGS = 10000, TOGETHER = 4, SEED = 7 };

/* Layers of one input each: so many values has the weight, and the bias, which is frozen. */
static const size_t small_sizes[] = {1, 5, 61};
enum { LARGEST = 61, SMALL = 1 + 5 + 61 };

static struct net *net_of_sizes(const size_t *sizes, size_t count)
{
    struct net *net;
    struct error err = {0};
    if (net_create(&net, "sizes", &err) != OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < count; i++) {
        char name[NET_NAME];
        snprintf(name, sizeof name, "fc%zu", i);
        net_child(net, name);
        net_linear(net, net_input(net, 1), name, sizes[i]);
    }
    if (net_finish(net, &err) != OK)
        fail_msg("%s", err.text);
    return net;
}

static struct net *small_net(void)
{
    struct net *net = net_of_sizes(small_sizes, sizeof small_sizes / sizeof *small_sizes);
    assert_int_equal(net->params_count, 6);
    for (size_t i = 1; i < net->params_count; i += 2)
        net->params[i].trainable = false;
    return net;
}

/* Both signs and magnitudes from 2^-20 to 2^20: a sum of these depends on its order. */
static void draw(float *gradient, size_t count, uint32_t step, size_t param, size_t piece)
{
    struct rng rng = rng_stream(SEED, RNG_TEST, step, param * PIECES + piece);
    for (size_t i = 0; i < count; i++) {
        float value = 1 + rng_float(&rng);
        uint32_t bits = rng_below(&rng, 82);
        gradient[i] = ldexpf(bits % 2 ? value : -value, (int)(bits / 2) - 20);
    }
}

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* The result of a step: the sums of all trainable parameters, one after the other, clipped, and their norm. */
struct outcome {
    double norm;
    float sums[SMALL];
};

struct step {
    size_t pieces;
    double clip;
    struct outcome wanted; /* of one process */
};

/* Piece by piece, the parameters there and back. In two of three steps the exchange starts before the last piece. */
static void add_pieces(struct gradients *gradients, const struct net *net, uint32_t number, size_t first, size_t end)
{
    float gradient[LARGEST];
    for (size_t piece = first; piece < end; piece++) {
        if (piece + 1 == end && number % 3 > 0)
            gradients_start(gradients);
        for (size_t i = 0; i < net->params_count; i++) {
            size_t p = piece % 2 ? i : net->params_count - 1 - i;
            if (!net->params[p].trainable)
                continue;
            draw(gradient, net->params[p].count, number, p, piece);
            gradients_add(gradients, p, gradient);
        }
    }
    if (first == end && number % 3 > 1)
        gradients_start(gradients);
}

static enum status take_outcome(struct outcome *out, struct gradients *gradients, const struct net *net, double clip,
                                struct error *err)
{
    size_t at = 0;
    out->norm = gradients_clip(gradients, clip);
    for (size_t p = 0; p < net->params_count; p++) {
        const float *sum = gradients_get(gradients, p);
        if ((sum != NULL) != net->params[p].trainable)
            return error_set(err, ERR_PROMISE, "parameter %zu has a sum or should have one", p);
        if (sum)
            memcpy(out->sums + at, sum, net->params[p].count * sizeof *sum);
        at += sum ? net->params[p].count : 0;
    }
    return OK;
}

static enum status run_step(struct outcome *out, struct gradients *gradients, const struct net *net,
                            const struct peers *peers, const struct step *step, uint32_t number, struct error *err)
{
    gradients_begin(gradients, step->pieces, false);
    add_pieces(gradients, net, number, peers_first(peers, peers->rank, step->pieces),
               peers_first(peers, peers->rank + 1, step->pieces));
    for (size_t p = 0; p < net->params_count; p++)
        if (gradients_get(gradients, p))
            return error_set(err, ERR_PROMISE, "a sum is there before gradients_sum");
    enum status status = gradients_sum(gradients, err);
    return status == OK ? take_outcome(out, gradients, net, step->clip, err) : status;
}

/* Steps first..first+count-1 with gradients that have room for them and no more. */
static enum status run_together(struct outcome *out, const struct net *net, const struct peers *peers,
                                const struct step *steps, size_t first, size_t count, struct error *err)
{
    struct gradients *gradients;
    struct pool *pool;
    size_t most = 0;
    for (size_t i = first; i < first + count; i++)
        most = steps[i].pieces > most ? steps[i].pieces : most;
    enum status status = pool_create(&pool, 1, err);
    if (status != OK)
        return status;
    status = gradients_create(&gradients, net, pool, peers, most, err);
    if (status == OK) {
        for (size_t i = first; i < first + count && status == OK; i++)
            status = run_step(&out[i - first], gradients, net, peers, &steps[i], (uint32_t)i, err);
        gradients_destroy(gradients);
    }
    pool_destroy(pool);
    return status;
}

/* ---- 10,000 cuttings --------------------------------------------------------------------------------------------- */
static float tree_sum(const float *values, size_t stride, size_t count)
{
    if (count == 1)
        return values[0];
    size_t half = 1;
    while (2 * half < count)
        half *= 2;
    return tree_sum(values, stride, half) + tree_sum(values + half * stride, stride, count - half);
}

/* Whether one after the other would give other sums than the tree, which are in `wanted` as they are by definition. */
static bool order_matters(float *wanted, const struct net *net, size_t pieces, uint32_t number)
{
    bool matters = false;
    for (size_t p = 0; p < net->params_count; p++) {
        static float values[PIECES][LARGEST];
        if (!net->params[p].trainable)
            continue;
        for (size_t piece = 0; piece < pieces; piece++)
            draw(values[piece], net->params[p].count, number, p, piece);
        for (size_t i = 0; i < net->params[p].count; i++, wanted++) {
            float plain = values[0][i];
            for (size_t piece = 1; piece < pieces; piece++)
                plain += values[piece][i];
            *wanted = tree_sum(&values[0][i], LARGEST, pieces);
            matters = matters || memcmp(&plain, wanted, sizeof plain) != 0;
        }
    }
    return matters;
}

struct cuttings {
    const struct net *net;
    struct step *steps;
    size_t first, count; /* those of one group */
};

static enum status cut(void *context, const struct peers *peers, struct error *err)
{
    const struct cuttings *cuttings = context;
    for (size_t i = cuttings->first; i < cuttings->first + cuttings->count; i += TOGETHER) {
        struct outcome found[TOGETHER] = {{0}};
        enum status status = run_together(found, cuttings->net, peers, cuttings->steps, i, TOGETHER, err);
        if (status != OK)
            return status;
        for (size_t j = 0; j < TOGETHER; j++)
            if (memcmp(&found[j], &cuttings->steps[i + j].wanted, sizeof found[j]) != 0)
                return error_set(err, ERR_PROMISE, "%zu pieces, %zu ranks: rank %zu has another sum",
                                 cuttings->steps[i + j].pieces, peers->count, peers->rank);
    }
    return OK;
}

/* By one process. Every other step is clipped; the others are held against the definition. */
static void draw_steps(struct step *steps, const struct net *net)
{
    struct rng rng = rng_stream(SEED, RNG_TEST, 0, UINT64_MAX);
    size_t many = 0, matters = 0;
    for (size_t i = 0; i < CUTTINGS; i++) {
        struct error err = {0};
        struct outcome defined = {0};
        struct step *step = &steps[i];
        step->pieces = 1 + rng_below(&rng, PIECES);
        step->clip = i % 2 ? rng_double(&rng) * 1e6 : 1e30;
        bool other = order_matters(defined.sums, net, step->pieces, (uint32_t)i);
        assert_true(step->pieces > 3 || !other); /* up to three have one order only */
        many += step->pieces > 3;
        matters += other;
        if (run_together(&step->wanted, net, &peers_alone, steps, i, 1, &err) != OK)
            fail_msg("%s", err.text);
        if (i % 2 == 0)
            assert_memory_equal(step->wanted.sums, defined.sums, sizeof defined.sums);
    }
    print_message("# of %zu sums of four pieces or more, %zu are others when added one after the other\n", many,
                  matters);
    assert_true(matters > many * 9 / 10);
}

static void any_cutting_gives_the_bytes_of_one_process(void **state)
{
    (void)state;
    struct net *net = small_net();
    struct cuttings cuttings = {.net = net, .count = CUTTINGS / RANKS / TOGETHER * TOGETHER};
    cuttings.steps = calloc(CUTTINGS, sizeof *cuttings.steps);
    assert_non_null(cuttings.steps);
    draw_steps(cuttings.steps, net);
    for (size_t count = 1; count <= RANKS; count++, cuttings.first += cuttings.count) {
        struct error ends[RANKS];
        if (count == RANKS)
            cuttings.count = CUTTINGS - cuttings.first;
        thread_peers_run(ends, count, cut, &cuttings);
        for (size_t r = 0; r < count; r++)
            if (ends[r].status != OK)
                fail_msg("%s", ends[r].text);
    }
    assert_int_equal(cuttings.first, CUTTINGS);
    free(cuttings.steps);
    net_destroy(net);
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* Parameters of several parts of work; each rank has a pool of another size. */
enum { LARGE = 40001, LARGE_PIECES = 7 };

static enum status sum_large(void *context, const struct peers *peers, struct error *err)
{
    const struct net *net = context;
    struct gradients *gradients;
    struct pool *pool;
    static float pieces[LARGE_PIECES][LARGE];
    if (peers->rank == 0)
        for (size_t piece = 0; piece < LARGE_PIECES; piece++)
            draw(pieces[piece], LARGE, 0, 0, piece);
    enum status status = peers_settle(peers, OK, err); /* now they are there for all ranks */
    if (status == OK)
        status = pool_create(&pool, 1 + peers->rank, err);
    if (status != OK)
        return status;
    status = gradients_create(&gradients, net, pool, peers, LARGE_PIECES, err);
    if (status == OK) {
        gradients_begin(gradients, LARGE_PIECES, false);
        for (size_t piece = peers_first(peers, peers->rank, LARGE_PIECES);
             piece < peers_first(peers, peers->rank + 1, LARGE_PIECES); piece++)
            gradients_add(gradients, 0, pieces[piece]);
        status = gradients_sum(gradients, err);
        for (size_t i = 0; i < LARGE && status == OK; i++) {
            float wanted = tree_sum(&pieces[0][i], LARGE, LARGE_PIECES);
            if (memcmp(gradients_get(gradients, 0) + i, &wanted, sizeof wanted) != 0)
                status = error_set(err, ERR_PROMISE, "%zu ranks: value %zu differs", peers->count, i);
        }
        gradients_destroy(gradients);
    }
    pool_destroy(pool);
    return status;
}

static void large_parameters_and_threads(void **state)
{
    (void)state;
    const size_t sizes[] = {LARGE};
    struct net *net = net_of_sizes(sizes, 1);
    net->params[1].trainable = false;
    for (size_t count = 1; count <= 3; count++) {
        struct error ends[3];
        thread_peers_run(ends, count, sum_large, net);
        for (size_t r = 0; r < count; r++)
            if (ends[r].status != OK)
                fail_msg("%s", ends[r].text);
    }
    net_destroy(net);
}

/* ---- beside backward --------------------------------------------------------------------------------------------- */

/* The calls of the other thread, and how many have come back. */
struct counted {
    const struct peers *behind;
    sem_t done;
};

static enum status counted_exchange(void *context, void *out, const size_t *received, const void *in,
                                    const size_t *sent, struct error *err)
{
    const struct peers *behind = ((struct counted *)context)->behind;
    return behind->calls->exchange(behind->context, out, received, in, sent, err);
}

static enum status counted_gather(void *context, void *all, const size_t *sizes, struct error *err)
{
    struct counted *counted = context;
    const struct peers *behind = counted->behind;
    enum status status = behind->calls->gather(behind->context, all, sizes, err);
    sem_post(&counted->done);
    return status;
}

static bool comes_back(struct counted *counted, long seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += seconds;
    return sem_timedwait(&counted->done, &until) == 0;
}

/* The last parameter is exchanged before there is any other, and not before all have started. */
static enum status add_one_by_one(struct gradients *gradients, struct counted *counted, struct error *err)
{
    const float gradient[LARGEST] = {1};
    gradients_begin(gradients, 2, false);
    gradients_add(gradients, 4, gradient);
    if (comes_back(counted, 0))
        return error_set(err, ERR_PROMISE, "something was exchanged before gradients_start");
    gradients_start(gradients);
    if (!comes_back(counted, 20))
        return error_set(err, ERR_PROMISE, "nothing was exchanged before gradients_sum");
    gradients_add(gradients, 0, gradient);
    gradients_add(gradients, 2, gradient);
    enum status status = gradients_sum(gradients, err);
    if (status == OK && (*gradients_get(gradients, 0) != 2 || *gradients_get(gradients, 4) != 2))
        status = error_set(err, ERR_PROMISE, "another sum");
    return status;
}

static enum status overlap(void *context, const struct peers *peers, struct error *err)
{
    static const struct peers_calls calls = {counted_exchange, counted_gather};
    struct counted counted = {.behind = peers->beside};
    const struct peers beside = {peers->rank, peers->count, &calls, &counted, NULL};
    struct peers own = *peers;
    struct gradients *gradients;
    struct pool *pool;
    own.beside = &beside;
    enum status status = pool_create(&pool, 1, err);
    if (status != OK)
        return status;
    sem_init(&counted.done, 0, 0);
    status = gradients_create(&gradients, context, pool, &own, 2, err);
    if (status == OK) {
        status = add_one_by_one(gradients, &counted, err);
        gradients_destroy(gradients);
    }
    sem_destroy(&counted.done);
    pool_destroy(pool);
    return status;
}

static void what_is_complete_is_exchanged_beside_the_rest(void **state)
{
    (void)state;
    struct net *net = small_net();
    struct error ends[2];
    thread_peers_run(ends, 2, overlap, net);
    for (size_t r = 0; r < 2; r++)
        if (ends[r].status != OK)
            fail_msg("%s", ends[r].text);
    net_destroy(net);
}

/* Rank 1 ends before the sum of its second step. */
static enum status leave(void *context, const struct peers *peers, struct error *err)
{
    const struct net *net = context;
    struct step steps[2] = {{.pieces = 3, .clip = 1}, {.pieces = 3, .clip = 1}};
    struct outcome out[2];
    return run_together(out, net, peers, steps, 0, peers->rank == 1 ? 1 : 2, err);
}

static void a_rank_that_ends_is_an_error_of_the_others(void **state)
{
    (void)state;
    struct net *net = small_net();
    struct error ends[3];
    thread_peers_run(ends, 3, leave, net);
    for (size_t r = 0; r < 3; r++) {
        assert_int_equal(ends[r].status, r == 1 ? OK : ERR_IO);
        if (r != 1)
            assert_string_equal(ends[r].text, "rank 1 has ended");
    }
    net_destroy(net);
}

/* Against what a reader would count; that it is enough, and no more, AddressSanitizer sees in the tests above. */
static void memory_that_is_taken(void **state)
{
    (void)state;
    struct net *net = small_net();
    const struct {
        size_t rank, count, pieces, sums, head, exchange; /* head: sums of the last child's 61 values */
    } rows[] = {
        {0, 1, 1, 1, 1, 0},
        {0, 1, 3, 1, 1, 0},
        {0, 1, 4, 2, 2, 0},
        {0, 1, 16, 4, 4, 0},
        {0, 2, 2, 1, 1, 2 * 31},          /* a node of each, half of the 61 values */
        {1, 2, 2, 1, 1, 2 * 31},          /* */
        {0, 4, 4, 1, 2, 4 * 16},          /* */
        {0, 2, 4, 1, 2, 3 * 31},          /* three pieces are 0 | 1, 2 */
        {1, 2, 4, 2, 2, 2 * 61 + 3 * 31}, /* and the second sends two nodes of its own */
        {7, 8, 2, 1, 1, 2 * 8},           /* */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct peers peers = {.rank = rows[i].rank, .count = rows[i].count};
        assert_int_equal(gradients_bytes(net, &peers, rows[i].pieces),
                         (rows[i].sums * (SMALL - LARGEST) + rows[i].head * LARGEST) * sizeof(float));
        assert_int_equal(gradients_exchange_bytes(net, &peers, rows[i].pieces), rows[i].exchange * sizeof(float));
    }
    net_destroy(net);
}

/* Alone a parameter may be left out, and one step's sums are not those of the step before. */
static void what_nothing_was_added_to_has_no_sum(void **state)
{
    (void)state;
    struct net *net = small_net();
    struct error err;
    struct gradients *gradients;
    struct pool *pool;
    const float one[5] = {1};
    assert_int_equal(pool_create(&pool, 1, &err), OK);
    assert_int_equal(gradients_create(&gradients, net, pool, &peers_alone, 2, &err), OK);
    for (size_t step = 0; step < 2; step++) {
        gradients_begin(gradients, 2, false);
        gradients_add(gradients, 2 * step, one);
        gradients_add(gradients, 2 * step, one);
        assert_int_equal(gradients_sum(gradients, &err), OK);
        assert_true(gradients_clip(gradients, 10) == 2);
        assert_true(*gradients_get(gradients, 2 * step) == 2);
        assert_null(gradients_get(gradients, 2 - 2 * step));
    }
    gradients_destroy(gradients);
    pool_destroy(pool);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_cutting_gives_the_bytes_of_one_process),
        cmocka_unit_test(large_parameters_and_threads),
        cmocka_unit_test(what_is_complete_is_exchanged_beside_the_rest),
        cmocka_unit_test(a_rank_that_ends_is_an_error_of_the_others),
        cmocka_unit_test(memory_that_is_taken),
        cmocka_unit_test(what_nothing_was_added_to_has_no_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
