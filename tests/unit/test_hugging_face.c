/* config.json and preprocessor_config.json beside the weights. */
#include "tests/support/test.h"

#include <string.h>

#include "cli/hugging_face.h"

static enum problem problem;
static bool squashes;

static void classes_are_named(void **state)
{
    (void)state;
    static const char text[] =
        "{\"model_type\": \"resnet\", \"hidden_act\": \"relu\", \"downsample_in_bottleneck\": false,"
        " \"id2label\": {\"2\": \"crane\", \"0\": \"crane\", \"1\": \"b\xc3\xa4r\", \"3\": \"crane\"}}";
    static const char *const wanted[] = {"crane", "b\xc3\xa4r", "crane (2)", "crane (3)"};
    struct class_names classes = {0};
    bool found;
    assert_int_equal(hugging_face_classes(&classes, &found, &problem, text, strlen(text), "c", 4, NULL), OK);
    assert_true(found && classes.count == 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(classes.names[i], wanted[i]);
    class_names_free(&classes);
}

static void other_configs_name_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}", "{\"model_type\": \"resnet\"}",
        "{\"model_type\": \"vit\", \"hidden_act\": \"gelu\", \"id2label\": {\"0\": \"a\"}}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct class_names classes = {0};
        bool found = true;
        assert_int_equal(hugging_face_classes(&classes, &found, &problem, texts[i], strlen(texts[i]), "c", 2, NULL),
                         OK);
        assert_false(found);
        assert_null(classes.names);
    }
}

static void bad_configs_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted;
    } rows[] = {
        {"", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"{} x", "not a JSON object"},
        {"{\"id2label\": []}", "id2label: not a JSON object"},
        {"{\"id2label\": {\"0\": \"a\"}}", "id2label: 1 names, the network has 2 outputs"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"b\", \"2\": \"c\"}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"0\": \"b\"}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"01\": \"b\"}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"-1\": \"b\"}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": 5}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"1\": \"\"}}", "from \"0\" on"},
        {"{\"id2label\": {\"0\": \"a\", \"18446744073709551617\": \"b\"}}", "from \"0\" on"},
        {"{\"downsample_in_bottleneck\": true}", "another network"},
        {"{\"downsample_in_first_stage\": true}", "another network"},
        {"{\"hidden_act\": \"gelu\"}", "another network"},
        {"{\"problem_type\": \"ranking\"}", "problem_type: not one that is known"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct class_names classes = {0};
        struct error err = {0};
        bool found;
        assert_int_equal(
            hugging_face_classes(&classes, &found, &problem, rows[i].text, strlen(rows[i].text), "c.json", 2, &err),
            ERR_DATA);
        assert_memory_equal(err.text, "c.json: ", 8);
        if (!strstr(err.text, rows[i].wanted))
            fail_msg("'%s' does not say '%s'", err.text, rows[i].wanted);
    }
    struct class_names classes = {0};
    bool found;
    assert_int_equal(hugging_face_classes(&classes, &found, &problem, "{}\0{}", 5, "c", 2, NULL), ERR_DATA);
}

static void what_the_outputs_mean_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum problem wanted;
    } rows[] = {{"{}", PROBLEM_UNSAID},
                {"{\"problem_type\": null}", PROBLEM_UNSAID},
                {"{\"problem_type\": \"single_label_classification\"}", PROBLEM_SINGLE_LABEL},
                {"{\"problem_type\": \"multi_label_classification\"}", PROBLEM_MULTI_LABEL},
                {"{\"problem_type\": \"regression\"}", PROBLEM_REGRESSION}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct class_names classes = {0};
        bool found;
        assert_int_equal(
            hugging_face_classes(&classes, &found, &problem, rows[i].text, strlen(rows[i].text), "c", 2, NULL), OK);
        assert_int_equal(problem, rows[i].wanted);
    }
}

static void squashed_photos_are_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool wanted;
    } rows[] = {{"{\"size\": {\"height\": 224, \"width\": 224}, \"do_center_crop\": false}", true},
                {"{\"size\": {\"height\": 224, \"width\": 224}, \"crop_size\": 224, \"do_center_crop\": false}", true},
                {"{\"size\": {\"height\": 224, \"width\": 224}}", true},
                {"{\"size\": {\"shortest_edge\": 384}, \"crop_pct\": 0.875}", true},
                {"{\"size\": {\"shortest_edge\": 224}, \"crop_pct\": 0.875}", false},
                {"{\"size\": 224, \"do_center_crop\": false}", false},
                {"{}", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess made;
        assert_int_equal(hugging_face_preprocess(&made, &squashes, rows[i].text, strlen(rows[i].text), "p", NULL), OK);
        if (squashes != rows[i].wanted)
            fail_msg("%s", rows[i].text);
    }
}

