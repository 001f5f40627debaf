/* config.json of a timm model beside its weights. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/timm_config.h"

static void what_it_says_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* in pretrained_cfg */
        int resize, crop;
        enum interpolation filter;
    } rows[] = {
        {"", 256, 224, INTERPOLATION_BICUBIC},
        {"\"input_size\": [3, 224, 224], \"crop_pct\": 0.95", 235, 224, INTERPOLATION_BICUBIC},
        {"\"input_size\": [3, 288, 288], \"crop_pct\": 1.0, \"interpolation\": \"bicubic\"", 288, 288,
         INTERPOLATION_BICUBIC},
        {"\"input_size\": [3, 176, 176], \"interpolation\": \"bilinear\", \"crop_mode\": \"center\"", 201, 176,
         INTERPOLATION_BILINEAR},
        {"\"input_size\": null, \"crop_pct\": null, \"interpolation\": null, \"crop_mode\": null, \"mean\": null", 256,
         224, INTERPOLATION_BICUBIC},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        struct preprocess found = {0};
        bool is_timm = false;
        snprintf(text, sizeof text, "{\"architecture\": \"resnet50\", \"pretrained_cfg\": {%s}}", rows[i].text);
        assert_int_equal(timm_config_parse(&found, &is_timm, text, strlen(text), "config.json", NULL), OK);
        assert_true(is_timm);
        assert_int_equal(found.resize, rows[i].resize);
        assert_int_equal(found.crop, rows[i].crop);
        assert_int_equal(found.interpolation, rows[i].filter);
        assert_memory_equal(found.mean, preprocess_imagenet().mean, sizeof found.mean);
    }
}

static void mean_and_deviation_are_taken(void **state)
{
    (void)state;
    static const char text[] = "{\"pretrained_cfg\": {\"mean\": [0.5, 0.25, 0.125], \"std\": [1, 2, 4]}}";
    struct preprocess found;
    bool is_timm;
    assert_int_equal(timm_config_parse(&found, &is_timm, text, strlen(text), "c", NULL), OK);
    assert_memory_equal(found.mean, ((float[]){0.5f, 0.25f, 0.125f}), sizeof found.mean);
    assert_memory_equal(found.std, ((float[]){1, 2, 4}), sizeof found.std);
}

static void files_of_others_say_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "[]",
                                        "{",
                                        "{}",
                                        "{} x",
                                        "{\"pretrained_cfg\": 5}",
                                        "{\"epochs\": 10}",
                                        "{\"model_type\": \"resnet\", \"crop_pct\": -1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct preprocess untouched = {.resize = 7};
        bool is_timm = true;
        assert_int_equal(timm_config_parse(&untouched, &is_timm, texts[i], strlen(texts[i]), "c", NULL), OK);
        assert_false(is_timm);
        assert_int_equal(untouched.resize, 7);
    }
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *architecture, *text, *wanted;
    } rows[] = {
        {"resnetblur50", "", "architecture: not one of"},
        {"resnet50", "\"input_size\": [3, 224, 225]", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": [224, 224]", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": 224", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": [3, 0, 0]", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": [3, 224.5, 224.5]", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": [3, 1e9, 1e9]", "input_size or crop_pct"},
        {"resnet50", "\"crop_pct\": 0", "input_size or crop_pct"},
        {"resnet50", "\"crop_pct\": 1.1", "input_size or crop_pct"},
        {"resnet50", "\"crop_pct\": \"0.9\"", "input_size or crop_pct"},
        {"resnet50", "\"input_size\": [3, 9000, 9000], \"crop_pct\": 0.1", "c.json: "},
        {"resnet50", "\"crop_mode\": \"squash\"", "crop_mode: only \"center\""},
        {"resnet50", "\"interpolation\": \"lanczos\"", "interpolation: only"},
        {"resnet50", "\"interpolation\": 3", "interpolation: only"},
        {"resnet50", "\"mean\": [1, 2]", "mean or std"},
        {"resnet50", "\"std\": [1, 2, \"3\"]", "mean or std"},
        {"resnet50", "\"std\": [1, 2, 0]", "c.json: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        struct preprocess untouched = {.resize = 7};
        struct error err = {0};
        bool is_timm = true;
        snprintf(text, sizeof text, "{\"architecture\": \"%s\", \"pretrained_cfg\": {%s}}", rows[i].architecture,
                 rows[i].text);
        assert_int_equal(timm_config_parse(&untouched, &is_timm, text, strlen(text), "c.json", &err), ERR_DATA);
        if (!strstr(err.text, rows[i].wanted) || strncmp(err.text, "c.json: ", 8) != 0)
            fail_msg("'%s' does not say '%s'", err.text, rows[i].wanted);
        assert_false(is_timm);
        assert_int_equal(untouched.resize, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_taken),
        cmocka_unit_test(mean_and_deviation_are_taken),
        cmocka_unit_test(files_of_others_say_nothing),
        cmocka_unit_test(what_is_not_there_is_refused),
    };
    return cmocka_run_group_tests_name("timm_config", tests, NULL, NULL);
}
