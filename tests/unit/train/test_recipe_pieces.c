/* Recipes whose batch is cut into pieces: against the whole batch, and what BatchNorm sees of them. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "tests/support/compare.h"
#include "tests/support/recipe_session.h"

/* Of 32 pixels layer4 makes maps of 1x1, so that one photo is too few. */
static void photos_too_few_for_batchnorm_are_left_out(void **state)
{
    (void)state;
    struct session s;
    struct error err;
    struct train_options options = session_options(BN_BATCH, (struct recipe_options){.micro_batch = 2});
    options.loader.preprocess = preprocess_for_size(32);
    options.loader.batch = 6;
    open_session(&s, &options, 1);
    static const size_t wanted[] = {0, 0, 2, 2, 4, 4, 6};
    for (size_t photos = 0; photos <= 6; photos++)
        assert_int_equal(recipe_step_photos(&s.train->options.recipe, s.train->stage.plan, photos), wanted[photos]);
    assert_int_equal(train_state_get(s.train)->steps_per_epoch, 4); /* 6, 6, 6 and 2 of 3 */
    close_session(&s);

    options.recipe.micro_batch = 3;
    open_session(&s, &options, 1);
    for (size_t photos = 2; photos <= 6; photos++)
        assert_int_equal(recipe_step_photos(&s.train->options.recipe, s.train->stage.plan, photos), photos);
    close_session(&s);

    /* The batch counts, not the piece. */
    options.recipe = (struct recipe_options){.micro_batch = 1, .bn_sync = true};
    open_session(&s, &options, 1);
    for (size_t photos = 0; photos <= 6; photos++)
        assert_int_equal(recipe_step_photos(&s.train->options.recipe, s.train->stage.plan, photos),
                         photos > 1 ? photos : 0);
    close_session(&s);
    options.recipe.bn_sync = false;

    options.loader.batch = 5;
    for (options.recipe.micro_batch = 1; options.recipe.micro_batch <= 2; options.recipe.micro_batch++) {
        assert_int_equal(create_session(&s, &options, 1, &err), ERR_USAGE);
        assert_non_null(strstr(err.text, "--micro-batch"));
        close_session(&s);
    }
}

/* Three steps in pieces of `most`, and in one; BatchNorm in eval mode, where they are the same: 1.2e-7 measured; or
 * with the statistics of the whole batch. */
static void compare_pieces(size_t most, bool mixes, enum bn_mode trained, double tolerance,
                           struct comparison *comparison)
{
    struct session a, b;
    struct recipe_options recipe = recipe_whole;
    if (!mixes)
        recipe.mixup = recipe.cutmix = 0;
    struct train_options options = session_options(trained, recipe);
    open_session(&a, &options, 2);
    options.recipe.micro_batch = most;
    options.recipe.bn_sync = trained == BN_BATCH;
    open_session(&b, &options, 2);
    for (int i = 0; i < 3; i++) {
        struct step_result one = session_step(&a), pieces = session_step(&b);
        assert_true(fabs(one.loss - pieces.loss) <= 1e-6 * one.loss);
        assert_int_equal(one.right, pieces.right);
        assert_int_equal(one.right, b.train->batch.top1);
        assert_int_equal(b.train->batch.count, PHOTOS);
    }
    for (size_t i = 0; i < a.net->params_count; i++) {
        const struct param *found = &b.net->params[i], *wanted = &a.net->params[i];
        assert_int_equal(found->batches, wanted->batches);
        if (wanted->trainable)
            compare_tensor(comparison, wanted->name, found->data, found->count, wanted->data, wanted->count, tolerance);
        else if (trained == BN_BATCH && wanted->child > 6 && wanted->count > 0)
            compare_tensor(comparison, wanted->name, found->data, found->count, wanted->data, wanted->count, tolerance);
        else if (wanted->count > 0)
            assert_memory_equal(found->data, wanted->data, wanted->count * sizeof(float));
    }
    close_session(&a);
    close_session(&b);
}

static void compare_all_pieces(const char *what, enum bn_mode mode, double tolerance)
{
    struct comparison comparison = {0};
    static const size_t most[] = {1, 2, 3, 6};
    for (size_t i = 0; i < sizeof most / sizeof *most; i++)
        compare_pieces(most[i], i % 2 == 0, mode, tolerance, &comparison);
    print_message("# %s: %zu tensors, worst %.1e (%s)\n", what, comparison.tensors, comparison.worst,
                  comparison.worst_name);
    if (!compare_passed(&comparison))
        fail_msg("%s", comparison.first_fault);
}

static void pieces_equal_the_whole_batch(void **state)
{
    (void)state;
    compare_all_pieces("pieces", BN_EVAL, 1e-6);
}

static void pieces_with_common_statistics_equal_the_whole_batch(void **state)
{
    (void)state;
    compare_all_pieces("pieces with --bn-sync", BN_BATCH, 2e-6);
}

static void statistics_of_the_batch_need_a_batchnorm_that_takes_them(void **state)
{
    (void)state;
    struct session s;
    struct error err;
    struct train_options options = session_options(BN_EVAL, (struct recipe_options){.bn_sync = true});
    assert_int_equal(create_session(&s, &options, 1, &err), ERR_USAGE);
    assert_non_null(strstr(err.text, "--bn-sync cannot be combined with --bn-trained eval"));
    close_session(&s);
    options.freeze.bn_frozen = BN_BATCH;
    assert_int_equal(create_session(&s, &options, 1, &err), OK);
    close_session(&s);
}

/* With batch statistics each piece has its own, and moves the running ones. */
static void batchnorm_sees_pieces(void **state)
{
    (void)state;
    struct session s;
    const struct train_options options = session_options(BN_BATCH, (struct recipe_options){.micro_batch = 3});
    open_session(&s, &options, 1);
    session_step(&s);
    int count = net_param_find(s.net, "layer4.0.bn1.num_batches_tracked");
    int frozen = net_param_find(s.net, "layer1.0.bn1.num_batches_tracked");
    assert_int_equal(s.net->params[count].batches, 3);
    assert_int_equal(s.net->params[frozen].batches, 0);
    close_session(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(photos_too_few_for_batchnorm_are_left_out),
        cmocka_unit_test(pieces_equal_the_whole_batch),
        cmocka_unit_test(pieces_with_common_statistics_equal_the_whole_batch),
        cmocka_unit_test(statistics_of_the_batch_need_a_batchnorm_that_takes_them),
        cmocka_unit_test(batchnorm_sees_pieces),
    };
    return cmocka_run_group_tests_name("recipe pieces", tests, recipe_session_setup, NULL);
}
