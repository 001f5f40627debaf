/* Weights between files and networks: what is saved is loaded, and what does not fit is refused by name. */
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/net/init.h"
#include "tests/support/own_folder.h"
#include "tests/support/small_net.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"
#include "weights/safetensors/safetensors.h"

static const struct weights_rules exact = {0};

/* ---- the file `good`, edited ------------------------------------------------------------------------------------- */

struct edit {
    struct weight_file *source;
    struct weight_tensor tensors[256];
    size_t count;
};

static void edit_begin(struct edit *edit)
{
    edit->source = sample_open("good");
    edit->count = weight_file_count(edit->source);
    assert_true(edit->count + 8 < sizeof edit->tensors / sizeof *edit->tensors);
    for (size_t i = 0; i < edit->count; i++) {
        edit->tensors[i] = *weight_file_at(edit->source, i);
        assert_int_equal(weight_tensor_fetch(&edit->tensors[i], edit->source, NULL), OK);
    }
}

static struct weight_tensor *edit_find(struct edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->count; i++)
        if (strcmp(edit->tensors[i].name, name) == 0)
            return &edit->tensors[i];
    fail_msg("no %s", name);
    return NULL;
}

/* The tensor's values are copied, so that they can be changed: valid until the next call. */
static float *edit_values(struct edit *edit, const char *name)
{
    static float values[10000];
    struct weight_tensor *tensor = edit_find(edit, name);
    assert_true(tensor->bytes <= sizeof values);
    memcpy(values, tensor->data, tensor->bytes);
    tensor->data = values;
    return values;
}

static void edit_remove(struct edit *edit, const char *name)
{
    struct weight_tensor *gone = edit_find(edit, name);
    *gone = edit->tensors[--edit->count];
}

/* Writes the edited file and loads it into a fresh net. */
static enum status edit_load(struct edit *edit, const struct weights_rules *rules, struct net *net,
                             struct weights_loaded *loaded, struct error *err)
{
    assert_int_equal(safetensors_write(sample_path("edited"), edit->tensors, edit->count, NULL, 0, NULL), OK);
    struct weight_file *file = sample_open("edited");
    struct net *own = net ? net : small_net_make(SMALL_NET_CLASSES, 2);
    enum status status = weights_load(own, file, rules, loaded, err);
    weight_file_close(file);
    if (!net)
        net_destroy(own);
    weight_file_close(edit->source);
    return status;
}

static void assert_edit_refused(struct edit *edit, const struct weights_rules *rules, const char *wanted)
{
    struct error err = {0};
    assert_int_equal(edit_load(edit, rules, NULL, NULL, &err), ERR_DATA);
    if (!strstr(err.text, wanted) || strchr(err.text, '\n'))
        fail_msg("'%s' does not say '%s'", err.text, wanted);
}

/* ---- round trip -------------------------------------------------------------------------------------------------- */

static void what_is_saved_is_loaded(void **state)
{
    (void)state;
    struct net *net = small_net_save(), *copy = small_net_make(SMALL_NET_CLASSES, 2);
    struct weight_file *file = sample_open("good");
    struct weights_loaded loaded;
    assert_int_equal(weights_load(copy, file, &exact, &loaded, NULL), OK);
    assert_int_equal(loaded.tensors, net->params_count);
    size_t batches = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        batches += net->params[i].role == PARAM_BATCHES;
        small_net_assert_same(&net->params[i], &copy->params[i]);
    }
    assert_int_equal(loaded.values, net_floats(net) + batches);
    assert_false(loaded.head_drawn);
    assert_int_equal(loaded.file_classes, SMALL_NET_CLASSES);
    weight_file_close(file);
    net_destroy(net);
    net_destroy(copy);
}

