/* The table of operators is whole: a new row that lacks a part is found here. */
#include "tests/support/test.h"

#include <ctype.h>
#include <string.h>

#include "core/net/op_info.h"

static void every_operator_has_its_names(void **state)
{
    (void)state;
    for (int kind = 0; kind < OP_KINDS; kind++) {
        const struct op_info *info = op_info_of((enum op_kind)kind);
        if (!info)
            fail_msg("operator %d of net.h has no line in op_info.h", kind);
        assert_true(info->name && islower((unsigned char)info->name[0]));
        assert_true(info->onnx && isupper((unsigned char)info->onnx[0]));
        for (int other = 0; other < kind; other++) {
            assert_string_not_equal(info->name, op_info_of((enum op_kind)other)->name);
            assert_string_not_equal(info->onnx, op_info_of((enum op_kind)other)->onnx);
        }
    }
}

static void every_step_runs_both_ways(void **state)
{
    (void)state;
    size_t steps = 0;
    for (int kind = 0; kind < OP_KINDS; kind++) {
        const struct op_info *info = op_info_of((enum op_kind)kind);
        steps += info->forward_image != NULL;
        assert_int_equal(info->forward_image != NULL, (info->backward != NULL) + (info->backward_data != NULL));
        assert_true(info->forward_image || (!info->forward && !info->shape && !info->needs && !info->saved_bytes));
    }
    assert_true(steps >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operator_has_its_names),
        cmocka_unit_test(every_step_runs_both_ways),
    };
    return cmocka_run_group_tests_name("op_info", tests, NULL, NULL);
}
