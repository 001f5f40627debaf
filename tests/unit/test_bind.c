#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/net/init.h"
#include "models/mlp.h"
#include "models/resnet.h"
#include "tests/support/weight_sample.h"
#include "weights/bind.h"
#include "weights/recognise.h"

/* A ResNet-50 in small: one block a layer, 4 channels at the start, 128 features before the head. */
static const struct resnet_shape small = {"resnet50", true, {1, 1, 1, 1}, 4};
enum { CLASSES = 5, FEATURES = 128 };

static const struct weights_rules exact = {0};

/* Every parameter holds values of its own, running variances positive ones. */
static struct net *net_make(size_t classes, uint64_t seed)
{
    struct net *net = NULL;
    assert_int_equal(resnet_create_shape(&net, &small, classes, NULL), OK);
    net_init(net, seed);
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        param->batches = param->role == PARAM_BATCHES ? (int64_t)(100 * seed + i) : 0;
        if (param->role != PARAM_WEIGHT)
            for (size_t j = 0; j < param->count; j++)
                param->data[j] = 0.5f + (float)(seed + i) + (float)j / 1000.0f;
    }
    return net;
}

static void assert_same_param(const struct param *a, const struct param *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->batches, b->batches);
    if (a->count)
        assert_memory_equal(a->data, b->data, a->count * sizeof(float));
}

static struct weight_file *file_open(const char *name)
{
    struct weight_file *file = NULL;
    struct error err;
    if (weight_file_open(&file, sample_path(name), &err) != OK)
        fail_msg("%s", err.text);
    return file;
}

/* "good": a net of CLASSES classes, saved. */
static struct net *save_good(void)
{
    struct net *net = net_make(CLASSES, 1);
    assert_int_equal(weights_save(sample_path("good"), net, NULL, 0, NULL), OK);
    return net;
}

/* ---- the file `good`, edited ------------------------------------------------------------------------------------- */

struct edit {
    struct weight_file *source;
    struct weight_tensor tensors[256];
    size_t count;
};

static void edit_begin(struct edit *edit)
{
    edit->source = file_open("good");
    edit->count = weight_file_count(edit->source);
    assert_true(edit->count + 8 < sizeof edit->tensors / sizeof *edit->tensors);
    for (size_t i = 0; i < edit->count; i++)
        edit->tensors[i] = *weight_file_at(edit->source, i);
}

static struct weight_tensor *edit_find(struct edit *edit, const char *name)
{
    for (size_t i = 0; i < edit->count; i++)
        if (strcmp(edit->tensors[i].name, name) == 0)
            return &edit->tensors[i];
    fail_msg("no %s", name);
    return NULL;
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
    struct weight_file *file = file_open("edited");
    struct net *own = net ? net : net_make(CLASSES, 2);
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
    struct net *net = save_good(), *copy = net_make(CLASSES, 2);
    struct weight_file *file = file_open("good");
    struct weights_loaded loaded;
    assert_int_equal(weights_load(copy, file, &exact, &loaded, NULL), OK);
    assert_int_equal(loaded.tensors, net->params_count);
    size_t batches = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        batches += net->params[i].role == PARAM_BATCHES;
        assert_same_param(&net->params[i], &copy->params[i]);
    }
    assert_int_equal(loaded.values, net_floats(net) + batches);
    assert_false(loaded.head_drawn);
    assert_int_equal(loaded.file_classes, CLASSES);
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
    struct net *net = save_good();
    struct weight_file *file = file_open("good");
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
    net_destroy(save_good());
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
    struct net *net = net_make(CLASSES, 2);
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
    struct net *net = save_good(), *loaded = net_make(CLASSES, 2);
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
            snprintf(wanted, sizeof wanted, "edited: tensor '%s' is missing", param->name);
            assert_edit_refused(&edit, &exact, wanted);
        }
    }
    edit_begin(&edit);
    edit_remove(&edit, "fc.bias");
    edit_remove(&edit, "bn1.bias");
    edit_remove(&edit, "layer2.0.conv1.weight");
    assert_edit_refused(&edit, &exact, "tensor 'bn1.bias' is missing, and 2 more that resnet50 has");
    net_destroy(net);
    net_destroy(loaded);
}

