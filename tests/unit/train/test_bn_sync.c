/* The sums of a batch that several processes have: added in the order of the pieces on any of them, and what happens
 * when they cannot be gathered. (Whole runs: test_train_peers.c; against PyTorch: test_parity.c.) */
#include "tests/support/test.h"

#include <string.h>

#include "core/train/bn_sync.h"
#include "models/resnet.h"
#include "tests/support/thread_peers.h"

enum { PIECES = 7, CHANNELS = 3, VALUES = 2 * CHANNELS, MOST_RANKS = 5 };

static struct net *net;
static struct plan *plan;
static struct pool *pool;

/* Of a piece: numbers whose sum depends on the order. */
static double sum_of(size_t piece, size_t value)
{
    static const double sums[PIECES] = {1e16, 1, -1e16, 0.3, 1e-9, 7, -2};
    return sums[(piece + value) % PIECES];
}

static double in_order(size_t value, size_t pieces)
{
    double sum = 0;
    for (size_t i = 0; i < pieces; i++)
        sum += sum_of(i, value);
    return sum;
}

static struct share share_of(const struct peers *peers, size_t pieces)
{
    return (struct share){.peers = peers,
                          .pieces = pieces,
                          .first = peers_first(peers, peers->rank, pieces),
                          .end = peers_first(peers, peers->rank + 1, pieces)};
}

static void fill(const struct bn_sync *sync, int which)
{
    const struct exec_pieces *pieces = &sync->pieces;
    for (size_t i = pieces->before; i < pieces->before + pieces->count; i++)
        for (size_t v = 0; v < VALUES; v++)
            pieces->sums[which][i * VALUES + v] = sum_of(i, v + (size_t)which);
}

/* Steps of seven pieces and of fewer than ranks, with sums of either operand. */
static enum status sum_up(void *context, const struct peers *peers, struct error *err)
{
    (void)context;
    struct bn_sync sync;
    struct exec *exec = NULL;
    enum status status = bn_sync_create(&sync, peers, plan, PIECES, err);
    if (status == OK)
        status = exec_create(&exec, plan, NULL, pool, NULL, err);
    for (size_t pieces = 1; status == OK && pieces <= PIECES; pieces += 2) {
        struct share share = share_of(peers, pieces);
        bn_sync_begin(&sync, exec, &share, 3 * pieces + 1);
        const size_t *begin = sync.pieces.begin;
        for (size_t i = 0; i <= sync.pieces.count; i++)
            if (begin[i] != (3 * pieces + 1) * (share.first + i) / pieces - (3 * pieces + 1) * share.first / pieces)
                status = error_set(err, ERR_PROMISE, "%zu pieces: piece %zu begins at %zu", pieces, i, begin[i]);
        for (int which = 0; which < 2; which++) {
            fill(&sync, which);
            const double *all = sync.pieces.total(&sync, sync.pieces.sums[which], VALUES);
            for (size_t v = 0; v < VALUES; v++) {
                double wanted = in_order(v + (size_t)which, pieces);
                if (memcmp(&all[v], &wanted, sizeof wanted) != 0)
                    status = error_set(err, ERR_PROMISE, "%zu pieces, %zu ranks: %g, not %g", pieces, peers->count,
                                       all[v], wanted);
            }
        }
        bn_sync_end(&sync, exec);
        if (status == OK)
            status = bn_sync_status(&sync, err);
    }
    exec_destroy(exec);
    bn_sync_free(&sync);
    return status;
}

static void sums_do_not_depend_on_who_has_the_pieces(void **state)
{
    (void)state;
    for (size_t ranks = 1; ranks <= MOST_RANKS; ranks++) {
        struct error ends[MOST_RANKS];
        thread_peers_run(ends, ranks, sum_up, NULL);
        for (size_t r = 0; r < ranks; r++)
            if (ends[r].status != OK)
                fail_msg("rank %zu of %zu: %s", r, ranks, ends[r].text);
    }
}

/* ---- what cannot be gathered ------------------------------------------------------------------------------------- */
struct broken {
    size_t calls, good; /* calls so far, and how many of them work */
};

static enum status gather(void *context, void *all, const size_t *sizes, struct error *err)
{
    struct broken *broken = context;
    (void)all;
    (void)sizes;
    return broken->calls++ < broken->good ? OK : error_set(err, ERR_IO, "call %zu fails", broken->calls);
}

/* The first error is the step's, nobody is asked again in it, and the next step starts without one. */
static void a_step_whose_sums_are_lost_says_so(void **state)
{
    (void)state;
    static const struct peers_calls calls = {.gather = gather};
    struct broken broken = {.good = 1};
    const struct peers peers = {.rank = 0, .count = 2, .calls = &calls, .context = &broken};
    struct bn_sync sync;
    struct exec *exec;
    struct error err = {0};
    struct share share = share_of(&peers, PIECES);
    assert_int_equal(bn_sync_create(&sync, &peers, plan, PIECES, &err), OK);
    assert_int_equal(exec_create(&exec, plan, NULL, pool, NULL, &err), OK);
    bn_sync_begin(&sync, exec, &share, PIECES);
    assert_non_null(sync.pieces.total(&sync, sync.pieces.sums[0], VALUES));
    assert_int_equal(bn_sync_status(&sync, &err), OK);
    for (int i = 0; i < 3; i++)
        assert_non_null(sync.pieces.total(&sync, sync.pieces.sums[0], VALUES));
    bn_sync_end(&sync, exec);
    assert_int_equal(bn_sync_status(&sync, &err), ERR_IO);
    assert_string_equal(err.text, "call 2 fails");
    assert_int_equal(broken.calls, 2);
    bn_sync_begin(&sync, exec, &share, PIECES);
    assert_int_equal(bn_sync_status(&sync, &err), OK);
    bn_sync_end(&sync, exec);
    exec_destroy(exec);
    bn_sync_free(&sync);
}

static int setup(void **state)
{
    (void)state;
    static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 4};
    const struct plan_options options = {.train = true, .batch = 8, .height = 34, .width = 34, .threads = 1};
    struct error err;
    return resnet_create_shape(&net, &shape, 2, &err) == OK && pool_create(&pool, 1, &err) == OK &&
                   plan_create(&plan, net, &options, &err) == OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    (void)state;
    plan_destroy(plan);
    pool_destroy(pool);
    net_destroy(net);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sums_do_not_depend_on_who_has_the_pieces),
                                       cmocka_unit_test(a_step_whose_sums_are_lost_says_so)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
