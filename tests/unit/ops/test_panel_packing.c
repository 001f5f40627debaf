/* How values and weights are packed into panels of bfloat16, against plain loops, with every instruction set that this
 * processor has. */
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/ops/panel.h"
#include "tests/support/guarded.h"
#include "tests/support/maps.h"
#include "tests/support/panel_sets.h"

#define BF16 PRECISION_BF16

static float bits_float(uint32_t bits)
{
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Rows, columns, and how much longer a row of x is; rows and columns are odd, a panel is full or nearly so. */
static const size_t sizes[][3] = {{1, 1, 0},  {2, 2, 0},  {3, 7, 2},  {5, 31, 1}, {4, 32, 0},
                                  {7, 33, 5}, {9, 45, 0}, {2, 64, 3}, {1, 79, 0}, {13, 97, 1}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static size_t panels_of(size_t columns)
{
    return (columns + PANEL - 1) / PANEL;
}

/* Where (i, j) is in panels that are summed over rows, or not. */
static size_t place(size_t i, size_t j, size_t block, bool summed)
{
    size_t in_panel = summed ? i / 2 * 2 * PANEL + j % PANEL * 2 + i % 2 : i * PANEL + j % PANEL;
    return j / PANEL * block + in_panel;
}

/* Both ways to round the conv_input: fused or not. */
static bool is_input(uint16_t got, float x, const float *scale, const float *shift, size_t j, bool relu)
{
    float fused = x, twice = x;
    if (scale) {
        fused = fmaf(x, scale[j], shift[j]);
        twice = x * scale[j];
        twice += shift[j];
    }
    double values[] = {(double)fused, (double)twice};
    for (size_t i = 0; i < 2; i++)
        if (got == stored_bits(relu && values[i] < 0 ? 0 : values[i]))
            return true;
    return false;
}

static void check_packed(const struct panel_set *set, const size_t *size, bool summed, unsigned form)
{
    struct rng rng = rng_stream(51, RNG_TEST, 0, form);
    size_t rows = size[0], columns = size[1], ld = columns + size[2], block = (rows + 3) * PANEL;
    size_t x_count = (rows - 1) * ld + columns, count = (panels_of(columns) - 1) * block + (rows + 1) / 2 * 2 * PANEL;
    if (!summed)
        count -= rows % 2 * PANEL;
    float *x = random_floats(&rng, x_count, 1, 0), *scale = random_floats(&rng, columns, 0.5, 1);
    float *shift = random_floats(&rng, columns, 0.5, 0);
    round_values(x, x_count, BF16);
    void *map = map_of(x, x_count, BF16);
    uint16_t *panels = guarded_map(count, BF16);
    bool affine = form & 1, relu = form & 2;
    (summed ? set->lanes->pack_summed : set->lanes->pack)(panels, block, map, ld, rows, columns, affine ? scale : NULL,
                                                          affine ? shift : NULL, relu);
    size_t all_rows = summed ? rows + rows % 2 : rows;
    for (size_t i = 0; i < all_rows; i++)
        for (size_t j = 0; j < panels_of(columns) * PANEL; j++) {
            uint16_t got = panels[place(i, j, block, summed)];
            bool there = i < rows && j < columns;
            if (there ? !is_input(got, x[i * ld + j], affine ? scale : NULL, shift, j, relu) : got != 0)
                fail_msg("%s, form %u, summed %d: (%zu, %zu) of %zux%zu is %#x", set->name, form, summed, i, j, rows,
                         columns, got);
        }
    for (size_t panel = 0; panel + 1 < panels_of(columns); panel++) /* between two panels nothing is written */
        for (size_t i = all_rows * PANEL; i < block; i++)
            assert_int_equal(panels[panel * block + i], 0xffff);
    assert_true(guarded_map_intact(panels));
    guarded_map_free(panels);
    free(map);
    free(x);
    free(scale);
    free(shift);
}

static void rows_are_packed_through_the_input(void **state)
{
    (void)state;
    for (size_t s = 0; s < panel_sets_count; s++)
        for (size_t i = 0; i < SIZES; i++)
            for (unsigned form = 0; form < 8; form++)
                check_packed(&panel_sets[s], sizes[i], form & 4, form & 3);
}

/* What a ReLU leaves of numbers that are none, and a row without one leaves as they are. */
static void packing_keeps_nan_and_infinity(void **state)
{
    (void)state;
    const uint16_t values[] = {0x7fc1, 0xffc1, 0x7f80, 0xff80, 0x8000, 0x0001, 0x8001, 0x3f80};
    const uint16_t positive[] = {0x7fc1, 0xffc1, 0x7f80, 0, 0x8000, 0x0001, 0, 0x3f80};
    enum { COUNT = sizeof values / sizeof *values };
    for (size_t s = 0; s < panel_sets_count; s++) {
        uint16_t panel[2 * PANEL];
        panel_sets[s].lanes->pack(panel, PANEL, values, COUNT, 1, COUNT, NULL, NULL, false);
        assert_memory_equal(panel, values, sizeof values);
        panel_sets[s].lanes->pack(panel, PANEL, values, COUNT, 1, COUNT, NULL, NULL, true);
        assert_memory_equal(panel, positive, sizeof positive);
        panel_sets[s].lanes->pack_summed(panel, 2 * PANEL, values, COUNT, 1, COUNT, NULL, NULL, true);
        for (size_t j = 0; j < COUNT; j++)
            assert_int_equal(panel[2 * j], positive[j]);
    }
}

/* Random weights, and among them what is rounded in a way of its own. */
static float *some_weights(size_t count, uint64_t seed)
{
    static const uint32_t odd[] = {0x3f808000, 0x3f818000, 0xbf808001, 0x7f7fffff, 0xff7f8000, 0x7f800000,
                                   0x7f800001, 0xffffffff, 0x00000001, 0x00018000, 0x80000000, 0x007fffff};
    struct rng rng = rng_stream(52, RNG_TEST, 0, seed);
    float *w = random_floats(&rng, count, 1, 0);
    for (size_t i = seed % 3; i < count; i += 5)
        w[i] = bits_float(odd[i % (sizeof odd / sizeof *odd)]);
    return w;
}

/* `flushed`: by an instruction that takes denormals for zeros, as the products then do. */
static void assert_rounded(const struct panel_set *set, uint16_t got, float w, bool flushed)
{
    float value = bits_float((uint32_t)got << 16);
    bool denormal = flushed && fabsf(w) < 0x1p-126f;
    if (isnan(w) ? !isnan(value) : denormal ? value != 0 : got != stored_bits((double)w))
        fail_msg("%s: %a became %a", set->name, (double)w, (double)value);
}

static void weights_are_rounded_and_summed_over_rows(void **state)
{
    (void)state;
    for (size_t s = 0; s < panel_sets_count; s++)
        for (size_t i = 0; i < SIZES; i++) {
            size_t rows = sizes[i][0], columns = sizes[i][1], ld = columns + sizes[i][2], block = (rows + 3) * PANEL;
            size_t even = rows + rows % 2, count = (panels_of(columns) - 1) * block + even * PANEL;
            float *w = some_weights((rows - 1) * ld + columns, i);
            uint16_t *panels = guarded_map(count, BF16);
            panel_sets[s].lanes->weights(panels, block, w, ld, rows, columns);
            for (size_t r = 0; r < even; r++)
                for (size_t j = 0; j < panels_of(columns) * PANEL; j++) {
                    uint16_t got = panels[place(r, j, block, true)];
                    if (r < rows && j < columns)
                        assert_rounded(&panel_sets[s], got, w[r * ld + j], panel_sets[s].flushes);
                    else
                        assert_int_equal(got, 0);
                }
            assert_true(guarded_map_intact(panels));
            guarded_map_free(panels);
            free(w);
        }
}

static void weights_are_transposed(void **state)
{
    (void)state;
    static const size_t outputs[] = {1, 2, 3, 19, 31, 32};
    for (size_t s = 0; s < panel_sets_count; s++)
        for (size_t i = 0; i < SIZES; i++)
            for (size_t o = 0; o < sizeof outputs / sizeof *outputs; o++) {
                size_t n = outputs[o], columns = sizes[i][1], ld = columns + sizes[i][2], even = columns + columns % 2;
                float *w = some_weights((n - 1) * ld + columns, i);
                uint16_t *panel = guarded_map(even * PANEL, BF16);
                panel_sets[s].lanes->transpose(panel, w, ld, n, columns);
                for (size_t j = 0; j < even; j++)
                    for (size_t k = 0; k < PANEL; k++) {
                        uint16_t got = panel[place(j, k, 0, true)];
                        if (k < n && j < columns)
                            assert_rounded(&panel_sets[s], got, w[k * ld + j], false);
                        else
                            assert_int_equal(got, 0);
                    }
                assert_true(guarded_map_intact(panel));
                guarded_map_free(panel);
                free(w);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_packed_through_the_input),
        cmocka_unit_test(packing_keeps_nan_and_infinity),
        cmocka_unit_test(weights_are_rounded_and_summed_over_rows),
        cmocka_unit_test(weights_are_transposed),
    };
    return cmocka_run_group_tests_name("packing of bfloat16", tests, panel_sets_find, panel_sets_report);
}