static void every_other_shape_is_named(void **state)
{
    (void)state;
    struct net *net = save_good();
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
                        "'layer1.0.conv1.weight' is [4,4,1], the model (resnet50, 5 outputs) wants [4,4,1,1]");
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

static void extra_tensors_are_named_or_ignored(void **state)
{
    (void)state;
    static const float value = 1;
    const struct weight_tensor extra = {.name = "optimizer.step", .dtype = WEIGHT_F32, .data = &value, .bytes = 4};
    struct edit edit;
    net_destroy(save_good());
    edit_begin(&edit);
    edit.tensors[edit.count++] = extra;
    assert_edit_refused(&edit, &exact, "tensor 'optimizer.step' is none of resnet50's (1 such tensor)");
    edit_begin(&edit);
    edit.tensors[edit.count++] = extra;
    assert_int_equal(edit_load(&edit, &(struct weights_rules){.ignore = "optimizer."}, NULL, NULL, NULL), OK);
    edit_begin(&edit);
    edit.tensors[edit.count++] = extra;
    edit.tensors[edit.count] = extra;
    edit.tensors[edit.count++].name = "layer1.1.conv1.weight";
    edit.tensors[edit.count] = extra;
    edit.tensors[edit.count++].name = "optimize";
    assert_edit_refused(&edit, &(struct weights_rules){.ignore = "optimizer."},
                        "is none of resnet50's (2 such tensors)");
}

static void types_that_hold_no_weights_are_refused(void **state)
{
    (void)state;
    struct edit edit;
    net_destroy(save_good());
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
    net_destroy(save_good());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edit edit;
        static float values[10000];
        edit_begin(&edit);
        struct weight_tensor *tensor = edit_find(&edit, rows[i].tensor);
        assert_true(tensor->bytes <= sizeof values);
        memcpy(values, tensor->data, tensor->bytes);
        values[rows[i].at] = rows[i].value;
        tensor->data = values;
        assert_edit_refused(&edit, &exact, rows[i].wanted);
    }
}

/* ---- another number of classes ----------------------------------------------------------------------------------- */

static void a_head_of_another_size_is_drawn_if_that_is_allowed(void **state)
{
    (void)state;
    struct net *source = save_good(), *net = net_make(3, 2), *expected = net_make(3, 9);
    struct weight_file *file = file_open("good");
    struct weights_loaded loaded;
    struct error err;
    assert_int_equal(weights_load(net, file, &exact, &loaded, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "tensor 'fc.weight' is [5,128], the model (resnet50, 3 outputs) wants [3,128]"));
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.new_head = true, .seed = 9}, &loaded, NULL), OK);
    assert_true(loaded.head_drawn);
    assert_int_equal(loaded.file_classes, CLASSES);
    assert_int_equal(loaded.tensors, source->params_count - 2);
    param_init(expected, net->params_count - 1, 9);
    for (size_t i = 0; i < net->params_count; i++)
        assert_same_param(&net->params[i], i < net->params_count - 2 ? &source->params[i] : &expected->params[i]);
    weight_file_close(file);
    net_destroy(source);
    net_destroy(net);
    net_destroy(expected);
}

