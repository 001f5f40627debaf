/* The options of a recipe by themselves: their ranges, and how a batch is cut into pieces. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

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
    const struct recipe_options good = {1, 1, 1000, 0.1, 5, 3, 0.999};
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(pieces_are_even_and_never_too_large),
    };
    return cmocka_run_group_tests_name("recipe options", tests, NULL, NULL);
}
