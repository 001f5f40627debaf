/* .pth files that are right: those of PyTorch 2.15 (scripts/make_pth_fixtures.py), and forms that other versions and
 * other programs write. */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/hostile.h"
#include "tests/support/own_folder.h"
#include "tests/support/pth_sample.h"
#include "tests/support/weight_sample.h"
#include "weights/torch/strided.h"
#include "weights/weight_file.h"

static const char *const fixtures[] = {"tensors",    "dict",      "parameters",    "state_dict", "model",
                                       "checkpoint", "model_ema", "module",        "compiled",   "f16",
                                       "bf16",       "f64",       "channels_last", "transposed", "one_storage",
                                       "protocol3",  "protocol4", "protocol5"};
enum { FIXTURES = sizeof fixtures / sizeof *fixtures };

static struct weight_file *open_file(const char *path)
{
    struct weight_file *file = NULL;
    struct error err = {0};
    if (weight_file_open(&file, path, &err) != OK)
        fail_msg("%s", err.text);
    return file;
}

/* Every value of the fixture is exact in all of the types. */
static void assert_same_values(const struct weight_file *found, const struct weight_file *expected)
{
    assert_int_equal(weight_file_count(found), weight_file_count(expected));
    for (size_t i = 0; i < weight_file_count(expected); i++) {
        const struct weight_tensor *b = weight_file_at(expected, i), *a = weight_file_find(found, b->name);
        float x[200], y[200];
        int64_t m, n;
        assert_non_null(a);
        assert_true(weight_tensor_same_shape(a, b) && weight_tensor_values(b) <= 200);
        if (!weight_dtype_is_float(b->dtype)) {
            assert_int_equal(weight_tensor_read_i64(&m, a, found, NULL), OK);
            assert_int_equal(weight_tensor_read_i64(&n, b, expected, NULL), OK);
            assert_true(m == n && n == 1234567890123);
            continue;
        }
        assert_int_equal(weight_tensor_read_f32(x, a, found, NULL), OK);
        assert_int_equal(weight_tensor_read_f32(y, b, expected, NULL), OK);
        assert_memory_equal(x, y, weight_tensor_values(b) * sizeof *x);
    }
}

static void files_of_pytorch_are_read(void **state)
{
    (void)state;
    struct weight_file *expected = open_file("tests/fixtures/pth/expected.safetensors");
    assert_int_equal(weight_file_count(expected), 4);
    for (int i = 0; i < 2 * FIXTURES; i++) {
        char path[100];
        snprintf(path, sizeof path, "tests/fixtures/pth/%s_%s.pth", fixtures[i / 2], i % 2 ? "legacy" : "zip");
        struct weight_file *found = open_file(path);
        assert_same_values(found, expected);
        weight_file_close(found);
    }
    weight_file_close(expected);
}

static void types_are_kept(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum weight_dtype dtype;
    } rows[] = {
        {"tests/fixtures/pth/tensors_zip.pth", WEIGHT_F32},
        {"tests/fixtures/pth/f16_legacy.pth", WEIGHT_F16},
        {"tests/fixtures/pth/bf16_zip.pth", WEIGHT_BF16},
        {"tests/fixtures/pth/f64_legacy.pth", WEIGHT_F64},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weight_file *file = open_file(rows[i].path);
        assert_int_equal(weight_file_find(file, "conv1.weight")->dtype, rows[i].dtype);
        assert_int_equal(weight_file_find(file, "bn1.num_batches_tracked")->dtype, WEIGHT_I64);
        weight_file_close(file);
    }
}

/* {"w": [[0, 1, 2], [3, 4, 5]]} in a storage of six. */
static const struct tensor_sample plain = {"FloatStorage", "0", 6, 0, 2, {2, 3}, {3, 1}};

static void state_of(struct bytes *out, const struct tensor_sample *tensor, bool legacy)
{
    pickle_start(out);
    pickle_text(out, "w");
    pickle_tensor(out, tensor, legacy);
    pickle_stop(out);
}

/* Writes the file and checks that its only tensor "w" holds these values. */
static void assert_values(const struct bytes *file, const float *values, size_t count)
{
    const char *path = sample_path("made.pth");
    float found[16];
    sample_write(path, file->data, file->length);
    struct weight_file *opened = open_file(path);
    assert_int_equal(weight_file_count(opened), 1);
    const struct weight_tensor *tensor = weight_file_find(opened, "w");
    assert_non_null(tensor);
    assert_int_equal(weight_tensor_values(tensor), count);
    assert_int_equal(weight_tensor_read_f32(found, tensor, opened, NULL), OK);
    assert_memory_equal(found, values, count * sizeof *found);
    weight_file_close(opened);
}

