/* preprocessor_config.json beside the weights. */
#include "tests/support/test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/model/hf_preprocessor.h"
#include "core/base/memory.h"
#include "tests/support/test_files.h"

static bool oblong;

static void sizes_are_understood(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int resize, crop; /* 0: refused */
        enum fit fit;
        bool oblong;
    } rows[] = {
        {"{}", 256, 224, FIT_SHORT, false},
        /* microsoft/resnet-50 */
        {"{\"crop_pct\": 0.875, \"do_normalize\": true, \"do_resize\": true, \"feature_extractor_type\": "
         "\"ConvNextFeatureExtractor\", \"image_mean\": [0.485, 0.456, 0.406], \"image_std\": [0.229, 0.224, 0.225], "
         "\"resample\": 3, \"size\": 224}",
         256, 224, FIT_SHORT, false},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": {\"shortest_edge\": 224}}", 256, 224,
         FIT_SHORT, false},
        {"{\"crop_pct\": 0.95, \"size\": {\"shortest_edge\": 224}}", 235, 224, FIT_SHORT, false},
        {"{\"crop_pct\": 0.875, \"size\": 384}", 384, 384, FIT_SQUASH, false},
        {"{\"size\": {\"shortest_edge\": 232}, \"crop_size\": {\"height\": 224, \"width\": 224}}", 232, 224, FIT_SHORT,
         false},
        {"{\"size\": 256, \"crop_size\": 224, \"do_center_crop\": true}", 256, 224, FIT_SHORT, false},
        {"{\"size\": 256, \"crop_size\": 224, \"do_center_crop\": false}", 256, 256, FIT_SHORT, true},
        {"{\"size\": {\"height\": 224, \"width\": 224}}", 224, 224, FIT_SQUASH, false},
        {"{\"size\": {\"height\": 224, \"width\": 224}, \"crop_size\": 96, \"do_center_crop\": false}", 224, 224,
         FIT_SQUASH, false},
        {"{\"size\": {\"height\": 256, \"width\": 256}, \"crop_size\": 224}", 256, 224, FIT_SQUASH, false},
        {"{\"image_processor_type\": \"ViTImageProcessorFast\"}", 224, 224, FIT_SQUASH, false},
        {"{\"feature_extractor_type\": \"ViTFeatureExtractor\", \"size\": 96}", 96, 96, FIT_SQUASH, false},
        {"{\"image_processor_type\": \"BitImageProcessor\", \"size\": 96, \"do_center_crop\": false}", 96, 96,
         FIT_SHORT, true},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": {\"height\": 96, \"width\": 96}}", 0, 0,
         FIT_SHORT, false},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"size\": 96, \"do_center_crop\": true, "
         "\"crop_size\": 64}",
         0, 0, FIT_SHORT, false},
        {"{\"size\": {\"shortest_edge\": 96, \"longest_edge\": 200}}", 0, 0, FIT_SHORT, false},
        {"{\"do_flip_channel_order\": true}", 0, 0, FIT_SHORT, false},
        {"{\"do_pad\": true}", 0, 0, FIT_SHORT, false},
        {"{\"size\": {\"height\": 224, \"width\": 225}}", 0, 0, FIT_SHORT, false},
        {"{\"size\": {\"height\": 224}}", 0, 0, FIT_SHORT, false},
        {"{\"size\": \"224\"}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224.5}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 0}", 0, 0, FIT_SHORT, false},
        {"{\"size\": -224}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 1e9}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224, \"crop_pct\": 0}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224, \"crop_pct\": -1}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224, \"crop_pct\": \"1\"}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224, \"crop_size\": {}}", 0, 0, FIT_SHORT, false},
        {"{\"do_resize\": false}", 0, 0, FIT_SHORT, false},
        {"{\"do_rescale\": false}", 0, 0, FIT_SHORT, false},
        {"{\"image_mean\": [1, 2]}", 0, 0, FIT_SHORT, false},
        {"{\"image_mean\": [1e30, 0, 0]}", 0, 0, FIT_SHORT, false},
        {"{\"image_std\": [1, 1, 1e-30]}", 0, 0, FIT_SHORT, false},
        {"{\"image_std\": [1, 1, -1]}", 0, 0, FIT_SHORT, false},
        {"{\"image_std\": [1, 2, \"3\"]}", 0, 0, FIT_SHORT, false},
        {"{\"image_std\": [1, 2, 0]}", 0, 0, FIT_SHORT, false},
        {"{\"size\": 224", 0, 0, FIT_SHORT, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found = {0};
        struct error err = {0};
        enum status status = hf_preprocessor_parse(&found, &oblong, rows[i].text, strlen(rows[i].text), "p.json", &err);
        if ((status == OK) != (rows[i].resize > 0) || found.resize != rows[i].resize || found.crop != rows[i].crop ||
            (status == OK && (found.fit != rows[i].fit || oblong != rows[i].oblong || found.center != CENTER_FLOOR)))
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
        {"{\"image_processor_type\": \"ConvNextImageProcessor\"}", INTERPOLATION_BICUBIC},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"resample\": 2}", INTERPOLATION_BILINEAR},
        {"{\"resample\": 0}", INTERPOLATION_NEAREST},
        {"{\"resample\": 1}", INTERPOLATION_LANCZOS},
        {"{\"resample\": 2}", INTERPOLATION_BILINEAR},
        {"{\"resample\": 3}", INTERPOLATION_BICUBIC},
        {"{\"resample\": 4}", INTERPOLATION_BOX},
        {"{\"resample\": 5}", INTERPOLATION_HAMMING},
        {"{\"resample\": 6}", -1},
        {"{\"resample\": -1}", -1},
        {"{\"resample\": 3.5}", -1},
        {"{\"resample\": \"bicubic\"}", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found = {0};
        struct error err = {0};
        enum status status = hf_preprocessor_parse(&found, &oblong, rows[i].text, strlen(rows[i].text), "p.json", &err);
        assert_int_equal(status, rows[i].wanted < 0 ? ERR_DATA : OK);
        if (status == OK)
            assert_int_equal(found.interpolation, rows[i].wanted);
        else
            assert_non_null(strstr(err.text, "p.json: resample: expected Pillow's number"));
    }
}

