/* config.json of a timm model beside its weights. */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/model/timm_config.h"

static void what_it_says_is_taken(void **state)
{
    (void)state;
    static const struct {
        const char *text; /* in pretrained_cfg */
        int resize, crop;
        enum interpolation filter;
        enum fit fit;
    } rows[] = {
        {"", 256, 224, INTERPOLATION_BICUBIC, FIT_SHORT},
        {"\"crop_pct\": 1.0, \"crop_mode\": \"squash\", \"interpolation\": \"lanczos\"", 224, 224,
         INTERPOLATION_LANCZOS, FIT_SQUASH},
        {"\"input_size\": [3, 224, 224], \"crop_pct\": 0.95", 235, 224, INTERPOLATION_BICUBIC, FIT_SHORT},
        {"\"input_size\": [3, 288, 288], \"crop_pct\": 1.0, \"interpolation\": \"bicubic\"", 288, 288,
         INTERPOLATION_BICUBIC, FIT_SHORT},
        {"\"input_size\": [3, 176, 176], \"interpolation\": \"bilinear\", \"crop_mode\": \"center\"", 201, 176,
         INTERPOLATION_BILINEAR, FIT_SHORT},
        {"\"input_size\": null, \"crop_pct\": null, \"interpolation\": null, \"crop_mode\": null, \"mean\": null", 256,
         224, INTERPOLATION_BICUBIC, FIT_SHORT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        struct model_card card = {0};
        bool is_timm = false;
        snprintf(text, sizeof text, "{\"architecture\": \"resnet50\", \"pretrained_cfg\": {%s}}", rows[i].text);
        assert_int_equal(timm_config_parse(&card, &is_timm, text, strlen(text), 1000, "config.json", NULL), OK);
        assert_true(is_timm && card.has_preprocess && !card.has_classes);
        const struct preprocess found = card.preprocess;
        assert_int_equal(found.resize, rows[i].resize);
        assert_int_equal(found.crop, rows[i].crop);
        assert_int_equal(found.interpolation, rows[i].filter);
        assert_int_equal(found.fit, rows[i].fit);
        assert_int_equal(found.center, CENTER_ROUND);
        assert_memory_equal(found.mean, preprocess_imagenet().mean, sizeof(float[3]));
    }
}

static void mean_and_deviation_are_taken(void **state)
{
    (void)state;
    static const char text[] = "{\"pretrained_cfg\": {\"mean\": [0.5, 0.25, 0.125], \"std\": [1, 2, 4]}}";
    struct model_card card;
    bool is_timm;
    assert_int_equal(timm_config_parse(&card, &is_timm, text, strlen(text), 2, "c", NULL), OK);
    assert_memory_equal(card.preprocess.mean, ((float[]){0.5f, 0.25f, 0.125f}), sizeof(float[3]));
    assert_memory_equal(card.preprocess.std, ((float[]){1, 2, 4}), sizeof(float[3]));
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
                                        "{\"architecture\": \"resnet50\", \"num_classes\": 3, \"epochs\": 10}",
                                        "{\"input_size\": [3, 32, 32], \"crop_pct\": -1}",
                                        "{\"epochs\": 10}",
                                        "{\"model_type\": \"resnet\", \"crop_pct\": -1}"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct model_card untouched = {.preprocess.resize = 7};
        bool is_timm = true;
        assert_int_equal(timm_config_parse(&untouched, &is_timm, texts[i], strlen(texts[i]), 2, "c", NULL), OK);
        assert_false(is_timm);
        assert_int_equal(untouched.preprocess.resize, 7);
    }
}

static void what_is_not_there_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *architecture, *text, *wanted;
    } rows[] = {
        {"resnetblur50", "", "architecture: not one of"},
        {"resnet50", "\"input_size\": [1, 224, 224]", "input_size or crop_pct"},
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
        {"resnet50", "\"crop_mode\": \"border\"", "crop_mode: neither \"center\" nor \"squash\""},
        {"resnet50", "\"crop_mode\": 1", "crop_mode: neither"},
        {"resnet50", "\"interpolation\": \"random\"", "interpolation: not one of"},
        {"resnet50", "\"interpolation\": 3", "interpolation: not one of"},
        {"resnet50", "\"mean\": [1, 2]", "mean or std"},
        {"resnet50", "\"std\": [1, 2, \"3\"]", "mean or std"},
        {"resnet50", "\"std\": [1, 2, 0]", "c.json: "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[300];
        struct model_card untouched = {.preprocess.resize = 7};
        struct error err = {0};
        bool is_timm = true;
        snprintf(text, sizeof text, "{\"architecture\": \"%s\", \"pretrained_cfg\": {%s}}", rows[i].architecture,
                 rows[i].text);
        assert_int_equal(timm_config_parse(&untouched, &is_timm, text, strlen(text), 2, "c.json", &err), ERR_DATA);
        if (!strstr(err.text, rows[i].wanted) || strncmp(err.text, "c.json: ", 8) != 0)
            fail_msg("'%s' does not say '%s'", err.text, rows[i].wanted);
        assert_false(is_timm);
        assert_int_equal(untouched.preprocess.resize, 7);
    }
}

/* The form of before 2023: everything at the root. */
static void the_flat_form_is_read(void **state)
{
    (void)state;
    static const char text[] =
        "{\"tag\": \"a1_in1k\", \"input_size\": [3, 224, 224], \"crop_pct\": 0.95, \"interpolation\": "
        "\"bilinear\", \"labels\": [\"a\", \"b\"], \"architecture\": \"resnet50\"}";
    struct model_card card;
    bool is_timm;
    assert_int_equal(timm_config_parse(&card, &is_timm, text, strlen(text), 2, "c", NULL), OK);
    assert_true(is_timm && card.has_classes);
    assert_int_equal(card.preprocess.resize, 235);
    assert_int_equal(card.preprocess.interpolation, INTERPOLATION_BILINEAR);
    assert_string_equal(card.classes.names[1], "b");
    class_names_free(&card.classes);
}

