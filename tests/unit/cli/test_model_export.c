/* The files beside a model's weights that other libraries read: written, and read back by the readers of such files. */
#define _GNU_SOURCE
#include "tests/support/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "cli/model/hf_preprocessor.h"
#include "cli/model/hugging_face.h"
#include "cli/model/model_export.h"
#include "cli/model/timm_config.h"

static char *names[] = {"ants", "be\"es", "c\\d", "caf\xc3\xa9", "\t"};
static const struct class_names classes = {.names = names, .count = 5};

/* Owned by the caller (free). */
static char *written(void (*write)(FILE *out, const struct model_export *model), const struct model_export *model)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    write(out, model);
    assert_int_equal(fclose(out), 0);
    return text;
}

static cJSON *parsed(void (*write)(FILE *out, const struct model_export *model), const struct model_export *model)
{
    char *text = written(write, model);
    cJSON *json = cJSON_ParseWithOpts(text, NULL, true);
    assert_non_null(json);
    free(text);
    return json;
}

/* The value under a key, "a.b" being b in a, as JSON on one line. */
static void assert_value(const cJSON *json, const char *key, const char *expected)
{
    char copy[64];
    snprintf(copy, sizeof copy, "%s", key);
    for (char *rest = copy, *part; (part = strsep(&rest, "."));)
        json = cJSON_GetObjectItemCaseSensitive(json, part);
    if (!json)
        fail_msg("%s is missing", key);
    char *text = cJSON_PrintUnformatted(json);
    assert_string_equal(text, expected);
    free(text);
}

static void the_network_is_described_as_each_library_knows_it(void **state)
{
    (void)state;
    static const struct {
        const char *arch, *depths, *hidden, *type, *features;
    } rows[] = {
        {"resnet18", "[2,2,2,2]", "[64,128,256,512]", "\"basic\"", "512"},
        {"resnet34", "[3,4,6,3]", "[64,128,256,512]", "\"basic\"", "512"},
        {"resnet50", "[3,4,6,3]", "[256,512,1024,2048]", "\"bottleneck\"", "2048"},
        {"resnet101", "[3,4,23,3]", "[256,512,1024,2048]", "\"bottleneck\"", "2048"},
        {"resnet152", "[3,8,36,3]", "[256,512,1024,2048]", "\"bottleneck\"", "2048"},
    };
    const struct preprocess preprocess = preprocess_imagenet();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char arch[24];
        const struct model_export model = {.shape = &resnet_shapes[i],
                                           .outputs = 5,
                                           .classes = &classes,
                                           .preprocess = &preprocess,
                                           .problem = PROBLEM_MULTI_LABEL,
                                           .dtype = "float16"};
        cJSON *json = parsed(export_hugging_face_config, &model);
        assert_value(json, "architectures", "[\"ResNetForImageClassification\"]");
        assert_value(json, "model_type", "\"resnet\"");
        assert_value(json, "depths", rows[i].depths);
        assert_value(json, "hidden_sizes", rows[i].hidden);
        assert_value(json, "layer_type", rows[i].type);
        assert_value(json, "embedding_size", "64");
        assert_value(json, "hidden_act", "\"relu\"");
        assert_value(json, "downsample_in_first_stage", "false");
        assert_value(json, "downsample_in_bottleneck", "false");
        assert_value(json, "num_labels", "5");
        assert_value(json, "id2label.3", "\"caf\xc3\xa9\"");
        assert_value(json, "label2id.ants", "0");
        assert_value(json, "label2id.caf\xc3\xa9", "3");
        assert_value(json, "problem_type", "\"multi_label_classification\"");
        assert_value(json, "torch_dtype", "\"float16\"");
        cJSON_Delete(json);
        json = parsed(export_timm_config, &model);
        snprintf(arch, sizeof arch, "\"%s\"", rows[i].arch);
        assert_value(json, "architecture", arch);
        assert_value(json, "num_features", rows[i].features);
        assert_value(json, "num_classes", "5");
        assert_value(json, "label_names", "[\"ants\",\"be\\\"es\",\"c\\\\d\",\"caf\xc3\xa9\",\"\\t\"]");
        assert_value(json, "pretrained_cfg.input_size", "[3,224,224]");
        assert_value(json, "pretrained_cfg.crop_pct", "0.875");
        assert_value(json, "pretrained_cfg.interpolation", "\"bilinear\"");
        assert_value(json, "pretrained_cfg.crop_mode", "\"center\"");
        assert_value(json, "pretrained_cfg.pool_size", "[7,7]");
        assert_value(json, "pretrained_cfg.first_conv", "\"conv1\"");
        assert_value(json, "pretrained_cfg.classifier", "\"fc\"");
        cJSON_Delete(json);
    }
}