static void a_head_that_differs_in_more_is_refused(void **state)
{
    (void)state;
    static const float values[7 * FEATURES];
    static const struct weight_tensor weight = {.name = "fc.weight",
                                                .dtype = WEIGHT_F32,
                                                .rank = 2,
                                                .shape = {7, FEATURES},
                                                .data = values,
                                                .bytes = sizeof values};
    const struct weights_rules rules = {.new_head = true};
    struct edit edit;
    net_destroy(save_good());
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
    edit_find(&edit, "fc.weight")->shape[1] = FEATURES / 2;
    *edit_find(&edit, "fc.bias") = (struct weight_tensor){
        .name = "fc.bias", .dtype = WEIGHT_F32, .rank = 1, .shape = {14}, .data = values, .bytes = 56};
    assert_edit_refused(&edit, &rules, "'fc.weight' is [14,64], the model");
}

static void a_head_that_fits_is_kept_even_so(void **state)
{
    (void)state;
    struct net *source = save_good(), *net = net_make(CLASSES, 2);
    struct weight_file *file = file_open("good");
    struct weights_loaded loaded;
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.new_head = true, .seed = 9}, &loaded, NULL), OK);
    assert_false(loaded.head_drawn);
    assert_same_param(&net->params[net->params_count - 1], &source->params[net->params_count - 1]);
    weight_file_close(file);
    net_destroy(source);
    net_destroy(net);
}

/* ---- the freeze proof -------------------------------------------------------------------------------------------- */

static enum status prove(struct frozen_proof *proof, const struct net *net, int until, enum bn_mode bn_frozen,
                         struct error *err)
{
    const struct freeze freeze = {.until = until, .bn_frozen = bn_frozen, .bn_trained = BN_BATCH};
    struct weight_file *file = file_open("good");
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
    struct net *net = save_good();
    struct frozen_proof proof, whole;
    struct error err;
    assert_int_equal(prove(&whole, net, until, BN_EVAL, NULL), OK);
    size_t tensors = 0, values = 0;
    for (size_t i = 0; i < net->params_count; i++) {
        struct param *param = &net->params[i];
        bool frozen = param->child <= until, batches = param->role == PARAM_BATCHES;
        tensors += frozen;
        values += frozen ? param->count + batches : 0;
        /* The lowest bit of one value or count is flipped, and back. */
        void *value = batches ? (void *)&param->batches : (void *)&param->data[i % param->count];
        flip(value);
        enum status status = prove(&proof, net, until, BN_EVAL, &err);
        assert_int_equal(status, frozen ? ERR_PROMISE : OK);
        if (frozen) {
            assert_non_null(strstr(err.text, param->name));
            assert_true(proof.tensors < whole.tensors);
        }
        flip(value);
    }
    assert_int_equal(whole.tensors, tensors);
    assert_int_equal(whole.values, values);
    assert_int_equal(whole.moving, 0);
    assert_true(tensors > 0 && tensors < net->params_count);
    net_destroy(net);
}

static void the_place_of_a_change_is_counted_as_in_the_file(void **state)
{
    (void)state;
    struct net *net = save_good();
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
    struct net *net = net_make(CLASSES, 1);
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
    struct net *net = save_good();
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
    struct net *net = save_good(), *other = net_make(CLASSES, 1);
    struct weight_tensor tensor = {.name = "conv1.weight", .dtype = WEIGHT_F32, .rank = 1};
    struct frozen_proof proof;
    assert_int_equal(safetensors_write(sample_path("good"), &tensor, 1, NULL, 0, NULL), OK);
    assert_int_equal(prove(&proof, net, 1, BN_EVAL, NULL), ERR_DATA);
    net_destroy(net);
    net_destroy(other);
}

/* ---- buffers beside the weights ---------------------------------------------------------------------------------- */

