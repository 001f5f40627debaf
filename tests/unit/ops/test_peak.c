/* The loop that the multiply-add peak is measured with does what it is counted for. */
#include "tests/support/test.h"

#include "core/ops/cpu.h"
#include "core/ops/peak.h"
#include "tests/support/narrow.h"

static float chains_after(float factor, float term, size_t rounds)
{
    float sum;
    double done = peak_loop(&sum, factor, term, rounds);
    /* Whole vectors of at least four lanes, two operations a lane. */
    double of_a_lane = 2.0 * PEAK_CHAINS * (double)rounds, lanes = done / of_a_lane;
    assert_true(lanes == 4 || lanes == 8 || lanes == 16);
    return sum;
}

static void every_chain_goes_every_round(void **state)
{
    (void)state;
    float begin = PEAK_CHAINS * (PEAK_CHAINS - 1) / 2; /* 0 + 1 + 2 + ... */
    assert_true(chains_after(1, 1, 1) == begin + PEAK_CHAINS);
    assert_true(chains_after(1, 1, 1000) == begin + 1000 * PEAK_CHAINS);
    assert_true(chains_after(2, 0, 10) == begin * 1024);
    assert_true(chains_after(0.5f, 3, 2) == begin * 0.25f + 4.5f * PEAK_CHAINS);
}

static void pairs_are_multiplied_by_tiles(uint32_t factors, uint32_t others, size_t rounds, float product)
{
    float sum;
    double done = peak_loop_bf16(&sum, factors, others, rounds), pairs = PEAK_TILES * PEAK_TILE_PAIRS * (double)rounds;
    assert_true(done == 4 * 16 * 16 * pairs);
    assert_true((double)sum == (double)product * pairs);
}

static float pairs_after(uint32_t factors, uint32_t others, size_t rounds)
{
    float sum;
    double done = peak_loop_bf16(&sum, factors, others, rounds);
    double of_a_lane = 4.0 * PEAK_CHAINS * (double)rounds, lanes = done / of_a_lane;
    assert_true(lanes == 4 || lanes == 8 || lanes == 16);
    return sum;
}

static void pairs_are_multiplied_half_by_half(void **state)
{
    (void)state;
    float begin = PEAK_CHAINS * (PEAK_CHAINS - 1) / 2;
    const uint32_t one = 0x3f80, two = 0x4000, three = 0x4040;
    if (cpu_bf16() == CPU_BF16_TILES) {
        pairs_are_multiplied_by_tiles(one, one, 1, 1);
        pairs_are_multiplied_by_tiles(one << 16, one, 10, 0);
        pairs_are_multiplied_by_tiles(one << 16 | two, three << 16 | two, 1000, 7);
        return;
    }
    assert_true(pairs_after(one, one, 1) == begin + PEAK_CHAINS);
    assert_true(pairs_after(one << 16, one, 10) == begin);
    assert_true(pairs_after(one << 16 | two, three << 16 | two, 1000) == begin + 7000 * PEAK_CHAINS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_chain_goes_every_round),
                                       cmocka_unit_test(pairs_are_multiplied_half_by_half),
                                       cmocka_unit_test(narrow_test)};
    return cmocka_run_group_tests_name("peak", tests, NULL, NULL);
}
