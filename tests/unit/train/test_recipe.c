/* Recipes in a run: mixed steps against double precision, any number of threads, what is kept and what it takes.
 * (Against PyTorch: test_parity_recipes.c; cut into pieces: test_recipe_pieces.c.) */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/train/mix.h"
#include "tests/support/compare.h"
#include "tests/support/naive.h"
#include "tests/support/recipe_session.h"
#include "tests/support/reference_net.h"

/* ---- steps ------------------------------------------------------------------------------------------------------- */

/* Every option by itself does something. */
static void each_option_changes_the_result(void **state)
{
    (void)state;
    static const struct recipe_options options[] = {{0},
                                                    {.label_smoothing = 0.1},
                                                    {.class_weight_power = 1},
                                                    {.mixup = 1},
                                                    {.cutmix = 1},
                                                    {.clip_norm = 0.01},
                                                    {.micro_batch = 4},
                                                    {.ema = 0.5},
                                                    {.micro_batch = 4, .bn_sync = true}};
    enum { COUNT = sizeof options / sizeof *options };
    float heads[COUNT][CLASSES];
    for (size_t i = 0; i < COUNT; i++) {
        struct session s;
        const struct train_options mine = session_options(BN_BATCH, options[i]);
        open_session(&s, &mine, 1);
        session_step(&s);
        session_step(&s);
        if (s.train->recipe.ema)
            ema_swap(s.train->recipe.ema);
        memcpy(heads[i], s.net->params[net_param_find(s.net, "fc.bias")].data, sizeof heads[i]);
        for (size_t j = 0; j < i; j++)
            if (memcmp(heads[i], heads[j], sizeof heads[i]) == 0)
                fail_msg("options %zu and %zu do the same", i, j);
        close_session(&s);
    }
}

/* What is unfrozen has been its own average until then, and its gradients count in the norm from then on. */
static void what_is_unfrozen_joins(void **state)
{
    (void)state;
    struct session s;
    struct error err = {0};
    struct train_options options = session_options(BN_BATCH, (struct recipe_options){.clip_norm = 1e9, .ema = 0.75});
    options.unfreezing = (struct unfreezing){1, {{1, 5}}};
    open_session(&s, &options, 1);
    session_step(&s);
    size_t rows = ema_row_count(s.train->recipe.ema);
    int index = net_param_find(s.net, "layer2.0.conv1.weight");
    const struct param *param = &s.net->params[index];
    float before = param->data[0];
    assert_null(gradients_get(s.train->recipe.gradients, (size_t)index));
    if (train_enter_stage(s.train, 1, &err) != OK)
        fail_msg("%s", err.text);
    assert_true(ema_row_count(s.train->recipe.ema) > rows);
    session_step(&s);
    assert_non_null(gradients_get(s.train->recipe.gradients, (size_t)index));
    float after = param->data[0];
    assert_true(after < before || after > before);
    ema_swap(s.train->recipe.ema);
    assert_true(fabs((double)param->data[0] - (0.75 * (double)before + 0.25 * (double)after)) <= 1e-7);
    close_session(&s);
}

/* The mixed input of the reference in double, straight from the definition. */
static void mix_naively(double *x, const struct mix *mix, const struct preprocess *preprocess)
{
    for (size_t n = 0; n < PHOTOS; n++)
        for (size_t i = 0; i < FLOATS; i++) {
            size_t other = (n + PHOTOS - 1) % PHOTOS, c = i % 3, column = i / 3 % SIDE, row = i / 3 / SIDE;
            double mean = (double)preprocess->mean[c], deviation = (double)preprocess->std[c];
            double a = ((double)session_batch.pixels[n * FLOATS + i] / 255 - mean) / deviation;
            double b = ((double)session_batch.pixels[other * FLOATS + i] / 255 - mean) / deviation;
            bool inside = column >= mix->left && column < mix->right && row >= mix->top && row < mix->bottom;
            double keeps = mix->kind == MIX_UP ? mix->share : inside ? 0 : 1;
            x[n * FLOATS + i] = keeps * a + (1 - keeps) * b;
        }
}