static void means_are_taken(void **state)
{
    (void)state;
    struct preprocess found;
    const char *text = "{\"image_mean\": [0.5, 0.25, 0.125], \"image_std\": [1, 2, 4]}";
    assert_int_equal(hf_preprocessor_parse(&found, &oblong, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.mean, ((float[]){0.5f, 0.25f, 0.125f}), sizeof found.mean);
    assert_memory_equal(found.std, ((float[]){1, 2, 4}), sizeof found.std);
    text = "{\"do_normalize\": false, \"image_mean\": [0.5, 0.25, 0.125]}";
    assert_int_equal(hf_preprocessor_parse(&found, &oblong, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.mean, ((float[]){0, 0, 0}), sizeof found.mean);
    assert_memory_equal(found.std, ((float[]){1, 1, 1}), sizeof found.std);
    text = "{\"image_processor_type\": \"EfficientNetImageProcessor\", \"image_std\": [1, 2, 3]}";
    assert_int_equal(hf_preprocessor_parse(&found, &oblong, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.std, ((float[]){1, 4, 9}), sizeof found.std);
    text =
        "{\"image_processor_type\": \"EfficientNetImageProcessor\", \"image_std\": [1, 2, 3], \"do_normalize\": false}";
    assert_int_equal(hf_preprocessor_parse(&found, &oblong, text, strlen(text), "p", NULL), OK);
    assert_memory_equal(found.std, ((float[]){1, 2, 3}), sizeof found.std);
}

/* image_mean and image_std of transformers 5.24's classes. */
static void missing_means_are_those_of_the_processor(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        float mean, std; /* of red */
    } rows[] = {
        {"{}", 0.485f, 0.229f},
        {"{\"image_mean\": null, \"image_std\": null}", 0.485f, 0.229f},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\"}", 0.5f, 0.5f},
        {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"image_std\": [1, 1, 1]}", 0.5f, 1},
        {"{\"feature_extractor_type\": \"ViTFeatureExtractor\"}", 0.5f, 0.5f},
        {"{\"image_processor_type\": \"BitImageProcessor\"}", 0.48145466f, 0.26862954f},
        {"{\"image_processor_type\": \"LevitImageProcessor\"}", 0.485f, 0.229f},
        {"{\"image_processor_type\": \"EfficientNetImageProcessor\"}", 0.5f, 0.25f},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct preprocess found;
        assert_int_equal(hf_preprocessor_parse(&found, &oblong, rows[i].text, strlen(rows[i].text), "p", NULL), OK);
        if (found.mean[0] != rows[i].mean || found.std[0] != rows[i].std)
            fail_msg("%s: %g, %g", rows[i].text, (double)found.mean[0], (double)found.std[0]);
    }
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
        enum status status = hf_preprocessor_parse(&found, &oblong, rows[i].text, strlen(rows[i].text), "p.json", &err);
        assert_int_equal(status, rows[i].fine ? OK : ERR_DATA);
        assert_true(rows[i].fine || strstr(err.text, "p.json: rescale_factor: not 1/255"));
    }
}