static void buffers_go_there_and_back(void **state)
{
    (void)state;
    struct net *net = net_make(CLASSES, 1);
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
    assert_int_equal(safetensors_create(&writer, sample_path("state"), tensors, count, NULL, 0, NULL), OK);
    assert_int_equal(weights_append(writer, net, NULL), OK);
    assert_int_equal(weights_append_buffer(writer, param, param->data, NULL), OK);
    assert_int_equal(safetensors_finish(writer, NULL), OK);

    struct weight_file *file = file_open("state");
    const struct weight_tensor *momentum = weight_file_find(file, "optimizer.momentum"),
                               *weight = weight_file_find(file, param->name);
    assert_memory_equal(momentum->data, weight->data, weight->bytes);
    assert_int_equal(weights_read_buffer(back, param, momentum, file, NULL), OK);
    assert_memory_equal(back, param->data, param->count * sizeof *back);
    assert_int_equal(weights_read_buffer(back, other, momentum, file, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "'optimizer.momentum' is [8,8,3,3], 'layer1.0.conv2.weight' wants [4,4,3,3]"));
    assert_int_equal(weights_load(net, file, &(struct weights_rules){.ignore = "optimizer."}, NULL, NULL), OK);
    weight_file_close(file);
    free(back);
    net_destroy(net);
}

static void a_place_that_cannot_be_written_is_refused(void **state)
{
    (void)state;
    struct net *net = net_make(CLASSES, 1);
    assert_int_equal(weights_save(sample_path("no/folder"), net, NULL, 0, NULL), ERR_CANTCREATE);
    net_destroy(net);
}

/* ---- recognising ------------------------------------------------------------------------------------------------- */

/* A file with the tensors that tell a ResNet from another. */
static void write_resnet(const struct resnet_shape *shape, uint64_t classes, uint64_t features)
{
    static float zeros[64 * 3 * 49 + 7 * 4096];
    static char names[64][64];
    struct weight_tensor tensors[64] = {
        {.name = "conv1.weight", .rank = 4, .shape = {shape->width, 3, 7, 7}, .bytes = shape->width * 147 * 4},
        {.name = "fc.weight", .rank = 2, .shape = {classes, features}, .bytes = classes * features * 4},
        {.name = shape->bottleneck ? "layer1.0.conv3.weight" : "layer1.0.conv2.weight", .rank = 1}};
    size_t count = 3;
    for (int layer = 1; layer <= 4; layer++)
        for (size_t i = 0; i < shape->blocks[layer - 1]; i++, count++) {
            snprintf(names[count], sizeof names[count], "layer%d.%zu.conv1.weight", layer, i);
            tensors[count] = (struct weight_tensor){.name = names[count], .rank = 1};
        }
    for (size_t i = 0; i < count; i++) {
        tensors[i].dtype = WEIGHT_F32;
        tensors[i].data = zeros;
        assert_true(tensors[i].bytes <= sizeof zeros);
    }
    assert_int_equal(safetensors_write(sample_path("model"), tensors, count, NULL, 0, NULL), OK);
}

static bool recognise_model(struct recognised *out)
{
    struct weight_file *file = file_open("model");
    bool found = weights_recognise(out, file);
    weight_file_close(file);
    return found;
}

static void resnets_are_recognised(void **state)
{
    (void)state;
    struct recognised found = {.arch = "untouched"};
    size_t count = 0;
    for (const struct resnet_shape *shape = resnet_shapes; shape->arch; shape++, count++) {
        uint64_t features = shape->bottleneck ? 2048 : 512;
        struct resnet_shape changed = *shape;
        changed.blocks[3]++;
        write_resnet(&changed, 7, features);
        assert_false(recognise_model(&found));
        changed = *shape;
        changed.width = 32;
        write_resnet(&changed, 7, features);
        assert_false(recognise_model(&found));
        write_resnet(shape, 7, features + 1);
        assert_false(recognise_model(&found));
        write_resnet(shape, 7, features);
        assert_true(recognise_model(&found));
        assert_string_equal(found.arch, shape->arch);
        assert_int_equal(found.classes, 7);
    }
    assert_int_equal(count, 5);
}