/* Softmax minus target, over N, in double. */
static void mixed_dlogits(double *dlogits, const double *logits, double share)
{
    double other[PHOTOS * CLASSES];
    int own_labels[PHOTOS], other_labels[PHOTOS];
    for (int n = 0; n < PHOTOS; n++) {
        own_labels[n] = session_batch.labels[n];
        other_labels[n] = session_batch.labels[(n + PHOTOS - 1) % PHOTOS];
    }
    naive_cross_entropy(dlogits, logits, own_labels, 0, PHOTOS, CLASSES);
    naive_cross_entropy(other, logits, other_labels, 0, PHOTOS, CLASSES);
    for (size_t i = 0; i < PHOTOS * CLASSES; i++)
        dlogits[i] = share * dlogits[i] + (1 - share) * other[i];
}

/* A norm beyond any keeps the gradients for us to look at. */
static void compare_mixed_step(struct recipe_options recipe, enum mix_kind kind, struct comparison *comparison)
{
    recipe.clip_norm = 1e9;
    struct session s;
    const struct train_options options = session_options(BN_BATCH, recipe);
    open_session(&s, &options, 1);
    struct mix mix = mix_draw(recipe.mixup, recipe.cutmix, SIDE, SIDE, rng_stream(options.seed, RNG_MIX, 0, 0));
    assert_int_equal(mix.kind, kind);
    double *x = calloc(PHOTOS * FLOATS, sizeof *x), dlogits[PHOTOS * CLASSES];
    mix_naively(x, &mix, &options.loader.preprocess);
    struct reference_net *reference = reference_create(s.net, &options.freeze, PHOTOS, SIDE, SIDE);
    mixed_dlogits(dlogits, reference_forward(reference, x), mix.share);
    reference_backward(reference, dlogits);
    session_step(&s);
    for (size_t i = 0; i < s.net->params_count; i++) {
        const struct param *param = &s.net->params[i];
        if (!param->trainable)
            continue;
        float *wanted = calloc(param->count, sizeof *wanted);
        for (size_t j = 0; j < param->count; j++)
            wanted[j] = (float)reference_gradient(reference, i)[j];
        compare_tensor(comparison, param->name, gradients_get(s.train->recipe.gradients, i), param->count, wanted,
                       param->count, 2e-5); /* 2.0e-6 measured */
        free(wanted);
    }
    reference_destroy(reference);
    free(x);
    close_session(&s);
}

static void mixed_steps_equal_the_definition(void **state)
{
    (void)state;
    struct comparison comparison = {0};
    compare_mixed_step((struct recipe_options){.mixup = 0.6}, MIX_UP, &comparison);
    compare_mixed_step((struct recipe_options){.cutmix = 1}, MIX_CUT, &comparison);
    print_message("# mixed: %zu tensors, worst %.1e (%s)\n", comparison.tensors, comparison.worst,
                  comparison.worst_name);
    if (!compare_passed(&comparison))
        fail_msg("%s", comparison.first_fault);
}

static void count(struct class_counts counts[CLASSES], int32_t label, size_t predicted)
{
    counts[label].labelled++;
    counts[label].right += (size_t)label == predicted;
    counts[predicted].predicted++;
}

/* The counts of a mixed batch, asked for the label with the larger share. True when the other labels would have given
 * something else. */
