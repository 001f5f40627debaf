/* The proof that frozen stayed frozen: any change is found and named. */
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_net.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"
#include "weights/freeze_proof.h"
#include "weights/safetensors/safetensors.h"

static enum status prove(struct frozen_proof *proof, const struct net *net, int until, enum bn_mode bn_frozen,
                         struct error *err)
{
    const struct freeze freeze = {.until = until, .bn_frozen = bn_frozen, .bn_trained = BN_BATCH};
    struct weight_file *file = sample_open("good");
    enum status status = weights_compare_frozen(proof, net, &freeze, file, err);
    weight_file_close(file);
    return status;
}

static void flip(void *value)
{
    *(unsigned char *)value ^= 1;
}

static void any_change_below_the_freeze_line_is_found(void **state)
{
    (void)state;
    const int until = 6;
    struct net *net = small_net_save();
    struct frozen_proof proof, whole;
    struct error err;
    assert_int_equal(prove(&whole, net, until, BN_EVAL, NULL), OK);
    size_t tensors = 0, values = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        bool frozen = param->child <= until, batches = param->role == PARAM_BATCHES;
        tensors += frozen;
        values += frozen ? param->count + batches : 0;
        /* The lowest bit of a value or count is flipped, and back: somewhere, and at the end of all. */
        const size_t places[] = {batches ? 0 : i % param->count, batches ? 0 : param->count - 1};
        for (size_t p = 0; p < 2; p++) {
            void *value = batches ? (void *)&param->batches : (void *)&param->data[places[p]];
            flip(value);
            enum status status = prove(&proof, net, until, BN_EVAL, &err);
            assert_int_equal(status, frozen ? ERR_PROMISE : OK);
            if (frozen) {
                assert_non_null(strstr(err.text, param->name));
                assert_true(proof.tensors < whole.tensors);
            }
            flip(value);
        }
    }
    assert_int_equal(whole.tensors, tensors);
    assert_int_equal(whole.values, values);
    assert_int_equal(whole.moving, 0);
    assert_true(tensors > 0 && tensors < net->params_count);
    net_destroy(net);
}

/* By the file and by what was remembered: more batches than were loaded are a change as much as fewer. */
static void a_count_of_batches_may_move_neither_way(void **state)
{
    (void)state;
    const struct freeze freeze = {.until = 6, .bn_frozen = BN_EVAL, .bn_trained = BN_BATCH};
    struct net *net = small_net_save();
    struct weight_file *file = sample_open("good");
    struct frozen_proof proof;
    struct loaded_param *loaded;
    struct error err;
    struct param *param = &net->params[net_param_find(net, "bn1.num_batches_tracked")];
    assert_int_equal(weights_remember(&loaded, net, file, &err), OK);
    for (int64_t moved = -2; moved <= 2; moved++) {
        enum status expected = moved ? ERR_PROMISE : OK;
        param->batches += moved;
        assert_int_equal(weights_compare_frozen(&proof, net, &freeze, file, &err), expected);
        assert_true(!moved || strstr(err.text, "'bn1.num_batches_tracked' is "));
        assert_int_equal(weights_compare_loaded(&proof, net, &freeze, loaded, &err), expected);
        assert_true(!moved || strstr(err.text, "'bn1.num_batches_tracked' differs from the loaded"));
        param->batches -= moved;
    }
    memory_free(loaded);
    weight_file_close(file);
    net_destroy(net);
}

/* Where the file is gone or is another one by then, the proof is about what was loaded. */
static void any_change_of_what_was_loaded_is_found(void **state)
{
    (void)state;
    const struct freeze freeze = {.until = 6, .bn_trained = BN_BATCH};
    struct net *net = small_net_save();
    struct weight_file *file = sample_open("good");
    struct loaded_param *loaded = NULL;
    struct frozen_proof proof, whole;
    struct error err;
    assert_int_equal(prove(&whole, net, freeze.until, BN_EVAL, NULL), OK);
    assert_int_equal(weights_remember(&loaded, net, file, NULL), OK);
    weight_file_close(file);
    assert_int_equal(weights_compare_loaded(&proof, net, &freeze, loaded, NULL), OK);
    assert_memory_equal(&proof, &whole, sizeof proof);
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        bool frozen = param->child <= freeze.until, batches = param->role == PARAM_BATCHES;
        for (size_t last = 0; last < 2; last++) {
            void *value = batches ? (void *)&param->batches : (void *)&param->data[last ? param->count - 1 : 0];
            flip(value);
            assert_int_equal(weights_compare_loaded(&proof, net, &freeze, loaded, &err), frozen ? ERR_PROMISE : OK);
            if (frozen)
                assert_non_null(strstr(err.text, param->name));
            flip(value);
        }
    }
    memory_free(loaded);
    net_destroy(net);
}

/* Writes the file again with one tensor as float64. */
static void widen(const char *name)
{
    enum { TENSORS_MOST = 128, VALUES_MOST = 4096 };
    struct weight_tensor tensors[TENSORS_MOST];
    static float floats[VALUES_MOST];
    static double doubles[VALUES_MOST];
    struct weight_file *file = sample_open("good");
    size_t count = weight_file_count(file);
    assert_true(count <= TENSORS_MOST);
    for (size_t i = 0; i < count; i++) {
        tensors[i] = *weight_file_at(file, i);
        assert_int_equal(weight_tensor_fetch(&tensors[i], file, NULL), OK);
        if (strcmp(tensors[i].name, name) != 0)
            continue;
        size_t values = weight_tensor_values(&tensors[i]);
        assert_true(values <= VALUES_MOST && tensors[i].dtype == WEIGHT_F32);
        memcpy(floats, tensors[i].data, values * sizeof *floats);
        for (size_t v = 0; v < values; v++)
            doubles[v] = (double)floats[v];
        tensors[i].dtype = WEIGHT_F64;
        tensors[i].data = doubles;
        tensors[i].bytes = values * sizeof *doubles;
    }
    assert_int_equal(safetensors_write(sample_path("wide"), tensors, count, NULL, 0, NULL), OK);
    weight_file_close(file);
}

