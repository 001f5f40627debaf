/* config.json beside the weights. */
#include "tests/support/test.h"

#include <string.h>

#include "cli/model/hugging_face.h"

static enum problem problem;

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
        {"{\"id2label\": {\"0\": \"caf\xe9\", \"1\": \"b\"}}", "not a JSON object in UTF-8"},
        {"{\"other\": \"a\\u0000b\"}", "NUL character (\\u0000)"},
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
        {"{\"problem_type\": \"ranking\"}", "problem_type: unknown value"},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_named),
        cmocka_unit_test(other_configs_name_none),
        cmocka_unit_test(bad_configs_are_refused),
        cmocka_unit_test(what_the_outputs_mean_is_read),
    };
    return cmocka_run_group_tests_name("hugging_face", tests, NULL, NULL);
}