static void every_style_of_zip_is_read(void **state)
{
    (void)state;
    static const float values[] = {0, 1, 2, 3, 4, 5};
    for (int style = 0; style < 16; style++) {
        struct bytes pickle = {0}, file = {0};
        if ((style & ZIP_WITH_UNPACKED_WIDE) && !(style & ZIP_WITH_DESCRIPTORS))
            continue; /* nothing would say the size */
        struct zip_places places;
        state_of(&pickle, &plain, false);
        pth_zip(&file, &places, &pickle, 6, style);
        assert_values(&file, values, 6);
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

static void strides_are_followed(void **state)
{
    (void)state;
    static const struct {
        struct tensor_sample tensor;
        size_t count;
        float values[12];
    } rows[] = {
        {{"FloatStorage", "0", 6, 0, 2, {3, 2}, {1, 3}}, 6, {0, 3, 1, 4, 2, 5}},
        {{"FloatStorage", "0", 6, 1, 1, {3}, {2}}, 3, {1, 3, 5}},
        {{"FloatStorage", "0", 6, 4, 2, {1, 2}, {999, 1}}, 2, {4, 5}}, /* the stride of one value means nothing */
        {{"FloatStorage", "0", 6, 5, 0, {0}, {0}}, 1, {5}},
        {{"FloatStorage", "0", 6, 6, 2, {0, 3}, {3, 1}}, 0, {0}},
        {{"FloatStorage", "0", 6, 0, 3, {2, 1, 2}, {1, 1, 2}}, 4, {0, 2, 1, 3}},
        {{"FloatStorage", "0", 6, 0, 2, {2, 2}, {1, 1}}, 4, {0, 1, 1, 2}}, /* values may be shown twice */
        {{"FloatStorage", "0", 6, 0, 1, {6}, {0}}, 6, {0, 0, 0, 0, 0, 0}}, /* expand() to as many as there are */
        {{"FloatStorage", "0", 12, 0, 4, {2, 2, 1, 3}, {6, 1, 2, 2}}, 12, {0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}},
    };
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        bool legacy = i % 2;
        struct bytes pickle = {0}, file = {0};
        struct zip_places places;
        state_of(&pickle, &rows[i / 2].tensor, legacy);
        size_t values = (size_t)rows[i / 2].tensor.storage_values;
        if (legacy)
            pth_legacy(&file, &pickle, values);
        else
            pth_zip(&file, &places, &pickle, values, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
        assert_values(&file, rows[i / 2].values, rows[i / 2].count);
        bytes_free(&file);
        bytes_free(&pickle);
    }
}

/* What Python 2 made of it, as in torchvision's resnet50-19c8e357.pth: byte strings, a memo that begins at 1, an
 * OrderedDict of a list of lists, and the older _rebuild_tensor. */
static void files_of_python_2_are_read(void **state)
{
    (void)state;
    static const char text[] = "\x80\2ccollections\nOrderedDict\nq\1]q\2]q\3(U\1wctorch._utils\n_rebuild_tensor\nq\4(("
                               "U\7storageq\5ctorch\nFloatStorage\nq\6U\1"
                               "0q\7U\3cpuK\6NtQK\0K\6\x85q\x08K\1\x85tRe"
                               "a\x85R.";
    static const float values[] = {0, 1, 2, 3, 4, 5};
    struct bytes pickle = {0}, file = {0};
    bytes_put(&pickle, text, sizeof text - 1);
    pth_legacy(&file, &pickle, 6);
    assert_values(&file, values, 6);
    bytes_free(&file);
    bytes_free(&pickle);
}

/* Texts of Python 2 that are no UTF-8: beside the state dict, and as the name of a tensor.
 * Nothing is lost in silence. */
static void latin_1_texts_of_python_2_are_named(void **state)
{
    (void)state;
    static const char begin[] = "\x80\2}q\1(U\5clas\xe9]q\2(U\4b\xe9"
                                "b\xe9"
                                "eU\4archU\6r\xe9sn\xe9tU\5model}q\3(";
    struct bytes pickle = {0}, file = {0};
    bytes_put(&pickle, begin, sizeof begin - 1);
    pickle_text(&pickle, "w");
    pickle_tensor(&pickle, &plain, true);
    bytes_put(&pickle,
              "U\7donn\xe9"
              "es",
              9);
    pickle_tensor(&pickle, &plain, true);
    bytes_put(&pickle, "uu.", 3);
    pth_legacy(&file, &pickle, 6);
    static const float values[] = {0, 1, 2, 3, 4, 5};
    assert_values(&file, values, 6);
    struct weight_file *opened = open_file(sample_path("made.pth"));
    assert_string_equal(weight_file_left_find(opened, "clas\xc3\xa9"), "a list");
    assert_string_equal(weight_file_left_find(opened, "arch"), "bytes");
    assert_string_equal(weight_file_left_find(opened, "donn\xc3\xa9"
                                                      "es"),
                        "a tensor whose name is not UTF-8");
    weight_file_close(opened);
    bytes_free(&file);
    bytes_free(&pickle);
}

/* {"lr_scheduler": {"milestones": Counter({5: 1, 10: 1})}, "model": {"w": ...}}, as with a MultiStepLR. */
static void checkpoints_with_a_scheduler_are_read(void **state)
{
    (void)state;
    static const char begin[] = "\x80\2}(X\x0c\0\0\0lr_scheduler}X\x0a\0\0\0milestonesccollections\nCounter\n}("
                                "K\5K\1K\x0aK\1u\x85RsX\5\0\0\0model}X\1\0\0\0w";
    static const float values[] = {0, 1, 2, 3, 4, 5};
    struct bytes pickle = {0}, file = {0};
    struct zip_places places;
    bytes_put(&pickle, begin, sizeof begin - 1);
    pickle_tensor(&pickle, &plain, false);
    bytes_put(&pickle, "su.", 3);
    pth_zip(&file, &places, &pickle, 6, ZIP_WITH_DESCRIPTORS | ZIP_WITH_ENDING64);
    assert_values(&file, values, 6);
    bytes_free(&file);
    bytes_free(&pickle);
}

static void names_become_torchvisions(void **state)
{
    (void)state;
    static const struct {
        const char *names[2], *wanted[2];
        bool hugging_face;
    } rows[] = {
        {{"module.fc.weight", "module.fc.bias"}, {"fc.weight", "fc.bias"}, false},
        {{"module.module._orig_mod.a", "module.module._orig_mod.b"}, {"a", "b"}, false},
        {{"module.a", "b"}, {"module.a", "b"}, false}, /* all or none */
        {{"module.", "module.b"}, {"module.", "module.b"}, false},
        {{"classifier.1.weight", "resnet.embedder.embedder.convolution.weight"}, {"fc.weight", "conv1.weight"}, true},
        {{"model.classifier.1.weight", "model.classifier.1.bias"}, {"fc.weight", "fc.bias"}, true},
        {{"classifier.1.weight", "fc.weight"}, {"classifier.1.weight", "fc.weight"}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char header[400];
        uint8_t bytes[600];
        int length = snprintf(header, sizeof header,
                              "{\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                              "\"%s\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
                              rows[i].names[0], rows[i].names[1]);
        const char *path = sample_path("named.safetensors");
        sample_write(path, bytes, sample_build(bytes, sizeof bytes, header, (size_t)length, 2));
        struct weight_file *file = open_file(path);
        for (size_t k = 0; k < 2; k++) {
            assert_string_equal(weight_file_at(file, k)->name, rows[i].wanted[k]);
            assert_ptr_equal(weight_file_find(file, rows[i].wanted[k]), weight_file_at(file, k));
        }
        assert_int_equal(weight_file_is_hugging_face(file), rows[i].hugging_face);
        weight_file_close(file);
    }
}

static void strides_that_overflow_are_seen(void **state)
{
    (void)state;
    uint64_t last;
    assert_true(strided_last(&last, 2, (uint64_t[]){3, 4}, (uint64_t[]){10, 1}) && last == 23);
    assert_false(strided_last(&last, 2, (uint64_t[]){3, 2}, (uint64_t[]){1ull << 63, 1}));
    assert_false(strided_last(&last, 2, (uint64_t[]){2, 2}, (uint64_t[]){UINT64_MAX, 1}));
    assert_false(strided_last(&last, 1, (uint64_t[]){UINT64_MAX}, (uint64_t[]){UINT64_MAX}));
}

static void plain_tensors_are_not_copied(void **state)
{
    (void)state;
    assert_true(strided_is_plain(2, (uint64_t[]){2, 3}, (uint64_t[]){3, 1}));
    assert_true(strided_is_plain(3, (uint64_t[]){2, 1, 3}, (uint64_t[]){3, 99, 1}));
    assert_true(strided_is_plain(0, NULL, NULL));
    assert_true(strided_is_plain(2, (uint64_t[]){0, 3}, (uint64_t[]){7, 7}));
    assert_false(strided_is_plain(2, (uint64_t[]){2, 3}, (uint64_t[]){1, 2}));
    assert_false(strided_is_plain(1, (uint64_t[]){2}, (uint64_t[]){0}));
}

/* Beside the state dict of a checkpoint; what is no list of names stays where it is. */
static void class_names_of_a_checkpoint_are_metadata(void **state)
{
    (void)state;
    for (int legacy = 0; legacy < 2; legacy++) {
        struct bytes pickle = bytes_start("a pickle", NULL), bytes = bytes_start("a file", NULL);
        struct zip_places places;
        pickle_start(&pickle);
        pickle_text(&pickle, "classes");
        bytes_put_text(&pickle, "](");
        pickle_text(&pickle, "b\"\n\\");
        pickle_text(&pickle, "\xe7\x8c\xab");
        bytes_put_text(&pickle, "e");
        pickle_text(&pickle, "class_to_idx");
        bytes_put_text(&pickle, "}(");
        pickle_text(&pickle, "a");
        pickle_int(&pickle, 1);
        pickle_text(&pickle, "b");
        pickle_int(&pickle, 0);
        bytes_put_text(&pickle, "u");
        pickle_text(&pickle, "id2label");
        bytes_put_text(&pickle, "}(");
        pickle_int(&pickle, 0);
        pickle_text(&pickle, "a");
        bytes_put_text(&pickle, "u");
        pickle_text(&pickle, "label_names");
        pickle_text(&pickle, "x");
        pickle_text(&pickle, "y");
        bytes_put_text(&pickle, "\x86"); /* TUPLE2 */
        pickle_text(&pickle, "names");
        bytes_put_text(&pickle, "](");
        pickle_text(&pickle, "a");
        pickle_int(&pickle, 7);
        bytes_put_text(&pickle, "e");
        pickle_text(&pickle, "hyper_parameters"); /* as Lightning and mmengine nest them */
        bytes_put_text(&pickle, "}(");
        pickle_text(&pickle, "class_names");
        bytes_put_text(&pickle, "](");
        pickle_text(&pickle, "p");
        pickle_text(&pickle, "q");
        bytes_put_text(&pickle, "e");
        pickle_text(&pickle, "dataset_meta");
        bytes_put_text(&pickle, "}(");
        pickle_text(&pickle, "classes");
        pickle_text(&pickle, "r");
        pickle_text(&pickle, "s");
        bytes_put_text(&pickle, "\x86u");
        pickle_text(&pickle, "names"); /* of something else */
        pickle_int(&pickle, 7);
        bytes_put_text(&pickle, "u");
        pickle_text(&pickle, "state_dict");
        bytes_put_text(&pickle, "}(");
        pickle_text(&pickle, "w");
        pickle_tensor(&pickle, &plain, legacy == 1);
        bytes_put_text(&pickle, "u");
        pickle_stop(&pickle);
        if (legacy)
            pth_legacy(&bytes, &pickle, 6);
        else
            pth_zip(&bytes, &places, &pickle, 6, ZIP_PLAIN);
        sample_write(sample_path("names"), bytes.data, bytes.length);
        struct weight_file *file = sample_open("names");
        assert_string_equal(weight_file_metadata_find(file, "classes"), "[\"b\\\"\\u000a\\\\\",\"\xe7\x8c\xab\"]");
        assert_string_equal(weight_file_metadata_find(file, "class_to_idx"), "{\"a\":1,\"b\":0}");
        assert_string_equal(weight_file_metadata_find(file, "id2label"), "{\"0\":\"a\"}");
        assert_string_equal(weight_file_metadata_find(file, "label_names"), "[\"x\",\"y\"]");
        assert_null(weight_file_metadata_find(file, "names"));
        assert_string_equal(weight_file_metadata_find(file, "hyper_parameters.class_names"), "[\"p\",\"q\"]");
        assert_string_equal(weight_file_metadata_find(file, "hyper_parameters.dataset_meta.classes"), "[\"r\",\"s\"]");
        assert_null(weight_file_metadata_find(file, "hyper_parameters.names"));
        assert_int_equal(weight_file_left_count(file), 2); /* names, hyper_parameters */
        weight_file_close(file);
        bytes_free(&pickle);
        bytes_free(&bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(class_names_of_a_checkpoint_are_metadata),
        cmocka_unit_test(files_of_pytorch_are_read),
        cmocka_unit_test(types_are_kept),
        cmocka_unit_test(every_style_of_zip_is_read),
        cmocka_unit_test(strides_are_followed),
        cmocka_unit_test(files_of_python_2_are_read),
        cmocka_unit_test(latin_1_texts_of_python_2_are_named),
        cmocka_unit_test(checkpoints_with_a_scheduler_are_read),
        cmocka_unit_test(names_become_torchvisions),
        cmocka_unit_test(strides_that_overflow_are_seen),
        cmocka_unit_test(plain_tensors_are_not_copied),
    };
    return cmocka_run_group_tests_name("pth", tests, folder_setup, folder_teardown);
}
