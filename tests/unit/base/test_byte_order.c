/* Numbers in bytes: both orders, every width, from places that are not aligned, and nothing beside them is touched. */
#include "tests/support/test.h"

#include "core/base/byte_order.h"

static const uint8_t bytes[] = {0xEE, 0x81, 0x02, 0x83, 0x04, 0x85, 0x06, 0x87, 0x08, 0xEE};

static void both_orders_and_every_width(void **state)
{
    (void)state;
    const uint8_t *at = bytes + 1;
    static const uint64_t big[] = {
        0, 0x81, 0x8102, 0x810283, 0x81028304, 0x8102830485, 0x810283048506, 0x81028304850687, 0x8102830485068708};
    static const uint64_t little[] = {
        0, 0x81, 0x0281, 0x830281, 0x04830281, 0x8504830281, 0x068504830281, 0x87068504830281, 0x0887068504830281};
    for (size_t width = 0; width <= 8; width++) {
        assert_true(get_big(at, width) == big[width]);
        assert_true(get_little(at, width) == little[width]);
    }
    assert_true(get_big16(at) == 0x8102 && get_big32(at) == 0x81028304);
    assert_true(get_little16(at) == 0x0281 && get_little32(at) == 0x04830281);
    assert_true(get_little64(at) == 0x0887068504830281);
}

static void the_low_bytes_are_written_and_no_others(void **state)
{
    (void)state;
    for (size_t width = 0; width <= 8; width++) {
        uint8_t out[sizeof bytes];
        memset(out, 0x55, sizeof out);
        put_little(out + 1, 0x0887068504830281, width);
        assert_memory_equal(out + 1, bytes + 1, width);
        assert_int_equal(out[0], 0x55);
        for (size_t i = width + 1; i < sizeof out; i++)
            assert_int_equal(out[i], 0x55);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_orders_and_every_width),
        cmocka_unit_test(the_low_bytes_are_written_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
