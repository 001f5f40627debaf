/* The options of a recipe by themselves: their ranges, the weights of classes, and how a batch is cut
 * into pieces. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/recipe.h"

static void what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct recipe_options options;
        const char *named;
    } cases[] = {
        {{.label_smoothing = 1.5}, "--label-smoothing"},
        {{.class_weight_power = -1}, "--class-weight-power"},
        {{.mixup = -0.1}, "--mixup"},
        {{.cutmix = NAN}, "--cutmix"},
        {{.clip_norm = INFINITY}, "--clip-norm"},
        {{.ema = 1}, "--ema"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        assert_int_equal(recipe_check(&cases[i].options, &err), ERR_USAGE);
        assert_non_null(strstr(err.text, cases[i].named));
    }
    const struct recipe_options good = {1, 1, 1000, 0.1, 5, 3, 0.999, true};
    assert_int_equal(recipe_check(&good, NULL), OK);
    assert_true(recipe_mixes(&good));
    assert_false(recipe_mixes(&(struct recipe_options){.label_smoothing = 0.1, .ema = 0.9, .micro_batch = 1}));
}

static void pieces_are_even_and_never_too_large(void **state)
{
    (void)state;
    for (size_t most = 0; most < 10; most++)
        for (size_t photos = 1; photos < 30; photos++) {
            const struct recipe_options options = {.micro_batch = most};
            size_t pieces = recipe_pieces(&options, photos), pass = recipe_pass(&options, photos);
            assert_int_equal(pieces, most ? (photos + most - 1) / most : 1);
            for (size_t i = 0; i < pieces; i++) {
                size_t count = photos * (i + 1) / pieces - photos * i / pieces;
                assert_in_range(count, photos / pieces, pass);
            }
        }
}

static size_t photos_of(const struct recipe_options *options, size_t rank, size_t ranks, size_t photos)
{
    size_t pieces = recipe_pieces(options, photos), count = 0;
    for (size_t i = pieces * rank / ranks; i < pieces * (rank + 1) / ranks; i++)
        count += photos * (i + 1) / pieces - photos * i / pieces;
    return count;
}

/* With bn_sync a process holds its pieces at once, and all plan for the one with the most; without it, one of them. */
static void all_that_is_there_at_once_fits(void **state)
{
    (void)state;
    for (size_t most = 1; most < 6; most++)
        for (size_t batch = 1; batch < 20; batch++)
            for (size_t ranks = 1; ranks <= 4; ranks++) {
                struct recipe_options options = {.micro_batch = most};
                size_t reached = recipe_pass(&options, batch);
                for (size_t rank = 0; rank < ranks; rank++)
                    for (size_t photos = 1; photos <= batch; photos++) {
                        size_t count = photos_of(&options, rank, ranks, photos);
                        reached = count > reached ? count : reached;
                    }
                for (size_t rank = 0; rank < ranks; rank++) {
                    const struct peers peers = {.rank = rank, .count = ranks};
                    options.bn_sync = false;
                    assert_int_equal(recipe_at_once(&options, &peers, batch), recipe_pass(&options, batch));
                    options.bn_sync = true;
                    assert_int_equal(recipe_at_once(&options, &peers, batch), reached);
                }
                assert_true(ranks > 1 || reached == batch);
            }
}

static void class_weights_have_the_mean_1(void **state)
{
    (void)state;
    enum { LIST = 21, CLASSES = 3 };
    static const double powers[] = {0, 0.5, 1};
    struct photo photos[LIST];
    for (size_t i = 0; i < LIST; i++) /* 12, 6 and 3 photos */
        photos[i] = (struct photo){.class = i < 12 ? 0 : i < 18 ? 1 : 2};
    const struct photo_list list = {.photos = photos, .count = LIST};
    for (size_t p = 0; p < 3; p++) {
        float *weights;
        struct error err;
        assert_int_equal(recipe_class_weights(&weights, &list, CLASSES, powers[p], &err), OK);
        double mean = (12 * (double)weights[0] + 6 * (double)weights[1] + 3 * (double)weights[2]) / LIST;
        assert_true(fabs(mean - 1) <= 1e-6);
        assert_true(fabs((double)weights[1] / (double)weights[0] - pow(2, powers[p])) <= 1e-6);
        assert_true(fabs((double)weights[2] / (double)weights[0] - pow(4, powers[p])) <= 1e-6);
        memory_free(weights);
    }
    float *weights;
    struct error err;
    assert_int_equal(recipe_class_weights(&weights, &list, CLASSES + 1, 1, &err), OK);
    assert_true(weights[CLASSES] == 0 && weights[0] > 0);
    memory_free(weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(all_that_is_there_at_once_fits),
        cmocka_unit_test(pieces_are_even_and_never_too_large),
        cmocka_unit_test(class_weights_have_the_mean_1),
    };
    return cmocka_run_group_tests_name("recipe options", tests, NULL, NULL);
}
