/* Passes over several pieces whose BatchNorm layers see all of them: one piece gives the bytes of a plain pass, several
 * give what a pass over the whole batch gives, to rounding, with the gradients of each piece apart. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/net/exec.h"
#include "models/resnet.h"
#include "tests/support/compare.h"
#include "tests/support/small_net.h"

enum { IMAGES = 5, SIDE = 45, CLASSES = 5, VALUES = IMAGES * SIDE * SIDE * 3, MOST = 512 };

/* Measured: 1.4e-6 at most, in float32, where a mask of ReLU may fall on the other side of 0 too. */
#define TOLERANCE 2e-5

static float x[VALUES], dlogits[IMAGES * CLASSES];

static const struct freeze freezes[] = {{.until = 0, .bn_trained = BN_BATCH},
                                        {.until = 6, .bn_trained = BN_BATCH},
                                        {.until = 6, .bn_frozen = BN_BATCH, .bn_trained = BN_EVAL},
                                        {.until = 7, .bn_frozen = BN_BATCH, .bn_trained = BN_BATCH}};

struct trial {
    struct net *net;
    struct pool *pool;
    struct plan *plan;
    struct exec *exec;
    float logits[IMAGES * CLASSES];
    float *gradients[MOST]; /* sums */
    size_t times[MOST];
};

static void begin(struct trial *t, struct freeze freeze, enum precision precision)
{
    static const struct resnet_shape shape = {"tiny50", true, {2, 1, 1, 1}, 8};
    const struct plan_options options = {.train = true,
                                         .batch = IMAGES,
                                         .height = SIDE,
                                         .width = SIDE,
                                         .freeze = freeze,
                                         .precision = precision,
                                         .threads = 2};
    struct error err = {0};
    *t = (struct trial){0};
    assert_int_equal(resnet_create_shape(&t->net, &shape, CLASSES, &err), OK);
    small_net_randomise(t->net, 11);
    freeze_apply(t->net, &options.freeze);
    assert_int_equal(pool_create(&t->pool, 2, &err), OK);
    assert_int_equal(plan_create(&t->plan, t->net, &options, &err), OK);
    assert_int_equal(exec_create(&t->exec, t->plan, NULL, t->pool, NULL, &err), OK);
    assert_in_range(t->net->params_count, 1, MOST);
}

static void end(struct trial *t)
{
    for (size_t i = 0; i < MOST; i++)
        free(t->gradients[i]);
    exec_destroy(t->exec);
    plan_destroy(t->plan);
    pool_destroy(t->pool);
    net_destroy(t->net);
}

static void take(void *context, size_t param, const float *gradient)
{
    struct trial *t = context;
    size_t count = t->net->params[param].count;
    if (!t->gradients[param])
        t->gradients[param] = calloc(count, sizeof(float));
    assert_non_null(t->gradients[param]);
    for (size_t i = 0; i < count; i++)
        t->gradients[param][i] += gradient[i];
    t->times[param]++;
}

struct sums {
    size_t count, values;
    double *of[2], *all;
    size_t calls;
};

static const double *total(void *context, double *sums, size_t values)
{
    struct sums *s = context;
    assert_true(values <= s->values);
    s->calls++;
    for (size_t v = 0; v < values; v++) {
        s->all[v] = 0;
        for (size_t i = 0; i < s->count; i++)
            s->all[v] += sums[i * values + v];
    }
    return s->all;
}

/* begin[count + 1]; count 0: without pieces. */
static size_t run(struct trial *t, const size_t *begins, size_t count)
{
    struct sums sums = {.count = count, .values = exec_pieces_values(t->plan)};
    sums.of[0] = calloc((2 * count + 1) * sums.values, sizeof(double));
    assert_non_null(sums.of[0]);
    sums.of[1] = sums.of[0] + count * sums.values;
    sums.all = sums.of[1] + count * sums.values;
    const struct exec_pieces pieces = {.count = count,
                                       .begin = begins,
                                       .images = IMAGES,
                                       .sums = {sums.of[0], sums.of[1]},
                                       .total = total,
                                       .context = &sums};
    exec_set_pieces(t->exec, count > 0 ? &pieces : NULL);
    memcpy(t->logits, exec_forward(t->exec, x, IMAGES), sizeof t->logits);
    exec_backward(t->exec, dlogits, take, t);
    exec_set_pieces(t->exec, NULL);
    free(sums.of[0]);
    return sums.calls;
}

