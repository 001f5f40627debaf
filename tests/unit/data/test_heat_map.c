/* Numbers as colour over a picture. */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/data/heat_map.h"

static void opacity_rises_with_the_value(void **state)
{
    (void)state;
    uint8_t rgba[4];
    int before = -1;
    for (int i = 0; i <= 100; i++) {
        heat_colour(rgba, (float)i / 100);
        assert_true(rgba[3] > before);
        before = rgba[3];
    }
    assert_int_equal(before, HEAT_OPAQUE);
    heat_colour(rgba, -3);
    assert_int_equal(rgba[3], 0);
    heat_colour(rgba, NAN);
    assert_int_equal(rgba[3], 0);
    heat_colour(rgba, 7);
    assert_int_equal(rgba[3], HEAT_OPAQUE);
    assert_true(rgba[0] > rgba[2]); /* high is red, low is blue */
    heat_colour(rgba, 0.2f);
    assert_true(rgba[2] > rgba[0]);
}

static void the_most_is_never_negative(void **state)
{
    (void)state;
    static const float low[] = {-3, -1}, high[] = {-3, 5, 2};
    assert_true(heat_most(low, 2) == 0);
    assert_true(heat_most(high, 3) == 5);
}

/* How much a pixel was covered: black under a map shows colour where the map is. */
static int covered(const uint8_t *pixel)
{
    return pixel[0] + pixel[1] + pixel[2];
}

static void a_map_lies_where_its_cells_are(void **state)
{
    (void)state;
    enum { H = 24, W = 32, ROWS = 3, COLUMNS = 4 };
    static uint8_t pixels[H * W * 3], out[H * W * 3];
    float map[ROWS * COLUMNS] = {0};
    map[1 * COLUMNS + 2] = 2; /* rows 8 to 15, columns 16 to 23; half of it until 4 further */
    heat_overlay(out, W * 3, pixels, H, W, map, ROWS, COLUMNS, 2);
    for (size_t y = 0; y < H; y++)
        for (size_t x = 0; x < W; x++) {
            bool inside = y >= 4 && y < 20 && x >= 12 && x < 28;
            assert_true((covered(out + (y * W + x) * 3) > 0) <= inside);
        }
    assert_true(covered(out + (11 * W + 19) * 3) > 100);
    memset(out, 1, sizeof out);
    heat_overlay(out, W * 3, pixels, H, W, map, ROWS, COLUMNS, 0); /* nothing speaks for the class */
    assert_memory_equal(out, pixels, sizeof out);
}

/* Beyond the centres of the outer cells the map stays; a map of one cell is even, also one of one row. */
static void edges_keep_the_outer_cells(void **state)
{
    (void)state;
    static uint8_t pixels[16 * 16 * 3], out[16 * 16 * 3];
    static const float row[] = {0, 1}, one[] = {3};
    heat_overlay(out, 16 * 3, pixels, 16, 16, row, 1, 2, 1);
    for (size_t y = 0; y < 16; y++) {
        assert_int_equal(covered(out + (y * 16 + 3) * 3), 0);
        assert_memory_equal(out + (y * 16 + 12) * 3, out + 15 * 3, 3);
        assert_true(covered(out + (y * 16 + 15) * 3) > 0);
    }
    heat_overlay(out, 16 * 3, pixels, 16, 16, one, 1, 1, 3);
    for (size_t i = 0; i < 256; i++)
        assert_memory_equal(out + i * 3, out, 3);
    assert_true(covered(out) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opacity_rises_with_the_value),
        cmocka_unit_test(the_most_is_never_negative),
        cmocka_unit_test(a_map_lies_where_its_cells_are),
        cmocka_unit_test(edges_keep_the_outer_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