static void the_file_is_a_state_dict(void **state)
{
    (void)state;
    static const char *const first[] = {"conv1.weight",          "bn1.weight",         "bn1.bias",
                                        "bn1.running_mean",      "bn1.running_var",    "bn1.num_batches_tracked",
                                        "layer1.0.conv1.weight", "layer1.0.bn1.weight"};
    struct net *net = small_net_save();
    struct weight_file *file = sample_open("good");
    assert_int_equal(weight_file_count(file), net->params_count);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++)
        assert_string_equal(weight_file_at(file, i)->name, first[i]);
    assert_string_equal(weight_file_at(file, net->params_count - 2)->name, "fc.weight");
    assert_string_equal(weight_file_at(file, net->params_count - 1)->name, "fc.bias");
    assert_int_equal(weight_file_at(file, 5)->dtype, WEIGHT_I64);
    assert_int_equal(weight_file_at(file, 5)->rank, 0);

    /* OIHW there, OHWI here. */
    const struct weight_tensor *tensor = weight_file_find(file, "conv1.weight");
    const struct param *param = &net->params[net_param_find(net, "conv1.weight")];
    float values[4 * 3 * 49];
    assert_int_equal(tensor->rank, 4);
    assert_memory_equal(tensor->shape, ((uint64_t[]){4, 3, 7, 7}), 4 * sizeof(uint64_t));
    assert_int_equal(weight_tensor_read_f32(values, tensor, file, NULL), OK);
    for (size_t k = 0; k < 4; k++)
        for (size_t c = 0; c < 3; c++)
            for (size_t rs = 0; rs < 49; rs++)
                assert_memory_equal(&values[(k * 3 + c) * 49 + rs], &param->data[(k * 49 + rs) * 3 + c], sizeof(float));
    weight_file_close(file);
    net_destroy(net);
}

static void other_float_types_are_loaded(void **state)
{
    (void)state;
    struct edit edit;
    net_destroy(small_net_save());
    edit_begin(&edit);
    uint16_t halves[8], brains[8];
    double doubles[8];
    for (size_t i = 0; i < 8; i++) {
        halves[i] = 0x3C00; /* 1 */
        brains[i] = 0x4000; /* 2 */
        doubles[i] = -3;
    }
    *edit_find(&edit, "layer1.0.bn1.bias") = (struct weight_tensor){
        .name = "layer1.0.bn1.bias", .dtype = WEIGHT_F16, .rank = 1, .shape = {4}, .data = halves, .bytes = 8};
    *edit_find(&edit, "layer1.0.bn2.bias") = (struct weight_tensor){
        .name = "layer1.0.bn2.bias", .dtype = WEIGHT_BF16, .rank = 1, .shape = {4}, .data = brains, .bytes = 8};
    *edit_find(&edit, "bn1.bias") = (struct weight_tensor){
        .name = "bn1.bias", .dtype = WEIGHT_F64, .rank = 1, .shape = {4}, .data = doubles, .bytes = 32};
    struct net *net = small_net_make(SMALL_NET_CLASSES, 2);
    assert_int_equal(edit_load(&edit, &exact, net, NULL, NULL), OK);
    assert_true(net->params[net_param_find(net, "layer1.0.bn1.bias")].data[3] == 1.0f);
    assert_true(net->params[net_param_find(net, "layer1.0.bn2.bias")].data[3] == 2.0f);
    assert_true(net->params[net_param_find(net, "bn1.bias")].data[3] == -3.0f);
    net_destroy(net);
}

/* ---- what does not fit ------------------------------------------------------------------------------------------- */

static void every_missing_tensor_is_named(void **state)
{
    (void)state;
    struct net *net = small_net_save(), *loaded = small_net_make(SMALL_NET_CLASSES, 2);
    struct edit edit;
    for (size_t i = 0; i < net->params_count; i++) {
        const struct param *param = &net->params[i];
        char wanted[128];
        edit_begin(&edit);
        edit_remove(&edit, param->name);
        if (param->role == PARAM_BATCHES) {
            assert_int_equal(edit_load(&edit, &exact, loaded, NULL, NULL), OK);
            assert_int_equal(loaded->params[i].batches, 0);
        } else {
            bool bias = strcmp(param->name, "fc.bias") == 0; /* a layer without one is left out as a whole */
            snprintf(wanted, sizeof wanted,
                     bias ? "edited: tensor 'fc.weight' cannot be read: it is a linear layer without a bias"
                          : "edited: tensor '%s' is missing",
                     param->name);
            assert_edit_refused(&edit, &exact, wanted);
        }
    }
    edit_begin(&edit);
    edit_remove(&edit, "layer3.0.bn1.bias");
    edit_remove(&edit, "bn1.bias");
    edit_remove(&edit, "layer2.0.conv1.weight");
    assert_edit_refused(&edit, &exact, "tensor 'bn1.bias' is missing, and 2 more that resnet50 has");
    net_destroy(net);
    net_destroy(loaded);
}

