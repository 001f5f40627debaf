/* RandomErasing's holes in a batch that is normalised, mixed or not: each value against the definition. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/rng.h"
#include "core/net/exec.h"
#include "core/train/mix.h"

enum { PHOTOS = 5, HEIGHT = 9, WIDTH = 9, FLOATS = HEIGHT * WIDTH * 3 };

static uint8_t pixels[PHOTOS * FLOATS];
static float table[3 * 256];

static const struct box holes[PHOTOS] = {{.top = 0, .left = 0, .height = 8, .width = 3},
                                         {.top = 2, .left = 1, .height = 4, .width = 7},
                                         {0},
                                         {.top = 8, .left = 8, .height = 1, .width = 1},
                                         {.top = 3, .left = 3, .height = 3, .width = 3}};

static int fill(void **state)
{
    (void)state;
    const struct normalise normalise = {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    struct rng rng = rng_stream(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)rng_below(&rng, 256);
    normalise_table(table, &normalise);
    return 0;
}

/* Value i of a photo alone: normalised, and 0 in its hole. */
static float alone(size_t photo, size_t i)
{
    const struct box *hole = &holes[photo];
    int row = (int)(i / (WIDTH * 3)), column = (int)(i / 3 % WIDTH);
    bool in =
        row >= hole->top && row < hole->top + hole->height && column >= hole->left && column < hole->left + hole->width;
    return in ? 0 : table[i % 3 * 256 + pixels[photo * FLOATS + i]];
}

static float mixed(const struct mix *mix, size_t photo, size_t i)
{
    size_t neighbour = photo ? photo - 1 : PHOTOS - 1, row = i / (WIDTH * 3), column = i / 3 % WIDTH;
    if (mix->kind == MIX_UP)
        return alone(neighbour, i) * (float)(1 - mix->share) + alone(photo, i) * (float)mix->share;
    bool cut =
        mix->kind == MIX_CUT && row >= mix->top && row < mix->bottom && column >= mix->left && column < mix->right;
    return alone(cut ? neighbour : photo, i);
}

/* The whole batch, and the same in two pieces. */
static void expect(const struct mix *mix, struct pool *pool)
{
    const struct mix_photos photos = {
        .pixels = pixels, .count = PHOTOS, .height = HEIGHT, .width = WIDTH, .table = table, .holes = holes};
    for (size_t cut = 0; cut <= 3; cut += 3) {
        float x[PHOTOS * FLOATS];
        memset(x, 0xFF, sizeof x);
        if (cut > 0)
            mix_images(x, mix, &photos, 0, cut, pool);
        mix_images(x + cut * FLOATS, mix, &photos, cut, PHOTOS - cut, pool);
        for (size_t photo = 0; photo < PHOTOS; photo++)
            for (size_t i = 0; i < FLOATS; i++)
                if (!(x[photo * FLOATS + i] == mixed(mix, photo, i)))
                    fail_msg("kind %d, photo %zu, value %zu: %g instead of %g", (int)mix->kind, photo, i,
                             (double)x[photo * FLOATS + i], (double)mixed(mix, photo, i));
    }
}

static void holes_are_zero_after_normalisation_and_mix_as_zeros(void **state)
{
    (void)state;
    struct pool *pool;
    assert_int_equal(pool_create(&pool, 2, NULL), OK);
    expect(&(struct mix){.kind = MIX_NONE, .share = 1}, pool);
    expect(&(struct mix){.kind = MIX_UP, .share = 0.3}, pool);
    expect(&(struct mix){.kind = MIX_UP, .share = 1}, pool);
    for (size_t left = 0; left < WIDTH; left += 2)
        for (size_t top = 0; top < HEIGHT; top += 3)
            for (size_t size = 0; size <= 4 && left + size <= WIDTH && top + size <= HEIGHT; size += 2) {
                const struct mix mix = {
                    .kind = MIX_CUT, .left = left, .top = top, .right = left + size, .bottom = top + size};
                expect(&mix, pool);
            }
    pool_destroy(pool);
}

/* Without the list of holes nothing is 0 that was not. */
static void no_list_means_no_hole(void **state)
{
    (void)state;
    struct pool *pool;
    float x[PHOTOS * FLOATS];
    const struct mix_photos photos = {
        .pixels = pixels, .count = PHOTOS, .height = HEIGHT, .width = WIDTH, .table = table};
    assert_int_equal(pool_create(&pool, 1, NULL), OK);
    mix_images(x, &(struct mix){.kind = MIX_NONE, .share = 1}, &photos, 0, PHOTOS, pool);
    for (size_t i = 0; i < PHOTOS * FLOATS; i++)
        assert_true(x[i] == table[i % 3 * 256 + pixels[i]]);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_are_zero_after_normalisation_and_mix_as_zeros),
        cmocka_unit_test(no_list_means_no_hole),
    };
    return cmocka_run_group_tests_name("holes", tests, fill, NULL);
}