static void an_mlp_is_recognised_and_another_net_is_not(void **state)
{
    (void)state;
    static const size_t sizes[] = {10, 5, 4, 1};
    struct net *net;
    struct recognised found = {.arch = "untouched"};
    assert_int_equal(mlp_create(&net, sizes, 3, NULL), OK);
    assert_int_equal(weights_save(sample_path("model"), net, NULL, 0, NULL), OK);
    assert_true(recognise_model(&found));
    assert_string_equal(found.arch, "mlp");
    assert_int_equal(found.layers, 3);
    assert_memory_equal(found.sizes, sizes, sizeof sizes);
    assert_int_equal(found.classes, 1);

    struct error err;
    struct net *resnet = net_make(CLASSES, 1);
    struct weight_file *file = file_open("model");
    assert_int_equal(weights_load(resnet, file, &exact, NULL, &err), ERR_DATA);
    assert_non_null(strstr(err.text, "; the file looks like mlp"));
    weight_file_close(file);
    net_destroy(net);

    /* One tensor more; layers that do not follow one another. */
    static const float zeros[20];
    struct weight_tensor layers[] = {{.name = "fc1.weight", .rank = 2, .shape = {5, 4}},
                                     {.name = "fc1.bias", .rank = 1, .shape = {5}},
                                     {.name = "fc2.weight", .rank = 2, .shape = {2, 5}},
                                     {.name = "fc2.bias", .rank = 1, .shape = {2}},
                                     {.name = "else", .rank = 1, .shape = {1}}};
    for (size_t i = 0; i < 5; i++) {
        size_t values;
        layers[i].dtype = WEIGHT_F32;
        layers[i].data = zeros;
        assert_true(weight_size(&values, &layers[i].bytes, WEIGHT_F32, layers[i].rank, layers[i].shape));
    }
    found.arch[0] = '\0';
    assert_int_equal(safetensors_write(sample_path("model"), layers, 5, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    layers[2].shape[1] = 4;
    layers[2].bytes = 32;
    assert_int_equal(safetensors_write(sample_path("model"), layers, 4, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    layers[2].shape[1] = 5;
    layers[2].bytes = 40;
    assert_int_equal(safetensors_write(sample_path("model"), layers, 4, NULL, 0, NULL), OK);
    assert_true(recognise_model(&found));

    found.arch[0] = '\0';
    assert_int_equal(weights_save(sample_path("model"), resnet, NULL, 0, NULL), OK);
    assert_false(recognise_model(&found));
    assert_string_equal(found.arch, "");
    net_destroy(resnet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_is_loaded),
        cmocka_unit_test(the_file_is_a_state_dict),
        cmocka_unit_test(other_float_types_are_loaded),
        cmocka_unit_test(every_missing_tensor_is_named),
        cmocka_unit_test(every_other_shape_is_named),
        cmocka_unit_test(extra_tensors_are_named_or_ignored),
        cmocka_unit_test(types_that_hold_no_weights_are_refused),
        cmocka_unit_test(values_that_are_no_numbers_are_named),
        cmocka_unit_test(a_head_of_another_size_is_drawn_if_that_is_allowed),
        cmocka_unit_test(a_head_that_differs_in_more_is_refused),
        cmocka_unit_test(a_head_that_fits_is_kept_even_so),
        cmocka_unit_test(any_change_below_the_freeze_line_is_found),
        cmocka_unit_test(the_place_of_a_change_is_counted_as_in_the_file),
        cmocka_unit_test(the_sign_of_zero_is_a_change),
        cmocka_unit_test(statistics_may_move_where_the_recipe_lets_them),
        cmocka_unit_test(a_file_that_was_replaced_is_no_proof),
        cmocka_unit_test(buffers_go_there_and_back),
        cmocka_unit_test(a_place_that_cannot_be_written_is_refused),
        cmocka_unit_test(resnets_are_recognised),
        cmocka_unit_test(an_mlp_is_recognised_and_another_net_is_not),
    };
    return cmocka_run_group_tests_name("bind", tests, sample_folder_setup, sample_folder_teardown);
}