static void only_one_whole_object_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "[]", "{} {}", "{\"a\": \"b\\u0000c\"}", "{\"a\": \"caf\xe9\"}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct preprocess found;
        struct error err = {0};
        assert_int_equal(hf_preprocessor_parse(&found, &oblong, texts[i], strlen(texts[i]), "p.json", &err), ERR_DATA);
        assert_non_null(strstr(err.text, "p.json: not a JSON object"));
    }
    struct preprocess found;
    assert_int_equal(hf_preprocessor_parse(&found, &oblong, "{}\0{}", 5, "p.json", NULL), ERR_DATA);
}

/* scripts/make_photo_fixtures.py asked the processors themselves. */
static void pixels_are_those_of_the_processor(void **state)
{
    (void)state;
    struct resizer *resizer;
    char line[512];
    int rows = 0;
    FILE *table = fopen("tests/fixtures/hf_preprocessor.tsv", "r");
    assert_non_null(table);
    assert_int_equal(resizer_create(&resizer, NULL), OK);
    while (fgets(line, sizeof line, table)) {
        int height, width, side;
        uint64_t expected;
        struct preprocess preprocess;
        struct error err = {0};
        if (line[0] == '#')
            continue;
        size_t length = strcspn(line, "\t");
        assert_int_equal(sscanf(line + length, "%d %d %d %" SCNx64, &height, &width, &side, &expected), 4);
        line[length] = '\0';
        if (hf_preprocessor_parse(&preprocess, &oblong, line, length, "p.json", &err) != OK)
            fail_msg("%s", err.text);
        assert_false(oblong);
        assert_int_equal(preprocess.crop, side);
        struct image image = test_pattern(height, width);
        void *out;
        assert_int_equal(memory_alloc(&out, (size_t)side * (size_t)side, 3, "pixels", NULL), OK);
        assert_int_equal(preprocess_photo(out, &preprocess, &image, resizer, &err), OK);
        if (test_fnv(out, (size_t)side * (size_t)side * 3) != expected)
            fail_msg("other pixels than those of %s for %d x %d", line, height, width);
        memory_free(out);
        image_free(&image);
        rows++;
    }
    fclose(table);
    resizer_destroy(resizer);
    assert_true(rows >= 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_are_understood),
        cmocka_unit_test(the_filter_is_taken),
        cmocka_unit_test(means_are_taken),
        cmocka_unit_test(missing_means_are_those_of_the_processor),
        cmocka_unit_test(another_scale_is_refused),
        cmocka_unit_test(only_one_whole_object_is_read),
        cmocka_unit_test(pixels_are_those_of_the_processor),
    };
    return cmocka_run_group_tests_name("hf_preprocessor", tests, NULL, NULL);
}