static void what_is_not_known_is_not_said(void **state)
{
    (void)state;
    const struct preprocess preprocess = preprocess_imagenet();
    struct model_export model = {.shape = resnet_shapes, .outputs = 5, .preprocess = &preprocess};
    for (int body = 0; body < 2; body++) {
        model.outputs = body ? 0 : 5;
        model.classes = body ? &classes : NULL;
        cJSON *json = parsed(export_hugging_face_config, &model);
        assert_value(json, "architectures", body ? "[\"ResNetModel\"]" : "[\"ResNetForImageClassification\"]");
        assert_int_equal(cJSON_HasObjectItem(json, "num_labels"), !body);
        assert_false(cJSON_HasObjectItem(json, "id2label") || cJSON_HasObjectItem(json, "label2id") ||
                     cJSON_HasObjectItem(json, "torch_dtype") || cJSON_HasObjectItem(json, "problem_type"));
        cJSON_Delete(json);
        json = parsed(export_timm_config, &model);
        assert_value(json, "num_classes", body ? "0" : "5");
        assert_false(cJSON_HasObjectItem(json, "label_names"));
        cJSON_Delete(json);
    }
}

static void assert_same_preprocess(const struct preprocess *found, const struct preprocess *wanted)
{
    assert_int_equal(found->resize, wanted->resize);
    assert_int_equal(found->crop, wanted->crop);
    assert_int_equal(found->interpolation, wanted->interpolation);
    assert_int_equal(found->fit, wanted->fit);
    assert_memory_equal(found->mean, wanted->mean, sizeof found->mean);
    assert_memory_equal(found->std, wanted->std, sizeof found->std);
}

/* Frees them. */
static void assert_same_classes(struct class_names *found)
{
    assert_int_equal(found->count, classes.count);
    for (size_t i = 0; i < classes.count; i++)
        assert_string_equal(found->names[i], names[i]);
    class_names_free(found);
}

/* Values that no decimal of a few digits is, sizes from 384 pixels on, crops of the whole and beyond it. */
static void the_readers_understand_what_is_written(void **state)
{
    (void)state;
    static const int sizes[][2] = {{256, 224}, {232, 224}, {73, 64}, {64, 64},       {439, 384}, {600, 599},
                                   {1, 1},     {235, 224}, {5, 3},   {16384, 16384}, {100, 1},   {50, 64}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const struct preprocess wanted = {.resize = sizes[i][0],
                                          .crop = sizes[i][1],
                                          .mean = {0.5f, 1.0f / 3, 0},
                                          .std = {1.0f / 255, 0.1f, 1e-5f},
                                          .interpolation = (enum interpolation)(i % 6),
                                          .fit = i % 4 < 2 ? FIT_SHORT : FIT_SQUASH};
        const struct model_export model = {.shape = resnet_shapes,
                                           .outputs = 5,
                                           .classes = &classes,
                                           .preprocess = &wanted,
                                           .problem = i % 2 ? PROBLEM_MULTI_LABEL : PROBLEM_UNSAID};
        struct preprocess found;
        struct class_names read = {0};
        enum problem problem;
        bool is_there = false, oblong = true;
        char *text = written(export_hugging_face_preprocessor, &model);
        assert_int_equal(hf_preprocessor_parse(&found, &oblong, text, strlen(text), "p", NULL), OK);
        assert_false(oblong);
        assert_same_preprocess(&found, &wanted);
        assert_int_equal(found.center, CENTER_FLOOR);
        free(text);
        text = written(export_hugging_face_config, &model);
        assert_int_equal(hugging_face_classes(&read, &is_there, &problem, text, strlen(text), "c", 5, NULL), OK);
        assert_true(is_there);
        assert_int_equal(problem, model.problem);
        assert_same_classes(&read);
        free(text);
        text = written(export_timm_config, &model);
        if (wanted.crop <= wanted.resize && wanted.crop * 100 > wanted.resize) { /* timm's reader wants a part of 1 */
            struct model_card card = {0};
            is_there = false;
            assert_int_equal(timm_config_parse(&card, &is_there, text, strlen(text), 5, "t", NULL), OK);
            assert_true(is_there && card.has_preprocess && card.has_classes);
            assert_same_preprocess(&card.preprocess, &wanted);
            assert_same_classes(&card.classes);
        }
        free(text);
    }
}

/* timm resizes to floor(crop / share), in double. */
static void the_share_gives_the_size_back(void **state)
{
    (void)state;
    for (int crop = 1; crop <= 1024; crop += crop < 64 ? 1 : 37)
        for (int resize = 1; resize <= PREPROCESS_MAX_SIDE; resize += resize < 2048 ? 1 : 509)
            if (floor(crop / timm_crop_share(resize, crop)) != resize)
                fail_msg("%d, %d: %.17g", resize, crop, timm_crop_share(resize, crop));
    assert_true(timm_crop_share(256, 224) == 0.875);
    assert_true(timm_crop_share(224, 224) == 1);
    assert_true(timm_crop_share(235, 224) == 0.95);
    assert_true(timm_crop_share(232, 224) == 0.9655);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_network_is_described_as_each_library_knows_it),
        cmocka_unit_test(what_is_not_known_is_not_said),
        cmocka_unit_test(the_readers_understand_what_is_written),
        cmocka_unit_test(the_share_gives_the_size_back),
    };
    return cmocka_run_group_tests_name("model_export", tests, NULL, NULL);
}
