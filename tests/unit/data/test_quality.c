/* Light and sharpness of pictures whose figures are known. */
#include "tests/support/test.h"

#include <string.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/data/quality.h"

static struct quality measure(const uint8_t *pixels, int height, int width)
{
    struct quality_scratch scratch = {0};
    struct quality quality = {0};
    struct error err = {0};
    const struct image image = {.height = height, .width = width, .pixels = (uint8_t *)(uintptr_t)pixels};
    if (quality_scratch_init(&scratch, &err) != OK || quality_measure(&quality, &image, &scratch, &err) != OK)
        fail_msg("%s", err.text);
    quality_scratch_free(&scratch);
    return quality;
}

/* By hand: 4 x 4 pixels of 0 and 255 in turn. Grey has the variance 127.5^2; the four inner Laplacians are +-4 * 255,
 * whose variance is 1020^2: 64 times as much. Half of the pixels are white, so both percentiles are at the ends. */
static void a_board_has_known_figures(void **state)
{
    (void)state;
    uint8_t pixels[4 * 4 * 3];
    for (int i = 0; i < 16; i++)
        memset(pixels + 3 * i, (i / 4 + i) % 2 ? 255 : 0, 3);
    struct quality quality = measure(pixels, 4, 4);
    assert_int_equal(quality.height, 4);
    assert_int_equal(quality.width, 4);
    assert_int_equal(quality.dark, 255);
    assert_int_equal(quality.light, 0);
    assert_float_equal(quality.spread, 127.5, 1e-4);
    assert_float_equal(quality.sharpness, 64, 1e-4);
    assert_false(quality.damaged);
}

/* The same board between black margins: the middle square is looked at alone. */
static void margins_are_left_out(void **state)
{
    (void)state;
    uint8_t pixels[4 * 12 * 3] = {0};
    for (int y = 0; y < 4; y++)
        for (int x = 4; x < 8; x++)
            memset(pixels + 3 * (12 * y + x), (y + x) % 2 ? 255 : 0, 3);
    struct quality quality = measure(pixels, 4, 12);
    assert_int_equal(quality.width, 12);
    assert_float_equal(quality.spread, 127.5, 1e-4);
    assert_float_equal(quality.sharpness, 64, 1e-4);
}

static void one_colour_has_no_spread(void **state)
{
    (void)state;
    uint8_t pixels[5 * 7 * 3];
    for (int i = 0; i < 35; i++)
        memcpy(pixels + 3 * i, "\x0a\x14\x1e", 3);
    struct quality quality = measure(pixels, 5, 7);
    assert_int_equal(quality.dark, 18); /* 2.99 + 11.74 + 3.42 */
    assert_int_equal(quality.light, 18);
    assert_true(quality.spread == 0);
    assert_true(quality.sharpness == 0);
    quality = measure(pixels, 1, 2); /* too small for a Laplacian */
    assert_true(quality.sharpness == 0);
}

/* Red and green that change places are one grey: the spread sees what grey does not. */
static void spread_is_of_colours(void **state)
{
    (void)state;
    uint8_t pixels[8 * 8 * 3] = {0};
    for (int i = 0; i < 64; i++)
        pixels[3 * i + 2] = i % 2 ? 200 : 0;
    assert_float_equal(measure(pixels, 8, 8).spread, 100, 1e-4);
}

/* A share of 1 % above and of 5 % below does not count: [16,16] with 2 white and 12 black of 256 pixels. */
static void percentiles_pass_over_few_pixels(void **state)
{
    (void)state;
    uint8_t pixels[16 * 16 * 3];
    memset(pixels, 100, sizeof pixels);
    memset(pixels, 255, (size_t)2 * 3);
    memset(pixels + (size_t)100 * 3, 0, (size_t)12 * 3);
    struct quality quality = measure(pixels, 16, 16);
    assert_int_equal(quality.dark, 100);
    assert_int_equal(quality.light, 100);
    memset(pixels, 255, (size_t)3 * 3);
    memset(pixels + (size_t)100 * 3, 0, (size_t)13 * 3);
    quality = measure(pixels, 16, 16);
    assert_int_equal(quality.dark, 255);
    assert_int_equal(quality.light, 0);
}

static uint8_t *alloc(size_t bytes)
{
    void *memory;
    struct error err = {0};
    if (memory_alloc(&memory, bytes, 1, "a picture", &err) != OK)
        fail_msg("%s", err.text);
    return memory;
}

/* [side,side] of noise, or the same smoothed by a mean over 9 x 9. */
static void paint(uint8_t *pixels, int side, bool smooth)
{
    enum { REACH = 4 };
    struct rng rng = rng_stream(7, RNG_TEST, 1, 0);
    uint8_t *noise = alloc((size_t)side * (size_t)side);
    for (int i = 0; i < side * side; i++)
        noise[i] = (uint8_t)rng_below(&rng, 256);
    for (int y = 0; y < side; y++)
        for (int x = 0; x < side; x++) {
            int sum = 0, count = 0;
            for (int v = -REACH; v <= REACH; v++)
                for (int u = -REACH; u <= REACH; u++)
                    if (y + v >= 0 && y + v < side && x + u >= 0 && x + u < side) {
                        sum += noise[(y + v) * side + x + u];
                        count++;
                    }
            memset(pixels + 3 * (y * side + x), smooth ? sum / count : noise[y * side + x], 3);
        }
    memory_free(noise);
}

/* Sharpness falls by blur, and neither light nor contrast changes it. */
static void sharpness_is_of_edges_alone(void **state)
{
    (void)state;
    enum { SIDE = 64, BYTES = SIDE * SIDE * 3 };
    uint8_t *pixels = alloc(BYTES);
    paint(pixels, SIDE, false);
    float sharp = measure(pixels, SIDE, SIDE).sharpness;
    for (int i = 0; i < BYTES; i++)
        pixels[i] = (uint8_t)(100 + pixels[i] / 4);
    assert_float_equal(measure(pixels, SIDE, SIDE).sharpness / sharp, 1, 0.02);
    paint(pixels, SIDE, true);
    assert_true(measure(pixels, SIDE, SIDE).sharpness < sharp / 8);
    memory_free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_board_has_known_figures),        cmocka_unit_test(margins_are_left_out),
        cmocka_unit_test(one_colour_has_no_spread),         cmocka_unit_test(spread_is_of_colours),
        cmocka_unit_test(percentiles_pass_over_few_pixels), cmocka_unit_test(sharpness_is_of_edges_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
