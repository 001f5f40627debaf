/* Steps by several ranks, over threads: the weights, the running statistics and the results of the steps are those of
 * one process with the same pieces, bit for bit. (By MPI, with files, signals and deaths: scripts/check-mpi.sh.) */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/net/init.h"
#include "core/train/train_private.h"
#include "models/resnet.h"
#include "tests/support/small_net.h"
#include "tests/support/thread_peers.h"

enum { PHOTOS = 7, STEPS = 3, CLASSES = 3, SIDE = 34, RANKS = 4, LIST = 21 };

static uint8_t pixels[PHOTOS * SIDE * SIDE * 3];
static const int32_t labels[PHOTOS] = {0, 2, 1, 1, 0, 2, 2};
static const uint32_t numbers[PHOTOS];
static const struct photo_batch batch = {.count = PHOTOS, .pixels = pixels, .labels = labels, .photos = numbers};

/* What a rank trains; `photos` of the list need not exist. */
struct session {
    struct net *net;
    struct pool *pool;
    struct train *train;
    struct step_result results[STEPS];
};

struct trial {
    struct recipe_options recipe;
    struct freeze freeze;
    size_t spoilt; /* a rank whose network is spoilt before the second step; SIZE_MAX: none */
    struct session sessions[RANKS];
};

static struct photo photos[LIST];
static char *class_names[] = {"a", "b", "c"};
static const struct dataset dataset = {.classes = {class_names, CLASSES},
                                       .train = {.root = "nowhere", .names = "x", .photos = photos, .count = LIST},
                                       .val = {.root = "nowhere", .names = "x", .photos = photos, .count = 2}};

/* No assertion here: it runs on the rank's thread. */
static enum status train_rank(void *context, const struct peers *peers, struct error *err)
{
    static const struct resnet_shape shape = {"tiny", true, {1, 1, 1, 1}, 4};
    struct trial *trial = context;
    struct session *s = &trial->sessions[peers->rank];
    const struct train_options options = {
        .seed = 5,
        .optimizer = optimizer_defaults(OPTIMIZER_SGD),
        .schedule = {.lr = 0.05, .epochs = 5, .step_epochs = 1},
        .freeze = trial->freeze,
        .recipe = trial->recipe,
        .cache = {.mode = CACHE_OFF},
        .loader = {.threads = 1, .batch = PHOTOS, .preprocess = preprocess_for_size(SIDE)},
        .usable = LIST,
        .peers = peers};
    enum status status = pool_create(&s->pool, 1, err);
    if (status == OK)
        status = resnet_create_shape(&s->net, &shape, CLASSES, err);
    if (status != OK)
        return status;
    net_init(s->net, 9);
    status = train_create(&s->train, s->net, &dataset, &options, s->pool, err);
    if (status == OK)
        status = train_prepare(s->train, err);
    for (size_t i = 0; status == OK && i < STEPS; i++) {
        static const struct train_hooks none = {.should_stop = NULL};
        s->train->hooks = &none;
        if (i == 1 && peers->rank == trial->spoilt)
            s->net->params[0].data[0] = NAN;
        status = train_step(s->train, &batch, i == STEPS - 1 ? 3 : PHOTOS, &s->results[i], err);
    }
    return status;
}

static void close_trial(struct trial *trial, size_t ranks)
{
    for (size_t r = 0; r < ranks; r++) {
        train_destroy(trial->sessions[r].train);
        net_destroy(trial->sessions[r].net);
        pool_destroy(trial->sessions[r].pool);
    }
}

static void run(struct trial *trial, size_t ranks)
{
    struct error ends[RANKS];
    thread_peers_run(ends, ranks, train_rank, trial);
    for (size_t r = 0; r < ranks; r++)
        if (ends[r].status != OK)
            fail_msg("rank %zu of %zu: %s", r, ranks, ends[r].text);
}

