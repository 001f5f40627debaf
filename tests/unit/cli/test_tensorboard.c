/* The bytes of a file of events: those that TensorBoard's own writer (tensorboard 2.21, RecordWriter) makes. */
#include "tests/support/test.h"

#include <math.h>
#include <string.h>

#include "cli/run/tensorboard.h"

static const uint8_t head[TENSORBOARD_HEAD] = {0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xA3, 0x7F,
                                               0x4B, 0x22, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xF8,
                                               0x3F, 0x1A, 0x0D, 0x62, 0x72, 0x61, 0x69, 0x6E, 0x2E, 0x45,
                                               0x76, 0x65, 0x6E, 0x74, 0x3A, 0x32, 0x2A, 0x28, 0x64, 0x6C};

static void the_first_record(void **state)
{
    (void)state;
    struct error err;
    struct bytes out = bytes_start("events", &err);
    tensorboard_head(&out, 1.5);
    assert_int_equal(out.status, OK);
    assert_int_equal(out.length, sizeof head);
    assert_memory_equal(out.data, head, sizeof head);
    bytes_free(&out);
}

static void its_time_is_read_where_every_bit_is_right(void **state)
{
    (void)state;
    assert_true(tensorboard_head_time(head) == 1.5);
    for (size_t bit = 0; bit < 8 * sizeof head; bit++) {
        uint8_t wrong[TENSORBOARD_HEAD];
        memcpy(wrong, head, sizeof wrong);
        wrong[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_true(isnan(tensorboard_head_time(wrong)));
    }
}

static void a_point_with_two_curves(void **state)
{
    (void)state;
    static const uint8_t expected[] = {0x2D, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x3C, 0x41, 0x8A, 0xFB, 0x09,
                                       0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x40, 0x10, 0xAC, 0x02, 0x2A, 0x1F,
                                       0x0A, 0x0F, 0x0A, 0x08, 0x6C, 0x6F, 0x73, 0x73, 0x2F, 0x76, 0x61, 0x6C, 0x15,
                                       0x00, 0x00, 0x20, 0x3F, 0x0A, 0x0C, 0x0A, 0x05, 0x6C, 0x72, 0x2F, 0x66, 0x63,
                                       0x15, 0x00, 0x00, 0x00, 0x00, 0x39, 0xB2, 0xD4, 0xD6};
    struct error err;
    struct bytes out = bytes_start("events", &err);
    struct tensorboard_point point = tensorboard_begin(2.25, 300, &err);
    tensorboard_value(&point, "loss/val", 0.625);
    tensorboard_value(&point, "lr/fc", 0);
    tensorboard_end(&out, &point);
    assert_int_equal(out.status, OK);
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(out.data, expected, sizeof expected);
    bytes_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_record),
                                       cmocka_unit_test(its_time_is_read_where_every_bit_is_right),
                                       cmocka_unit_test(a_point_with_two_curves)};
    return cmocka_run_group_tests_name("tensorboard", tests, NULL, NULL);
}
