#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "core/base/rng.h"

/* Known answers: the "kat_vectors" file that comes with the paper's code (Random123). */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], expected[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        philox4x32_10(out, rows[i].counter, rows[i].key);
        assert_memory_equal(out, rows[i].expected, sizeof out);
    }
}

static void streams_differ_in_every_part_of_their_name(void **state)
{
    (void)state;
    struct rng streams[] = {rng_stream(1, RNG_INIT, 0, 0),          rng_stream(2, RNG_INIT, 0, 0),
                            rng_stream(1, RNG_ORDER, 0, 0),         rng_stream(1, RNG_INIT, 1, 0),
                            rng_stream(1, RNG_INIT, 0, 1),          rng_stream(1, RNG_INIT, 0, 1ull << 33),
                            rng_stream(1ull << 40, RNG_INIT, 0, 0), rng_stream(1, RNG_INIT, 1u << 25, 0)};
    uint32_t first[8];
    for (size_t i = 0; i < 8; i++)
        first[i] = rng_u32(&streams[i]);
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(first[i] != first[j]);
}

static void uniform_and_normal_have_their_moments(void **state)
{
    (void)state;
    struct rng rng = rng_stream(7, RNG_TEST, 0, 0);
    enum { COUNT = 200000 };
    double sum = 0, squares = 0, uniform = 0;
    for (int i = 0; i < COUNT; i++) {
        double u = rng_double(&rng), z = rng_normal(&rng);
        float f = rng_float(&rng);
        assert_true(u >= 0 && u < 1 && f >= 0 && f < 1);
        uniform += u;
        sum += z;
        squares += z * z;
    }
    /* Five standard deviations of each estimate. */
    assert_true(fabs(uniform / COUNT - 0.5) < 5 * sqrt(1.0 / 12 / COUNT));
    assert_true(fabs(sum / COUNT) < 5 / sqrt(COUNT));
    assert_true(fabs(squares / COUNT - 1) < 5 * sqrt(2.0 / COUNT));
}

static void below_covers_the_range_and_shuffle_permutes(void **state)
{
    (void)state;
    struct rng rng = rng_stream(7, RNG_TEST, 0, 1);
    int seen[7] = {0};
    for (int i = 0; i < 7000; i++) {
        uint32_t value = rng_below(&rng, 7);
        assert_true(value < 7);
        seen[value]++;
    }
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
    uint32_t order[100], count[100] = {0};
    size_t moved = 0;
    for (uint32_t i = 0; i < 100; i++)
        order[i] = i;
    rng_shuffle(&rng, order, 100);
    for (size_t i = 0; i < 100; i++) {
        count[order[i]]++;
        moved += order[i] != i;
    }
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(count[i], 1);
    assert_true(moved > 80);
}

/* Moment k is the product over j < k of (a + j) / (a + b + j). */
static void beta_has_its_moments(void **state)
{
    (void)state;
    static const double shapes[][2] = {{0.1, 0.1}, {0.2, 0.2}, {1, 1}, {2.5, 2.5}, {40, 40}, {0.5, 3}};
    enum { COUNT = 40000 };
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        double a = shapes[s][0], b = shapes[s][1], sum[9] = {0}, expected[9] = {1};
        struct rng rng = rng_stream(8, RNG_TEST, 0, s);
        for (int i = 0; i < COUNT; i++) {
            double x = rng_beta(&rng, a, b), power = x;
            assert_true(x >= 0 && x <= 1);
            for (int k = 1; k <= 8; k++, power *= x)
                sum[k] += power / COUNT;
        }
        for (int k = 1; k <= 8; k++)
            expected[k] = expected[k - 1] * (a + k - 1) / (a + b + k - 1);
        for (int k = 1; k <= 4; k++) { /* five standard deviations of each estimate */
            double deviation = sqrt((expected[2 * k] - expected[k] * expected[k]) / COUNT);
            if (!(fabs(sum[k] - expected[k]) <= 5 * deviation))
                fail_msg("Beta(%g, %g): moment %d is %g, not %g", a, b, k, sum[k], expected[k]);
        }
    }
}

/* Shapes so small that gamma variables would be 0: the ends, each as often as the other. */
static void beta_of_tiny_shapes_is_one_end_or_the_other(void **state)
{
    (void)state;
    struct rng rng = rng_stream(8, RNG_TEST, 0, 100);
    int high = 0;
    for (int i = 0; i < 4000; i++) {
        double x = rng_beta(&rng, 1e-5, 1e-5);
        assert_true(x >= 0 && x <= 1);
        high += x > 0.5;
    }
    assert_in_range(high, 2000 - 160, 2000 + 160);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_known_answers),
        cmocka_unit_test(streams_differ_in_every_part_of_their_name),
        cmocka_unit_test(uniform_and_normal_have_their_moments),
        cmocka_unit_test(below_covers_the_range_and_shuffle_permutes),
        cmocka_unit_test(beta_has_its_moments),
        cmocka_unit_test(beta_of_tiny_shapes_is_one_end_or_the_other),
    };
    return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