static void every_other_shape_is_named(void **state)
{
    (void)state;
    struct net *net = small_net_save();
    struct edit edit;
    edit_begin(&edit);
    struct weight_tensor *tensor = edit_find(&edit, "layer1.0.conv1.weight");
    *tensor = (struct weight_tensor){.name = tensor->name,
                                     .rank = 3,
                                     .shape = {4, 4, 1},
                                     .dtype = WEIGHT_F32,
                                     .data = tensor->data,
                                     .bytes = tensor->bytes};
    assert_edit_refused(&edit, &exact,
                        "'layer1.0.conv1.weight' is [4,4,1], the model (resnet50, 5 outputs) expects [4,4,1,1]");
    for (size_t i = 0; i < net->params_count; i++) {
        static const float none[1];
        char wanted[128];
        edit_begin(&edit);
        tensor = edit_find(&edit, net->params[i].name);
        *tensor =
            (struct weight_tensor){.name = tensor->name, .dtype = tensor->dtype, .rank = 2, .shape = {3}, .data = none};
        snprintf(wanted, sizeof wanted, "edited: tensor '%s' is [3,0], the model", net->params[i].name);
        assert_edit_refused(&edit, &(struct weights_rules){.new_head = true}, wanted);
    }
    net_destroy(net);
}

/* Within the body they say that this is another network; beside it they are left out. Files of our own have an
 * optimizer's beside them, which stay in the list and are ignored where that is asked for. */
static void extra_tensors_are_named_left_out_or_ignored(void **state)
{
    (void)state;
    static const float value = 1;
    const struct weight_metadata own = {"freezetune.arch", "resnet50"};
    const struct weight_tensor extra = {.name = "queue", .dtype = WEIGHT_F32, .data = &value, .bytes = 4};
    struct edit edit;
    struct error err = {0};
    net_destroy(small_net_save());
    edit_begin(&edit);
    edit.tensors[edit.count++] = extra;
    assert_int_equal(edit_load(&edit, &exact, NULL, NULL, &err), OK);
    edit_begin(&edit);
    edit.tensors[edit.count++] = extra;
    edit.tensors[edit.count] = extra;
    edit.tensors[edit.count++].name = "layer1.1.conv1.weight";
    edit.tensors[edit.count] = extra;
    edit.tensors[edit.count++].name = "layer1.0.se.conv1.weight";
    assert_edit_refused(&edit, &exact, "is not part of resnet50 (2 such tensors)");

    edit_begin(&edit);
    edit.tensors[edit.count] = extra;
    edit.tensors[edit.count++].name = "optimizer.step";
    assert_int_equal(safetensors_write(sample_path("own"), edit.tensors, edit.count, &own, 1, NULL), OK);
    struct weight_file *file = sample_open("own");
    struct net *net = small_net_make(SMALL_NET_CLASSES, 2);
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.ignore = "optimizer."}, NULL, NULL), OK);
    assert_int_equal(weights_load(net, file, &exact, NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "tensor 'optimizer.step' is not part of resnet50 (1 such tensor)"));
    net_destroy(net);
    weight_file_close(file);
    weight_file_close(edit.source);
}

static void types_that_hold_no_weights_are_refused(void **state)
{
    (void)state;
    struct edit edit;
    net_destroy(small_net_save());
    edit_begin(&edit);
    edit_find(&edit, "bn1.bias")->dtype = WEIGHT_I32;
    assert_edit_refused(&edit, &exact, "'bn1.bias' is of type I32, expected F32");
    edit_begin(&edit);
    edit_find(&edit, "bn1.num_batches_tracked")->dtype = WEIGHT_F64;
    assert_edit_refused(&edit, &exact, "'bn1.num_batches_tracked' is F64 [], expected one whole number");
}

