/* The comparer itself: every way in which a comparison could pass without proving anything. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "tests/support/compare.h"

#define COUNT 4

static const float wanted[COUNT] = {1, -2, 3, 0.5f};

static bool passes(const float *found, size_t found_count, const float *want, size_t want_count)
{
    struct comparison comparison = {0};
    compare_tensor(&comparison, "t", found, found_count, want, want_count, 1e-3);
    return compare_passed(&comparison);
}

static void test_equal_and_near_pass(void **state)
{
    (void)state;
    float near[COUNT] = {1, -2, 3.0003f, 0.5f};
    assert_true(passes(wanted, COUNT, wanted, COUNT));
    assert_true(passes(near, COUNT, wanted, COUNT));
}

static void test_distance_is_relative(void **state)
{
    (void)state;
    float far[COUNT] = {1, -2, 3.1f, 0.5f};
    double norm = sqrt(1 + 4 + 9 + 0.25);
    assert_true(fabs(compare_distance(far, COUNT, wanted, COUNT) - 0.1 / norm) < 1e-6);
    assert_false(passes(far, COUNT, wanted, COUNT));
}

static void test_not_a_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        float bad[COUNT];
        const float values[] = {NAN, INFINITY, -INFINITY};
        for (size_t v = 0; v < 3; v++) {
            memcpy(bad, wanted, sizeof bad);
            bad[i] = values[v];
            assert_false(passes(bad, COUNT, wanted, COUNT));
            assert_false(passes(wanted, COUNT, bad, COUNT));
            assert_false(passes(bad, COUNT, bad, COUNT));
        }
    }
}

static void test_wrong_sign_zeros_and_sizes(void **state)
{
    (void)state;
    float negative[COUNT], zeros[COUNT] = {0};
    for (size_t i = 0; i < COUNT; i++)
        negative[i] = -wanted[i];
    assert_false(passes(negative, COUNT, wanted, COUNT));
    assert_false(passes(zeros, COUNT, wanted, COUNT));
    assert_false(passes(wanted, COUNT, zeros, COUNT));
    assert_false(passes(zeros, COUNT, zeros, COUNT));
    assert_false(passes(wanted, COUNT - 1, wanted, COUNT));
    assert_false(passes(wanted, COUNT, wanted, COUNT - 1));
    assert_false(passes(wanted, 0, wanted, 0));
}

static void test_nothing_compared(void **state)
{
    (void)state;
    struct comparison comparison = {0};
    assert_false(compare_passed(&comparison));
}

static void test_one_bad_tensor_among_good_ones(void **state)
{
    (void)state;
    float bad[COUNT] = {1, -2, 3, NAN}, off[COUNT] = {1, -2, 3, 0.6f};
    struct comparison comparison = {0};
    compare_tensor(&comparison, "first", wanted, COUNT, wanted, COUNT, 1e-3);
    compare_tensor(&comparison, "off", off, COUNT, wanted, COUNT, 1e-3);
    compare_tensor(&comparison, "bad", bad, COUNT, wanted, COUNT, 1e-3);
    compare_tensor(&comparison, "last", wanted, COUNT, wanted, COUNT, 1e-3);
    assert_false(compare_passed(&comparison));
    assert_int_equal(comparison.tensors, 4);
    assert_int_equal(comparison.failures, 2);
    assert_string_equal(comparison.worst_name, "bad");
    assert_memory_equal(comparison.first_fault, "off:", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_and_near_pass), cmocka_unit_test(test_distance_is_relative),
        cmocka_unit_test(test_not_a_number),        cmocka_unit_test(test_wrong_sign_zeros_and_sizes),
        cmocka_unit_test(test_nothing_compared),    cmocka_unit_test(test_one_bad_tensor_among_good_ones),
    };
    return cmocka_run_group_tests_name("compare", tests, NULL, NULL);
}
