#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/half.h"

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* What a half is worth, from the definition. */
static double worth(unsigned half)
{
    int exponent = half >> 10 & 0x1F, fraction = half & 0x3FF;
    double magnitude = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    if (exponent == 0x1F)
        magnitude = fraction ? (double)NAN : (double)INFINITY;
    return half & 0x8000 ? -magnitude : magnitude;
}

static void all_halves_are_read_exactly_and_come_back(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 65536; half++) {
        float value = half_to_float((uint16_t)half);
        bool nan = (half & 0x7FFF) > 0x7C00;
        assert_int_equal(bits_of(value) >> 31, half >> 15);
        if (nan)
            assert_true(isnan(value) && (bits_of(value) >> 13 & 0x3FF) == (half & 0x3FF));
        else
            assert_true((double)value == worth(half));
        assert_int_equal(half_from_float(value), nan ? half | 0x200 : half);
    }
}

/* The bits of the nearest half by the slow way; 0x7C00 where there is none. */
static unsigned nearest(float value)
{
    uint64_t bits;
    (void)float_round(&bits, (double)value, LAYOUT_HALF);
    return (unsigned)bits;
}

static void assert_nearest(uint32_t bits)
{
    float value = float_of(bits);
    if (half_from_float(value) != nearest(value))
        fail_msg("%a becomes %x, not %x", (double)value, half_from_float(value), nearest(value));
}

/* Around every half and every middle between two: where rounding changes its mind. */
static void floats_go_to_the_nearest_half(void **state)
{
    (void)state;
    for (unsigned half = 0; half < 0x7C00; half++) {
        uint32_t at = bits_of((float)worth(half));
        double above = half == 0x7BFF ? 65536 : worth(half + 1);
        uint32_t middle = bits_of((float)((worth(half) + above) / 2));
        for (uint32_t step = 0; step < 5; step++) {
            assert_nearest(at - 2 + step); /* below 0: a NaN, which stays one */
            assert_nearest(middle - 2 + step);
            assert_nearest((middle - 2 + step) | 0x80000000u);
        }
    }
    for (uint32_t i = 0; i < 1 << 20; i++) /* from everywhere, infinities and NaN too */
        assert_nearest(i * 4093u);
}

/* The slow way itself, by the definition: nothing is nearer, and of two as near the even one is taken. */
static void the_nearest_half_is_the_nearest(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 1 << 16; i++) {
        float value = float_of(0x33000000u + i * 0x1470u); /* 2^-25 to 65504 */
        unsigned found = nearest(value);
        if (value >= 65520)
            break;
        double distance = fabs(worth(found) - (double)value);
        double below = found ? fabs(worth(found - 1) - (double)value) : (double)INFINITY;
        double above = found == 0x7BFF ? (double)INFINITY : fabs(worth(found + 1) - (double)value);
        assert_true(distance <= below && distance <= above);
        assert_true((distance < below && distance < above) || found % 2 == 0);
    }
}

static void what_a_half_cannot_hold(void **state)
{
    (void)state;
    const float rows[][3] = {{0, 1, -65504}, {65519.99f, INFINITY, NAN}, {-INFINITY, -0.0f, 1e-30f}};
    const float far[] = {65520, -65520, 1e30f};
    for (size_t i = 0; i < 3; i++) {
        float with[3] = {1, 2, far[i]};
        assert_true(half_holds(rows[i], 3));
        assert_false(half_holds(with, 3));
        assert_true(half_holds(with, 2));
    }
    assert_true(half_holds(far, 0));
}

static void arrays(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    float values[COUNT], back[COUNT + 1];
    uint16_t halves[COUNT + 1];
    for (size_t i = 0; i < COUNT; i++)
        values[i] = ((float)i - 300) * 0.37f;
    halves[COUNT] = 0xABCD;
    back[COUNT] = 5;
    half_from_floats(halves, values, COUNT);
    half_to_floats(back, halves, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(halves[i], nearest(values[i]));
        assert_true(fabsf(back[i] - values[i]) <= fabsf(values[i]) * 0x1p-11f);
    }
    assert_int_equal(halves[COUNT], 0xABCD);
    assert_true(back[COUNT] == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_halves_are_read_exactly_and_come_back),
        cmocka_unit_test(floats_go_to_the_nearest_half),
        cmocka_unit_test(the_nearest_half_is_the_nearest),
        cmocka_unit_test(what_a_half_cannot_hold),
        cmocka_unit_test(arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