/* Only where a frozen tensor was float64: what is trained does not matter. */
static void values_that_were_rounded_are_said(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool rounded;
    } cases[] = {{"conv1.weight", true}, {"bn1.running_var", true}, {"fc.bias", false}};
    const struct freeze freeze = {.until = 2, .bn_trained = BN_BATCH};
    struct net *net = small_net_save();
    struct frozen_proof proof;
    assert_int_equal(prove(&proof, net, freeze.until, BN_EVAL, NULL), OK);
    assert_false(proof.rounded);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct loaded_param *loaded;
        widen(cases[c].name);
        struct weight_file *file = sample_open("wide");
        assert_int_equal(weights_compare_frozen(&proof, net, &freeze, file, NULL), OK);
        assert_int_equal(proof.rounded, cases[c].rounded);
        assert_int_equal(weights_remember(&loaded, net, file, NULL), OK);
        assert_int_equal(weights_compare_loaded(&proof, net, &freeze, loaded, NULL), OK);
        assert_int_equal(proof.rounded, cases[c].rounded);
        memory_free(loaded);
        weight_file_close(file);
    }
    net_destroy(net);
}

static void the_place_of_a_change_is_counted_as_in_the_file(void **state)
{
    (void)state;
    struct net *net = small_net_save();
    struct frozen_proof proof;
    struct error err;
    struct param *param = &net->params[net_param_find(net, "conv1.weight")];
    param->data[(2 * 49 + 10) * 3 + 1] = 7; /* k 2, pixel 10, channel 1 */
    assert_int_equal(prove(&proof, net, 1, BN_EVAL, &err), ERR_PROMISE);
    assert_non_null(strstr(err.text, "value 353 of 'conv1.weight' is 7, ")); /* (2 * 3 + 1) * 49 + 10 */
    net_destroy(net);
}

static void the_sign_of_zero_is_a_change(void **state)
{
    (void)state;
    struct net *net = small_net_make(SMALL_NET_CLASSES, 1);
    struct frozen_proof proof;
    float *value = net->params[net_param_find(net, "bn1.bias")].data;
    *value = 0.0f;
    assert_int_equal(weights_save(sample_path("good"), net, NULL, 0, NULL), OK);
    assert_int_equal(prove(&proof, net, 2, BN_EVAL, NULL), OK);
    *value = -0.0f;
    assert_int_equal(prove(&proof, net, 2, BN_EVAL, NULL), ERR_PROMISE);
    net_destroy(net);
}

static void statistics_may_move_where_the_recipe_lets_them(void **state)
{
    (void)state;
    struct net *net = small_net_save();
    struct frozen_proof proof;
    net->params[net_param_find(net, "bn1.running_mean")].data[0] += 1;
    net->params[net_param_find(net, "bn1.num_batches_tracked")].batches++;
    assert_int_equal(prove(&proof, net, 2, BN_BATCH, NULL), OK);
    assert_int_equal(proof.moving, 3);
    assert_int_equal(proof.tensors, 3);
    assert_int_equal(prove(&proof, net, 2, BN_EVAL, NULL), ERR_PROMISE);
    assert_int_equal(prove(&proof, net, 1, BN_EVAL, NULL), OK);
    assert_int_equal(prove(&proof, net, 0, BN_EVAL, NULL), OK);
    assert_int_equal(proof.tensors, 0);
    net_destroy(net);
}

static void a_file_that_was_replaced_is_no_proof(void **state)
{
    (void)state;
    struct net *net = small_net_save(), *other = small_net_make(SMALL_NET_CLASSES, 1);
    struct weight_tensor tensor = {.name = "conv1.weight", .dtype = WEIGHT_F32, .rank = 1};
    struct frozen_proof proof;
    assert_int_equal(safetensors_write(sample_path("good"), &tensor, 1, NULL, 0, NULL), OK);
    assert_int_equal(prove(&proof, net, 1, BN_EVAL, NULL), ERR_DATA);
    /* The same values in another shape. */
    struct param *conv1 = &net->params[net_param_find(net, "conv1.weight")];
    struct weight_tensor flat = {.name = conv1->name,
                                 .dtype = WEIGHT_F32,
                                 .rank = 1,
                                 .shape = {conv1->count},
                                 .bytes = conv1->count * sizeof(float)};
    float *values = calloc(conv1->count, sizeof *values);
    assert_non_null(values);
    param_to_torch(values, conv1);
    flat.data = values;
    assert_int_equal(safetensors_write(sample_path("good"), &flat, 1, NULL, 0, NULL), OK);
    assert_int_equal(prove(&proof, net, 1, BN_EVAL, NULL), ERR_DATA);
    free(values);
    net_destroy(net);
    net_destroy(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_change_below_the_freeze_line_is_found),
        cmocka_unit_test(a_count_of_batches_may_move_neither_way),
        cmocka_unit_test(any_change_of_what_was_loaded_is_found),
        cmocka_unit_test(values_that_were_rounded_are_said),
        cmocka_unit_test(the_place_of_a_change_is_counted_as_in_the_file),
        cmocka_unit_test(the_sign_of_zero_is_a_change),
        cmocka_unit_test(statistics_may_move_where_the_recipe_lets_them),
        cmocka_unit_test(a_file_that_was_replaced_is_no_proof),
    };
    return cmocka_run_group_tests_name("frozen", tests, folder_setup, folder_teardown);
}