static enum status read_two(struct model_card *card, const char *text, size_t outputs, struct error *err)
{
    bool is_timm;
    enum status status = timm_config_parse(card, &is_timm, text, strlen(text), outputs, "c.json", err);
    assert_int_equal(is_timm, status == OK);
    return status;
}

static void other_networks_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* NULL: read */
    } rows[] = {
        {"\"architecture\": \"resnet50.a1_in1k\"", NULL},
        {"\"architecture\": \"timm/resnet101.tv2_in1k\"", NULL},
        {"\"architecture\": \"tv_resnet50\"", NULL},
        {"\"architecture\": \"gluon_resnet18_v1b\"", NULL},
        {"\"architecture\": \"gluon_resnet18_v1c\"", "another network: gluon_resnet18_v1c"},
        {"\"architecture\": \"resnetaa50.a1h_in1k\"", "another network: resnetaa50.a1h_in1k"},
        {"\"architecture\": \"resnet50d\"", "architecture: "},
        {"\"architecture\": \"resnet5\"", "architecture: "},
        {"\"architecture\": 50", "architecture: expected a name"},
        {"\"architecture\": \"resnet50\", \"model_args\": {}", NULL},
        {"\"model_args\": {\"num_classes\": 7, \"in_chans\": 3, \"global_pool\": \"avg\", \"drop_rate\": 0.2, "
         "\"zero_init_last\": false, \"output_stride\": 32, \"act_layer\": \"relu\", \"norm_layer\": \"BatchNorm2d\", "
         "\"aa_layer\": null, \"block_args\": {\"attn_layer\": null}, \"stem_type\": \"\", \"avg_down\": false, "
         "\"foo\": null}",
         NULL},
        {"\"model_args\": {\"act_layer\": \"silu\"}", "model_args: act_layer: silu differs from the default"},
        {"\"model_args\": {\"in_chans\": 1}", "model_args: in_chans: 1 differs from the default"},
        {"\"model_args\": {\"output_stride\": 8}", "model_args: output_stride: 8 differs from the default"},
        {"\"model_args\": {\"global_pool\": \"max\"}", "model_args: global_pool: max differs from the default"},
        {"\"model_args\": {\"aa_layer\": \"blurpool\"}", "model_args: aa_layer: blurpool differs from the default"},
        {"\"model_args\": {\"block_args\": {\"attn_layer\": \"se\"}}",
         "model_args: block_args: {\"attn_layer\":\"se\"} differs from the default"},
        {"\"model_args\": {\"norm_layer\": \"groupnorm\"}",
         "model_args: norm_layer: groupnorm differs from the default"},
        {"\"model_args\": {\"avg_down\": true}", "model_args: avg_down: true differs from the default"},
        {"\"model_args\": {\"foo\": 1}", "model_args: foo: 1 differs from the default"},
        {"\"model_args\": [1]", "model_args: not a JSON object"},
        {"\"global_pool\": \"catavgmax\"", "global_pool: not \"avg\""},
        {"\"in_chans\": 4", "in_chans: not 3"},
        {"\"label_names\": [\"a\"]", "label_names: the number of names differs"},
        {"\"label_names\": [\"a\", 5]", "label_names: expected a name for each"},
        {"\"label_names\": \"a, b\"", "label_names: expected a list"},
        {"\"label_names\": null", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[600];
        struct model_card card;
        struct error err = {0};
        snprintf(text, sizeof text, "{%s, \"pretrained_cfg\": {}}", rows[i].text);
        enum status status = read_two(&card, text, 2, &err);
        if (status != (rows[i].wanted ? ERR_DATA : OK) || (rows[i].wanted && !strstr(err.text, rows[i].wanted)))
            fail_msg("%s: %d, '%s'", rows[i].text, (int)status, err.text);
    }
    static const char pool[] = "{\"pretrained_cfg\": {\"global_pool\": \"max\"}}";
    struct model_card card;
    assert_int_equal(read_two(&card, pool, 2, NULL), ERR_DATA);
}

static void names_are_those_of_the_root_first(void **state)
{
    (void)state;
    static const struct {
        const char *text, *second;
    } rows[] = {
        {"{\"label_names\": [\"a\", \"b\"], \"pretrained_cfg\": {\"label_names\": [\"c\", \"d\"]}}", "b"},
        {"{\"pretrained_cfg\": {\"label_names\": {\"1\": \"c\", \"0\": \"d\"}}}", "c"},
        {"{\"pretrained_cfg\": {\"labels\": [\"c\", \"c\"]}}", "c (1)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct model_card card;
        assert_int_equal(read_two(&card, rows[i].text, 2, NULL), OK);
        assert_true(card.has_classes);
        assert_string_equal(card.classes.names[1], rows[i].second);
        class_names_free(&card.classes);
        assert_int_equal(read_two(&card, rows[i].text, 0, NULL), OK); /* a body */
        assert_false(card.has_classes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_says_is_taken),
        cmocka_unit_test(mean_and_deviation_are_taken),
        cmocka_unit_test(files_of_others_say_nothing),
        cmocka_unit_test(what_is_not_there_is_refused),
        cmocka_unit_test(the_flat_form_is_read),
        cmocka_unit_test(other_networks_are_refused_by_name),
        cmocka_unit_test(names_are_those_of_the_root_first),
    };
    return cmocka_run_group_tests_name("timm_config", tests, NULL, NULL);
}
