/* A last layer whose outputs are the folders in another order. */
#include "tests/support/test.h"

#include <string.h>

#include "cli/model/head_map.h"
#include "core/base/memory.h"
#include "core/net/init.h"
#include "models/resnet.h"

#define NAMES(...)                                                                                                     \
    (struct class_names)                                                                                               \
    {                                                                                                                  \
        .names = (char *[]){__VA_ARGS__}, .count = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)                    \
    }

static void the_same_names_have_a_map(void **state)
{
    (void)state;
    const struct class_names names = NAMES("cats", "ants", "bees"), folders = NAMES("ants", "bees", "cats");
    const char *stranger;
    size_t map[3];
    bool same;
    assert_int_equal(head_map_make(map, &same, &stranger, &names, &folders, NULL), OK);
    assert_true(same);
    assert_null(stranger);
    assert_int_equal(map[0], 1);
    assert_int_equal(map[1], 2);
    assert_int_equal(map[2], 0);
}

static void other_names_have_none(void **state)
{
    (void)state;
    const struct class_names folders = NAMES("ants", "bees", "cats");
    const struct class_names rows[] = {NAMES("cats", "ants", "dogs"), NAMES("cats", "ants"),
                                       NAMES("cats", "ants", "bees", "dogs"), NAMES("cats", "ants", "ants"),
                                       NAMES("cats", "dogs", "eels")};
    const char *const strangers[] = {"bees", "bees", NULL, "bees", "ants"}; /* the first */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *stranger;
        size_t map[3];
        bool same = true;
        assert_int_equal(head_map_make(map, &same, &stranger, &rows[i], &folders, NULL), OK);
        assert_false(same);
        if (strangers[i])
            assert_string_equal(stranger, strangers[i]);
        else
            assert_null(stranger);
    }
}

/* Row i of PyTorch's weight and bias becomes row map[i] of before, and nothing else changes. */
static void rows_move_with_their_biases(void **state)
{
    (void)state;
    enum { OUTPUTS = 5, MOST = 1 << 16 };
    static const struct resnet_shape shape = {"tiny18", false, {1, 1, 1, 1}, 4};
    static const size_t map[OUTPUTS] = {3, 0, 4, 1, 2};
    static float before[8][MOST], after[MOST];
    struct net *net;
    assert_int_equal(resnet_create_shape(&net, &shape, OUTPUTS, NULL), OK);
    net_init(net, 7);
    size_t count = net->params_count, head = 0;
    assert_string_equal(net->params[count - 2].name, "fc.weight");
    for (size_t i = 0; i < 3; i++)
        param_to_torch(before[i], &net->params[i == 2 ? 0 : count - 1 - i]);
    assert_int_equal(head_map_apply(net, map, NULL), OK);
    for (size_t i = 0; i < 2; i++) {
        const struct param *param = &net->params[count - 1 - i];
        size_t row = param->count / OUTPUTS;
        assert_true(param->count <= MOST);
        param_to_torch(after, param);
        for (size_t k = 0; k < OUTPUTS; k++)
            assert_memory_equal(after + k * row, before[i] + map[k] * row, row * sizeof *after);
        head += param->count;
    }
    assert_int_equal(head, OUTPUTS * (net->params[count - 2].shape[1] + 1));
    param_to_torch(after, &net->params[0]);
    assert_memory_equal(after, before[2], net->params[0].count * sizeof *after);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_names_have_a_map),
        cmocka_unit_test(other_names_have_none),
        cmocka_unit_test(rows_move_with_their_biases),
    };
    return cmocka_run_group_tests_name("head map", tests, NULL, NULL);
}
