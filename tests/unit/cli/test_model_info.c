#define _POSIX_C_SOURCE 200809L
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/model/model_file.h"
#include "cli/model/other_labels.h"
#include "core/base/memory.h"
#include "models/resnet.h"
#include "weights/safetensors/safetensors.h"

static char path[] = "/tmp/freezetune-model-XXXXXX";

static int enter(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int leave(void **state)
{
    (void)state;
    return unlink(path);
}

/* What a file of one tensor with this metadata says of itself. */
static enum status read_info(struct model_info *out, const struct weight_metadata *metadata, size_t count,
                             size_t outputs, struct error *err)
{
    const float value = 1;
    const struct weight_tensor tensor = {.name = "w", .dtype = WEIGHT_F32, .data = &value, .bytes = sizeof value};
    struct weight_file *file;
    assert_int_equal(safetensors_write(path, &tensor, 1, metadata, count, err), OK);
    assert_int_equal(weight_file_open(&file, path, err), OK);
    enum status status = model_info_read(out, file, outputs, err);
    weight_file_close(file);
    return status;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    char *names[] = {"bees", "ants \"\\\n", "\xe7\x8c\xab"};
    const struct class_names classes = {names, 3};
    struct preprocess preprocess = preprocess_for_size(64);
    preprocess.mean[1] = 0.1f;
    preprocess.interpolation = INTERPOLATION_BICUBIC;
    preprocess.fit = FIT_SQUASH;
    preprocess.center = CENTER_FLOOR;
    struct weight_metadata entries[MODEL_METADATA];
    struct model_info info;
    struct error err;
    char *text;
    assert_int_equal(model_metadata(entries, &text, "resnet50", &classes, &preprocess, &err), OK);
    assert_int_equal(read_info(&info, entries, MODEL_METADATA, 3, &err), OK);
    assert_string_equal(info.arch, "resnet50");
    assert_true(info.own_classes);
    assert_int_equal(info.classes.count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(info.classes.names[i], names[i]);
    assert_memory_equal(&info.preprocess, &preprocess, sizeof preprocess);
    model_info_free(&info);
    memory_free(text);
}

static void a_file_without_metadata_gets_what_is_usual(void **state)
{
    (void)state;
    struct model_info info;
    struct error err;
    struct preprocess usual = preprocess_imagenet();
    assert_int_equal(read_info(&info, NULL, 0, 1000, &err), OK);
    assert_null(info.arch);
    assert_false(info.own_classes);
    assert_string_equal(info.classes.names[1], "goldfish");
    assert_memory_equal(&info.preprocess, &usual, sizeof usual);
    model_info_free(&info);
    assert_int_equal(read_info(&info, NULL, 0, 2, &err), OK);
    assert_string_equal(info.classes.names[1], "1");
    model_info_free(&info);
}

static void a_file_that_names_no_interpolation_is_bilinear(void **state)
{
    (void)state;
    const struct weight_metadata entry = {"freezetune.preprocess",
                                          "{\"resize\": 64, \"crop\": 56, \"mean\": [0,0,0], \"std\": [1,1,1]}"};
    struct model_info info;
    struct error err;
    assert_int_equal(read_info(&info, &entry, 1, 2, &err), OK);
    assert_int_equal(info.preprocess.resize, 64);
    assert_int_equal(info.preprocess.interpolation, INTERPOLATION_BILINEAR);
    model_info_free(&info);
}

static void names_by_keys_of_others_are_taken_if_they_fit(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *second; /* "1": not taken */
    } rows[] = {
        {"classes", "[\"b\", \"a\"]", "a"},
        {"class_to_idx", "{\"b\": 1, \"a\": 0}", "b"},
        {"names", "{\"1\": \"x\", \"0\": \"y\"}", "x"},
        {"id2label", "{\"0\": \"x\", \"1\": \"x\"}", "x (1)"},
        {"label_names", "[\"b\", \"c\"]", "c"},
        {"classes", "[\"a\", \"b\", \"c\"]", "1"},
        {"classes", "[\"a\", 2]", "1"},
        {"classes", "[\"a\", \"\"]", "1"},
        {"classes", "2", "1"},
        {"classes", "a, b", "b"},
        {"classes", "a,b,c", "1"},
        {"hyper_parameters.classes", "[\"a\", \"b\"]", "b"},
        {"my_classes", "[\"a\", \"b\"]", "1"},
        {"idx_to_class", "{\"0\": \"a\", \"1\": \"b\"}", "b"},
        {"class_to_idx", "{\"a\": 0, \"b\": 0}", "1"},
        {"class_to_idx", "{\"a\": 0, \"b\": 0.5}", "1"},
        {"class_to_idx", "{\"a\": 0, \"b\": -1}", "1"},
        {"class_to_idx", "{\"a\": 0, \"b\": 2}", "1"},
        {"classes", "[\"a\", \"b\"] x", "1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct weight_metadata entry = {rows[i].key, rows[i].value};
        struct model_info info;
        assert_int_equal(read_info(&info, &entry, 1, 2, NULL), OK);
        assert_int_equal(info.classes.count, 2);
        if (strcmp(info.classes.names[1], rows[i].second) != 0)
            fail_msg("%s: %s", rows[i].value, info.classes.names[1]);
        assert_int_equal(info.own_classes, strcmp(rows[i].second, "1") != 0);
        model_info_free(&info);
    }
}

static void a_list_of_lines_names_classes(void **state)
{
    (void)state;
    static const struct {
        const char *text, *second; /* NULL: not taken */
    } rows[] = {{"a\nb\n", "b"},
                {"a\r\nb c\r\n", "b c"},
                {"a\nb", "b"},
                {"\xEF\xBB\xBF\n a \n\nb\t\n\n", "b"},
                {"[\"a\", \"b\"]", "b"},
                {" {\"1\": \"x\", \"0\": \"y\"}\n", "x"},
                {"{\"x\": 1, \"y\": 0}", "x"},
                {"{\"0\": [\"n1\", \"x\"], \"1\": [\"n2\", \"y\"]}", "y"},
                {"{\"epochs\": [1, 2], \"class_to_idx\": {\"x\": 1, \"y\": 0}}", "x"},
                {"{\"classes\": [\"x\"], \"id2label\": {\"0\": \"a\", \"1\": \"b\"}}", "b"},
                {"{0: 'a',\n1: 'b'}", NULL},
                {"[\"a\", \"b\"", NULL},
                {"a\nb\n\x1b[0m\n", NULL},
                {"a\n\x1b[2J\n", "\x1b[2J"},
                {"a\n\xff\n", NULL},
                {"\xff\xfe"
                 "a",
                 NULL},
                {"a\n", NULL},
                {"", NULL}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct class_names classes = {0};
        bool found;
        assert_int_equal(other_labels_text(&classes, &found, rows[i].text, strlen(rows[i].text), false, 2, NULL), OK);
        assert_int_equal(found, rows[i].second != NULL);
        if (found)
            assert_string_equal(classes.names[1], rows[i].second);
        class_names_free(&classes);
    }
}

static void wrong_metadata_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *says;
    } rows[] = {
        {"freezetune.classes", "", "not a JSON list"},
        {"freezetune.classes", "{\"a\": 1}", "not a JSON list"},
        {"freezetune.classes", "[\"a\", \"b\"] c", "not a JSON list"},
        {"freezetune.classes", "[\"a\"]", "names 1 classes, the network has 2"},
        {"freezetune.classes", "[\"a\", 2]", "not a JSON list of names"},
        {"freezetune.classes", "[\"a\", \"\"]", "not a JSON list of names"},
        {"freezetune.classes", "[\"a\", \"a\"]", "class a occurs twice"},
        {"freezetune.problem_type", "ranking", "unknown value"},
        {"freezetune.preprocess", "[]", "needs whole numbers"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,0,0], \"std\": [1,1,1]} {}", "needs"},
        {"freezetune.preprocess", "{\"resize\": 256.5, \"crop\": 224, \"mean\": [0,0,0], \"std\": [1,1,1]}", "needs"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,0], \"std\": [1,1,1]}", "needs"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,0,0], \"std\": [1,0,1]}", "deviation"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,1e30,0], \"std\": [1,1,1]}", "mean"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [-1e300,0,0], \"std\": [1,1,1]}", "mean"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [123.675,0,0], \"std\": [1,1,1]}",
         "by 255"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,0,0], \"std\": [1,1,1e-30]}", "1e-05"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 224, \"mean\": [0,0,0], \"std\": [1,1e30,1]}",
         "deviation"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 0, \"mean\": [0,0,0], \"std\": [1,1,1]}", "crop"},
        {"freezetune.preprocess", "{\"resize\": 256, \"crop\": 1e99, \"mean\": [0,0,0], \"std\": [1,1,1]}", "needs"},
        {"freezetune.preprocess",
         "{\"resize\": 256, \"crop\": 224, \"interpolation\": \"cubic\", \"mean\": [0,0,0], \"std\": [1,1,1]}",
         "unknown value"},
        {"freezetune.preprocess",
         "{\"resize\": 256, \"crop\": 224, \"interpolation\": 1, \"mean\": [0,0,0], \"std\": [1,1,1]}",
         "interpolation has an unknown value"},
        {"freezetune.preprocess",
         "{\"resize\": 256, \"crop\": 224, \"resize_mode\": \"fill\", \"mean\": [0,0,0], \"std\": [1,1,1]}",
         "resize_mode"},
        {"freezetune.preprocess",
         "{\"resize\": 256, \"crop\": 224, \"center_crop\": \"up\", \"mean\": [0,0,0], \"std\": [1,1,1]}",
         "center_crop"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct weight_metadata entry = {rows[i].key, rows[i].value};
        struct model_info info;
        struct error err = {.text = ""};
        assert_int_equal(read_info(&info, &entry, 1, 2, &err), ERR_DATA);
        if (!strstr(err.text, rows[i].says) || !strstr(err.text, rows[i].key) || strncmp(err.text, path, strlen(path)))
            fail_msg("%s: '%s' lacks '%s'", rows[i].value, err.text, rows[i].says);
    }
}

static void children_are_those_of_the_declaration(void **state)
{
    (void)state;
    struct net *net;
    struct error err;
    const struct resnet_shape shape = {"tiny", false, {1, 1, 1, 1}, 2};
    assert_int_equal(resnet_create_shape(&net, &shape, 2, &err), OK);
    for (size_t i = 0; i < net->children; i++)
        assert_string_equal(resnet_children[i], net->child_names[i + 1]);
    assert_null(resnet_children[net->children]);
    net_destroy(net);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(a_file_without_metadata_gets_what_is_usual),
        cmocka_unit_test(a_file_that_names_no_interpolation_is_bilinear),
        cmocka_unit_test(wrong_metadata_is_refused),
        cmocka_unit_test(names_by_keys_of_others_are_taken_if_they_fit),
        cmocka_unit_test(a_list_of_lines_names_classes),
        cmocka_unit_test(children_are_those_of_the_declaration),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