static void values_that_are_no_numbers_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *tensor;
        size_t at;
        float value;
        const char *wanted;
    } rows[] = {
        {"conv1.weight", 0, NAN, "'conv1.weight' holds NaN at value 0 of 588"},
        {"conv1.weight", 587, -NAN, "'conv1.weight' holds NaN at value 587 of 588"},
        {"layer4.0.conv2.weight", 333, INFINITY, "'layer4.0.conv2.weight' holds an infinity at value 333 of 9216"},
        {"fc.bias", 4, -INFINITY, "'fc.bias' holds an infinity at value 4 of 5"},
        {"bn1.running_mean", 1, NAN, "'bn1.running_mean' holds NaN at value 1 of 4"},
        {"layer2.0.bn1.running_var", 2, -1e-20f,
         "'layer2.0.bn1.running_var' holds a negative variance at value 2 of 8"},
    };
    net_destroy(small_net_save());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edit edit;
        edit_begin(&edit);
        edit_values(&edit, rows[i].tensor)[rows[i].at] = rows[i].value;
        assert_edit_refused(&edit, &exact, rows[i].wanted);
    }
}

static void tensors_of_zeros_alone_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *tensor, *wanted; /* NULL: such there are */
    } rows[] = {
        {"conv1.weight", "'conv1.weight' holds nothing but zeros"},
        {"layer4.0.conv2.weight", "'layer4.0.conv2.weight' holds nothing but zeros"},
        {"layer2.0.bn1.running_var", "'layer2.0.bn1.running_var' holds nothing but zeros"},
        {"layer2.0.bn1.running_mean", NULL}, /* as it begins */
        {"layer2.0.bn2.weight", NULL},       /* zero_init_residual */
        {"fc.weight", NULL},
    };
    net_destroy(small_net_save());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edit edit;
        edit_begin(&edit);
        float *values = edit_values(&edit, rows[i].tensor);
        memset(values, 0, edit_find(&edit, rows[i].tensor)->bytes);
        if (rows[i].wanted)
            assert_edit_refused(&edit, &exact, rows[i].wanted);
        else
            assert_int_equal(edit_load(&edit, &exact, NULL, NULL, NULL), OK);
    }
}

/* ---- another number of classes ----------------------------------------------------------------------------------- */

static void a_head_of_another_size_is_drawn_if_that_is_allowed(void **state)
{
    (void)state;
    struct net *source = small_net_save(), *net = small_net_make(3, 2), *expected = small_net_make(3, 9);
    struct weight_file *file = sample_open("good");
    struct weights_loaded loaded;
    struct error err;
    assert_int_equal(weights_load(net, file, &exact, &loaded, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "tensor 'fc.weight' is [5,128], the model (resnet50, 3 outputs) expects [3,128]"));
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.new_head = true, .seed = 9}, &loaded, NULL), OK);
    assert_true(loaded.head_drawn);
    assert_int_equal(loaded.file_classes, SMALL_NET_CLASSES);
    assert_int_equal(loaded.tensors, source->params_count - 2);
    param_init(expected, net->params_count - 1, 9);
    for (size_t i = 0; i < net->params_count; i++)
        small_net_assert_same(&net->params[i], i < net->params_count - 2 ? &source->params[i] : &expected->params[i]);
    weight_file_close(file);
    net_destroy(source);
    net_destroy(net);
    net_destroy(expected);
}

static void a_head_that_differs_in_more_is_refused(void **state)
{
    (void)state;
    static const float values[7 * SMALL_NET_FEATURES];
    static const struct weight_tensor weight = {.name = "fc.weight",
                                                .dtype = WEIGHT_F32,
                                                .rank = 2,
                                                .shape = {7, SMALL_NET_FEATURES},
                                                .data = values,
                                                .bytes = sizeof values};
    const struct weights_rules rules = {.new_head = true};
    struct edit edit;
    net_destroy(small_net_save());
    edit_begin(&edit);
    *edit_find(&edit, "fc.weight") = weight;
    assert_edit_refused(&edit, &rules, "'fc.weight' is [7,128], the model"); /* with a bias of 5 */
    edit_begin(&edit);
    *edit_find(&edit, "fc.weight") = weight;
    *edit_find(&edit, "fc.bias") = (struct weight_tensor){
        .name = "fc.bias", .dtype = WEIGHT_F32, .rank = 2, .shape = {7, 1}, .data = values, .bytes = 28};
    assert_edit_refused(&edit, &rules, "'fc.weight' is [7,128], the model");
    edit_begin(&edit);
    *edit_find(&edit, "fc.weight") = weight;
    edit_find(&edit, "fc.weight")->shape[0] = 14;
    edit_find(&edit, "fc.weight")->shape[1] = SMALL_NET_FEATURES / 2;
    *edit_find(&edit, "fc.bias") = (struct weight_tensor){
        .name = "fc.bias", .dtype = WEIGHT_F32, .rank = 1, .shape = {14}, .data = values, .bytes = 56};
    assert_edit_refused(&edit, &rules, "'fc.weight' is [14,64], the model");
}