static void one_piece_gives_the_bytes_of_a_plain_pass(void **state)
{
    (void)state;
    static const size_t begins[] = {0, IMAGES};
    for (size_t f = 0; f < sizeof freezes / sizeof *freezes; f++)
        for (int precision = PRECISION_F32; precision <= PRECISION_BF16; precision++) {
            struct trial plain, piece;
            begin(&plain, freezes[f], (enum precision)precision);
            begin(&piece, freezes[f], (enum precision)precision);
            run(&plain, NULL, 0);
            run(&piece, begins, 1);
            assert_memory_equal(plain.logits, piece.logits, sizeof plain.logits);
            for (size_t i = 0; i < plain.net->params_count; i++) {
                const struct param *param = &plain.net->params[i];
                small_net_assert_same(param, &piece.net->params[i]);
                assert_true(param->batches == piece.net->params[i].batches);
                assert_int_equal(plain.times[i], param->trainable);
                assert_int_equal(piece.times[i], param->trainable);
                if (param->trainable)
                    assert_memory_equal(plain.gradients[i], piece.gradients[i], param->count * sizeof(float));
            }
            end(&plain);
            end(&piece);
        }
}

static void compare_cut(struct comparison *comparison, const size_t *begins, size_t count, struct freeze freeze)
{
    struct trial whole, cut;
    size_t layers = 0, trained = 0;
    begin(&whole, freeze, PRECISION_F32);
    begin(&cut, freeze, PRECISION_F32);
    run(&whole, NULL, 0);
    size_t calls = run(&cut, begins, count);
    compare_tensor(comparison, "logits", cut.logits, IMAGES * CLASSES, whole.logits, IMAGES * CLASSES, TOLERANCE);
    for (size_t i = 0; i < whole.net->params_count; i++) {
        const struct param *wanted = &whole.net->params[i], *found = &cut.net->params[i];
        assert_true(found->batches == wanted->batches); /* they move once */
        layers += wanted->role == PARAM_BATCHES && wanted->batches > 0;
        if (wanted->trainable) {
            assert_int_equal(cut.times[i], count);
            compare_tensor(comparison, wanted->name, cut.gradients[i], found->count, whole.gradients[i], wanted->count,
                           TOLERANCE);
        } else if (wanted->count > 0) {
            compare_tensor(comparison, wanted->name, found->data, found->count, wanted->data, wanted->count, TOLERANCE);
        }
        trained += wanted->trainable;
    }
    assert_true(layers > 0 && trained > 0);
    assert_in_range(calls, layers, 2 * layers); /* backward does not reach them all */
    end(&whole);
    end(&cut);
}

static void several_give_the_step_of_the_whole_batch(void **state)
{
    (void)state;
    static const size_t ones[] = {0, 1, 2, 3, 4, 5}, uneven[] = {0, 2, 5}, late[] = {0, 4, 5};
    struct comparison comparison = {0};
    for (size_t f = 0; f < sizeof freezes / sizeof *freezes; f++) {
        compare_cut(&comparison, ones, 5, freezes[f]);
        compare_cut(&comparison, uneven, 2, freezes[f]);
        compare_cut(&comparison, late, 2, freezes[f]);
    }
    print_message("# pieces: %zu tensors, worst %.1e (%s)\n", comparison.tensors, comparison.worst,
                  comparison.worst_name);
    if (!compare_passed(&comparison))
        fail_msg("%s", comparison.first_fault);
}

int main(void)
{
    struct rng rng = rng_stream(12, RNG_TEST, 0, 0);
    for (size_t i = 0; i < VALUES; i++) /* each image differs from the others in mean and spread */
        x[i] = (float)(rng_normal(&rng) * (double)(1 + i / (VALUES / IMAGES)) + (double)(i / (VALUES / IMAGES)));
    for (size_t i = 0; i < IMAGES * CLASSES; i++)
        dlogits[i] = (float)rng_normal(&rng);
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_piece_gives_the_bytes_of_a_plain_pass),
                                       cmocka_unit_test(several_give_the_step_of_the_whole_batch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