static void sizes_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int resize, crop; /* 0: refused */
    } rows[] = {
        {"{}", 256, 224},
        /* microsoft/resnet-50 */
        {"{\"crop_pct\": 0.875, \"do_normalize\": true, \"do_resize\": true, \"feature_extractor_type\": "
         "\"ConvNextFeatureExtractor\", \"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225], "
         "\"resample\": 3, \"size\": 224}",
         256, 224},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": {\"shortest_edge\": 224}}", 256, 224},
        {"{\"crop_pct\": 0.95, \"size\": {\"shortest_edge\": 224}}", 235, 224},
        {"{\"crop_pct\": 0.875, \"size\": 384}", 384, 384},
        {"{\"size\": {\"shortest_edge\": 232}, \"crop_size\": {\"height\": 224, \"width\": 224}}", 232, 224},
        {"{\"size\": 256, \"crop_size\": 224, \"do_center_crop\": true}", 256, 224},
        {"{\"size\": 256, \"crop_size\": 224, \"do_center_crop\": false}", 256, 256},
        {"{\"size\": {\"height\": 224, \"width\": 224}}", 224, 224},
        {"{\"size\": {\"height\": 224, \"width\": 225}}", 0, 0},
        {"{\"size\": {\"height\": 224}}", 0, 0},
        {"{\"size\": \"224\"}", 0, 0},
        {"{\"size\": 224.5}", 0, 0},
        {"{\"size\": 0}", 0, 0},
        {"{\"size\": -224}", 0, 0},
        {"{\"size\": 1e9}", 0, 0},
        {"{\"size\": 224, \"crop_pct\": 0}", 0, 0},
        {"{\"size\": 224, \"crop_pct\": -1}", 0, 0},
        {"{\"size\": 224, \"crop_pct\": \"1\"}", 0, 0},
        {"{\"size\": 224, \"crop_size\": {}}", 0, 0},
        {"{\"do_resize\": false}", 0, 0},
        {"{\"do_rescale\": false}", 0, 0},
        {"{\"image_mean\": [1, 2]}", 0, 0},
        {"{\"image_mean\": [1e30, 0, 0]}", 0, 0},
        {"{\"image_std\": [1, 1, 1e-30]}", 0, 0},
        {"{\"image_std\": [1, 1, -1]}", 0, 0},
        {"{\"image_std\": [1, 2, \"3\"]}", 0, 0},
        {"{\"image_std\": [1, 2, 0]}", 0, 0},
        {"{\"size\": 224", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found = {0};
        struct error err = {0};
        enum status status =
            hugging_face_preprocess(&found, &squashes, rows[i].text, strlen(rows[i].text), "p.json", &err);
        if ((status == OK) != (rows[i].resize > 0) || found.resize != rows[i].resize || found.crop != rows[i].crop)
            fail_msg("%s gave %d, %d and %d: %s", rows[i].text, (int)status, found.resize, found.crop, err.text);
        assert_true(status == OK || status == ERR_DATA);
    }
}

static void the_filter_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int wanted; /* -1: refused */
    } rows[] = {
        {"{}", INTERPOLATION_BILINEAR},
        {"{\"resample\": null}", INTERPOLATION_BILINEAR},
        {"{\"resample\": 2}", INTERPOLATION_BILINEAR},
        {"{\"resample\": 3}", INTERPOLATION_BICUBIC},
        {"{\"resample\": 1}", -1},
        {"{\"resample\": 3.5}", -1},
        {"{\"resample\": \"bicubic\"}", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found = {0};
        struct error err = {0};
        enum status status =
            hugging_face_preprocess(&found, &squashes, rows[i].text, strlen(rows[i].text), "p.json", &err);
        assert_int_equal(status, rows[i].wanted < 0 ? ERR_DATA : OK);
        if (status == OK)
            assert_int_equal(found.interpolation, rows[i].wanted);
        else
            assert_non_null(strstr(err.text, "p.json: resample: only 2 (bilinear) and 3 (bicubic)"));
    }
}

static void means_are_taken(void **state)
{
    (void)state;
    struct preprocess found;
    const char *text = "{\"image_mean\": [0.5, 0.25, 0.125], \"image_std\": [1, 2, 4]}";
    assert_int_equal(hugging_face_preprocess(&found, &squashes, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.mean, ((float[]){0.5f, 0.25f, 0.125f}), sizeof found.mean);
    assert_memory_equal(found.std, ((float[]){1, 2, 4}), sizeof found.std);
    text = "{\"do_normalize\": false, \"image_mean\": [0.5, 0.25, 0.125]}";
    assert_int_equal(hugging_face_preprocess(&found, &squashes, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.mean, ((float[]){0, 0, 0}), sizeof found.mean);
    assert_memory_equal(found.std, ((float[]){1, 1, 1}), sizeof found.std);
}

static void another_scale_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } rows[] = {
        {"{\"rescale_factor\": 0.00392156862745098}", true},  {"{\"rescale_factor\": null}", true},
        {"{\"rescale_factor\": 0.00784313725490196}", false}, {"{\"rescale_factor\": 1}", false},
        {"{\"rescale_factor\": \"1/255\"}", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found;
        struct error err = {0};
        enum status status =
            hugging_face_preprocess(&found, &squashes, rows[i].text, strlen(rows[i].text), "p.json", &err);
        assert_int_equal(status, rows[i].fine ? OK : ERR_DATA);
        assert_true(rows[i].fine || strstr(err.text, "p.json: rescale_factor: not 1/255"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_named),
        cmocka_unit_test(other_configs_name_none),
        cmocka_unit_test(bad_configs_are_refused),
        cmocka_unit_test(sizes_are_understood),
        cmocka_unit_test(what_the_outputs_mean_is_read),
        cmocka_unit_test(squashed_photos_are_noticed),
        cmocka_unit_test(the_filter_is_taken),
        cmocka_unit_test(means_are_taken),
        cmocka_unit_test(another_scale_is_refused),
    };
    return cmocka_run_group_tests_name("hugging_face", tests, NULL, NULL);
}