static void a_head_that_fits_is_kept_even_so(void **state)
{
    (void)state;
    struct net *source = small_net_save(), *net = small_net_make(SMALL_NET_CLASSES, 2);
    struct weight_file *file = sample_open("good");
    struct weights_loaded loaded;
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.new_head = true, .seed = 9}, &loaded, NULL), OK);
    assert_false(loaded.head_drawn);
    small_net_assert_same(&net->params[net->params_count - 1], &source->params[net->params_count - 1]);
    weight_file_close(file);
    net_destroy(source);
    net_destroy(net);
}

/* ---- buffers beside the weights ---------------------------------------------------------------------------------- */

static void buffers_go_there_and_back(void **state)
{
    (void)state;
    struct net *net = small_net_make(SMALL_NET_CLASSES, 1);
    const struct param *param = &net->params[net_param_find(net, "layer2.0.conv2.weight")];
    const struct param *other = &net->params[net_param_find(net, "layer1.0.conv2.weight")];
    struct weight_tensor tensors[512];
    float *back = calloc(param->count, sizeof *back);
    struct safetensors_writer *writer;
    struct error err;
    weights_describe(tensors, net);
    size_t count = net->params_count;
    tensors[count] = tensors[param - net->params];
    tensors[count++].name = "optimizer.momentum";
    const struct weight_metadata own = {"freezetune.arch", "resnet50"};
    assert_int_equal(safetensors_create(&writer, sample_path("state"), tensors, count, &own, 1, NULL), OK);
    assert_int_equal(weights_append(writer, net, NULL), OK);
    assert_int_equal(weights_append_buffer(writer, param, param->data, NULL), OK);
    assert_int_equal(safetensors_finish(writer, NULL), OK);

    struct weight_file *file = sample_open("state");
    const struct weight_tensor *momentum = weight_file_find(file, "optimizer.momentum"),
                               *weight = weight_file_find(file, param->name);
    assert_int_equal(weight_tensor_fetch(momentum, file, NULL), OK);
    assert_int_equal(weight_tensor_fetch(weight, file, NULL), OK);
    assert_memory_equal(momentum->data, weight->data, weight->bytes);
    assert_int_equal(weights_read_buffer(back, param, momentum, file, NULL), OK);
    assert_memory_equal(back, param->data, param->count * sizeof *back);
    assert_int_equal(weights_read_buffer(back, other, momentum, file, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'optimizer.momentum' is [8,8,3,3], 'layer1.0.conv2.weight' expects [4,4,3,3]"));
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.ignore = "optimizer."}, NULL, NULL), OK);
    weight_file_close(file);
    free(back);
    net_destroy(net);
}

static void a_place_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct net *net = small_net_make(SMALL_NET_CLASSES, 1);
    assert_int_equal(weights_save(sample_path("no/folder"), net, NULL, 0, NULL), ERR_CANTCREATE);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(the_file_is_a_state_dict),
        cmocka_unit_test(other_float_types_are_loaded),
        cmocka_unit_test(every_missing_tensor_is_named),
        cmocka_unit_test(every_other_shape_is_named),
        cmocka_unit_test(extra_tensors_are_named_left_out_or_ignored),
        cmocka_unit_test(types_that_hold_no_weights_are_refused),
        cmocka_unit_test(values_that_are_no_numbers_are_named),
        cmocka_unit_test(tensors_of_zeros_alone_are_named),
        cmocka_unit_test(a_head_of_another_size_is_drawn_if_that_is_allowed),
        cmocka_unit_test(a_head_that_differs_in_more_is_refused),
        cmocka_unit_test(a_head_that_fits_is_kept_even_so),
        cmocka_unit_test(buffers_go_there_and_back),
        cmocka_unit_test(a_place_that_cannot_be_written_is_refused),
    };
    return cmocka_run_group_tests_name("bind", tests, folder_setup, folder_teardown);
}