static void assert_same_session(const struct session *a, const struct session *b)
{
    for (size_t i = 0; i < a->net->params_count; i++)
        small_net_assert_same(&a->net->params[i], &b->net->params[i]);
    for (size_t i = 0; i < STEPS; i++) {
        assert_memory_equal(&a->results[i].loss, &b->results[i].loss, sizeof a->results[i].loss);
        assert_memory_equal(&a->results[i].norm, &b->results[i].norm, sizeof a->results[i].norm);
        assert_int_equal(a->results[i].right, b->results[i].right);
    }
}

/* Seven photos in four pieces and in seven, then three photos: ranks without a piece. */
static void any_number_of_ranks_trains_the_same(void **state)
{
    (void)state;
    static const struct trial trials[] = {
        {.recipe = {.micro_batch = 2}, .freeze = {.until = 6, .bn_trained = BN_BATCH}},
        {.recipe = {.micro_batch = 1}, .freeze = {.until = 4, .bn_trained = BN_EVAL}},
        {.recipe = {.micro_batch = 2, .mixup = 0.8, .clip_norm = 0.01, .class_weight_power = 0.7},
         .freeze = {.until = 0, .bn_trained = BN_BATCH}},
        {.recipe = {.micro_batch = 2, .cutmix = 1, .label_smoothing = 0.1, .ema = 0.7},
         .freeze = {.until = 6, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH}}};
    for (size_t t = 0; t < sizeof trials / sizeof *trials; t++) {
        struct trial alone = trials[t];
        alone.spoilt = SIZE_MAX;
        run(&alone, 1);
        for (size_t ranks = 2; ranks <= RANKS; ranks++) {
            struct trial shared = trials[t];
            shared.spoilt = SIZE_MAX;
            run(&shared, ranks);
            for (size_t r = 0; r < ranks; r++)
                assert_same_session(&alone.sessions[0], &shared.sessions[r]);
            close_trial(&shared, ranks);
        }
        close_trial(&alone, 1);
    }
}

/* The loss of a rank's own pieces is known to it alone. */
static void all_hear_of_a_loss_that_is_not_finite(void **state)
{
    (void)state;
    for (size_t spoilt = 0; spoilt < 2; spoilt++) {
        struct trial trial = {.recipe = {.micro_batch = 4}, .freeze = {.until = 0, .bn_trained = BN_EVAL}};
        struct error ends[RANKS];
        trial.spoilt = spoilt;
        thread_peers_run(ends, 2, train_rank, &trial);
        char prefix[16];
        snprintf(prefix, sizeof prefix, "rank %zu: ", spoilt);
        for (size_t r = 0; r < 2; r++)
            assert_true(ends[r].status == ERR_DATA || ends[r].status == ERR_DIVERGED);
        assert_null(strstr(ends[spoilt].text, "rank"));
        assert_memory_equal(ends[1 - spoilt].text, prefix, strlen(prefix));
        assert_string_equal(ends[1 - spoilt].text + strlen(prefix), ends[spoilt].text);
        close_trial(&trial, 2);
    }
}

/* The third has nothing to do with two pieces. */
static void a_rank_needs_a_piece(void **state)
{
    (void)state;
    struct trial trial = {.recipe = {.micro_batch = 4}, .spoilt = SIZE_MAX};
    struct error ends[RANKS];
    thread_peers_run(ends, 3, train_rank, &trial);
    for (size_t r = 0; r < 3; r++) {
        assert_int_equal(ends[r].status, ERR_USAGE);
        assert_non_null(strstr(ends[r].text, "3 processes"));
        assert_non_null(strstr(ends[r].text, "at most 2"));
    }
    close_trial(&trial, 3);
}

int main(void)
{
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)rng_u32(&rng);
    for (size_t i = 0; i < LIST; i++)
        photos[i].class = i < 12 ? 0 : i < 18 ? 1 : 2;
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_number_of_ranks_trains_the_same),
                                       cmocka_unit_test(all_hear_of_a_loss_that_is_not_finite),
                                       cmocka_unit_test(a_rank_needs_a_piece)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