static bool expect_counts(struct session *s, const struct mix *mix)
{
    static float x[PHOTOS * FLOATS];
    const struct recipe *recipe = &s->train->recipe;
    const struct mix_photos photos = {
        .pixels = session_batch.pixels, .count = PHOTOS, .height = SIDE, .width = SIDE, .table = recipe->table};
    struct class_counts counts[CLASSES] = {{0}}, counts_of_others[CLASSES] = {{0}};
    mix_images(x, mix, &photos, 0, PHOTOS, s->pool);
    const float *logits = exec_forward(s->train->stage.exec, x, PHOTOS);
    for (size_t n = 0; n < PHOTOS; n++) {
        size_t own = n, other = (n + PHOTOS - 1) % PHOTOS, predicted = argmax(logits + n * CLASSES, CLASSES);
        count(counts, session_batch.labels[mix->share >= 0.5 ? own : other], predicted);
        count(counts_of_others, session_batch.labels[mix->share >= 0.5 ? other : own], predicted);
    }
    session_step(s);
    assert_memory_equal(s->train->batch.counts, counts, sizeof counts);
    return memcmp(counts, counts_of_others, sizeof counts) != 0;
}

static void accuracy_counts_the_label_with_the_larger_share(void **state)
{
    (void)state;
    const struct train_options options = session_options(BN_EVAL, (struct recipe_options){.mixup = 1});
    int own = 0, other = 0;
    struct session s;
    open_session(&s, &options, 1);
    for (int steps = 0; own == 0 || other == 0; steps++) {
        assert_in_range(steps, 0, 50);
        struct mix mix = mix_draw(1, 0, SIDE, SIDE, rng_stream(options.seed, RNG_MIX, 0, s.train->state.batch));
        *(mix.share >= 0.5 ? &own : &other) += expect_counts(&s, &mix);
    }
    close_session(&s);
}

static void the_same_bytes_with_any_number_of_threads(void **state)
{
    (void)state;
    struct session a, b;
    struct recipe_options recipe = recipe_whole;
    recipe.micro_batch = 3;
    const struct train_options options = session_options(BN_BATCH, recipe);
    open_session(&a, &options, 1);
    open_session(&b, &options, 3);
    for (int i = 0; i < 4; i++) {
        struct step_result one = session_step(&a), three = session_step(&b);
        assert_memory_equal(&one.loss, &three.loss, sizeof one.loss);
    }
    for (int swapped = 0; swapped < 2; swapped++) {
        assert_memory_equal(a.net->params[0].data, b.net->params[0].data, net_floats(a.net) * sizeof(float));
        ema_swap(a.train->recipe.ema);
        ema_swap(b.train->recipe.ema);
    }
    close_session(&a);
    close_session(&b);
}

static void memory_is_taken_for_what_is_asked(void **state)
{
    (void)state;
    struct session s;
    struct error err;
    struct train_options options = session_options(BN_BATCH, (struct recipe_options){0});
    assert_int_equal(create_session(&s, &options, 1, &err), OK);
    struct train_needs plain = train_needs(s.train);
    assert_true(plain.gradients == 0 && plain.average == 0);
    size_t trained = gradients_bytes(s.net, &peers_alone, 1), moving = ema_bytes(s.net, &options.freeze);
    size_t arena = s.train->stage.plan->arena_floats;
    assert_true(trained > 0 && moving > trained); /* running statistics */
    close_session(&s);

    options.recipe = (struct recipe_options){.clip_norm = 1, .ema = 0.9, .mixup = 1};
    assert_int_equal(create_session(&s, &options, 1, &err), OK);
    struct train_needs needs = train_needs(s.train);
    assert_int_equal(needs.gradients, trained);
    assert_int_equal(needs.average, moving);
    assert_int_equal(needs.photos, plain.photos);
    assert_int_equal(needs.mixing, PHOTOS * FLOATS * sizeof(float));
    assert_int_equal(needs.network, plain.network);
    close_session(&s);

    options.recipe = (struct recipe_options){.micro_batch = 1};
    assert_int_equal(create_session(&s, &options, 1, &err), OK);
    needs = train_needs(s.train);
    assert_int_equal(needs.gradients, 2 * trained); /* 7 pieces: ((0+1)+(2+3)) is held while (4+5) comes */
    assert_true(needs.network < plain.network);
    assert_true(s.train->stage.plan->arena_floats < arena / 5); /* of 7 photos */
    close_session(&s);
}

/* 7 pieces for 3 ranks. In a last batch of 5 rank 1 has the pieces 1 and 2, which make no sum before they are sent. */
static void every_rank_says_what_the_largest_takes(void **state)
{
    (void)state;
    enum { RANKS = 3 };
    size_t own[RANKS], said[RANKS], network[RANKS];
    for (size_t r = 0; r < RANKS; r++) {
        const struct peers peers = {.rank = r, .count = RANKS};
        struct session s;
        struct error err;
        struct recipe_options recipe = {.micro_batch = 1};
        struct train_options options = session_options(BN_BATCH, recipe);
        options.peers = &peers;
        assert_int_equal(create_session(&s, &options, 1, &err), OK);
        said[r] = train_needs(s.train).gradients;
        own[r] = gradients_bytes(s.net, &peers, PHOTOS) + gradients_exchange_bytes(s.net, &peers, PHOTOS);
        close_session(&s);
        options.recipe.bn_sync = true;
        assert_int_equal(create_session(&s, &options, 1, &err), OK);
        network[r] = train_needs(s.train).network;
        close_session(&s);
        assert_true(said[r] == said[0] && network[r] == network[0]);
    }
    assert_true(own[1] > own[0] && said[0] > own[1]);
}

static void fill(struct net *net, const char *name, float value)
{
    struct param *param = &net->params[net_param_find(net, name)];
    for (size_t i = 0; i < param->count; i++)
        param->data[i] = value;
}

/* Tiny inputs of a huge convolution: the loss is finite, the gradient of the inputs is not. */
static void a_gradient_that_is_not_finite_ends_the_run(void **state)
{
    (void)state;
    struct session s;
    struct step_result result;
    struct error err = {0};
    const struct train_options options = session_options(BN_EVAL, (struct recipe_options){.clip_norm = 1});
    open_session(&s, &options, 1);
    fill(s.net, "layer4.0.bn2.weight", 0);
    fill(s.net, "layer4.0.bn2.bias", 1e-37f);
    fill(s.net, "layer4.0.conv3.weight", 3e38f);
    struct param *head = &s.net->params[net_param_find(s.net, "fc.weight")];
    for (size_t i = 0; i < head->count; i++)
        head->data[i] *= 1e3f;
    assert_int_equal(train_step(s.train, &session_batch, PHOTOS, &result, &err), ERR_DIVERGED);
    assert_non_null(strstr(err.text, "the norm of the gradient is"));
    close_session(&s);
}

/* Nothing was updated yet: what the run started from is wrong, not its learning rate. */
static void an_output_that_is_not_finite_before_the_first_update_is_the_weights_fault(void **state)
{
    (void)state;
    struct session s;
    struct step_result result;
    struct error err = {0};
    const struct train_options options = session_options(BN_EVAL, (struct recipe_options){0});
    open_session(&s, &options, 1);
    fill(s.net, "bn1.weight", 3e38f);
    exec_refold(s.train->stage.exec);
    assert_int_equal(train_step(s.train, &session_batch, PHOTOS, &result, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "before the first step"));
    s.train->state.step = 1;
    assert_int_equal(train_step(s.train, &session_batch, PHOTOS, &result, &err), ERR_DIVERGED);
    close_session(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_changes_the_result),
        cmocka_unit_test(what_is_unfrozen_joins),
        cmocka_unit_test(mixed_steps_equal_the_definition),
        cmocka_unit_test(accuracy_counts_the_label_with_the_larger_share),
        cmocka_unit_test(the_same_bytes_with_any_number_of_threads),
        cmocka_unit_test(memory_is_taken_for_what_is_asked),
        cmocka_unit_test(every_rank_says_what_the_largest_takes),
        cmocka_unit_test(a_gradient_that_is_not_finite_ends_the_run),
        cmocka_unit_test(an_output_that_is_not_finite_before_the_first_update_is_the_weights_fault),
    };
    return cmocka_run_group_tests_name("recipe", tests, recipe_session_setup, NULL);
}
